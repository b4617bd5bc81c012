"""Filtering and searching by the query bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from wsreplay.tui.data.errand import Errands
from wsreplay.tui.messages import QueryLeft, QueryTyped, SearchEnded, WorkFailed
from wsreplay.tui.screens.base import BaseScreen

if TYPE_CHECKING:
    from wsreplay.tui.screens.asking import Asking
    from wsreplay.tui.widgets.frame_list import FrameList
    from wsreplay.tui.widgets.query_bar import QueryBar


class QueryingScreen(BaseScreen):
    """A screen with a list of frames and a bar to ask for some of them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="session.filter", show=False),
        Binding("ctrl+f", "search", "Search text", id="session.search", show=False),
        Binding("n", "search_on(True)", "Next match", id="session.next_match", show=False),
        Binding("N", "search_on(False)", "Previous match", id="session.previous_match", show=False),
    ]

    asking: Asking
    bar: QueryBar
    errands: Errands
    frames: FrameList

    def filter_cleared(self) -> None:
        """All rows are shown again."""
        raise NotImplementedError

    async def action_filter(self) -> None:
        self.errands.get_ready()
        await self.bar.begin(searching=False)

    async def action_search(self) -> None:
        self.errands.get_ready()
        await self.bar.begin(searching=True)

    def action_search_on(self, forward: bool) -> None:
        self.asking.search(forward)

    def on_query_typed(self, message: QueryTyped) -> None:
        if self.bar.searching:
            self.asking.search(from_here=True)
        else:
            self.asking.filter(message.text)

    def on_query_left(self, message: QueryLeft) -> None:
        if message.keep and self.bar.mistake is not None and not self.bar.searching:
            return  # the bar says what is wrong with it
        self.bar.end()
        self.frames.focus()
        if message.keep and not self.bar.searching:
            self.asking.filter(self.bar.filter_text)
        elif message.keep:
            self.asking.search(from_here=True)
        elif self.bar.searching:
            self.asking.stop_searching()
        else:
            self.clear_filter()

    def on_search_ended(self, message: SearchEnded) -> None:
        self.asking.found(message)

    def on_work_failed(self, message: WorkFailed) -> None:
        self.asking.failed(message.what)

    def clear_filter(self) -> bool:
        """Whether there was one."""
        cleared = self.asking.clear()
        if cleared:
            self.filter_cleared()
        return cleared
