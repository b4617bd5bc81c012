"""A list and the detail of one row: side by side where there is room, else one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import Binding, BindingType

from wsreplay.tui.messages import PaneChosen, RowChosen
from wsreplay.tui.screens.base import BaseScreen

if TYPE_CHECKING:
    from wsreplay.tui.screens.inspecting import Inspector
    from wsreplay.tui.widgets.detail import Detail
    from wsreplay.tui.widgets.frame_list import FrameList
    from wsreplay.tui.widgets.query_bar import QueryBar


class PanedScreen(BaseScreen):
    """Its class `-detail-only` or `-list-only` says which of the two has all the room; the bar hints at the keys for it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "pane(1)", "Next pane of the detail", id="session.next_pane", show=False),
        Binding("shift+tab", "pane(-1)", "Previous pane of the detail", id="session.previous_pane", show=False),
        Binding("left,h", "focus_list", "To the list", id="session.focus_list", show=False),
        Binding("right,l", "focus_detail", "To the detail", id="session.focus_detail", show=False),
        Binding("backslash", "maximise", "Maximise the pane", id="session.maximise", show=False),
    ]

    frames: FrameList
    detail: Detail
    bar: QueryBar
    inspector: Inspector

    def on_resize(self, _event: events.Resize) -> None:
        self.call_after_refresh(self.bar.hint)

    def on_pane_chosen(self, message: PaneChosen) -> None:
        self.inspector.choose_pane(message.pane)

    def on_row_chosen(self, _message: RowChosen) -> None:
        self.action_focus_detail()

    def action_pane(self, steps: int) -> None:
        self.inspector.turn_pane(steps)

    def action_focus_detail(self) -> None:
        if self.has_class("-narrow"):
            self.add_class("-detail-only")
        self.detail.focus()
        self.bar.hint()

    def action_focus_list(self) -> None:
        self.remove_class("-detail-only")
        self.frames.focus()
        self.bar.hint()

    def action_maximise(self) -> None:
        self.toggle_class("-detail-only" if self.detail.has_focus else "-list-only")
        self.bar.hint()
