"""Limits on what a load may take: `tool p95<2s`, `chat → agent_started max<=500ms`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from wsreplay.replay.latencies import LatencyRow
from wsreplay.trace.statistics import Histogram
from wsreplay.units import SECOND, duration_text, parse_duration
from wsreplay.validator.durations import SpanGroup

_LIMIT = re.compile(r"(?P<name>.+?)\s+(?P<measure>p50|p95|p99|max)\s*(?P<sign><=?)\s*(?P<bound>\S+)\s*")


@dataclass(frozen=True, slots=True)
class LatencyLimit:
    """`measure` (p50, p95, p99, max) of what is called `name` is to be less than `bound_s`, or as much where `inclusive`."""

    text: str
    name: str
    measure: str
    bound_s: float
    inclusive: bool

    def why_broken(self, rows: Mapping[str, LatencyRow]) -> str | None:
        """What is against it; None where it is kept. What was never measured keeps no limit."""
        row = rows.get(self.name)
        if row is None:
            measured = ", ".join(rows) or "nothing"
            return f"nothing was called {self.name!r}; measured were {measured}"
        seconds: float = getattr(row, self.measure)
        if seconds < self.bound_s or (self.inclusive and seconds == self.bound_s):
            return None
        return f"{self.measure} was {duration_text(seconds * SECOND)}"


def parse_limit(text: str) -> LatencyLimit:
    """Raises ValueError."""
    match = _LIMIT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a limit; write 'tool p95<2s' or 'chat → agent_started max<=500ms'")
    bound_s = parse_duration(match["bound"]) / SECOND
    return LatencyLimit(text, match["name"], match["measure"], bound_s, match["sign"] == "<=")


def span_rows(groups: Mapping[tuple[str, str], SpanGroup]) -> Iterator[LatencyRow]:
    """How long runs, tools and operations took: each kind as a whole, and each of its names, such as `tool search`."""
    for kind in dict.fromkeys(kind for kind, _ in groups):
        labels = {label: group.lasted for (other, label), group in groups.items() if other == kind}
        whole = Histogram()
        for times in labels.values():
            whole.merge(times)
        yield from _rows([(kind, whole), *((f"{kind} {label}", times) for label, times in labels.items() if label)])


def _rows(named: Iterable[tuple[str, Histogram]]) -> Iterator[LatencyRow]:
    for name, times in named:
        if times.count:
            p50, p95, p99 = (times.quantile(share) / SECOND for share in (0.5, 0.95, 0.99))
            yield LatencyRow(name, times.count, p50, p95, p99, times.largest / SECOND)
