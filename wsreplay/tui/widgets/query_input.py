"""The field of the query bar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.highlighter import Highlighter
from rich.text import Text
from textual.binding import Binding, BindingType

from wsreplay.tui.messages import QueryLeft
from wsreplay.tui.widgets.plain_input import PlainInput


class MistakeUnderlined(Highlighter):
    """Underlines from the first wrong character on."""

    def __init__(self) -> None:
        # of the first wrong character; None: nothing is wrong
        self.position: int | None = None

    def highlight(self, text: Text) -> None:
        if self.position is not None:
            text.stylize("underline", min(self.position, max(0, len(text) - 1)), len(text))


class QueryInput(PlainInput):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave(False)", "Cancel", id="query.cancel", show=False),
        Binding("enter", "leave(True)", "Apply", id="query.keep", show=False),
        Binding("up", "recall(-1)", "Earlier query", id="query.earlier", show=False),
        Binding("down", "recall(1)", "Later query, or apply", id="query.later", show=False),
        Binding("tab,shift+tab", "leave(True)", "Apply", id="query.keep_too", show=False),
    ]

    DEFAULT_CSS = """
    QueryInput.-textual-compact, QueryInput.-textual-compact:focus { background: $ws-ground; color: $ws-strong; }
    """

    def __init__(self) -> None:
        self.underlined = MistakeUnderlined()
        # what was asked before, the last of it last
        self._asked: Sequence[str] = ()
        # which of them the field shows, and what stood there before
        self._place, self._typed = 0, ""
        super().__init__(highlighter=self.underlined, select_on_focus=False, compact=True)

    def recall_from(self, asked: Sequence[str]) -> None:
        """What was asked before, the last of it last; where one begins is behind it all."""
        self._asked = asked
        self._place, self._typed = len(self._asked), self.value

    def action_recall(self, steps: int) -> None:
        place = self._place + steps
        while 0 <= place < len(self._asked) and self._asked[place] == self.value:
            place += steps  # it is there already
        if place > len(self._asked):
            self.action_leave(True)
        elif place >= 0:
            if self._place == len(self._asked):
                self._typed = self.value
            self._place = place
            self.value = [*self._asked, self._typed][place]
            self.cursor_position = len(self.value)

    def action_leave(self, keep: bool) -> None:
        self.post_message(QueryLeft(keep))
