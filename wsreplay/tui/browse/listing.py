"""What the lists of recordings and of sessions have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.widget import Widget

from wsreplay.tui.browse.table import Column, Table, TableRow
from wsreplay.tui.screens.base import BaseScreen
from wsreplay.tui.widgets.status_line import StatusLine


class ListingScreen(BaseScreen):
    """A table with a line above it that says where one is, one that names its columns, and a foot."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_square_bracket", "next_finding(1)", "Next with findings", id="listing.next_wrong", show=False),
        Binding("left_square_bracket", "next_finding(-1)", "Previous with findings", id="listing.previous_wrong", show=False),
    ]

    def __init__(self, columns: Sequence[Column], name: str) -> None:
        super().__init__()
        self.head = StatusLine(id="head")
        self.titles = StatusLine(id="titles")
        self.table = Table(columns, self.cells_of, self.name_of, id=name)
        self.foot = StatusLine(id="foot")
        # Whether the user went to a finding: the row on which the list opens may be one.
        self._has_gone = False

    def compose(self) -> Iterable[Widget]:
        yield self.head
        yield self.titles
        yield self.table
        yield self.foot

    def on_resize(self, _event: events.Resize) -> None:
        self.call_after_refresh(self.paint_lines)

    # What a subclass says.

    def cells_of(self, row: int) -> TableRow:
        """What stands in a row of the table."""
        raise NotImplementedError

    def name_of(self, row: int) -> object:
        """What stands in a row, for `RowChosen`: another item may stand there when that arrives."""
        return row

    def paint_lines(self) -> None:
        """What stands above and below the table."""
        self.titles.say(self.table.heading(self.table.size.width))

    def wrong_rows(self) -> Iterable[int]:
        """The rows with findings, in order."""
        raise NotImplementedError

    def action_next_finding(self, steps: int) -> None:
        here = self.table.cursor
        is_fresh = not self._has_gone and here == 0  # nobody went to the row on which the list opened
        rows = [row for row in self.wrong_rows() if (row >= here + (not is_fresh) if steps > 0 else row < here)]
        if rows:
            self._has_gone = True
            self.table.move_to(rows[0 if steps > 0 else -1])
        else:
            self.notify(f"nothing with findings {'further on' if steps > 0 else 'before this'}")
