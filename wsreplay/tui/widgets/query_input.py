"""The field of the query bar."""

from __future__ import annotations

from typing import ClassVar

from rich.highlighter import Highlighter
from rich.text import Text
from textual.binding import Binding, BindingType

from wsreplay.tui.messages import QueryLeft
from wsreplay.tui.widgets.plain_input import PlainInput


class MistakeUnderlined(Highlighter):
    """Underlines from the first wrong character on."""

    def __init__(self) -> None:
        self.position: int | None = None

    def highlight(self, text: Text) -> None:
        if self.position is not None:
            text.stylize("underline", min(self.position, max(0, len(text) - 1)), len(text))


class QueryInput(PlainInput):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave(False)", "Give up", id="query.cancel", show=False),
        Binding("enter,down", "leave(True)", "Keep", id="query.keep", show=False),
    ]

    DEFAULT_CSS = """
    QueryInput.-textual-compact, QueryInput.-textual-compact:focus { background: $ws-ground; color: $ws-strong; }
    QueryInput > .input--placeholder { color: $ws-faint; }
    """

    def __init__(self) -> None:
        self.underlined = MistakeUnderlined()
        super().__init__(highlighter=self.underlined, select_on_focus=False, compact=True)

    def action_leave(self, keep: bool) -> None:
        self.post_message(QueryLeft(keep))
