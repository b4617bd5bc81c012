"""The span log, laid out for drawing: spans in lanes, and which of them are in sight."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush, nlargest
from operator import attrgetter
from typing import TYPE_CHECKING

from wsreplay.tui.recording.window import Window

if TYPE_CHECKING:
    from wsreplay.validator.findings import SpanRecord

MOST_SINGLE_GROUPS = 12
MOST_NAMES = 40  # of spans of one depth that have lanes of their own
_start = attrgetter("start_ns")


@dataclass(slots=True, eq=False)
class DrawnSpan:
    """One span of the log. `end_ns` None: not ended. Times in ns.

    `state`, `end_frame`, `implied`, `owes`, `detail` and `id` are as SpanRecord tells.
    """

    kind: str
    name: str
    group: str
    start_ns: int
    start_frame: int
    end_ns: int | None = None
    end_frame: int | None = None
    state: str = "open"
    depth: int = 0  # how many levels it stands below the outermost of its group
    instants: Sequence[int] = ()  # when something happened in it, ns
    implied: bool = False
    owes: tuple[str, ...] = ()
    until_ns: int | None = None  # when that is due
    detail: str = ""
    id: str = ""
    label: str = ""  # what the contract says it is called, such as the tool's name
    has_parts: bool = False  # others are part of it

    @property
    def lasted_ns(self) -> int:
        """How long it took; 0 where it has not ended."""
        return 0 if self.end_ns is None else self.end_ns - self.start_ns


def draw_spans(records: Sequence[SpanRecord], owners: Mapping[int, str] | None = None) -> list[DrawnSpan]:
    """The spans of a log, which is in the order of their starts. What is part of another is in its group, below it.

    `owners` are the names of sessions; where they are given, each session is a group.
    """
    drawn: dict[str, DrawnSpan] = {}
    groups = {record.slice for record in records if record.parent is None and len(record.slice) == 1}
    by_kind = len(groups) > MOST_SINGLE_GROUPS
    spans: list[DrawnSpan] = []
    for record in records:
        above = drawn.get(record.parent) if record.parent is not None else None
        group = above.group if above else _group(record, by_kind, owners)
        span = DrawnSpan(
            record.span, record.name, group, record.start_ns, record.start_frame, record.end_ns, record.end_frame,
            record.state, above.depth + 1 if above else 0, [t_ns for _, t_ns in record.events], record.implied, record.owes,
            record.until_ns, record.detail, record.id, record.label,
        )  # fmt: skip
        if above is not None:
            above.has_parts = True
        drawn[record.id] = span
        spans.append(span)
    return spans


def _group(record: SpanRecord, by_kind: bool, owners: Mapping[int, str] | None) -> str:
    """What a span that is part of no other stands under: its session where several are shown, else its outermost key, or its
    kind where each would stand alone."""
    if owners is not None:
        return owners.get(record.session, f"session {record.session}")
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
        is_one = len(self.spans) == 1 or first.label
        return first.name if is_one and all(span.name == first.name for span in self.spans) else first.kind

    @property
    def longest_ns(self) -> int:
        """How long its longest span took."""
        return max(span.lasted_ns for span in self.spans)


@dataclass(slots=True)
class _Slots:
    """Lanes of one depth that are filled from left to right; each span goes into the first that is free."""

    # those of each lane, in order
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
    """Spans, in order of their start, laid into as few lanes as they need: group by group, outer spans above inner ones, those
    of one name together unless there are many names."""
    groups: dict[str, dict[int, dict[str, list[DrawnSpan]]]] = {}
    for drawn in spans:
        groups.setdefault(drawn.group, {}).setdefault(drawn.depth, {}).setdefault(drawn.label or drawn.kind, []).append(drawn)
    laid: list[Lane] = []
    for group, depths in groups.items():
        title = group
        for depth in sorted(depths):
            for slot in _slots(depths[depth]):
                laid.append(Lane(group, title, depth, tuple(slot)))
                title = ""
    return laid


def _slots(named: Mapping[str, Sequence[DrawnSpan]]) -> Iterator[list[DrawnSpan]]:
    """The lanes of one depth, from its spans by name."""
    if len(named) > MOST_NAMES:
        together = [span for spans in named.values() for span in spans]
        named = {"": sorted(together, key=_start)}
    for spans in named.values():
        slots = _Slots()
        for span in spans:
            slots.add(span)
        yield from slots.spans


def by_duration(laid: Iterable[Lane]) -> list[Lane]:
    """The same lanes, those with the longest spans first, in groups of which the same holds."""
    groups: dict[str, list[Lane]] = {}
    for lane in laid:
        groups.setdefault(lane.group, []).append(lane)
    for members in groups.values():
        members.sort(key=lambda lane: -lane.longest_ns)
    ordered = sorted(groups.values(), key=lambda members: -members[0].longest_ns)
    return [replace(lane, title="" if place else lane.group) for members in ordered for place, lane in enumerate(members)]


def slowest(spans: Iterable[DrawnSpan], most: int = 10) -> list[DrawnSpan]:
    """Those that took longest, the longest first; what waited for its parts is not told beside them."""
    ended = (span for span in spans if span.end_ns is not None and not span.has_parts)
    return nlargest(most, ended, key=lambda span: span.lasted_ns)


def happened(spans: Iterable[DrawnSpan]) -> Iterator[int]:
    """When something happened in some spans: their starts, ends and instants, and until when something is owed."""
    for span in spans:
        yield span.start_ns
        yield from span.instants
        if span.end_ns is not None:
            yield span.end_ns
        elif span.until_ns is not None:
            yield span.until_ns


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
