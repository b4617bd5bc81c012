"""What every list has in common: `/` narrows it to the rows that have some words, `s` sorts it by something else."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from wsreplay.tui.hosted import Themed
from wsreplay.tui.look.paint import Run
from wsreplay.tui.messages import QueryLeft, QueryTyped
from wsreplay.tui.widgets.list_filter import ListFilter, is_kept

Item = TypeVar("Item")


class Sort(NamedTuple):
    """An order of a list: what it is called, and by what of an item it goes."""

    name: str
    key: Callable[[Any], Any]


class FilteredList(Themed, Widget):
    """Part of a screen with a list. The screen shows `filter` above it, and calls `begin_filtering` when it is made.

    It stands behind the screen among the bases of a class: Textual takes styles from the first of them.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter the list", id="listing.filter", show=False),
        Binding("s", "sort", "Next sort order", id="listing.sort", show=False),
    ]

    def begin_filtering(self, sorts: Sequence[Sort]) -> None:
        """`sorts` are the orders that there are, the usual one first."""
        self.filter = ListFilter(id="filter")
        self._sorts = sorts
        # The order that is shown, as a place in `_sorts`.
        self._sorted_by = 0

    @abstractmethod
    def show_items(self) -> None:
        """Show what the filter lets through, in its order."""

    @abstractmethod
    def focus_rows(self) -> None:
        """Give the list the focus: the user has typed enough."""

    @property
    def sort(self) -> Sort:
        """The order that is shown."""
        return self._sorts[self._sorted_by]

    def arranged(self, items: Iterable[Item], text_of: Callable[[Item], str]) -> list[Item]:
        """The items that the filter lets through, in their order; `text_of` gives what it looks into."""
        wanted = self.filter.text
        kept = (item for item in items if is_kept(text_of(item), wanted)) if wanted else items
        return sorted(kept, key=self.sort.key)

    def order_runs(self) -> list[Run]:
        """By what the rows are sorted, where that is not as usual."""
        return [(f"by {self.sort.name}", self.look.style("dim"))] if self._sorted_by else []

    async def action_filter(self) -> None:
        """Let the user type words."""
        await self.filter.begin()
        self.show_items()

    def action_sort(self) -> None:
        """Go on to the next order."""
        self._sorted_by = (self._sorted_by + 1) % len(self._sorts)
        self.show_items()
        self.notify(f"Sorted by {self.sort.name}.")

    def on_query_typed(self, _message: QueryTyped) -> None:
        self.show_items()

    def on_query_left(self, message: QueryLeft) -> None:
        if not message.keep:
            self.filter.clear()
        self.filter.end()
        self.focus_rows()
        self.show_items()

    def clear_filter(self) -> bool:
        """Show all rows again; whether some were hidden."""
        was = self.filter.clear()
        if was:
            self.show_items()
        return was
