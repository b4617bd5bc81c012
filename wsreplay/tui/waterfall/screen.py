"""The waterfall: who did what when, a lane a thread, runs and tools as spans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from wsreplay import units
from wsreplay.model import Session
from wsreplay.store import paging
from wsreplay.tui.look.paint import Run
from wsreplay.tui.messages import RowChosen, RowMoved
from wsreplay.tui.recording.goto import Target, why_unreachable
from wsreplay.tui.recording.lanes import DrawnSpan, by_duration, slowest
from wsreplay.tui.recording.open_recording import OpenRecording
from wsreplay.tui.recording.playback import Playback
from wsreplay.tui.recording.span_reading import READING, SpanReader, SpanReading
from wsreplay.tui.screens.base import BaseScreen
from wsreplay.tui.screens.playback import KEYS, PlaybackScreen
from wsreplay.tui.waterfall.about import about_finding, about_runs
from wsreplay.tui.waterfall.canvas import Waterfall
from wsreplay.tui.waterfall.placed import NONE_PLACED, begun_by, place_findings, tally_text
from wsreplay.tui.waterfall.stops import Stop, frame_beyond, next_stop, stop_at, time_and_frame
from wsreplay.tui.widgets.head import contract_runs, head_runs, joined, live_runs, session_name, verdict_runs
from wsreplay.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from wsreplay.validator.findings import Finding

LONG = 20_000  # frames: of fewer all spans are read
PAGE_SPAN_NS = 30 * units.SECOND  # is in sight where not all spans are read
_BEFORE_NS = 2 * units.SECOND  # a page begins so long before the frame that it is read for


class WaterfallScreen(PlaybackScreen, BaseScreen):
    """The session's playback goes on here, and back there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "back", "Back to the list", id="waterfall.back", show=False),
        Binding("a", "pan(-0.25)", "Earlier", id="waterfall.pan_left", show=False),
        Binding("d", "pan(0.25)", "Later", id="waterfall.pan_right", show=False),
        Binding("plus,equals_sign", "zoom(2.0)", "Zoom in", id="waterfall.zoom_in", show=False),
        Binding("underscore,minus", "zoom(0.5)", "Zoom out", id="waterfall.zoom_out", show=False),
        Binding("right_square_bracket", "next_finding(1)", "Next finding", id="waterfall.next_wrong", show=False),
        Binding(
            "left_square_bracket", "next_finding(-1)", "Previous finding", id="waterfall.previous_wrong", show=False
        ),
        Binding("r", "reload", "Read the spans again", id="waterfall.read_again", show=False),
        Binding("z", "fit", "All of it", id="waterfall.fit", show=False),
        Binding("s", "sort", "Sort by start or by duration", id="waterfall.sort", show=False),
        Binding("I", "squeeze", "Draw idle time short, or as long as it was", id="waterfall.squeeze", show=False),
        Binding("x", "next_slowest(1)", "Next of the ten slowest", id="waterfall.slowest", show=False),
        Binding("X", "next_slowest(-1)", "Previous of the ten slowest", id="waterfall.slower", show=False),
        Binding("right,l", "next_span(1)", "Next span of the lane", id="waterfall.next_span", show=False),
        Binding("left,h", "next_span(-1)", "Previous span of the lane", id="waterfall.previous_span", show=False),
        *KEYS,
    ]

    def __init__(
        self, recording: OpenRecording, session: Session | None, playback: Playback, replaying: bool,
        at_frame: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._at_frame = at_frame
        self.recording = recording
        self.session = session
        self.playback = playback
        self.replaying = replaying
        self.origin_ns = recording.start_ns(session)
        self.head = StatusLine(id="head")
        self.about = StatusLine(id="about")
        self.foot = StatusLine(id="foot")
        self.canvas = Waterfall(lambda: self.shown_clock, self.origin_ns, playback.end_ns, id="waterfall")
        self.jobs = self.jobs_of(recording.path)
        self._span_reader = SpanReader(recording, self.jobs, self._take_spans, lambda _why: None)
        # In the order of their starts, and the page that they are.
        self._spans: list[DrawnSpan] = []
        self._reading: SpanReading | None = None
        self._placed = NONE_PLACED
        # Whether the lanes with the longest spans stand first.
        self._by_duration = False
        # The ten slowest spans of the page, and which of them was gone to.
        self._slowest: list[DrawnSpan] = []

    def compose(self) -> Iterable[Widget]:
        yield self.head
        yield self.canvas
        yield self.about
        yield self.foot

    def on_mount(self) -> None:
        self._say_order()
        self.canvas.set_empty_lines(["", "reading the session …"])
        self.canvas.focus()
        self.show_playhead()
        self.keep_ticking()
        self._trace()

    def _trace(self) -> None:
        """Read the session's spans, if what is known of them is old."""
        if self._at_frame is not None and self._reading is None and self.recording.last_id > LONG:
            # Where they are read by page, by the one of the frame that the list was left at.
            self._span_reader.begin_at(max(0, paging.time_of(self.recording.reader, self._at_frame) - _BEFORE_NS))
        self._span_reader.ask(self.session, self.host.validation.contracts_in_use, self.now())

    def action_reload(self) -> None:
        self._span_reader.ask_again(self.session, self.host.validation.contracts_in_use, self.now())

    def job_failed(self, name: str, why: str) -> None:
        super().job_failed(name, why)
        if not self.canvas.count:
            self.canvas.set_empty_lines(["", f"{name}: {why}", f"{self.look.key('waterfall.read_again')} reads them again"])

    def _take_spans(self, read_spans: SpanReading) -> None:
        self._spans = read_spans.spans
        self._reading = read_spans
        self._place_findings()
        is_empty = not self.recording.reader.last_id()
        self.canvas.set_empty_lines(["", "Nothing is recorded yet."] if is_empty else self._why_empty())
        self._slowest = slowest(self._spans)
        self._show_lanes(read_spans)
        if read_spans.left_out:
            self.canvas.look_around(self._looked_at_ns(), PAGE_SPAN_NS)
        at_frame, self._at_frame = self._at_frame, None  # once: after that the user has chosen others
        chosen = stop_at(at_frame, self._spans, self._placed.others) if at_frame is not None else None
        if chosen is not None:
            self._put_cursor(chosen)
            self._select(chosen)
        else:
            self._select_nearest()

    def _show_lanes(self, reading: SpanReading) -> None:
        self.canvas.show_lanes(by_duration(reading.lanes) if self._by_duration else reading.lanes, reading)

    def _looked_at_ns(self) -> int:
        """The time of the frame that the list was left at, else of the playhead."""
        if self._at_frame is None:
            return self.playback.at_ns
        return paging.time_of(self.recording.reader, self._at_frame)

    def _why_empty(self) -> list[str]:
        """What a session without spans says; what is wrong with it stands elsewhere then."""
        by = " or ".join(source.name for source in self.recording.evidence.sources)
        lines = ["", f"No run or tool is known here{f' by {by}' if by else ''}."]
        number = self.session.id if self.session else None
        count = max(len(self._findings()), sum(self.recording.evidence.counts(number)))  # not all are kept
        if count:
            counted = units.count_text(count, "finding")
            lines.append(f"{counted}: {self.look.key('waterfall.next_wrong')} goes to the next, in the list")
        return lines

    def _say_count(self) -> None:
        """How many spans these are of all, and how many findings are not drawn, where these are not all."""
        reading, texts = self._reading, []
        if reading is not None and reading.left_out:
            since = f" from {self.shown_clock.text(reading.from_ns)} on" if reading.from_ns else ""
            texts.append(f"{len(self._spans):,} of {len(self._spans) + reading.left_out:,} spans{since}")
        if count := self.recording.evidence.left_out:
            texts.append(f"{units.count_text(count, 'finding')} of the recording not drawn")
        self.canvas.border_subtitle = ", ".join(texts)

    def _turn_page(self) -> None:
        """Read the spans at the playhead, or where that is out of sight those of what is in sight, if the page does not reach
        them."""
        window, at_ns = self.canvas.window, self.playback.at_ns
        wanted_ns = at_ns if window.start_ns <= at_ns <= window.end_ns else window.start_ns
        if self._reading is not None and not self._reading.reaches(wanted_ns):
            self._read_from(wanted_ns)

    def _read_from(self, from_ns: int) -> None:
        self._reading = None
        self.canvas.border_subtitle = f"{READING} {self.look.signs.ellipsis}"
        self._span_reader.ask_again(self.session, self.host.validation.contracts_in_use, self.now(), from_ns)

    def _place_findings(self) -> None:
        reading = self._reading
        page = self._frames_of(reading) if reading is not None and reading.left_out else None
        self._placed = place_findings(self._findings(), self._spans, page) if reading is not None else NONE_PLACED
        self.canvas.show_findings(self._placed)
        self._say_order()
        self._say_count()

    def _frames_of(self, reading: SpanReading) -> range:
        """The frames of the time that spans were read for."""
        reader, until_ns = self.recording.reader, reading.until_ns
        after = reader.last_id() + 1 if until_ns is None else paging.first_at(reader, until_ns)
        return range(paging.first_at(reader, reading.from_ns), after)

    def _findings(self) -> list[Finding]:
        """All that is no mere consequence; of the findings that are kept."""
        findings = self.recording.evidence.of_session(self.session.id if self.session else None)
        return [finding for finding in findings if not finding.caused_by]

    # The playhead.

    def show_playhead(self) -> None:
        self.canvas.point(self.playback.at_ns, self.playback.at_ns if self.replaying else None)
        self._turn_page()
        self.paint_lines()

    def next_event_after(self, t_ns: int) -> int | None:
        number = paging.first_at(self.recording.reader, t_ns + 1)
        return paging.time_of(self.recording.reader, number) if number <= self.recording.reader.last_id() else None

    def step_rows(self, rows: int) -> None:
        edges = sorted({t for span in self._spans for t in (span.start_ns, span.end_ns) if t is not None})
        later = [t for t in edges if (t > self.playback.at_ns if rows > 0 else t < self.playback.at_ns)]
        if later:
            self.seek(later[0 if rows > 0 else -1])

    def go_to_target(self, target: Target) -> None:
        if target.kind == "frame":
            why = why_unreachable(self.recording, self.session, target.value)
            if why is not None:
                self.notify(why, title=f"frame {target.value:,} is not here", severity="warning")
                return
            self.seek(paging.time_of(self.recording.reader, target.value))
        else:
            self.seek(target.value + (self.playback.at_ns if target.kind == "delta" else 0))

    # Spans.

    def on_row_moved(self, message: RowMoved) -> None:
        if self.canvas.cursor == 0:
            self.canvas.move_to(1, quiet=True)
        self._select_nearest()

    def _select_nearest(self) -> None:
        """What stands nearest to the playhead in the lane of the cursor."""
        canvas, at_ns = self.canvas, self.playback.at_ns
        self._select(canvas.finding_near(at_ns) if canvas.is_on_others else canvas.span_near(canvas.cursor, at_ns))

    def _select(self, stop: Stop | None) -> None:
        self.canvas.select(stop)
        self.paint_lines()

    def action_next_span(self, steps: int) -> None:
        lane, selected = self.canvas.lane_at(self.canvas.cursor), self.canvas.selected
        stops: Sequence[Stop] = lane.spans if lane is not None else self._placed.others
        if selected is None or selected not in stops:
            return
        self._go_to(stops[max(0, min(stops.index(selected) + steps, len(stops) - 1))])

    def action_next_finding(self, steps: int) -> None:
        """To the next span of which something is wrong, in the order of their starts, or to the next finding that belongs to no
        span; where no span is known, to a finding in the list."""
        wrong: list[Stop] = [span for span in self._spans if self.canvas.is_wrong(span)]
        stops = sorted([*wrong, *self._placed.others], key=time_and_frame) if self._spans else []
        here = self.canvas.selected
        stop = next_stop(stops, here, steps)
        if beyond := frame_beyond(self._frames_off_page(), here, stop, steps):
            self._read_around(beyond)
        elif stop is not None:
            self._go_to(stop)
        else:
            self._say_no_further(steps, bool(stops))

    def _say_no_further(self, steps: int, is_any: bool) -> None:
        findings = self._findings()
        if not is_any and findings:
            self.host.leave_waterfall(self.playback, self.replaying)
            self.host.show_findings(self.session, findings[0])
            return
        count = self.recording.evidence.left_out
        beside = f"; {units.count_text(count, 'more finding')} of this recording are not drawn" if count else ""
        self.notify(f"no finding {'further on' if steps > 0 else 'before this one'}{beside}")

    def action_next_slowest(self, steps: int) -> None:
        """To the next of the spans that took longest."""
        here = self.canvas.selected
        at = next((place for place, span in enumerate(self._slowest) if span is here), -1 if steps > 0 else 0) + steps
        if not self._slowest:
            self.notify("nothing has ended yet" if self._spans else "no run or tool is known here")
        else:
            self._go_to(self._slowest[at % len(self._slowest)])

    def action_sort(self) -> None:
        self._by_duration = not self._by_duration
        self._say_order()
        if self._reading is not None:
            chosen = self.canvas.selected
            self._show_lanes(self._reading)
            if chosen is not None:
                self._put_cursor(chosen)
                self.canvas.select(chosen)

    def _say_order(self) -> None:
        """How the lanes are sorted, and how many findings no span has."""
        order = "waterfall, by duration" if self._by_duration else "waterfall"
        texts = [order, tally_text(self.look, self._placed.others if self._spans else ())]
        self.canvas.border_title = f" {self.look.signs.divider} ".join(filter(None, texts))

    def action_squeeze(self) -> None:
        self.canvas.toggle_squeezed()
        self.notify("idle time is drawn short" if self.canvas.is_squeezed else "idle time is drawn to scale")

    def _frames_off_page(self) -> list[int]:
        """Where findings are that belong to spans of other pages."""
        if self._reading is None or not self._reading.left_out:
            return []
        page = self._frames_of(self._reading)
        begun = (finding.activation for finding in self._findings() if begun_by(finding))
        return [frame_id for frame_id in begun if frame_id is not None and frame_id not in page]

    def _read_around(self, frame_id: int) -> None:
        """Read the page that begins at a frame, and go to what stands there."""
        self._at_frame = frame_id
        from_ns = paging.time_of(self.recording.reader, frame_id)
        self._read_from(from_ns)
        self.seek(from_ns)

    def _put_cursor(self, stop: Stop) -> None:
        self.canvas.move_to(self.canvas.row_of(stop), quiet=True)

    def _go_to(self, stop: Stop) -> None:
        self._put_cursor(stop)
        t_ns, _ = time_and_frame(stop)
        if not self.replaying:
            self.seek(t_ns)
        self.canvas.bring_into_sight(t_ns)
        self._select(stop)

    def on_row_chosen(self, message: RowChosen) -> None:
        """Go to the frame that the span began with, or to the finding."""
        stop = self.canvas.selected
        if stop is None or self.app.screen is not self:  # chosen twice, it is gone to once
            return
        self.host.leave_waterfall(self.playback, self.replaying, stop.start_frame if isinstance(stop, DrawnSpan) else stop)

    def action_back(self) -> None:
        """The list goes on where the playhead is now."""
        if self.app.screen is self:
            self.host.leave_waterfall(self.playback, self.replaying)

    def action_escape(self) -> None:
        self.action_back()

    def action_pan(self, share: float) -> None:
        self.canvas.pan(share)
        self._turn_page()

    def action_zoom(self, factor: float) -> None:
        self.canvas.zoom(factor)
        self._turn_page()

    def action_fit(self) -> None:
        self.canvas.fit(self.playback.end_ns)
        self._turn_page()

    # Lines.

    def verdict_changed(self) -> None:
        self._trace()
        self._place_findings()
        self.canvas.refresh()
        self.paint_lines()

    def recording_grew(self, last_id: int) -> None:
        self.playback = self.playback.reaching(self.recording.reached_ns(self.session))
        self.canvas.widen(self.playback.end_ns)
        self._trace()

    def clock_ticked(self) -> None:
        self._trace()
        self.paint_lines()

    def paint_lines(self) -> None:
        look = self.look
        place = head_runs(look, session_name(look, self.session, self.recording))
        number = self.session.id if self.session else None
        verdict = verdict_runs(look, self.host.validation.status, self.recording, number)
        live = live_runs(look, self.host.growth, self.recording)
        self.head.say(joined(look, place, live), verdict, extra=contract_runs(look, self.recording))
        self.about.say(self._about())
        keys = (
            ("waterfall.pan_left waterfall.pan_right", "pan"), ("waterfall.zoom_in waterfall.zoom_out", "zoom"),
            ("waterfall.next_wrong", "next finding"), ("waterfall.slowest", "slowest"), ("waterfall.sort", "sort"),
            ("waterfall.back", "list"), ("list.open", "go to the frame"), ("waterfall.fit", "fit"),
            ("waterfall.squeeze", "idle"), ("playback.play", "play"),
        )  # fmt: skip
        self.foot.say(self.playback_runs(), look.keys(("app.help", "help")), keys=keys)

    def _about(self) -> list[Run]:
        span = self.canvas.selected
        if span is None:
            return [(" ", self.look.style("dim"))]
        if not isinstance(span, DrawnSpan):
            return about_finding(self.look, self.shown_clock, span, self.playback.at_ns if self.replaying else None)
        ends_ns = max(self.playback.end_ns, span.end_ns or 0)  # a lost connection is waited for after its end
        until_ns = self.playback.at_ns if self.replaying else ends_ns
        rank = next((place for place, candidate in enumerate(self._slowest, 1) if candidate is span), 0)
        return about_runs(
            self.look, self.shown_clock, span, until_ns, self._findings(), rank if len(self._slowest) > 1 else 0
        )
