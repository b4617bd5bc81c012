"""Spans of a trace as a contract defines them: runs, tools, and what else begins and ends. For drawing; nothing is judged."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from operator import attrgetter
from typing import Any

import orjson

from wsreplay.contract.model import Contract, Span
from wsreplay.contract.paths import Path
from wsreplay.model import Frame
from wsreplay.tui.recording.window import Window

MOST_SPANS = 50_000
MOST_INSTANTS = 200_000
_start = attrgetter("start_ns")
_NAMES = ("tool_name", "agent_name", "agent", "name")


@dataclass(slots=True, eq=False)
class DrawnSpan:
    """One span. `end_ns` None: open. `state` is the name of its end (`ok`, `failed`, …), `cut` or `open`. Times in ns."""

    kind: str
    name: str
    group: str
    start_ns: int
    start_frame: int
    parent: DrawnSpan | None = None
    end_ns: int | None = None
    end_frame: int | None = None
    state: str = "open"
    depth: int = 0
    instants: list[int] = field(default_factory=list)  # when something happened in it, ns


@dataclass
class SpanTracker:
    """Takes in typed frames in order; `spans` are all begun so far, in order of their start."""

    contract: Contract
    sessions: dict[int, int]  # connection → session
    users: dict[int, str | None]
    spans: list[DrawnSpan] = field(default_factory=list)
    full: bool = False
    _open: dict[tuple[Any, ...], deque[DrawnSpan]] = field(default_factory=dict)
    _held: dict[DrawnSpan, list[tuple[Any, ...]]] = field(default_factory=dict)  # the keys under which a span is open
    _inner: defaultdict[DrawnSpan, list[DrawnSpan]] = field(default_factory=lambda: defaultdict(list))
    _roles: dict[tuple[int, str], list[tuple[Span, str]]] = field(default_factory=dict)
    _instants: int = 0

    def take(self, frame: Frame) -> None:
        """One frame; those without a type say nothing."""
        if frame.type is None:
            return
        roles = self._roles.get((frame.direction, frame.type))
        if roles is None:
            roles = self._roles[frame.direction, frame.type] = list(self._roles_of(frame.direction, frame.type))
        if not roles:
            return
        try:
            document = orjson.loads(frame.payload)
        except orjson.JSONDecodeError:
            return
        for span, role in roles:
            self._play(span, role, frame, document)

    @property
    def any_open(self) -> bool:
        return bool(self._open)

    def end_connection(self, connection_id: int, t_ns: int) -> None:
        """What is open on a connection's session ends with it."""
        session = self.sessions.get(connection_id, 0)
        for drawn in [inner for key, waiting in self._open.items() if key[1] == session for inner in waiting]:
            self._end(drawn, t_ns, None, "cut")

    def _roles_of(self, direction: int, event_type: str) -> Iterator[tuple[Span, str]]:
        for span in self.contract.spans.values():
            if any(pattern.fits(direction, event_type) for pattern in span.start):
                yield span, ""
                continue
            ended = next((name for name, patterns in span.ends if any(p.fits(direction, event_type) for p in patterns)), None)
            if ended is not None:
                yield span, ended
            elif any(pattern.fits(direction, event_type) for pattern in span.body):
                yield span, "body"

    def _play(self, span: Span, role: str, frame: Frame, document: Any) -> None:
        if role == "":
            self._begin(span, frame, document)
            return
        drawn = self._found(span, frame, document)
        if drawn is None:
            return
        if role == "body":
            if self._instants < MOST_INSTANTS:
                self._instants += 1
                drawn.instants.append(frame.t_ns)
            return
        self._end(drawn, frame.t_ns, frame.id, role)

    def _begin(self, span: Span, frame: Frame, document: Any) -> None:
        if len(self.spans) >= MOST_SPANS:
            self.full = True
            return
        parent = self._parent(span, frame, document)
        keys = self._keys(span, frame, document)
        if not keys:
            return
        values = [value for value in keys[0][3:] if value is not None]
        group = parent.group if parent else str(values[0]) if values else ""
        depth = parent.depth + 1 if parent else 0
        drawn = DrawnSpan(span.id, _name(span, document, values), group, frame.t_ns, frame.id, parent, depth=depth)
        self.spans.append(drawn)
        if parent:
            self._inner[parent].append(drawn)
        self._held[drawn] = keys
        for key in keys:
            self._open.setdefault(key, deque()).append(drawn)

    def _end(self, drawn: DrawnSpan, t_ns: int, frame_id: int | None, state: str) -> None:
        """End a span, if it has not ended yet; what is still open inside it never ended."""
        ending = [(drawn, frame_id, state)]
        while ending:
            ended, last_frame, how = ending.pop()
            if ended.end_ns is not None:
                continue
            ended.end_ns, ended.end_frame, ended.state = t_ns, last_frame, how
            for key in self._held.pop(ended):
                waiting = self._open[key]
                waiting.remove(ended)
                if not waiting:
                    del self._open[key]
            ending += [(inner, None, "cut" if how == "cut" else "unended") for inner in self._inner.pop(ended, ())]

    def _found(self, span: Span, frame: Frame, document: Any) -> DrawnSpan | None:
        for key in self._keys(span, frame, document):
            if waiting := self._open.get(key):
                return waiting[0]
        return None

    def _parent(self, span: Span, frame: Frame, document: Any) -> DrawnSpan | None:
        if span.inside is not None and span.inside in self.contract.spans:
            return self._found(self.contract.spans[span.inside], frame, document)
        if span.parent is None:
            return None
        value = span.parent.find(document) if isinstance(span.parent, Path) else self._value(span.parent, frame, document)
        if value is None:
            return None
        ids = [self._value(name, frame, document) for name in span.by[:-1]]
        waiting = self._open.get((span.id, self._session(frame), "by", *ids, value))
        return waiting[0] if waiting else None

    def _keys(self, span: Span, frame: Frame, document: Any) -> list[tuple[Any, ...]]:
        """The keys an event of a span is found by: `by`, then `else_by`; those without all their values are left out."""
        keys: list[tuple[Any, ...]] = []
        for how, names in (("by", span.by), ("else", span.else_by)):
            values = [self._value(name, frame, document) for name in names]
            if names and None not in values:
                keys.append((span.id, self._session(frame), how, *values))
        return keys

    def _session(self, frame: Frame) -> int:
        return self.sessions.get(frame.connection_id, 0)

    def _value(self, name: str, frame: Frame, document: Any) -> Any:
        if name == "conn.id":
            return f"connection {frame.connection_id}"
        if name == "conn.user":
            return self.users.get(frame.connection_id)
        if name == "conn.session":
            return f"session {self._session(frame)}"
        key = self.contract.keys.get(name)
        for source in key.sources if key else ():
            value = source.find(document) if isinstance(source, Path) else self._value(source, frame, document)
            if isinstance(value, str | int):
                return value
        return None


def _name(span: Span, document: Any, values: list[Any]) -> str:
    if isinstance(document, dict):
        inner = document.get("payload")
        for place in (document, inner if isinstance(inner, dict) else {}):
            for field_name in _NAMES:
                if isinstance(place.get(field_name), str):
                    return f"{place[field_name]}"
    return f"{span.id} {values[-1]}" if values else span.id


@dataclass(frozen=True, slots=True)
class Lane:
    """A line of the waterfall: spans that do not overlap, in order. `title` is the group's on its first lane."""

    group: str
    title: str
    depth: int
    spans: tuple[DrawnSpan, ...]


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
