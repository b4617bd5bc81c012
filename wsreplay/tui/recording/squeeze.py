"""Time on which idle stretches are drawn short, so that what happens has the room. Times in ns."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import nlargest
from itertools import accumulate, pairwise

from wsreplay.units import MILLISECOND, SECOND

LEAST_IDLE_NS = SECOND  # what is shorter is shown as long as it was
MOST_STRETCHES = 8
_WORTH = 4  # squeezed only where idle time is more than one part in four
_SHORTER = 3  # times shorter, at least: less is not worth it
_SHARE_OF_ONE, _SHARE_OF_ALL = 0.2, 0.6  # of the busy time: how long idle stretches are drawn

Stretch = tuple[int, int]
"""From when to when nothing happened."""


@dataclass(frozen=True, slots=True)
class Squeeze:
    """Maps times to places on an axis on which each of some stretches is `kept_ns` long, and back. Without any, a time is its
    place."""

    stretches: tuple[Stretch, ...] = ()
    kept_ns: int = 0
    # Where each begins and how much was left out by its end; by their number.
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _places: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _left_out: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        left_out = tuple(accumulate(end - start - self.kept_ns for start, end in self.stretches))
        starts = tuple(start for start, _ in self.stretches)
        object.__setattr__(self, "_starts", starts)
        object.__setattr__(self, "_left_out", left_out)
        object.__setattr__(
            self, "_places", tuple(start - before for start, before in zip(starts, (0, *left_out), strict=False))
        )

    def place(self, t_ns: int) -> int:
        """Where a time is on the axis; never less for a later time."""
        number = bisect_right(self._starts, t_ns) - 1
        if number < 0:
            return t_ns
        start, end = self.stretches[number]
        if t_ns >= end:
            return t_ns - self._left_out[number]
        return self._places[number] + (t_ns - start) * self.kept_ns // (end - start)

    def time(self, place: int) -> int:
        """The first time that is at a place on the axis, or behind it."""
        number = bisect_right(self._places, place) - 1
        if number < 0:
            return place
        behind = place - self._places[number]
        start, end = self.stretches[number]
        if behind >= self.kept_ns:
            return place + self._left_out[number]
        return start + -(-behind * (end - start) // self.kept_ns)

    def stretch_at(self, t_ns: int) -> Stretch | None:
        """The stretch that a time is in, its bounds not counted."""
        number = bisect_right(self._starts, t_ns) - 1
        if number < 0:
            return None
        start, end = self.stretches[number]
        return (start, end) if start < t_ns < end else None


AS_IT_WAS = Squeeze()


def find_idle(times: Iterable[int]) -> list[Stretch]:
    """The longest stretches between some times in which none of them is, in order."""
    gaps = (gap for gap in pairwise(sorted(set(times))) if gap[1] - gap[0] >= LEAST_IDLE_NS)
    return sorted(nlargest(MOST_STRETCHES, gaps, key=lambda gap: gap[1] - gap[0]))


def squeeze(stretches: Iterable[Stretch], low_ns: int, high_ns: int) -> Squeeze:
    """The axis of a whole session from `low_ns` to `high_ns`; as it was, where it is worth no more."""
    chosen = [(start, end) for start, end in stretches if low_ns <= start < end <= high_ns]
    while True:
        idle_ns = sum(end - start for start, end in chosen)
        if not chosen or idle_ns * _WORTH < high_ns - low_ns:
            return AS_IT_WAS
        share = min(_SHARE_OF_ONE, _SHARE_OF_ALL / len(chosen))
        kept_ns = max(int((high_ns - low_ns - idle_ns) * share), MILLISECOND)
        worth = [(start, end) for start, end in chosen if end - start >= _SHORTER * kept_ns]
        if worth == chosen:
            return Squeeze(tuple(chosen), kept_ns)
        chosen = worth
