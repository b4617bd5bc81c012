"""A list and the detail of one row: side by side where there is room, else one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.screen import Screen

    from wsreplay.tui.widgets.detail import Detail
    from wsreplay.tui.widgets.frame_list import FrameList
    from wsreplay.tui.widgets.query_bar import QueryBar


class PaneController:
    """The screen's class `-detail-only` or `-list-only` says which of the two has all the room, and so do the bar's hints."""

    def __init__(self, screen: Screen[None], frames: FrameList, detail: Detail, bar: QueryBar) -> None:
        self._screen = screen
        self._frames = frames
        self._detail = detail
        self._bar = bar

    def focus_detail(self) -> None:
        self._screen.remove_class("-list-only")
        if self._screen.has_class("-narrow"):
            self._screen.add_class("-detail-only")
        self._detail.focus()
        self._bar.hint()

    def focus_list(self) -> None:
        self._screen.remove_class("-detail-only")
        self._frames.focus()
        self._bar.hint()

    def maximise(self) -> None:
        self._screen.toggle_class("-detail-only" if self._detail.has_focus else "-list-only")
        self._bar.hint()

    def restore(self) -> bool:
        """Undo the last of these; whether there was anything to undo."""
        if self._detail.has_focus:
            self.focus_list()
        elif self._screen.has_class("-list-only"):
            self._screen.remove_class("-list-only")
        else:
            return False
        return True
