"""How long a backend takes to answer, over many conversations."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator
from typing import NamedTuple

_MOST_KINDS = 1000


class LatencyRow(NamedTuple):
    """One kind of answer; times in seconds."""

    name: str
    times: int
    p50: float
    p95: float
    p99: float
    max: float


class Latencies:
    """Times by what they are of, such as `chat → agent_started`; `on_time` is told of each at once."""

    def __init__(self, on_time: Callable[[str, float], None] | None = None) -> None:
        self._on_time = on_time
        # in seconds, as they came
        self._times: dict[str, array[float]] = {}

    def add(self, name: str, seconds: float) -> None:
        """Take in one time; of more kinds than are kept nothing is."""
        if self._on_time is not None:
            self._on_time(name, seconds)
        times = self._times.get(name)
        if times is None:
            if len(self._times) >= _MOST_KINDS:
                return
            times = self._times[name] = array("d")
        times.append(seconds)

    def rows(self) -> Iterator[LatencyRow]:
        """In the order in which the kinds first came."""
        for name, times in self._times.items():
            ordered = sorted(times)
            p50, p95, p99 = (percentile(ordered, part) for part in (50, 95, 99))
            yield LatencyRow(name, len(ordered), p50, p95, p99, ordered[-1])


def percentile(ordered: list[float], part: float) -> float:
    """The nearest-rank percentile of values in ascending order."""
    return ordered[max(0, math.ceil(len(ordered) * part / 100) - 1)] if ordered else 0.0


class LoadConversation:
    """Tells how long each kind of answer took after the last thing the client said."""

    def __init__(self, latencies: Latencies) -> None:
        self._latencies = latencies
        # what our last message was, and when it went out (s); None: we have said nothing
        self._asked: tuple[str, float] | None = None
        # the names that have come since
        self._seen: set[str] = set()

    def connected(self, seconds: float) -> None:
        """It took so long until the connection was accepted."""
        self._latencies.add("connect", seconds)

    def said(self, name: str, at: float) -> None:
        """Our message went out at a time (s)."""
        self._asked = (name, at)
        self._seen.clear()

    def heard(self, name: str, at: float) -> None:
        """A message came at a time (s): the first of its name since ours is its answer."""
        if self._asked is not None and name not in self._seen:
            self._seen.add(name)
            self._latencies.add(f"{self._asked[0]} → {name}", at - self._asked[1])
