"""The recordings of a folder, and what is wrong with each."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from wsreplay import units
from wsreplay.display import local_time
from wsreplay.tui.browse.folder import Listed, listed
from wsreplay.tui.browse.listing import ListingScreen
from wsreplay.tui.browse.previews import Glances
from wsreplay.tui.browse.table import Column
from wsreplay.tui.look.paint import Run
from wsreplay.tui.messages import FolderRead, GlanceTaken, RowChosen
from wsreplay.tui.widgets.head import head_runs, tally_runs

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
        self.found: list[Listed] = []
        self.glances = Glances(lambda path, found: self.post_message(GlanceTaken(path, found)))
        self._reading: threading.Thread | None = None
        self.table.named = self._path_in

    def on_mount(self) -> None:
        self.table.focus()
        self.table.empty_lines = ["", "reading …"]
        self.action_reload()

    def on_screen_resume(self) -> None:
        if self.found:
            self.action_reload()

    def on_screen_suspend(self) -> None:
        self.glances.rest()

    def on_unmount(self) -> None:
        self.glances.rest()
        if self._reading is not None:
            self._reading.join(1.0)

    def action_reload(self) -> None:
        def read() -> None:
            self.post_message(FolderRead(listed(self.folder)))

        self._reading = threading.Thread(target=read, name="wsreplay folder", daemon=True)
        self._reading.start()

    def action_judge(self) -> None:
        self.glances.forget()
        self.action_reload()

    def on_folder_read(self, message: FolderRead) -> None:
        stood_at = self._path_in(self.table.cursor)
        self.found = message.found
        self.table.empty_lines = EMPTY
        self.table.set_count(len(self.found))
        for row, one in enumerate(self.found):
            if one.path == stood_at:
                self.table.move_to(row, quiet=True)
        self.paint_lines()
        if self.replay.judging and self.is_current:
            self.glances.look(self.found, self.replay.contracts)

    def _path_in(self, row: int) -> Path | None:
        return self.found[row].path if row < len(self.found) else None

    def on_glance_taken(self, message: GlanceTaken) -> None:
        for row, one in enumerate(self.found):
            if one.path == message.path:
                self.table.refresh_line(row)
        self.glances.go_on()

    def cells_of(self, row: int) -> list[list[Run]]:
        look, one = self.look, self.found[row]
        dim, text = look.style("dim"), look.style()
        name = look.safe(str(one.path.relative_to(self.folder)))
        if one.why:
            warning = look.style("warning")
            return [[(look.signs.warning, warning)], [(name, warning)], [(look.own(one.why), warning)]]
        sign = (look.signs.finished, look.style("faint"))
        if one.live:
            sign = (look.signs.recording, look.style("error", bold=True))
        started = local_time(one.started)[:16] if one.started else ""
        return [
            [sign], [(name, text)], [(started, dim)], [(units.duration_text(one.lasted_ns), dim)],
            [(f"{one.sessions:,}", text)], [(units.short_count(one.frames), text)], [(units.size_text(one.size), dim)],
            *self._findings(one), [(look.safe(one.upstream), dim)],
        ]  # fmt: skip

    def _findings(self, one: Listed) -> tuple[list[Run], list[Run]]:
        """How many, and the rules they broke."""
        look, found = self.look, self.glances.of(one, self.replay.contracts)
        if found is None:
            waits = self.replay.judging and not one.live
            return [(look.signs.ellipsis if waits else "", look.style("faint"))], [("", look.style())]
        if found.why:
            style = look.style("warning" if found.failed else "faint")
            return [(look.signs.warning if found.failed else look.own("–"), style)], [(look.own(found.why), style)]
        counted = tally_runs(look, found.errors, found.warnings)
        return counted or [(look.signs.ok, look.style("ok"))], [(look.safe(", ".join(found.rules)), look.style("dim"))]

    def paint_lines(self) -> None:
        super().paint_lines()
        look = self.look
        self.head.say(head_runs(look, f"{self.folder}", f"{len(self.found):,} recording{'s' * (len(self.found) != 1)}"))
        keys = (
            ("list.open", "open"), ("listing.next_wrong", "next with findings"), ("recordings.reload", "read again"),
            ("app.quit", "quit"),
        )  # fmt: skip
        self.foot.say([], look.keys(("app.help", "help")), keys=keys)

    def on_row_chosen(self, message: RowChosen) -> None:
        self.replay.open_recording(message.name)

    def wrong_rows(self) -> Iterable[int]:
        return (row for row, one in enumerate(self.found) if self._is_wrong(one))

    def _is_wrong(self, one: Listed) -> bool:
        found = self.glances.of(one, self.replay.contracts)
        return bool(one.why) or (found is not None and found.errors + found.warnings > 0)
