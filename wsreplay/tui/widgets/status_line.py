"""One line of text with a left and a right end: the screen's head and its foot."""

from __future__ import annotations

from rich.cells import cell_len
from textual.strip import Strip
from textual.widget import Widget

from wsreplay.tui.look import Look
from wsreplay.tui.widgets.paint import Run, split


class StatusLine(Widget):
    """Paints the runs it was last given."""

    DEFAULT_CSS = "StatusLine { height: 1; }"

    def __init__(self, *, id: str | None = None, ground: str = "raised") -> None:
        super().__init__(id=id)
        self._ground = ground
        self._left: list[Run] = []
        self._right: list[Run] = []

    @property
    def look(self) -> Look:
        look: Look = self.app.look  # type: ignore[attr-defined]
        return look

    def say(self, left: list[Run], right: list[Run] | None = None) -> None:
        """Show these; the right end gives way where there is no room for both."""
        right = right or []
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.refresh()

    def fit(self, runs: list[Run]) -> None:
        """Show these, and take no more columns than they need; none where there is nothing."""
        cells = sum(cell_len(text) for text, _ in runs)
        self.styles.width = cells + 2 if cells else 0
        self.say(runs)

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self._left) + "  " + "".join(text for text, _ in self._right)

    def render_line(self, y: int) -> Strip:
        return split(self._left, self._right, self.size.width, self.look.ground(self._ground))
