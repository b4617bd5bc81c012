"""A session drawn as SVG: the span log, a lane for each outermost span; other events as ticks, missing ones as ghosts.

Horizontal places are percentages, so that the drawing fills its page and can be stretched without distorting its text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape

from wsreplay.display import fit, visible
from wsreplay.model import Message
from wsreplay.report import timeline
from wsreplay.units import clock, count_text, duration_text
from wsreplay.validator.findings import Finding, SpanRecord

CONVERSATION = "conversation"
"""The lane of all that belongs to no span."""

_RULER, _TITLE, _TRACK, _GAP = 22, 20, 20, 8
_BAR = 14
_RESOLUTION = 4000  # events of a lane that fall on the same of so many places are drawn once
_MOST_SINGLE_LANES = 12
_MOST_LANES, _MOST_TRACKS, _MOST_SPANS, _MOST_GHOSTS = 60, 24, 4000, 12
_MARGIN = 1.5  # percent at either side, so that a tick at the very end is seen
_STEPS = (1, 2, 5)
_UNENDED = {"cut": "never ended", "stalled": "never ended", "open": "still open"}

Links = Mapping[int, str]
"""From a frame's id, or the identity of a missing event's finding, to the id of its row on the page."""


class WaterfallChart:
    """Draws the spans and events of one session between two times (ns)."""

    def __init__(
        self, spans: Sequence[SpanRecord], messages: Iterable[Message], findings: Iterable[Finding], start_ns: int, end_ns: int,
        links: Links, ghost_links: Links,
    ) -> None:  # fmt: skip
        self.links, self.ghost_links = links, ghost_links
        self.ghosts = [finding for finding in findings if finding.is_ghost and finding.caused_by is None]
        furthest = max([end_ns, *map(timeline.ghost_ns, self.ghosts)])
        self.start_ns, self.end_ns, self.drawn_ns = start_ns, end_ns, max(furthest - start_ns, 1)
        self.spans = spans[:_MOST_SPANS]
        self._left_out = len(spans) - len(self.spans)
        self._lane_of = _lanes_of(self.spans)
        # the first event at each place of a lane: its type, time and frame
        self._ticks: defaultdict[str, dict[int, tuple[str, int, int]]] = defaultdict(dict)
        self._take(messages)
        # in the order in which something first happened on them
        named = [self._lane_of[id(span)] for span in self.spans]
        self.lanes = list(dict.fromkeys([*([CONVERSATION] if CONVERSATION in self._ticks else []), *named]))

    def _take(self, messages: Iterable[Message]) -> None:
        """Events that neither begin nor end a span are ticks on the lane of theirs, else among what belongs to none."""
        edges = {frame for span in self.spans for frame in (span.start_frame, span.end_frame)}
        lane_of = {frame: self._lane_of[id(span)] for span in self.spans for frame, _ in span.events}
        for message in messages:
            frame = int(message.id)
            if message.type is None or frame in edges:
                continue
            place = round((message.t_ns - self.start_ns) / self.drawn_ns * _RESOLUTION)
            self._ticks[lane_of.get(frame, CONVERSATION)].setdefault(place, (message.type, message.t_ns, frame))

    def svg(self) -> str:
        """The drawing; empty where there is nothing to draw."""
        if not self.lanes:
            return ""
        body: list[str] = []
        y = _RULER
        spans: defaultdict[str, list[SpanRecord]] = defaultdict(list)
        for span in self.spans:
            spans[self._lane_of[id(span)]].append(span)
        ghosts = self._ghosts_by_lane()
        left_out = self._left_out
        for lane in self.lanes[:_MOST_LANES]:
            drawn, height, undrawn = self._lane(lane, spans[lane], ghosts[lane], y)
            body += drawn
            y += height + _GAP
            left_out += undrawn
        left_out += sum(len(spans[lane]) for lane in self.lanes[_MOST_LANES:])
        more = [count_text(len(self.lanes) - _MOST_LANES, "more lane")] if len(self.lanes) > _MOST_LANES else []
        more += [count_text(left_out, "more span")] if left_out else []
        if more:
            body.append(f'<text class="lane" x="4" y="{y + 14}">… {", ".join(more)} not drawn …</text>')
            y += _TITLE
        ruler = "".join(self._ruler(y))
        return f'<svg class="waterfall" height="{y + 4}" role="img" aria-label="waterfall">{ruler}{"".join(body)}</svg>'

    # Lanes.

    def _lane(self, lane: str, spans: list[SpanRecord], ghosts: list[Finding], y: int) -> tuple[list[str], int, int]:
        """What is drawn, how high it is, and how many spans had no room."""
        body = [f'<text class="lane" x="4" y="{y + 13}">{_shown(lane, 80)}</text>']
        y += _TITLE
        tracks, undrawn = _packed(spans, self.start_ns + self.drawn_ns)
        place_of: dict[int, int] = {}
        below = y + max(len(tracks), 1) * _TRACK
        for track, listed in enumerate(tracks):
            top = y + track * _TRACK
            for span in listed:
                place_of[span.start_frame] = top
                body.append(self._span(span, top))
        body += [self._tick(*event, y) for event in self._ticks[lane].values()]
        for number, ghost in enumerate(ghosts[:_MOST_GHOSTS]):
            body.append(self._ghost(ghost, place_of.get(ghost.activation or 0, y), below + number * _TRACK))
        return body, below - y + _TITLE + min(len(ghosts), _MOST_GHOSTS) * _TRACK, undrawn

    def _span(self, span: SpanRecord, top: int) -> str:
        end_ns = span.end_ns if span.end_ns is not None else self.end_ns
        x, width = self._x(span.start_ns), self._x(end_ns) - self._x(span.start_ns)
        length = _UNENDED.get(span.state) or duration_text(max(end_ns - span.start_ns, 0))
        size = "part" if span.parent else "large"
        marks = f'data-state="{span.state}" data-span="{_shown(span.span, 80)}"'
        marks += (f' data-id="{_shown(span.id, 120)}"' if span.id else "") + (' data-start="implied"' if span.implied else "")
        place = f'x="{x:.3f}%" y="{top}" width="{max(width, 0.05):.3f}%" height="{_BAR}" rx="3"'
        rect = f'<rect class="span {size} {span.state}" {marks} {place}/>'
        label = fit(visible(span.name), 40) + (f"  {length}" if width > 12 else "")
        text = f'<text class="in" x="{x:.3f}%" dx="5" y="{top + 11}">{escape(label)}</text>' if width > 4 else ""
        title = f"<title>{_shown(self._about(span, length), 300)}</title>"
        return self._linked(self.links.get(span.start_frame), f"{title}{rect}{text}")

    @staticmethod
    def _about(span: SpanRecord, length: str) -> str:
        parts = [span.title, *(f"{key} {value}" for key, value in span.slice[-1:] if span.label)]
        parts += [length, f"from {clock(span.start_ns)}"]
        parts += [span.state] if length != span.state else []
        parts += ["its start never came"] if span.implied else []
        return " · ".join([*parts, span.detail] if span.detail else parts)

    def _tick(self, name: str, t_ns: int, frame: int, top: int) -> str:
        title = _shown(f"{name} at {clock(t_ns)}", 300)
        tick = f'<rect class="instant" x="{self._x(t_ns):.3f}%" y="{top - 2}" width="2" height="{_BAR + 4}"/>'
        return self._linked(self.links.get(frame), f"<title>{title}</title>{tick}")

    def _ghost(self, finding: Finding, span_top: int, top: int) -> str:
        """A dashed line from the span that lacks an event, where that event should stand, down to what it is called."""
        x = self._x(timeline.ghost_ns(finding))
        label = _shown(f"◆ {timeline.expected(finding)} {finding.kind if finding.is_late_open else 'missing'}", 60)
        title = _shown(finding.message, 300)
        anchor, shift = ("end", -6) if x > 70 else ("start", 6)
        line = f'<line class="ghost" x1="{x:.3f}%" x2="{x:.3f}%" y1="{span_top - 2}" y2="{top + _BAR}"/>'
        text = f'<text class="ghost" x="{x:.3f}%" dx="{shift}" y="{top + 11}" text-anchor="{anchor}">{label}</text>'
        return self._linked(self.ghost_links.get(id(finding)), f"<title>{title}</title>{line}{text}")

    def _ghosts_by_lane(self) -> defaultdict[str, list[Finding]]:
        """Each ghost on the lane of its span, else on one that has the keys of its slice, else on the last."""
        begun = {span.start_frame: span for span in self.spans}
        by_lane: defaultdict[str, list[Finding]] = defaultdict(list)
        for finding in self.ghosts:
            span = begun.get(finding.activation or 0) or self._span_with(finding.slice)
            by_lane[self._lane_of[id(span)] if span is not None else self.lanes[-1] if self.lanes else ""].append(finding)
        return by_lane

    def _span_with(self, keys: tuple[tuple[str, str], ...]) -> SpanRecord | None:
        """The span that shares the most of these keys, outermost first."""
        for length in range(len(keys), 0, -1):
            span = next((span for span in self.spans if span.slice[:length] == keys[:length]), None)
            if span is not None:
                return span
        return None

    # The ruler and helpers.

    def _ruler(self, height: int) -> Iterator[str]:
        step = _step(self.drawn_ns)
        first = -(-self.start_ns // step) * step
        for t_ns in range(first, self.start_ns + self.drawn_ns + 1, step):
            x = f"{self._x(t_ns):.3f}%"
            places = 3 if step < 10_000_000 else 2 if step < 100_000_000 else 1 if step < 1_000_000_000 else 0
            yield f'<line class="tick" x1="{x}" x2="{x}" y1="{_RULER - 6}" y2="{height}"/>'
            anchor = "end" if self._x(t_ns) > 95 else "start"
            yield f'<text class="tick" x="{x}" dx="{3 if anchor == "start" else -3}" y="12" text-anchor="{anchor}">'
            yield f"{clock(t_ns, places)}</text>"

    def _x(self, t_ns: int) -> float:
        """Percent from the left."""
        share = min(max((t_ns - self.start_ns) / self.drawn_ns, 0.0), 1.0)
        return _MARGIN + share * (100 - 2 * _MARGIN)

    @staticmethod
    def _linked(target: str | None, body: str) -> str:
        return f'<a href="#{escape(target)}">{body}</a>' if target else f"<g>{body}</g>"


def _lanes_of(spans: Sequence[SpanRecord]) -> dict[int, str]:
    """The lane of each span, by the identity of its record: that of the outermost span that it is part of. Where these are too
    many, all with the same first key share one; where that is no help, all of one kind."""
    by_id = {span.id: span for span in spans if span.id}
    roots: dict[int, SpanRecord] = {}
    for span in spans:  # a parent comes before its children
        above = by_id.get(span.parent) if span.parent else None
        roots[id(span)] = roots.get(id(above), span) if above is not None else span
    ways: tuple[Callable[[SpanRecord], str], ...] = (_by_keys, _by_first_key, lambda span: span.span)
    for name in ways:
        lanes = {key: name(root) for key, root in roots.items()}
        if len(set(lanes.values())) <= _MOST_SINGLE_LANES:
            break
    return lanes


def _by_keys(span: SpanRecord) -> str:
    return " · ".join(f"{key} {value}" for key, value in span.slice) or span.span


def _by_first_key(span: SpanRecord) -> str:
    return " ".join(span.slice[0]) if len(span.slice) > 1 else span.span


def _packed(spans: list[SpanRecord], end_ns: int) -> tuple[list[list[SpanRecord]], int]:
    """Spans on as few tracks as they need without covering each other, outermost ones first; and how many had no room."""
    tracks: list[list[SpanRecord]] = []
    free_from: list[int] = []
    undrawn = 0
    for span in sorted(spans, key=lambda span: (span.parent is not None, span.start_ns)):
        until = span.end_ns if span.end_ns is not None else end_ns
        track = next((number for number, free in enumerate(free_from) if free <= span.start_ns), len(tracks))
        if track == _MOST_TRACKS:
            undrawn += 1
            continue
        if track == len(tracks):
            tracks.append([])
            free_from.append(0)
        tracks[track].append(span)
        free_from[track] = max(until, span.start_ns + 1)
    return tracks, undrawn


def _step(length_ns: int) -> int:
    """A round distance of ruler marks that gives five to twelve of them."""
    power = 1
    while True:
        for factor in _STEPS:
            if length_ns / (factor * power) <= 12:
                return factor * power
        power *= 10


def _shown(text: str, width: int) -> str:
    return escape(fit(visible(text), width))
