"""What is kept in bounded room: a full table gives up its oldest keys, and of the spans that ended the last ones are known."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeVar

K = TypeVar("K")

KEEP_ENDED = 128  # instances of one span in one session, in each generation


def oldest(table: dict[K, Any]) -> list[K]:
    """A tenth of a full table's keys, to be given up together: the more went before, the longer it takes to find the first."""
    return list(islice(table, max(1, len(table) // 10)))


End = tuple[int, str, Any]
"""How an instance ended: the frame, the name of the end, and the instance's other key."""


class EndedSpans:
    """The last keys whose instances have ended, and how: tells "too late" from "too early"."""

    __slots__ = ("now", "old")

    def __init__(self) -> None:
        # those that ended last, and as many that ended before them
        self.now: dict[Any, End] = {}
        self.old: dict[Any, End] = {}

    def __iter__(self) -> Iterator[Any]:
        yield from self.now
        yield from self.old

    def add(self, key: Any, end: End) -> None:
        self.now[key] = end
        if len(self.now) >= KEEP_ENDED:
            self.rotate()

    def rotate(self) -> None:
        """As many ended since the last time: those before them are forgotten."""
        self.old, self.now = self.now, {}

    def get(self, key: Any) -> End | None:
        end = self.now.get(key)
        return self.old.get(key) if end is None else end
