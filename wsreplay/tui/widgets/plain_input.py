"""A field to type into, in which nothing drives the terminal."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Any

from rich.cells import cell_len
from rich.highlighter import Highlighter
from rich.text import Text
from textual.widgets import Input

from wsreplay.display import visible


class PlainInput(Input):
    """What it begins with, what is typed and what is pasted is kept as it is, and painted harmless: Textual paints it raw.

    One glyph stands for each character, and the cursor stands at the glyph.
    """

    DEFAULT_CSS = "PlainInput > .input--placeholder { color: $ws-faint; }"

    def __init__(self, value: str | None = None, *, highlighter: Highlighter | None = None, **options: Any) -> None:
        super().__init__(value, highlighter=_Glyphs(self, highlighter), **options)

    # Textual asks these two alone where the cursor stands and what the mouse points at: no public way says how wide a character
    # is painted, and a value in which glyphs stand would not be what was typed.

    def _position_to_cell(self, position: int) -> int:
        return cell_len(visible(self.value[:position]))

    def _cell_offset_to_index(self, offset: int) -> int:
        ends = list(accumulate(map(cell_len, visible(self.value))))
        return bisect_right(ends, offset + self.scroll_offset.x)


class _Glyphs(Highlighter):
    """Puts a glyph for each character that cannot be shown, and then highlights what is left to."""

    def __init__(self, field: PlainInput, highlighter: Highlighter | None) -> None:
        self._field, self._highlighter = field, highlighter

    def highlight(self, text: Text) -> None:
        text.plain = visible(self._field.value)  # of the value `text` lacks some control characters
        if self._highlighter is not None:
            self._highlighter.highlight(text)
