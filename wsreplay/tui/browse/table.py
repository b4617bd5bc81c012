"""A list of rows with columns under a head: sessions, recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual.strip import Strip

from wsreplay.tui.look.paint import Run, fitted, fitted_end
from wsreplay.tui.widgets.row_list import RowList

TableRow = Sequence[list[Run]]


class Column(NamedTuple):
    """`width` in cells; 0 takes what is left. `at_least` is the width of the table from which the column is shown.

    `path` cuts at the beginning what has no room.
    """

    title: str
    width: int
    right: bool = False
    at_least: int = 0
    path: bool = False


class Table(RowList):
    """Rows of cells; a cell is some runs of text, already harmless. The last of a short row takes the rest of it.

    `cells` gives those of a row when it is painted: `set_count` says how many rows there are, and that all may be others.
    """

    def __init__(
        self, columns: Sequence[Column], cells: Callable[[int], TableRow], name_of: Callable[[int], object], *,
        id: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name_of=name_of, id=id)
        self.columns = columns
        self._cells_of = cells

    def _widths(self, width: int) -> list[tuple[int, int]]:
        """(column, cells) of the columns that are shown."""
        shown = [number for number, column in enumerate(self.columns) if width >= column.at_least]
        rest = width - sum(self.columns[number].width for number in shown) - 2 * len(shown)
        flexible = [number for number in shown if not self.columns[number].width]
        return [(n, self.columns[n].width or max(4, rest // max(1, len(flexible)))) for n in shown]

    def paint(self, row: int, width: int) -> Strip:
        runs: list[Run] = [(" ", self.look.style())]
        cells = self._cells_of(row)
        last = len(cells) - 1
        for number, room in self._widths(width - 1):
            if number >= last and last + 1 < len(self.columns):
                runs += self._cell(cells[last], width - sum(cell_len(text) for text, _ in runs), Column("", 0))
                break
            runs += self._cell(cells[number], room, self.columns[number])
        return self.whole_line(runs, width)

    def _cell(self, cell: list[Run], room: int, column: Column) -> list[Run]:
        used = sum(cell_len(text) for text, _ in cell)
        pad = (" " * max(0, room - used), self.look.style())
        if used > room and len(cell) == 1:
            fit = fitted_end if column.path else fitted
            cell = [(fit(cell[0][0], room, ellipsis=self.look.signs.ellipsis), cell[0][1])]
        return [*([pad] if column.right else []), *cell, *([] if column.right else [pad]), ("  ", self.look.style())]

    def heading(self, width: int) -> list[Run]:
        """The head of the columns, for the line above the table."""
        runs: list[Run] = [(" ", self.look.style())]
        for number, room in self._widths(width - 1):
            column = self.columns[number]
            text = column.title[:room]
            runs.append((f"{text:>{room}}  " if column.right else f"{text:<{room}}  ", self.look.style("faint")))
        return runs
