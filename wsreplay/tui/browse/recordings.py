"""The recordings of a folder, and what is wrong with each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from wsreplay import units
from wsreplay.display import local_time
from wsreplay.tui.browse.folder import ListedRecording, read_folder
from wsreplay.tui.browse.listing import ListingScreen
from wsreplay.tui.browse.previews import PREVIEWING, Previews
from wsreplay.tui.browse.table import Column
from wsreplay.tui.jobs.jobs import Jobs
from wsreplay.tui.look.paint import Run
from wsreplay.tui.messages import RowChosen
from wsreplay.tui.widgets.head import head_runs, tally_runs

READING = "reading the folder"
COLUMNS = (
    Column("", 1), Column("recording", 0, path=True), Column("started", 16, at_least=68),
    Column("lasted", 7, right=True, at_least=100), Column("sessions", 8, right=True, at_least=88),
    Column("frames", 7, right=True), Column("size", 6, right=True, at_least=110),
    Column("findings", 9), Column("broken rules", 26, at_least=126), Column("upstream", 26, at_least=160),
)  # fmt: skip
EMPTY = (
    "", "No recordings here yet. Record one:", "", "  wsreplay record ws://localhost:8000", "",
    "then connect the client to ws://127.0.0.1:8765 instead.", "`wsreplay demo` shows it without a backend of yours.",
)  # fmt: skip


class RecordingsScreen(ListingScreen):
    """Enter opens a recording."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "reload", "Read the folder again", id="recordings.reload", show=False),
    ]

    def __init__(self, folder: Path) -> None:
        super().__init__(COLUMNS, "recordings")
        self.folder = folder
        # What the folder holds, newest first.
        self.recordings: Sequence[ListedRecording] = ()
        self.jobs = Jobs(self, lambda: self.host.processes, self.job_failed)
        self.previews = Previews(self.jobs, self._show_preview)

    def on_mount(self) -> None:
        self.table.focus()
        self.table.set_empty_lines(["", "reading …"])
        self.action_reload()

    def on_screen_resume(self) -> None:
        if self.recordings:
            self.action_reload()

    def on_screen_suspend(self) -> None:
        self.previews.rest()

    def action_reload(self) -> None:
        self.jobs.run_in_thread(READING, partial(read_folder, self.folder), self._take_recordings)

    def job_failed(self, name: str, why: str) -> None:
        if name != PREVIEWING:  # which stands in the list
            super().job_failed(name, why)

    def action_validate(self) -> None:
        self.previews.forget()
        self.action_reload()

    def _take_recordings(self, recordings: Sequence[ListedRecording]) -> None:
        stood_at = self.name_of(self.table.cursor)
        self.recordings = recordings
        self.table.set_empty_lines(EMPTY)
        self.table.set_count(len(self.recordings))
        for row, recording in enumerate(self.recordings):
            if recording.path == stood_at:
                self.table.move_to(row, quiet=True)
        self.paint_lines()
        if self.host.validates and self.is_current:
            self.previews.validate(self.recordings, self.host.validation.contracts)

    def name_of(self, row: int) -> Path | None:
        return self.recordings[row].path if row < len(self.recordings) else None

    def _show_preview(self, path: Path) -> None:
        for row, recording in enumerate(self.recordings):
            if recording.path == path:
                self.table.refresh_line(row)

    def cells_of(self, row: int) -> list[list[Run]]:
        look, recording = self.look, self.recordings[row]
        dim, text = look.style("dim"), look.style()
        name = look.safe(str(recording.path.relative_to(self.folder)))
        if recording.why:
            warning = look.style("warning")
            return [[(look.signs.warning, warning)], [(name, warning)], [(look.own(recording.why), warning)]]
        sign = (look.signs.finished, look.style("faint"))
        if recording.live:
            sign = (look.signs.recording, look.style("error", bold=True))
        started = local_time(recording.started)[:16] if recording.started else ""
        return [
            [sign], [(name, text)], [(started, dim)], [(units.duration_text(recording.lasted_ns), dim)],
            [(f"{recording.sessions:,}", text)], [(units.short_count(recording.frames), text)],
            [(units.size_text(recording.size), dim)], *self._findings(recording), [(look.safe(recording.upstream), dim)],
        ]  # fmt: skip

    def _findings(self, recording: ListedRecording) -> tuple[list[Run], list[Run]]:
        """How many, and the rules they broke."""
        look, preview = self.look, self.previews.of(recording, self.host.validation.contracts)
        if preview is None:
            waits = self.host.validates and not recording.live
            return [(look.signs.ellipsis if waits else "", look.style("faint"))], [("", look.style())]
        if preview.why:
            style = look.style("warning" if preview.failed else "faint")
            return [(look.signs.warning if preview.failed else look.own("–"), style)], [(look.own(preview.why), style)]
        counted = tally_runs(look, preview.errors, preview.warnings)
        return counted or [(look.signs.ok, look.style("ok"))], [(look.safe(", ".join(preview.rules)), look.style("dim"))]

    def paint_lines(self) -> None:
        super().paint_lines()
        look = self.look
        many = f"{len(self.recordings):,} recording{'s' * (len(self.recordings) != 1)}"
        self.head.say(head_runs(look, f"{self.folder}", many))
        keys = (
            ("list.open", "open"), ("listing.next_wrong", "next with findings"), ("recordings.reload", "read again"),
            ("app.quit", "quit"),
        )  # fmt: skip
        self.foot.say([], look.keys(("app.help", "help")), keys=keys)

    def on_row_chosen(self, message: RowChosen) -> None:
        self.host.open_recording(message.name)

    def wrong_rows(self) -> Iterable[int]:
        return (row for row, recording in enumerate(self.recordings) if self._is_wrong(recording))

    def _is_wrong(self, recording: ListedRecording) -> bool:
        preview = self.previews.of(recording, self.host.validation.contracts)
        return bool(recording.why) or (preview is not None and preview.errors + preview.warnings > 0)
