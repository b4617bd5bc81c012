"""The recordings of a folder."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from wsreplay.tui import times
from wsreplay.tui.data.folder import Listed, listed
from wsreplay.tui.messages import FolderRead, RowChosen
from wsreplay.tui.screens.base import BaseScreen
from wsreplay.tui.screens.head import head_runs
from wsreplay.tui.widgets.paint import Run
from wsreplay.tui.widgets.status_line import StatusLine
from wsreplay.tui.widgets.table import Column, Table

COLUMNS = (
    Column("", 1), Column("recording", 0), Column("started", 16), Column("lasted", 7, right=True, at_least=76),
    Column("sessions", 8, right=True), Column("frames", 7, right=True), Column("size", 6, right=True, at_least=70),
    Column("upstream", 30, at_least=120),
)  # fmt: skip
EMPTY = (
    "", "No recordings here yet. Record one:", "", "  wsreplay record ws://localhost:8000", "",
    "then connect the client to ws://127.0.0.1:8765 instead.", "`wsreplay demo` shows it without a backend of yours.",
)  # fmt: skip


class RecordingsScreen(BaseScreen):
    """Enter opens a recording."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "reload", "Read the folder again", id="recordings.reload", show=False),
    ]

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.head = StatusLine(id="head")
        self.titles = StatusLine(id="titles")
        self.table = Table(COLUMNS, id="recordings")
        self.foot = StatusLine(id="foot")
        self.found: list[Listed] = []
        self._reading: threading.Thread | None = None

    def parts(self) -> Iterable[Widget]:
        yield self.head
        yield self.titles
        yield self.table
        yield self.foot

    def on_mount(self) -> None:
        self.table.focus()
        self.table.empty_lines = ["", "reading …"]
        self.table.fill([])
        self.action_reload()

    def on_screen_resume(self) -> None:
        if self.found:
            self.action_reload()

    def on_unmount(self) -> None:
        if self._reading is not None:
            self._reading.join(1.0)

    def on_resize(self, event: object) -> None:
        super().on_resize(event)  # type: ignore[arg-type]
        self.call_after_refresh(self._paint_lines)

    def action_reload(self) -> None:
        def read() -> None:
            self.post_message(FolderRead(listed(self.folder)))

        self._reading = threading.Thread(target=read, name="wsreplay folder", daemon=True)
        self._reading.start()

    def on_folder_read(self, message: FolderRead) -> None:
        self.found = message.found
        self.table.empty_lines = EMPTY
        self.table.fill([self._row(one) for one in self.found])
        self._paint_lines()

    def looks_changed(self) -> None:
        self.table.fill([self._row(one) for one in self.found])
        self._paint_lines()
        super().looks_changed()

    def _row(self, one: Listed) -> list[list[Run]]:
        look = self.look
        dim, text = look.style("dim"), look.style()
        name = look.safe(str(one.path.relative_to(self.folder)))
        if one.why:
            warning = look.style("warning")
            return [[(look.signs.warning, warning)], [(f"{name}   {look.own(one.why)}", warning)], *[[("", dim)]] * 6]
        sign = (look.signs.finished, look.style("faint"))
        if one.live:
            sign = (look.signs.recording, look.style("error", bold=True))
        return [
            [sign], [(name, text)], [(one.started.replace("T", " ")[:16], dim)], [(times.length(one.lasted_ns), dim)],
            [(f"{one.sessions:,}", text)], [(times.short(one.frames), text)], [(times.size(one.size), dim)],
            [(look.safe(one.upstream), dim)],
        ]  # fmt: skip

    def _paint_lines(self) -> None:
        look = self.look
        self.head.say(head_runs(look, f"{self.folder}", f"{len(self.found):,} recording{'s' * (len(self.found) != 1)}"))
        self.titles.say(self.table.heading(self.table.size.width))
        self.foot.say([], look.keys(("?", "help")), keys=(("enter", "open"), ("r", "read again"), ("^q", "quit")))

    def on_row_chosen(self, message: RowChosen) -> None:
        self.replay.open_recording(self.found[message.row].path)
