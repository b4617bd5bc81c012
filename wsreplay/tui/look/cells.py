"""A line of cells that is painted over, as a canvas is."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style

from wsreplay.tui.look.paint import Run


class Cells:
    """`width` cells; what is put outside is cut off."""

    def __init__(self, width: int, ground: Style) -> None:
        self._glyphs = [" "] * width
        self._styles = [ground] * width

    @property
    def width(self) -> int:
        return len(self._glyphs)

    def put(self, x: int, text: str, style: Style) -> None:
        """Text from a column on. A glyph of two cells takes two, one of none is left out."""
        if text.isascii() or len(text) == cell_len(text):
            start, end = max(0, x), min(len(self._glyphs), x + len(text))
            if start < end:
                self._glyphs[start:end] = text[start - x : end - x]
                self._styles[start:end] = [style] * (end - start)
            return
        for character in text:
            cells = cell_len(character)
            if cells and 0 <= x <= len(self._glyphs) - cells:
                self._glyphs[x : x + cells] = [character, *[""] * (cells - 1)]
                self._styles[x : x + cells] = [style] * cells
            x += cells

    def runs(self) -> list[Run]:
        """Neighbours of one style as one run."""
        runs: list[Run] = []
        start = 0
        for x in range(1, len(self._glyphs) + 1):
            if x == len(self._glyphs) or self._styles[x] is not self._styles[start]:
                runs.append(("".join(self._glyphs[start:x]), self._styles[start]))
                start = x
        return runs
