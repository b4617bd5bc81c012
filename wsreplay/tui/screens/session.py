"""A session: its frames, the detail of one, the overview, the player."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen

from wsreplay.model import Session
from wsreplay.store.paging import Head
from wsreplay.tui.data.opened import Opened
from wsreplay.tui.data.view import View
from wsreplay.tui.messages import RowMoved
from wsreplay.tui.widgets.detail import Detail, payload_layout
from wsreplay.tui.widgets.frame_list import FrameList
from wsreplay.tui.widgets.status_line import StatusLine


class SessionScreen(Screen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "back", "Back", id="session.back", show=False)]

    def __init__(self, opened: Opened, session: Session | None) -> None:
        super().__init__()
        self.opened = opened
        self.session = session
        ids = opened.ids_at_once(session)
        self.frames = FrameList(opened, View(opened.reader, ids if ids is not None else opened.first_ids(session)), id="frames")
        self.detail = Detail(id="detail")

    def compose(self) -> ComposeResult:
        yield StatusLine(id="head")
        with Container(id="body"):
            yield self.frames
            yield self.detail
        yield StatusLine(id="foot")

    def on_mount(self) -> None:
        self.frames.focus()
        self._show_detail()

    def on_row_moved(self, _message: RowMoved) -> None:
        self._show_detail()

    def _show_detail(self) -> None:
        view = self.frames.view
        item = view.row(self.frames.cursor) if len(view) else None
        if isinstance(item, Head):
            self.detail.show(payload_layout(self.opened.reader.frame(item.id), self.detail.pane))
