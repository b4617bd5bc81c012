"""Which frame began what another ended, and how long that took: of runs, tools and all other spans."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import NamedTuple


class Pair(NamedTuple):
    """`start` and `end` are frames, `lasted_ns` is the time between them."""

    end: int
    start: int
    lasted_ns: int


class Pairs:
    """Found by either frame without looking at all of them: there may be hundreds of thousands. Can be pickled."""

    def __init__(self, pairs: Iterable[Pair] = ()) -> None:
        by_end = sorted(pairs)
        # One entry of each a pair, in the order of the ends.
        self._ends = array("Q", (pair.end for pair in by_end))
        self._starts = array("Q", (pair.start for pair in by_end))
        self._lasted = array("Q", (pair.lasted_ns for pair in by_end))
        # The places of the pairs, in the order of the starts.
        self._by_start = array("I", sorted(range(len(by_end)), key=self._starts.__getitem__))

    def __len__(self) -> int:
        return len(self._ends)

    def ended_by(self, frame_id: int) -> Pair | None:
        """What a frame ended; of several what began last."""
        at = bisect_right(self._ends, frame_id) - 1
        if at < 0 or self._ends[at] != frame_id:
            return None
        return Pair(frame_id, self._starts[at], self._lasted[at])

    def begun_by(self, frame_id: int) -> Pair | None:
        """What a frame began; of several what ended first."""
        place = bisect_left(self._by_start, frame_id, key=self._starts.__getitem__)
        if place == len(self._by_start) or self._starts[at := self._by_start[place]] != frame_id:
            return None
        return Pair(self._ends[at], frame_id, self._lasted[at])
