"""A list of rows with columns under a head: sessions, recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual.strip import Strip

from wsreplay.tui.look.paint import Run, fitted, fitted_end
from wsreplay.tui.widgets.row_list import RowList

TableRow = Sequence[list[Run]]
BESIDE = 34  # cells that a column leaves to the one that takes what is left


class Column(NamedTuple):
    """`width` in cells, of a name the most; 0 takes what is left. Where there is no room for all columns, the one with the
    highest `gives_way` goes first; one with 0 never does. A column that can go leaves so many cells, `beside`, to the one that
    takes what is left. `path` cuts at the beginning what has no room.
    """

    title: str
    width: int
    right: bool = False
    gives_way: int = 0
    path: bool = False
    beside: int = BESIDE


class Table(RowList):
    """Rows of cells; a cell is some runs of text, already harmless.

    `cells` gives those of a row when it is painted: `set_count` says how many rows there are, and that all may be others.
    """

    def __init__(
        self, columns: Sequence[Column], cells: Callable[[int], TableRow], name_of: Callable[[int], object], *,
        id: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name_of=name_of, id=id)
        self.columns = columns
        # What a column's rows need, by its title, where that is less than its width.
        self._needs: dict[str, int] = {}
        self._cells_of = cells

    def fit_columns(self, needs: dict[str, int]) -> None:
        """How many cells the rows of some columns need: such a column is no wider."""
        self._needs = needs

    def _widths(self, width: int) -> list[tuple[int, int]]:
        """(column, cells) of the columns that are shown."""
        wanted = {
            number: min(column.width, max(len(column.title), self._needs.get(column.title, column.width)))
            for number, column in enumerate(self.columns)
        }
        shown = list(wanted)
        while True:
            rest = width - sum(wanted[number] + 2 for number in shown)
            last = max(shown, key=lambda number: self.columns[number].gives_way)
            if not self.columns[last].gives_way or rest >= self.columns[last].beside:
                return [(number, wanted[number] or max(4, rest)) for number in shown]
            shown.remove(last)

    def shows(self, title: str) -> bool:
        """Whether there is room for a column."""
        return any(self.columns[number].title == title for number, _ in self._widths(self.row_width - 1))

    @property
    def row_width(self) -> int:
        """As wide as the head of the columns: a cell ends with blanks, which the scroll bar may cover."""
        return self.size.width

    def paint(self, row: int, width: int) -> Strip:
        runs: list[Run] = [(" ", self.look.style())]
        cells = self._cells_of(row)
        for number, room in self._widths(width - 1):
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
