"""Which rows of a view are no frames, kept so that moving the horizon costs little however many there are."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsreplay.tui.recording.extra_rows import InsertedRow


class RowPlacement:
    """`items` are in the order of the frames they stand before; `place` says which of them are shown."""

    def __init__(self, items: Sequence[InsertedRow]) -> None:
        self._items = tuple(items)
        self._places: list[int] = []  # for each item, the place in `ids` of the frame behind it
        self._among = 0  # of how many ids these are places
        self._shown: Sequence[int] = ()  # the numbers of the items that are shown, ascending
        self._known: Sequence[int] = range(len(self._items))  # those of the items that are known, ascending

    def __len__(self) -> int:
        return len(self._shown)

    def __iter__(self) -> Iterator[tuple[int, InsertedRow]]:
        """(row, item) of those that are shown, in order."""
        for above, number in enumerate(self._shown):
            yield self._places[number] + above, self._items[number]

    def above_row(self, row: int) -> int:
        """How many are shown above a row."""
        return bisect_left(range(len(self._shown)), row, key=self._row)

    def above_frame(self, index: int) -> int:
        """How many are shown above the frame at a place in `ids`."""
        return bisect_right(self._shown, index, key=self._places.__getitem__)

    def at_row(self, row: int, above: int) -> InsertedRow | None:
        """What stands in a row with so many above it; None where that is a frame."""
        is_there = above < len(self._shown) and self._row(above) == row
        return self._items[self._shown[above]] if is_there else None

    def _row(self, above: int) -> int:
        return self._places[self._shown[above]] + above

    def place(self, ids: Sequence[int], frames: int, horizon: int | None) -> bool:
        """Show what is known at the horizon (ns; None: all) and stands among the first `frames` ids; whether rows changed.

        More ids than before begin with those.
        """
        has_moved = self._find_places(ids)
        before = len(self._known), len(self._shown)
        self._know(horizon)
        self._shown = self._known[: bisect_right(self._known, frames, key=self._places.__getitem__)]
        return has_moved or before != (len(self._known), len(self._shown))

    def _know(self, horizon: int | None) -> None:
        if horizon is None:
            self._known = range(len(self._items))
            return
        numbers, since = self._by_knowledge
        known = bisect_right(since, horizon)
        if known != len(self._known):
            self._known = sorted(numbers[:known])

    def _find_places(self, ids: Sequence[int]) -> bool:
        """Find the place of each item among the ids; whether one is another than before."""
        if len(ids) == self._among and len(self._places) == len(self._items):
            return False
        first = bisect_left(self._places, self._among)  # before it, what comes at the end changes nothing
        before = self._places[first:]
        self._places[first:] = [bisect_left(ids, item.before_id, self._among) for item in self._items[first:]]
        self._among = len(ids)
        return self._places[first:] != before

    @cached_property
    def _by_knowledge(self) -> tuple[Sequence[int], Sequence[int]]:
        """(numbers, since when each is known in ns), in the order in which they get known."""
        from wsreplay.tui.recording.extra_rows import known_since

        since = [known_since(item) for item in self._items]
        numbers = sorted(range(len(since)), key=since.__getitem__)
        return numbers, [since[number] for number in numbers]

    @cached_property
    def _times(self) -> Sequence[int]:
        """When the items stand, ns, ascending."""
        from wsreplay.tui.recording.extra_rows import when

        return sorted(map(when, self._items))

    def next_time(self, t_ns: int, steps: int) -> int | None:
        """When an item stands next after a time (`steps` 1) or last before it (-1), ns, whether it is shown or not."""
        at = bisect_right(self._times, t_ns) if steps > 0 else bisect_left(self._times, t_ns) - 1
        return self._times[at] if 0 <= at < len(self._times) else None
