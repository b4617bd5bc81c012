"""The recordings of a folder, and what is wrong with each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType

from wsreplay import units
from wsreplay.display import user_text
from wsreplay.model import NO_FIT
from wsreplay.standing import SIGNS, UNDECIDED
from wsreplay.tui.browse.folder import ListedRecording, read_folder
from wsreplay.tui.browse.listing import GLIMPSE, ListingScreen
from wsreplay.tui.browse.previews import PREVIEWING, Preview, Previews
from wsreplay.tui.jobs.jobs import Jobs
from wsreplay.tui.jobs.task import RecordingTask, Task
from wsreplay.tui.look.paint import Run, fitted_end
from wsreplay.tui.messages import RowChosen
from wsreplay.tui.recording.finding_words import count_words
from wsreplay.tui.recording.glimpse import Glimpse, read_glimpse
from wsreplay.tui.recording.open_recording import LOCKED_S
from wsreplay.tui.screens.filtered_list import Sort
from wsreplay.tui.widgets.head import head_runs
from wsreplay.tui.widgets.table import Column

READING = "reading the folder"
AGAIN_S = 2.0  # until a file that another program has locked is read again
USER, FILE = "user", "file"
# In the order of the columns; as the terminal narrows, they go from the last to the first that gives way.
COLUMNS = (
    Column("", 1), Column(USER, 18), Column("first finding", 0), Column("findings", 12), Column("time", 11, gives_way=1),
    Column(FILE, 30, gives_way=2, path=True, beside=38), Column("lasted", 7, right=True, gives_way=3, beside=60),
    Column("sessions", 8, right=True, gives_way=4, beside=60), Column("frames", 7, right=True, gives_way=5, beside=60),
    Column("size", 6, right=True, gives_way=6, beside=60), Column("upstream", 26, gives_way=7, beside=60),
)  # fmt: skip
EMPTY = (
    "", "No recordings here yet. Record one:", "", "  wsreplay record ws://localhost:8000", "",
    "then connect the client to ws://127.0.0.1:8765 instead.", "`wsreplay demo` shows it without a backend of yours.",
)  # fmt: skip
NO_MATCH = "No recording has these words."
_LOCKED = "locked"
_PLACE = 32  # cells of the folder's name, of which the end is shown


class RecordingsScreen(ListingScreen[ListedRecording]):
    """Enter opens a recording."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "reload", "Read the folder again", id="recordings.reload", show=False),
    ]

    def __init__(self, folder: Path) -> None:
        sorts = (
            Sort("findings", self._rank), Sort("time", lambda _recording: 0), Sort("user", self._user_text),
            Sort("file", self._file),
        )  # fmt: skip
        super().__init__(COLUMNS, "recordings", sorts)
        self.folder = folder
        # What is being read, until all of it is there.
        self._coming: list[ListedRecording] = []
        self.jobs = Jobs(self, lambda: self.host.processes, self.job_failed)
        self.previews = Previews(self.jobs, self._show_preview, lambda: self.host.read_as)
        # Whether previews have come that the order does not know yet.
        self._is_arranging = False
        # On which days the recordings began.
        self._days: set[str] = set()

    @property
    def recordings(self) -> Sequence[ListedRecording]:
        return self.items

    def on_mount(self) -> None:
        self.table.focus()
        self.table.set_empty_lines(["", "reading …"])
        self.action_reload()

    def on_screen_resume(self) -> None:
        if self.items:
            self.action_reload()

    def on_screen_suspend(self) -> None:
        self.previews.rest()

    def action_reload(self) -> None:
        self._coming = []
        read = partial(read_folder, self.folder, self.host.validation.contracts, self.host.read_as)
        self.jobs.run_in_thread(READING, read, self._take_recordings)

    def job_failed(self, name: str, why: str) -> None:
        if name not in (PREVIEWING, GLIMPSE):  # which stand in the list, or are asked for again with the next row
            super().job_failed(name, why)

    def action_validate(self) -> None:
        self.previews.forget()
        self.action_reload()

    def _take_recordings(self, recordings: Sequence[ListedRecording] | None) -> None:
        """Some of the folder's recordings; None: these were all."""
        if recordings is not None:
            self._coming += recordings
            if len(self._coming) <= len(self.items):
                return  # what is shown is as much as is known by now
        self.items = sorted(self._coming, key=lambda recording: (recording.started, recording.path.name), reverse=True)
        if recordings is None:
            self.table.set_empty_lines(EMPTY if not self.items else ["", NO_MATCH])
        self.show_items()
        if recordings is None:
            if self.host.validates and self.is_on_top:
                self.previews.validate(self.items, self.host.validation.contracts)
            if any(_LOCKED in recording.why for recording in self.items):
                self.set_timer(AGAIN_S, self._read_locked_again)

    def _read_locked_again(self) -> None:
        if self.is_on_top and not self.jobs.is_running(READING):
            self.action_reload()

    def _show_preview(self, path: Path) -> None:
        """Soon, and once for many."""
        if not self._is_arranging:
            self._is_arranging = True
            self.detail_due = self.is_on_top
            self.set_timer(0.05, self._show_anew)

    def _show_anew(self) -> None:
        self._is_arranging = False
        self.show_items()

    # What the list says of a recording.

    def preview(self, recording: ListedRecording) -> Preview | None:
        return self.previews.of(recording, self.host.validation.contracts)

    def identity(self, item: ListedRecording) -> Path:
        return item.path

    def _user_text(self, recording: ListedRecording) -> str:
        """Whose the session is that is spoken of, and how many others there are."""
        preview = self.preview(recording)
        user = (preview.user if preview is not None else "") or recording.user
        more = f" +{recording.sessions - 1:,}" if recording.sessions > 1 else ""
        return self.look.safe(user_text(user) if user or recording.sessions else "") + more

    def _file(self, recording: ListedRecording) -> str:
        return self.look.safe(recording.name)

    def _words(self, recording: ListedRecording) -> tuple[str, str]:
        """What is wrong with it, or what it is; and the name of a style."""
        preview = self.preview(recording)
        if recording.why:
            return recording.why if self.table.shows(FILE) else f"{recording.name} {recording.why}", "warning"
        if recording.live:
            return "being recorded", "text"
        if preview is None:
            return (self.look.signs.ellipsis if self.host.validates else ""), "faint"
        if preview.is_wrong:
            return preview.words, "text"
        if not preview.fits:
            what = f"{preview.why} {self.look.signs.dot} " if preview.why else ""
            return f"{what}{NO_FIT} ({self.look.key('screen.contract')} chooses)", "text"
        return preview.why or preview.words, "warning" if preview.failed else "dim"

    def _rank(self, recording: ListedRecording) -> int:
        """0 for what is being recorded, then the gravest."""
        preview = self.preview(recording)
        if recording.live:
            return 0
        if preview is not None and preview.errors:
            return 1
        if recording.why or (preview is not None and preview.failed):
            return 2
        if preview is None:
            return 5
        return 3 if preview.warnings else 4 if not preview.fits else 6

    def _sign(self, recording: ListedRecording) -> Run:
        look, preview = self.look, self.preview(recording)
        if recording.live:
            return look.signs.recording, look.style("error", bold=True)
        signs = {
            1: (look.signs.error, "error"), 2: (look.signs.warning, "warning"), 3: (look.signs.warning, "warning"),
            4: ("?", "word"), 5: (look.signs.ellipsis, "faint"),
        }  # fmt: skip
        well = (look.own("–"), "faint") if preview is not None and preview.why else (look.signs.ok, "ok")
        if preview is not None and preview.standing == UNDECIDED:
            well = (SIGNS[UNDECIDED], "warning")
        sign, style = signs.get(self._rank(recording), well)
        is_known = preview is not None or recording.why or self.host.validates
        return sign if is_known else " ", look.style(style, bold=style == "error")

    def is_wrong(self, item: ListedRecording) -> bool:
        preview = self.preview(item)
        return preview is not None and preview.is_wrong

    @property
    def is_validating(self) -> bool:
        closed = (recording for recording in self.items if not recording.why and not recording.live)
        return self.host.validates and any(self.preview(recording) is None for recording in closed)

    def text_of(self, item: ListedRecording) -> str:
        cells = self._user_text(item), self._words(item)[0], self.count_text(item), self._time_text(item), self._file(item)
        return "\t".join((*cells, item.upstream))

    def count_text(self, recording: ListedRecording) -> str:
        """How many findings it has, in words."""
        preview = self.preview(recording)
        return count_words(preview.errors, preview.warnings) if preview is not None else ""

    def _time_text(self, recording: ListedRecording) -> str:
        """The day too, where not all are of one day."""
        return recording.started[11:] if len(self._days) < 2 else recording.started[5:16]

    def show_items(self) -> None:
        self._days = {recording.started[:10] for recording in self.items if recording.started}
        longest = max((cell_len(self._file(recording)) for recording in self.items), default=0)
        users = max((cell_len(self._user_text(recording)) for recording in self.items), default=0)
        self.table.fit_columns({FILE: longest, USER: users, "time": 8 if len(self._days) < 2 else 11})
        super().show_items()

    def cells_of(self, row: int) -> list[list[Run]]:
        look, recording = self.look, self.rows[row]
        dim, text = look.style("dim"), look.style()
        words, style = self._words(recording)
        counted = self.count_text(recording)
        is_read = not recording.why
        return [
            [self._sign(recording)], [(self._user_text(recording), text)], [(look.own(words), look.style(style))],
            [(counted or (look.own("–") if self.preview(recording) is not None and is_read else ""), dim)],
            [(self._time_text(recording), dim)], [(self._file(recording), text)],
            [(units.duration_text(recording.lasted_ns) if is_read else "", dim)],
            [(f"{recording.sessions:,}" if is_read else "", text)],
            [(units.short_count(recording.frames) if is_read else "", text)],
            [(units.size_text(recording.size) if is_read else "", dim)], [(look.safe(recording.upstream), dim)],
        ]  # fmt: skip

    def paint_lines(self) -> None:
        super().paint_lines()
        look = self.look
        many = units.count_text(len(self.items), "recording")
        wrong = sum(map(self.is_wrong, self.items))
        place = look.safe(f"{self.folder}/")
        place = fitted_end(place, min(cell_len(place), _PLACE), ellipsis=look.signs.ellipsis)
        well = "" if not wrong else f" {look.signs.dot} {wrong:,} with findings"
        self.head.say(head_runs(look, place, f"{many}{well}"), self.order_runs())
        keys = (
            ("list.open", "open"), ("listing.next_wrong", "next with findings"), ("listing.filter", "filter"),
            ("listing.sort", "sort"), ("screen.contract", "contract"), ("recordings.reload", "read again"),
            ("app.quit", "quit"),
        )  # fmt: skip
        self.foot.say([], look.keys(("app.help", "help")), keys=keys)

    # The glimpse.

    def glimpse_task(self, item: ListedRecording) -> Task | None:
        if item.why or not item.sessions:
            return None
        preview = self.preview(item) or Preview()
        contract = next(iter(self.host.validation.contracts), None)
        work = partial(read_glimpse, preview.session, preview.evidence, preview.first, self.host.read_as, contract)
        return RecordingTask(item.path, work, LOCKED_S)

    def why_no_glimpse(self, item: ListedRecording) -> str:
        return f"{item.name} {item.why}" if item.why else ""

    def read_glimpse(self, task: Task, take: Callable[[Any], object], fail: Callable[[str], object]) -> None:
        self.jobs.run_in_thread(GLIMPSE, task, take, fail)

    def glimpse_title(self, item: ListedRecording, glimpse: Glimpse | None) -> str:
        look = self.look
        if glimpse is None:
            return self._file(item)
        session = glimpse.session
        which = f"session {session.id} of {glimpse.sessions:,}"
        return f" {look.signs.dot} ".join((self._file(item), self._user_text(item), look.safe(session.path), which))

    def on_row_chosen(self, message: RowChosen) -> None:
        recording = next((recording for recording in self.items if recording.path == message.name), None)
        if recording is not None:
            self.open(recording)

    def open(self, recording: ListedRecording, *, whole: bool = True) -> None:
        """Open it, at what is said to be wrong with it; `whole`: with the list of its sessions first."""
        preview = self.preview(recording)
        self.host.open_recording(recording.path, preview.first if preview is not None else None, whole=whole)

