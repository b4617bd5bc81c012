"""A field to type into, in which nothing drives the terminal."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from rich.cells import cell_len
from rich.text import Text
from textual.widgets import Input

from wsreplay.display import visible


class PlainInput(Input):
    """What it begins with, what is typed and what is pasted is kept as it is, and painted harmless: Textual paints it raw.

    One glyph stands for each character, and the cursor stands at the glyph.
    """

    @property
    def _value(self) -> Text:
        text = Text(visible(self.value), no_wrap=True, overflow="ignore", end="")
        return text if self.highlighter is None else self.highlighter(text)

    def _position_to_cell(self, position: int) -> int:
        return cell_len(visible(self.value[:position]))

    def _cell_offset_to_index(self, offset: int) -> int:
        ends = list(accumulate(map(cell_len, visible(self.value))))
        return bisect_right(ends, offset + self.scroll_offset.x)
