"""What the lists of recordings and of sessions have in common: filter, order, cursor, and a glimpse of the selected row."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widget import Widget

from wsreplay.tui.browse.glimpse_list import GlimpseList
from wsreplay.tui.jobs.task import Task
from wsreplay.tui.messages import RowMoved
from wsreplay.tui.recording.glimpse import Glimpse
from wsreplay.tui.screens.base import BaseScreen
from wsreplay.tui.screens.filtered_list import FilteredList, Sort
from wsreplay.tui.widgets.status_line import StatusLine
from wsreplay.tui.widgets.table import Column, Table, TableRow

GLIMPSE = "reading the selected row"
GLIMPSE_S = 0.06  # after the cursor came to rest
GLIMPSE_FROM = 20  # lines of a screen that has room for one
_BORDERS = 2

Item = TypeVar("Item")


class ListingScreen(BaseScreen, FilteredList, Generic[Item]):
    """A table with a line above it that says where one is, one that names its columns, a glimpse of a row, and a foot."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_square_bracket", "next_finding(1)", "Next with findings", id="listing.next_wrong", show=False),
        Binding("left_square_bracket", "next_finding(-1)", "Previous with findings", id="listing.previous_wrong", show=False),
    ]
    DEFAULT_CSS = """
    ListingScreen Table { height: 1fr; }
    ListingScreen GlimpseList { height: 1fr; display: none; }
    ListingScreen.-glimpse GlimpseList { display: block; }
    """

    def __init__(self, columns: Sequence[Column], name: str, sorts: Sequence[Sort]) -> None:
        super().__init__()
        self.head = StatusLine(id="head")
        self.begin_filtering(sorts)
        self.titles = StatusLine(id="titles")
        self.table = Table(columns, self.cells_of, self.name_of, id=name)
        self.glimpse = GlimpseList(id="glimpse")
        self.foot = StatusLine(id="foot")
        # All there are, and those that are shown, in their order.
        self.items: Sequence[Item] = ()
        self.rows: Sequence[Item] = ()
        # Whether the cursor is where nobody has put it: it goes to the first row with findings.
        self._is_fresh = True
        # Runs while the cursor moves; then the glimpse is asked for.
        self._pause: Timer | None = None
        # Whether the glimpse is still to follow the cursor.
        self.detail_due = False

    def compose(self) -> Iterable[Widget]:
        yield self.head
        yield self.filter
        yield self.titles
        yield self.table
        yield self.glimpse
        yield self.foot

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height >= GLIMPSE_FROM, "-glimpse")
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        self._share_height()
        self.paint_lines()
        self.glimpse.point()

    def _share_height(self) -> None:
        """The table takes what its rows need, of what both have at most the half."""
        room = self.size.height - 3 - self.filter.has_class("-asked")
        wanted = len(self.rows) + _BORDERS
        is_small = self.has_class("-glimpse") and self.rows and wanted < room // 2
        self.table.styles.height = wanted if is_small else None

    # What a subclass says.

    @abstractmethod
    def cells_of(self, row: int) -> TableRow:
        """What stands in a row of the table, a cell a column."""

    @abstractmethod
    def identity(self, item: Item) -> Hashable:
        """What tells an item from others, also when it has been read anew."""

    @abstractmethod
    def text_of(self, item: Item) -> str:
        """What a filter looks into."""

    @abstractmethod
    def is_wrong(self, item: Item) -> bool:
        """Whether it has findings."""

    @property
    @abstractmethod
    def is_validating(self) -> bool:
        """Whether some are still to be validated."""

    @abstractmethod
    def glimpse_task(self, item: Item) -> Task | None:
        """What publishes a `Glimpse` of an item; None where there is nothing to be seen."""

    @abstractmethod
    def glimpse_title(self, item: Item, glimpse: Glimpse | None) -> str:
        """What stands above the glimpse of an item."""

    def why_no_glimpse(self, _item: Item) -> str:
        """Why there is nothing to be seen of an item; empty where that needs no words."""
        return ""

    @abstractmethod
    def read_glimpse(self, task: Task, take: Callable[[Any], object], fail: Callable[[str], object]) -> None:
        """Have it read in the background."""

    # Rows.

    @property
    def is_on_top(self) -> bool:
        """Whether no other screen covers it; Textual takes the one below for current, too."""
        return self.app.screen is self

    @property
    def selected(self) -> Item | None:
        """The item on which the cursor stands."""
        return self.rows[self.table.cursor] if self.table.cursor < len(self.rows) else None

    def name_of(self, row: int) -> Hashable:
        """What stands in a row, for `RowChosen`: another item may stand there when that arrives."""
        return self.identity(self.rows[row]) if row < len(self.rows) else None

    def show_items(self) -> None:
        """Show the items that the filter lets through in their order, the cursor on what it stood on."""
        stood_on = self.name_of(self.table.cursor)
        self.rows = self.arranged(self.items, self.text_of)
        self.filter.say_count(len(self.rows), len(self.items))
        self.table.set_count(len(self.rows))
        self._share_height()
        row = next((row for row, item in enumerate(self.rows) if self.identity(item) == stood_on), 0)
        if self._is_fresh:
            row = next((row for row, item in enumerate(self.rows) if self.is_wrong(item)), row)
        if row != self.table.cursor:
            self.table.move_to(row, quiet=True, centre=self._is_fresh)
        self.paint_lines()
        self.show_glimpse_soon()

    def go_to(self, identity: Hashable) -> None:
        """Put the cursor on an item."""
        self._is_fresh = False
        row = next((row for row, item in enumerate(self.rows) if self.identity(item) == identity), None)
        if row is not None:
            self.table.move_to(row, centre=True)

    def next_wrong(self, identity: Hashable, steps: int) -> Item | None:
        """The item with findings that follows another one in the order that is shown, or comes before it."""
        place = next((row for row, item in enumerate(self.rows) if self.identity(item) == identity), None)
        return None if place is None else self._wrong_from(place + steps, steps)

    def _wrong_from(self, row: int, steps: int) -> Item | None:
        rows = range(row, len(self.rows)) if steps > 0 else range(row, -1, -1)
        return next((self.rows[row] for row in rows if self.is_wrong(self.rows[row])), None)

    def paint_lines(self) -> None:
        """What stands above and below the table."""
        self.titles.say(self.table.heading(self.table.content_size.width))

    def focus_rows(self) -> None:
        self.table.focus()

    # The glimpse.

    def on_screen_suspend(self) -> None:
        if self._pause is not None:
            self._pause.stop()
            self._pause = None
        self.detail_due = False

    def show_glimpse_soon(self) -> None:
        """When the cursor has come to rest."""
        if self._pause is not None:
            self._pause.stop()
        if not self.is_on_top:
            return  # it is asked for when the list is shown again
        self.detail_due = True
        self._pause = self.set_timer(GLIMPSE_S, self._ask_glimpse)

    def _ask_glimpse(self) -> None:
        self._pause = None
        item = self.selected
        task = None if item is None or not self.has_class("-glimpse") else self.glimpse_task(item)
        if item is None or task is None:
            self.detail_due = False
            title, why = ("", "") if item is None else (self.glimpse_title(item, None), self.why_no_glimpse(item))
            self.glimpse.show(None, title, why)
            return
        identity = self.identity(item)

        def take(glimpse: Glimpse | None) -> None:
            selected = self.selected
            self.detail_due = self._pause is not None  # the cursor may have moved on meanwhile
            if selected is not None and self.identity(selected) == identity:
                self.glimpse.show(glimpse, self.glimpse_title(selected, glimpse))

        self.read_glimpse(task, take, lambda _why: take(None))

    # Keys and messages.

    def on_row_moved(self, message: RowMoved) -> None:
        if message.sender is self.table:
            self._is_fresh = False
            self.show_glimpse_soon()

    def action_next_finding(self, steps: int) -> None:
        item = self._wrong_from(self.table.cursor + steps, steps)
        if item is not None:
            self.go_to(self.identity(item))
        else:
            self.notify(self._why_no_other(steps))

    def _why_no_other(self, steps: int) -> str:
        if self.is_validating:
            return "No more findings so far: not all of these are validated yet."
        if not any(map(self.is_wrong, self.rows)):
            return "Nothing here has findings."
        return "No more findings below this row." if steps > 0 else "No findings above this row."

    def action_escape(self) -> None:
        """Clear the filter, then back."""
        if not self.clear_filter():
            super().action_escape()
