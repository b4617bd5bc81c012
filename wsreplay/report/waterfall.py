"""A session drawn as SVG: a lane per run, runs and tools as spans, instants as ticks, missing events as dashed ghosts.

Horizontal places are percentages, so that the drawing fills its page and can be stretched without distorting its text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from html import escape

from wsreplay.display import fit, visible
from wsreplay.report import timeline
from wsreplay.trace.spans import Lanes, Span
from wsreplay.units import clock, duration_text
from wsreplay.validator.findings import Finding

_RULER, _TITLE, _TRACK, _GAP = 22, 20, 20, 8
_BAR = 14
_RESOLUTION = 4000  # instants of a lane that fall on the same of so many places are drawn once
_MOST_SINGLE_LANES = 12
_MOST_LANES, _MOST_TRACKS, _MOST_SPANS, _MOST_GHOSTS = 60, 24, 4000, 12
_MARGIN = 1.5  # percent at either side, so that a tick at the very end is seen
_STEPS = (1, 2, 5)

Links = Mapping[int, str]
"""From a frame's id, or the identity of a missing event's finding, to the id of its row on the page."""


class Waterfall:
    """Draws the lanes of one session between two times (ns)."""

    def __init__(
        self, lanes: Lanes, findings: Iterable[Finding], start_ns: int, end_ns: int, links: Links, ghost_links: Links
    ) -> None:
        self.lanes = by_thread(lanes) if len(lanes.names) > _MOST_SINGLE_LANES else lanes
        self.links, self.ghost_links = links, ghost_links
        self.ghosts = [finding for finding in findings if finding.is_ghost and finding.caused_by is None]
        furthest = max([end_ns, *map(timeline.ghost_ns, self.ghosts)])
        self.start_ns, self.end_ns, self.drawn_ns = start_ns, end_ns, max(furthest - start_ns, 1)

    def svg(self) -> str:
        """The drawing; empty where there is nothing to draw."""
        if not self.lanes.names:
            return ""
        body: list[str] = []
        y = _RULER
        spans: defaultdict[str, list[Span]] = defaultdict(list)
        for span in self.lanes.spans[:_MOST_SPANS]:
            spans[span.lane].append(span)
        ghosts = self._ghosts_by_lane()
        for number, lane in enumerate(self.lanes.names):
            if number == _MOST_LANES:
                more = len(self.lanes.names) - _MOST_LANES
                body.append(f'<text class="lane" x="4" y="{y + 14}">… {more} more lanes …</text>')
                y += _TITLE
                break
            drawn, height = self._lane(lane, spans[lane], ghosts[lane], y)
            body += drawn
            y += height + _GAP
        ruler = "".join(self._ruler(y))
        return f'<svg class="waterfall" height="{y + 4}" role="img" aria-label="waterfall">{ruler}{"".join(body)}</svg>'

    # Lanes.

    def _lane(self, lane: str, spans: list[Span], ghosts: list[Finding], y: int) -> tuple[list[str], int]:
        body = [f'<text class="lane" x="4" y="{y + 13}">{_shown(lane, 80)}</text>']
        y += _TITLE
        tracks = _packed(spans, self.start_ns + self.drawn_ns)
        place_of: dict[int, int] = {}
        below = y + max(len(tracks), 1) * _TRACK
        for track, listed in enumerate(tracks):
            top = y + track * _TRACK
            for span in listed:
                place_of[span.start_frame] = top
                body.append(self._span(span, top))
        body += self._instants(lane, y)
        for number, ghost in enumerate(ghosts[:_MOST_GHOSTS]):
            body.append(self._ghost(ghost, place_of.get(ghost.activation or 0, y), below + number * _TRACK))
        return body, below - y + _TITLE + min(len(ghosts), _MOST_GHOSTS) * _TRACK

    def _span(self, span: Span, top: int) -> str:
        end_ns = span.end_ns if span.end_ns is not None else self.end_ns
        unfinished = span.cut or span.end_ns is None
        state = "open" if unfinished else "failed" if span.failed else "large" if span.large else "part"
        x, width = self._x(span.start_ns), self._x(end_ns) - self._x(span.start_ns)
        length = duration_text(max(end_ns - span.start_ns, 0)) if not unfinished else "never ended"
        rect = f'<rect class="span {state}" x="{x:.3f}%" y="{top}" width="{max(width, 0.05):.3f}%" height="{_BAR}" rx="3"/>'
        label = fit(visible(span.name), 40) + (f"  {length}" if width > 12 else "")
        text = f'<text class="in" x="{x:.3f}%" dx="5" y="{top + 11}">{escape(label)}</text>' if width > 4 else ""
        title = f"{span.name} · {length} · from {clock(span.start_ns)}" + (" · failed" if span.failed else "")
        return self._linked(self.links.get(span.start_frame), f"<title>{_shown(title, 300)}</title>{rect}{text}")

    def _instants(self, lane: str, top: int) -> Iterator[str]:
        drawn: set[int] = set()
        for instant in self.lanes.instants:
            if instant.lane != lane:
                continue
            place = round((instant.t_ns - self.start_ns) / self.drawn_ns * _RESOLUTION)
            if place in drawn:
                continue
            drawn.add(place)
            title = _shown(f"{instant.name} at {clock(instant.t_ns)}", 300)
            tick = f'<rect class="instant" x="{self._x(instant.t_ns):.3f}%" y="{top - 2}" width="2" height="{_BAR + 4}"/>'
            yield self._linked(self.links.get(instant.frame), f"<title>{title}</title>{tick}")

    def _ghost(self, finding: Finding, span_top: int, top: int) -> str:
        """A dashed line from the span that lacks an event, where that event should stand, down to what it is called."""
        x = self._x(timeline.ghost_ns(finding))
        label = _shown(f"◆ {timeline.expected(finding)} missing", 60)
        title = _shown(finding.message, 300)
        anchor, shift = ("end", -6) if x > 70 else ("start", 6)
        line = f'<line class="ghost" x1="{x:.3f}%" x2="{x:.3f}%" y1="{span_top - 2}" y2="{top + _BAR}"/>'
        text = f'<text class="ghost" x="{x:.3f}%" dx="{shift}" y="{top + 11}" text-anchor="{anchor}">{label}</text>'
        return self._linked(self.ghost_links.get(id(finding)), f"<title>{title}</title>{line}{text}")

    def _ghosts_by_lane(self) -> defaultdict[str, list[Finding]]:
        """Each ghost on the lane of its span, else on the one that names its run or thread, else on the last."""
        started = {span.start_frame: span.lane for span in self.lanes.spans}
        by_lane: defaultdict[str, list[Finding]] = defaultdict(list)
        for finding in self.ghosts:
            lane = started.get(finding.activation or 0) or self._named_lane(dict(finding.slice))
            by_lane[lane or next(reversed(self.lanes.names))].append(finding)
        return by_lane

    def _named_lane(self, keys: dict[str, str]) -> str | None:
        run, thread = keys.get("run"), keys.get("thread")
        for lane in self.lanes.names:
            if run is not None and lane.endswith(f"run {run}"):
                return lane
        return next((lane for lane in self.lanes.names if thread is not None and lane.startswith(f"thread {thread}")), None)

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


def by_thread(lanes: Lanes) -> Lanes:
    """The same with one lane for all runs of a thread."""
    grouped = {name: name.partition(" · run ")[0] if not name.startswith("run ") else "runs" for name in lanes.names}
    return Lanes(
        names=dict.fromkeys(grouped.values()),
        spans=[replace(span, lane=grouped[span.lane]) for span in lanes.spans],
        instants=[replace(instant, lane=grouped[instant.lane]) for instant in lanes.instants],
    )


def _packed(spans: list[Span], end_ns: int) -> list[list[Span]]:
    """Spans on as few tracks as they need without covering each other; whole runs come on the first."""
    tracks: list[list[Span]] = []
    free_from: list[int] = []
    for span in sorted(spans, key=lambda span: (not span.large, span.start_ns)):
        until = span.end_ns if span.end_ns is not None else end_ns
        track = next((number for number, free in enumerate(free_from) if free <= span.start_ns), len(tracks))
        if track == _MOST_TRACKS:
            continue
        if track == len(tracks):
            tracks.append([])
            free_from.append(0)
        tracks[track].append(span)
        free_from[track] = max(until, span.start_ns + 1)
    return tracks


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
