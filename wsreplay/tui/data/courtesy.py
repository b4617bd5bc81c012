"""Keys go first: what computes in a thread beside the interface stands still while the interface has one in hand.

Python's threads share one interpreter: a worker that computes would get every second millisecond of a key's work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

HELD_S = 0.06  # from a key until what it changed is on the screen
TURN_S = 0.01  # what a worker gets between two waits, so that a key held down does not stop a scan for good
_ROWS = 64  # between two looks at the clock: about a millisecond of what a filter costs

Row = TypeVar("Row")


class Courtesy:
    """Until when the interface has the way; `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.held_until = 0.0

    def take(self) -> None:
        """The user pressed something."""
        self.held_until = self.clock() + HELD_S


class Turns:
    """One worker's side of it."""

    def __init__(self, courtesy: Courtesy, sleep: Callable[[float], object] = time.sleep) -> None:
        self._courtesy = courtesy
        self._sleep = sleep
        self._since = 0.0

    def give_way(self) -> None:
        """Sleep while the interface has the way, unless this worker has slept just before."""
        now = self._courtesy.clock()
        rest = self._courtesy.held_until - now
        if rest > 0 and now - self._since >= TURN_S:
            self._sleep(rest)
            self._since = self._courtesy.clock()


def in_turns(rows: Iterable[Row], give_way: Callable[[], object]) -> Iterator[Row]:
    """The same rows, giving way between some of them."""
    rows = iter(rows)
    while some := list(islice(rows, _ROWS)):
        give_way()
        yield from some
