"""The span log, laid out for drawing: spans in lanes, and which of them are in sight."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from operator import attrgetter
from typing import TYPE_CHECKING

from wsreplay.tui.recording.window import Window

if TYPE_CHECKING:
    from wsreplay.validator.findings import SpanRecord

MOST_SINGLE_GROUPS = 12
_MOST_NAMED = 1000  # spans of a lane that are looked at for its name
_start = attrgetter("start_ns")


@dataclass(slots=True, eq=False)
class DrawnSpan:
    """One span of the log. `end_ns` None: not ended. `state` is the log's. Times in ns."""

    kind: str
    name: str
    group: str
    start_ns: int
    start_frame: int
    end_ns: int | None = None
    end_frame: int | None = None
    state: str = "open"
    depth: int = 0
    instants: Sequence[int] = ()  # when something happened in it, ns
    implied: bool = False  # its start never came
    owes: tuple[str, ...] = ()
    until_ns: int | None = None  # when that is due
    detail: str = ""
    id: str = ""


def draw_spans(records: Sequence[SpanRecord]) -> list[DrawnSpan]:
    """The spans of a log, which is in the order of their starts. What is part of another is in its group, below it."""
    drawn: dict[str, DrawnSpan] = {}
    groups = {record.slice for record in records if record.parent is None and len(record.slice) == 1}
    by_kind = len(groups) > MOST_SINGLE_GROUPS
    spans: list[DrawnSpan] = []
    for record in records:
        above = drawn.get(record.parent) if record.parent is not None else None
        span = DrawnSpan(
            record.span, record.name, above.group if above else _group(record, by_kind), record.start_ns, record.start_frame,
            record.end_ns, record.end_frame, record.state, above.depth + 1 if above else 0,
            [t_ns for _, t_ns in record.events], record.implied, record.owes, record.until_ns, record.detail, record.id,
        )  # fmt: skip
        drawn[record.id] = span
        spans.append(span)
    return spans


def _group(record: SpanRecord, by_kind: bool) -> str:
    """What a span that is part of no other stands under: its outermost key, or its kind where each would stand alone."""
    return record.span if not record.slice or (by_kind and len(record.slice) == 1) else record.slice[0][1]


@dataclass(frozen=True, slots=True)
class Lane:
    """A line of the waterfall: spans that do not overlap, in order. `title` is the group's on its first lane; `name` is what
    all of its spans are called, or what kind they are."""

    group: str
    title: str
    depth: int
    spans: tuple[DrawnSpan, ...]

    @property
    def name(self) -> str:
        first = self.spans[0]
        return first.name if all(span.name == first.name for span in self.spans[:_MOST_NAMED]) else first.kind


@dataclass(slots=True)
class _Slots:
    """Lanes of one depth that are filled from left to right; each span goes into the first that is free."""

    spans: list[list[DrawnSpan]] = field(default_factory=list)
    _taken: list[tuple[int, int]] = field(default_factory=list)  # (end of the last span in ns, slot), a heap
    _free: list[int] = field(default_factory=list)  # slots, a heap

    def add(self, drawn: DrawnSpan) -> None:
        while self._taken and self._taken[0][0] <= drawn.start_ns:
            heappush(self._free, heappop(self._taken)[1])
        if self._free:
            slot = heappop(self._free)
            self.spans[slot].append(drawn)
        else:
            slot = len(self.spans)
            self.spans.append([drawn])
        if drawn.end_ns is not None:  # what is open keeps its slot
            heappush(self._taken, (drawn.end_ns, slot))


def lanes(spans: Iterable[DrawnSpan]) -> list[Lane]:
    """Spans, in order of their start, laid into as few lanes as they need: group by group, outer spans above inner ones."""
    groups: dict[str, dict[int, _Slots]] = {}
    for drawn in spans:
        groups.setdefault(drawn.group, {}).setdefault(drawn.depth, _Slots()).add(drawn)
    laid: list[Lane] = []
    for group, depths in groups.items():
        title = group
        for depth in sorted(depths):
            for slot in depths[depth].spans:
                laid.append(Lane(group, title, depth, tuple(slot)))
                title = ""
    return laid


def in_sight(spans: Sequence[DrawnSpan], window: Window, width: int, horizon_ns: int | None = None) -> Iterator[DrawnSpan]:
    """Of spans of one lane, those to paint in so many columns: of many that lie in one column, the first.

    None begins after the window or the horizon. One before the window may be among them.
    """
    last_ns = window.end_ns if horizon_ns is None else min(window.end_ns, horizon_ns)
    at = max(0, bisect_right(spans, window.start_ns, key=_start) - 1)
    while at < len(spans) and spans[at].start_ns <= last_ns:
        yield spans[at]
        next_ns = window.begins(window.column(spans[at].start_ns, width) + 1, width)
        last = bisect_left(spans, min(next_ns, last_ns + 1), at + 1, key=_start) - 1
        reaches_on = last > at and not (spans[last].end_ns or next_ns) < next_ns
        at = last if reaches_on else last + 1


def instants_in_sight(drawn: DrawnSpan, window: Window, width: int, horizon_ns: int | None = None) -> Iterator[int]:
    """The columns in which something happened in a span, up to the horizon."""
    last_ns = window.end_ns if horizon_ns is None else min(window.end_ns, horizon_ns)
    at = bisect_left(drawn.instants, window.start_ns)
    while at < len(drawn.instants) and drawn.instants[at] <= last_ns:
        column = window.column(drawn.instants[at], width)
        yield column
        at = bisect_left(drawn.instants, window.begins(column + 1, width), at + 1)


def nearest(spans: Sequence[DrawnSpan], t_ns: int) -> DrawnSpan:
    """The span of a lane that is open at a time, or the one least far from it."""
    after = bisect_right(spans, t_ns, key=_start)
    return min(spans[max(0, after - 1) : after + 1], key=lambda span: _distance(span, t_ns))


def _distance(drawn: DrawnSpan, t_ns: int) -> int:
    if drawn.start_ns <= t_ns and (drawn.end_ns is None or t_ns <= drawn.end_ns):
        return 0
    return min(abs(drawn.start_ns - t_ns), abs((drawn.end_ns or drawn.start_ns) - t_ns))
