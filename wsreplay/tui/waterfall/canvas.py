"""Lanes of spans over time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.strip import Strip

from wsreplay import units
from wsreplay.tui.look.cells import Cells
from wsreplay.tui.look.paint import fitted_ends
from wsreplay.tui.look.signs import Signs
from wsreplay.tui.recording.clock import ShownClock
from wsreplay.tui.recording.evidence import moment
from wsreplay.tui.recording.lanes import DrawnSpan, Lane, in_sight, instants_in_sight, nearest
from wsreplay.tui.recording.span_reading import SpanReading
from wsreplay.tui.recording.squeeze import AS_IT_WAS, LEAST_IDLE_NS, Squeeze, squeeze
from wsreplay.tui.recording.window import Window
from wsreplay.tui.waterfall.placed import NONE_PLACED, OTHERS, PlacedFindings, wrong_place
from wsreplay.tui.waterfall.stops import Stop, time_and_frame
from wsreplay.tui.waterfall.wrong import WrongPlace, signs_on_bar
from wsreplay.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from wsreplay.validator.findings import Finding

OTHERS_ROW = 1  # of the findings that belong to no span
LABEL = 18  # cells for the names of lanes, on a wide terminal more
WIDEST_LABEL = 36
_SHORTEST_NAME = 3  # cells, with those around it
STATES = {
    "completed": "ok", "open": "accent", "cut": "warning", "cancelled": "warning", "failed": "error", "stalled": "error",
}  # fmt: skip
"""The style of a span by its state in the log."""
_TOLD = "cut", "cancelled", "failed"  # states that are said beside how long it took


class Waterfall(RowList):
    """Row 0 is the ruler, which stays in sight; then a lane of the findings that belong to no span, if there are any; each
    further row is a lane of spans."""

    def __init__(self, clock: Callable[[], ShownClock], origin_ns: int, end_ns: int, *, id: str | None = None) -> None:
        """All times are ns on the recording's axis; it begins at `origin_ns`, and the ruler writes times by the clock."""
        super().__init__(id=id)
        self._clock = clock
        # From `_first_row` on; none until spans were read.
        self.lanes: Sequence[Lane] = ()
        self.origin_ns = origin_ns
        # The stretch of time that is in sight.
        self.window = Window.fitting(origin_ns, end_ns)
        # Where the playback is, and after which time nothing is there yet.
        self.playhead_ns = origin_ns
        self.horizon_ns: int | None = None
        # The span that is chosen, or the finding that belongs to none, and the row of its lane.
        self.selected: Stop | None = None
        self._selected_row = 0
        # What the lanes are made of.
        self._reading: SpanReading | None = None
        self._placed = NONE_PLACED
        # Whether idle time is drawn short.
        self.is_squeezed = True
        # By row, the spans that did not end well, or of which something is wrong.
        self._unwell: dict[int, Sequence[DrawnSpan]] = {}

    def show_findings(self, placed: PlacedFindings) -> None:
        """Draw findings; the cursor stays in its lane."""
        first_row = self._first_row
        self._placed = placed
        self._unwell.clear()
        self._count_rows()
        if self.cursor >= first_row:
            self.cursor = min(max(0, self.count - 1), self.cursor + self._first_row - first_row)
        self.refresh()

    def select(self, stop: Stop | None) -> None:
        """Choose a span of the lane that the cursor is on, or a finding of it."""
        self.refresh_line(self._selected_row)
        self.selected, self._selected_row = stop, self.cursor
        self.refresh_line(self.cursor)

    # The stretch of time that is in sight.

    def point(self, playhead_ns: int, horizon_ns: int | None) -> None:
        """Where the playback is, which comes into sight, and after which time nothing is there yet."""
        self.playhead_ns, self.horizon_ns = playhead_ns, horizon_ns
        self.bring_into_sight(playhead_ns)

    def bring_into_sight(self, t_ns: int) -> None:
        self._look_at(self.window.showing(t_ns))

    def pan(self, share: float) -> None:
        """Ahead or back by a share of what is in sight."""
        self._look_at(self.window.panned(share))

    def zoom(self, factor: float) -> None:
        """`factor` above 1 shows less, around the span that is chosen, else around the playhead."""
        around_ns = time_and_frame(self.selected)[0] if self.selected else self.playhead_ns
        self._look_at(self.window.zoomed(factor, around_ns))

    def fit(self, end_ns: int) -> None:
        """Show all of the time up to one."""
        self._look_at(Window.fitting(self.origin_ns, end_ns, self._axis(end_ns)))

    def look_around(self, t_ns: int, span_ns: int) -> None:
        """Show about so much time around one."""
        if self.window.span > span_ns:
            self._look_at(self.window.showing(t_ns).zoomed(self.window.span / span_ns, t_ns))

    def toggle_squeezed(self) -> None:
        """Draw idle time short, or as long as it was."""
        self.is_squeezed = not self.is_squeezed
        self._squeeze()

    def _axis(self, end_ns: int) -> Squeeze:
        reading = self._reading
        if not self.is_squeezed or reading is None or not self.lanes:
            return AS_IT_WAS
        first, last = (self.origin_ns, reading.busy[0]), (reading.busy[1], end_ns)
        edges = [*([first] if not reading.from_ns else []), *([last] if reading.until_ns is None else [])]
        idle = [*reading.idle, *(edge for edge in edges if edge[1] - edge[0] >= LEAST_IDLE_NS)]
        return squeeze(sorted(idle), self.origin_ns, end_ns)

    def _squeeze(self) -> None:
        axis = self._axis(self.window.high_ns)
        window = self.window
        self._look_at(window.squeezed(axis) if not window.is_whole else Window.fitting(window.low_ns, window.high_ns, axis))

    def widen(self, end_ns: int) -> None:
        """The recording has grown."""
        self._look_at(self.window.widened(end_ns))

    def _look_at(self, window: Window) -> None:
        self.window = window
        self.refresh()

    # Spans and lanes.

    def show_lanes(self, lanes: Sequence[Lane], reading: SpanReading) -> None:
        """Lanes, and what was read of which they are made; what lies outside of that is drawn as not read."""
        self.lanes, self._reading = lanes, reading
        self._unwell.clear()
        self._squeeze()
        self._count_rows()
        if lanes and self.cursor == 0:
            self.cursor = self._first_row

    def _count_rows(self) -> None:
        self.set_count(self._first_row + len(self.lanes) if self.lanes else 0)

    @property
    def _first_row(self) -> int:
        """The row of the first lane of spans."""
        return 2 if self._placed.others else 1

    @property
    def is_on_others(self) -> bool:
        """Whether the cursor is in the lane of the findings that belong to no span."""
        return bool(self.lanes) and self.cursor == OTHERS_ROW < self._first_row

    @property
    def room(self) -> int:
        """Columns for time."""
        return max(10, self.size.width - self.label - 1)

    @property
    def label(self) -> int:
        """Columns for the names of lanes."""
        return max(LABEL, min(WIDEST_LABEL, self.size.width // 6))

    def row_of(self, stop: Stop) -> int:
        """The row of the lane that a span is in, the first lane's where it is in none; that of the findings for a finding."""
        if not isinstance(stop, DrawnSpan):
            return OTHERS_ROW
        first_row = self._first_row
        rows = (row for row, lane in enumerate(self.lanes, first_row) if any(candidate is stop for candidate in lane.spans))
        return next(rows, first_row)

    def is_wrong(self, span: DrawnSpan) -> bool:
        """Whether a finding belongs to a span."""
        return span.start_frame in self._placed.on_spans

    def render_line(self, y: int) -> Strip:
        """The ruler stays in sight."""
        return self._ruler(self.size.width) if y == 0 and self.count else super().render_line(y)

    def _reveal(self, row: int, centre: bool) -> bool:
        """Below the ruler, which stands before the first row in sight."""
        above = super()._reveal(max(0, row - 1), centre)
        return super()._reveal(row, False) or above

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and offset.y > 0:
            super().on_click(event)

    def lane_at(self, row: int) -> Lane | None:
        place = row - self._first_row
        return self.lanes[place] if 0 <= place < len(self.lanes) else None

    def paint(self, row: int, width: int) -> Strip:
        lane = self.lane_at(row)
        if lane is not None:
            return self._lane(row, lane, width)
        return self._ruler(width) if row == 0 else self._others(width)

    def _ruler(self, width: int) -> Strip:
        cells = Cells(self.room, self.look.style("faint", on="ground"))
        clock = self._clock()
        idle = self.window.idle(cells.width)
        for x, t_ns in self.window.ticks(cells.width, zero_ns=clock.zero_ns):
            text = self.look.own("│") + clock.text(t_ns)
            end = x + cell_len(text)
            if end < cells.width and not any(x < after and first <= end for first, after, _ in idle):
                cells.put(x, text, self.look.style("dim", on="ground"))
        for first, after, (start_ns, end_ns) in idle:
            sign, lasted = self.look.signs.idle, units.duration_text(end_ns - start_ns)
            texts = (f"{sign} {lasted} {sign}", lasted, sign)
            text = next((text for text in texts if cell_len(text) <= after - first), "")
            x = first + (after - first - cell_len(text)) // 2
            cells.put(x, self.look.own(text), self.look.style("word", on="ground"))
        self._playhead(cells)
        return self.whole_line([(" " * self.label, self.look.ground("ground")), *cells.runs()], width)

    def _others(self, width: int) -> Strip:
        """The lane of the findings that belong to no span."""
        look, cells = self.look, self._empty_lane()
        places = [self._within(wrong_place(finding)) for finding in self._placed.others]
        pairs = zip(places, self._placed.others, strict=True)
        chosen = [self._column_of(place.t_ns, cells.width) for place, finding in pairs if finding is self.selected]
        for x, sign, style in signs_on_bar(look, self._in_sight(places, cells.width), 0, cells.width):
            is_chosen = any(x <= column < x + len(sign) for column in chosen)
            cells.put(x, sign, style + look.ground("ground") + Style(reverse=is_chosen))
        label = fitted_ends(OTHERS, self.label - 1, ellipsis=look.signs.ellipsis) + " "
        return self.whole_line([(label, look.style("strong")), *cells.runs()], width)

    def _within(self, place: WrongPlace) -> WrongPlace:
        """What was due after the end of all that is drawn stands there."""
        return place._replace(t_ns=max(self.window.low_ns, min(place.t_ns, self.window.high_ns)))

    def _empty_lane(self) -> Cells:
        """What stands behind the spans of a lane."""
        look = self.look
        cells = Cells(self.room, look.ground("ground"))
        for x, _ in self.window.ticks(cells.width, zero_ns=self._clock().zero_ns):
            cells.put(x, look.own("·"), look.style("line", on="ground"))
        for first, after, _ in self.window.idle(cells.width):
            cells.put(first, look.signs.idle * (after - first), look.style("line", on="ground"))
        self._unread(cells)
        self._playhead(cells)
        return cells

    def _lane(self, row: int, lane: Lane, width: int) -> Strip:
        look, cells = self.look, self._empty_lane()
        chosen = [self.selected] if isinstance(self.selected, DrawnSpan) and row == self.cursor else []
        for spans in (lane.spans, self._unwell_of(row, lane), chosen):
            seen = list(in_sight(spans, self.window, cells.width, self.horizon_ns))
            starts = [self.window.column(span.start_ns, cells.width) for span in seen]
            for span, free_until in zip(seen, [*starts[1:], cells.width], strict=False):
                self._paint_span(cells, span, free_until, "" if lane.title else lane.name)
        indent = "  " * lane.depth
        title = lane.title if lane.title else indent + lane.name
        label = fitted_ends(look.safe(title), self.label - 1, ellipsis=look.signs.ellipsis) + " "
        return self.whole_line([(label, look.style("strong" if lane.title else "faint")), *cells.runs()], width)

    def _unread(self, cells: Cells) -> None:
        """Where there may be spans that are not on this page."""
        from_ns, until_ns = (0, None) if self._reading is None else (self._reading.from_ns, self._reading.until_ns)
        first = max(0, self.window.column(from_ns, cells.width)) if from_ns else 0
        last = cells.width if until_ns is None else max(0, self.window.column(until_ns, cells.width) + 1)
        style = self.look.style("line", on="ground")
        cells.put(0, self.look.signs.unread * first, style)
        cells.put(last, self.look.signs.unread * max(0, cells.width - last), style)

    def _unwell_of(self, row: int, lane: Lane) -> Sequence[DrawnSpan]:
        """Painted over the others, so that none is lost where a column holds many."""
        spans = self._unwell.get(row)
        if spans is None:
            spans = [span for span in lane.spans if span.state not in ("completed", "open") or self.is_wrong(span)]
            self._unwell[row] = spans
        return spans

    def _paint_span(self, cells: Cells, span: DrawnSpan, free_until: int, lane_name: str) -> None:
        """A span in its lane, which has no other before a column."""
        look, width = self.look, cells.width
        signs = look.signs
        end_ns, state = span.end_ns, span.state
        if self.horizon_ns is not None and (end_ns is None or end_ns > self.horizon_ns):
            end_ns, state = self.horizon_ns, "open"
        is_open = end_ns is None or state == "open"
        left = self.window.column(span.start_ns, width)
        right = self.window.column(end_ns if end_ns is not None else self.window.high_ns, width)
        if end_ns is not None and end_ns <= self.window.end_ns:
            right = min(right, width - 1)
        if right < 0:
            return
        name = STATES[state]
        on = "cursor" if span is self.selected else "ground"
        style = look.style(name, on=on, bold=span is self.selected)
        wrong = list(signs_on_bar(look, self._in_sight(self._placed.on_spans.get(span.start_frame, ()), width), left, width))
        taken = [x + cell for x, sign, _ in wrong for cell in range(len(sign))]
        lasted = self._lasted(span, end_ns, state)
        if right <= left:
            cells.put(left, {"error": signs.error, "warning": signs.cut}.get(name, look.own("▪")), style)
        else:
            tail = signs.open_end if is_open else _tail(signs, state)
            fill = signs.dash if state == "stalled" else signs.span_fill
            body = (signs.missing if span.implied else signs.span_left) + fill * max(0, right - left - 1) + tail
            cells.put(left, body, style)
            self._instants(cells, span, on)
            name = "" if span.name == lane_name else span.name
            if not self._inscribe(cells, span, max(left, 0) + 1, right, taken, _texts(name, lasted)) and lasted:
                self._write_behind(cells, f" {lasted}", right + 1, free_until, taken)
        if right <= left and lasted:
            self._write_behind(cells, f" {lasted}", left + 1, free_until, taken)
        for x, sign, sign_style in wrong:
            cells.put(x, sign, sign_style + look.ground("ground"))

    def _in_sight(self, places: Iterable[WrongPlace], width: int) -> Iterator[tuple[int, WrongPlace]]:
        """The places that are known and in sight, and their columns."""
        for place in places:
            if not self.window.start_ns <= place.t_ns <= self.window.end_ns:
                continue
            if self.horizon_ns is None or place.t_ns <= self.horizon_ns:
                yield self._column_of(place.t_ns, width), place

    def _column_of(self, t_ns: int, width: int) -> int:
        return min(self.window.column(t_ns, width), width - 1)

    def _instants(self, cells: Cells, span: DrawnSpan, on: str) -> None:
        for x in instants_in_sight(span, self.window, cells.width, self.horizon_ns):
            cells.put(x, self.look.signs.instant, self.look.style("word", on=on))

    def _lasted(self, span: DrawnSpan, end_ns: int | None, state: str) -> str:
        """How long a span took, or that it never ended; nothing where it goes on."""
        if state == "stalled":
            return "never ended"
        if end_ns is None or state == "open":
            return ""
        lasted = units.duration_text(end_ns - span.start_ns)
        return f"{lasted} {state}" if state in _TOLD else lasted

    def _inscribe(
        self, cells: Cells, span: DrawnSpan, start: int, right: int, taken: Sequence[int], texts: Iterable[str]
    ) -> bool:
        """The first of some texts that has room, where it has that, between the ascending columns that are taken; whether
        one has."""
        if right - start < _SHORTEST_NAME:
            return False
        on = "cursor" if span is self.selected else "ground"
        for text in texts:
            shown, at = f" {self.look.safe(text)} ", start
            for x in taken:
                if at <= x < at + cell_len(shown):
                    at = x + 1
            if cell_len(shown) <= right - at:
                cells.put(at, shown, self.look.style("strong", on=on))
                return True
        return False

    def _write_behind(self, cells: Cells, text: str, x: int, free_until: int, taken: Sequence[int]) -> None:
        """A text behind a span, where it is free; no part of it, which would be another duration."""
        end = x + cell_len(text)
        if x >= 0 and end < free_until and not any(x <= place <= end for place in taken):
            cells.put(x, self.look.own(text), self.look.style("dim", on="ground"))

    def _playhead(self, cells: Cells) -> None:
        x = min(self.window.column(self.playhead_ns, cells.width), cells.width - 1)
        cells.put(x, self.look.signs.playhead, self.look.style("word", on="ground"))

    def span_near(self, row: int, t_ns: int) -> DrawnSpan | None:
        """The span of a lane that is open at a time, or the nearest; none in the lane of the other findings."""
        lane = self.lane_at(row)
        if lane is None or not lane.spans:
            return None
        return nearest(lane.spans, t_ns)

    def finding_near(self, t_ns: int) -> Finding | None:
        """The finding that belongs to no span and stands nearest to a time."""
        return min(self._placed.others, key=lambda finding: abs(moment(finding) - t_ns), default=None)


def _tail(signs: Signs, state: str) -> str:
    """How a span ends that has ended."""
    others = {"failed": signs.error, "stalled": signs.stalled, "cut": signs.cut, "cancelled": signs.cut}
    return others.get(state, signs.span_right)


def _texts(name: str, lasted: str) -> Iterator[str]:
    """What may stand on a span, the longest first."""
    if name and lasted:
        yield f"{name} {lasted}"
    if name or lasted:
        yield name or lasted
