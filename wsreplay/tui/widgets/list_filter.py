"""The line in which a list is narrowed: each word that is typed must stand somewhere in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal

from wsreplay.tui.hosted import Themed
from wsreplay.tui.messages import QueryTyped
from wsreplay.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from textual.widgets import Input

    from wsreplay.tui.widgets.query_input import QueryInput


class ListFilter(Themed, Horizontal):
    """Hidden until somebody types into it. Tells of each change by `QueryTyped`, and of its end by `QueryLeft`."""

    DEFAULT_CSS = """
    ListFilter { height: 1; display: none; background: $ws-ground; }
    ListFilter.-asked { display: block; }
    ListFilter QueryInput { height: 1; width: 1fr; display: none; }
    ListFilter.-typing QueryInput { display: block; }
    ListFilter #filter-text { width: 1fr; }
    ListFilter.-typing #filter-text { width: 3; }
    ListFilter #filter-count { width: auto; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        # What was typed; "": every row is kept.
        self.text = ""
        # What it says at its right end: how many rows are left.
        self._count_text = ""
        self._label = StatusLine(id="filter-text", ground="ground")
        self._count = StatusLine(id="filter-count", ground="ground")
        self._input: QueryInput | None = None  # made when somebody types

    def on_mount(self) -> None:
        self.mount(self._label, self._count)

    @property
    def typing(self) -> bool:
        return self.has_class("-typing")

    async def begin(self) -> None:
        """Let the user type; what is typed takes the place of the filter that was."""
        if self._input is None:
            from wsreplay.tui.widgets.query_input import QueryInput

            self._input = QueryInput()
            await self.mount(self._input, after=self._label)
        self._input.placeholder = "words that a row must have, !word: must not"
        self._input.value = self.text
        self._input.action_select_all()
        self.add_class("-typing", "-asked")
        self.screen.set_focus(self._input)
        self._paint()

    def end(self) -> None:
        """The user typed enough."""
        self.remove_class("-typing")
        self.set_class(bool(self.text), "-asked")
        self._paint()

    def clear(self) -> bool:
        """Forget the filter; whether there was one."""
        was = bool(self.text)
        self.text = ""
        self.end()
        return was

    def say_count(self, shown: int, count: int) -> None:
        """How many rows of how many are left."""
        self._count_text = f"{shown:,} of {count:,}"
        self._paint()

    def say_working(self) -> None:
        """The rows are still being looked for."""
        self._count_text = self.look.signs.ellipsis
        self._paint()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value != self.text:
            self.text = event.value
            self.post_message(QueryTyped(self.text))

    def _paint(self) -> None:
        look = self.look
        text = [] if self.typing else [(look.safe(self.text), look.style("strong"))]
        self._label.say([("/ ", look.style("accent", bold=True)), *text])
        self._count.fit([(self._count_text, look.style("dim"))])


def is_kept(row_text: str, wanted: str) -> bool:
    """Whether a row has each of the wanted words, in whatever case, and none with a `!` before it."""
    row_text = row_text.casefold()
    words = wanted.casefold().split()
    return all((word[1:] not in row_text or word == "!") if word.startswith("!") else word in row_text for word in words)
