"""The waterfall: who did what when, a lane a thread, runs and tools as spans."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from wsreplay import units
from wsreplay.model import Session
from wsreplay.store import paging
from wsreplay.tui.look.paint import Run
from wsreplay.tui.messages import RowChosen, RowMoved
from wsreplay.tui.recording.evidence import moment
from wsreplay.tui.recording.goto import Target, why_unreachable
from wsreplay.tui.recording.lanes import DrawnSpan, by_duration, slowest
from wsreplay.tui.recording.open_recording import OpenRecording
from wsreplay.tui.recording.playback import Playback
from wsreplay.tui.recording.span_reading import READING, SpanReader, SpanReading
from wsreplay.tui.screens.base import BaseScreen
from wsreplay.tui.screens.playback import KEYS, PlaybackScreen
from wsreplay.tui.waterfall.about import about_runs
from wsreplay.tui.waterfall.canvas import Waterfall
from wsreplay.tui.waterfall.wrong import WrongPlace
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
        Binding("right_square_bracket", "next_finding(1)", "Next span with a finding", id="waterfall.next_wrong", show=False),
        Binding(
            "left_square_bracket", "next_finding(-1)", "Previous span with a finding", id="waterfall.previous_wrong", show=False
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
        chosen = self._span_of_frame()
        if chosen is not None:
            self.canvas.move_to(self.canvas.row_of(chosen), quiet=True)
        self._select(chosen or self.canvas.span_near(self.canvas.cursor, self.playback.at_ns))

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
        count = max(len(self._findings(all_kinds=True)), sum(self.recording.evidence.counts(number)))  # not all are kept
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

    def _span_of_frame(self) -> DrawnSpan | None:
        """The span that the list's frame began or ended, once: after that the user has chosen others."""
        at_frame, self._at_frame = self._at_frame, None
        ends = (span for span in self._spans if at_frame is not None and at_frame in (span.start_frame, span.end_frame))
        return next(ends, None)

    def _place_findings(self) -> None:
        """What never came, came late or out of order belongs to the span that its finding's activation began."""
        wrong: defaultdict[int, list[WrongPlace]] = defaultdict(list)
        for finding in self._findings():
            for frame_id in {finding.activation, *finding.frames[:1]} - {None}:
                wrong[frame_id or 0].append(WrongPlace(moment(finding), finding.kind, str(finding.severity)))
        self.canvas.show_wrong(wrong)
        self._say_count()

    def _findings(self, *, all_kinds: bool = False) -> list[Finding]:
        """What has a place in a lane, or all that is no mere consequence; of the findings that are kept."""
        findings = self.recording.evidence.of_session(self.session.id if self.session else None)
        causes = [finding for finding in findings if not finding.caused_by]
        return [finding for finding in causes if all_kinds or finding.kind in ("late", "order") or finding.is_ghost]

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
        self._select(self.canvas.span_near(self.canvas.cursor, self.playback.at_ns))

    def _select(self, span: DrawnSpan | None) -> None:
        self.canvas.select(span)
        self.paint_lines()

    def action_next_span(self, steps: int) -> None:
        lane, selected = self.canvas.lane_at(self.canvas.cursor), self.canvas.selected
        if lane is None or selected is None or selected not in lane.spans:
            return
        place = max(0, min(lane.spans.index(selected) + steps, len(lane.spans) - 1))
        self._go_to(lane.spans[place])

    def action_next_finding(self, steps: int) -> None:
        """To the next span of which something is wrong, in the order of their starts; where there is none, to a finding in the
        list."""
        wrong = [span for span in self._spans if self.canvas.is_wrong(span)]
        here = self.canvas.selected
        first = bisect_left(wrong, _place(here), key=_place) if here is not None else 0
        same = next((at for at in range(first, len(wrong)) if wrong[at] is here), None)  # a frame may begin several spans
        at = (same if same is not None else first - (steps > 0)) + steps
        if 0 <= at < len(wrong):
            self._go_to(wrong[at])
        elif not self._go_off_page(steps, here):
            self._say_no_further(steps, bool(wrong))

    def _say_no_further(self, steps: int, is_any: bool) -> None:
        findings = self._findings(all_kinds=True)
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
                self.canvas.move_to(self.canvas.row_of(chosen), quiet=True)
                self.canvas.select(chosen)

    def _say_order(self) -> None:
        self.canvas.border_title = "waterfall, by duration" if self._by_duration else "waterfall"

    def action_squeeze(self) -> None:
        self.canvas.toggle_squeezed()
        self.notify("idle time is drawn short" if self.canvas.is_squeezed else "idle time is drawn to scale")

    def _go_off_page(self, steps: int, here: DrawnSpan | None) -> bool:
        """To the next finding that belongs to a span of another page, if there is one."""
        if here is None or self._reading is None or not self._reading.left_out:
            return False
        begun = sorted({finding.activation for finding in self._findings() if finding.activation is not None})
        at = bisect_right(begun, here.start_frame) if steps > 0 else bisect_left(begun, here.start_frame) - 1
        if not 0 <= at < len(begun):
            return False
        self._at_frame = begun[at]
        from_ns = paging.time_of(self.recording.reader, begun[at])
        self._read_from(from_ns)
        self.seek(from_ns)
        return True

    def _go_to(self, span: DrawnSpan) -> None:
        self.canvas.move_to(self.canvas.row_of(span), quiet=True)
        if not self.replaying:
            self.seek(span.start_ns)
        self.canvas.bring_into_sight(span.start_ns)
        self._select(span)

    def on_row_chosen(self, message: RowChosen) -> None:
        """Go to the frame that the span began with."""
        span = self.canvas.selected
        if span is None or self.app.screen is not self:  # chosen twice, it is gone to once
            return
        self.host.leave_waterfall(self.playback, self.replaying, span.start_frame)

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
        ends_ns = max(self.playback.end_ns, span.end_ns or 0)  # a lost connection is waited for after its end
        until_ns = self.playback.at_ns if self.replaying else ends_ns
        rank = next((place for place, candidate in enumerate(self._slowest, 1) if candidate is span), 0)
        return about_runs(
            self.look, self.shown_clock, span, until_ns, self._findings(), rank if len(self._slowest) > 1 else 0
        )


def _place(span: DrawnSpan) -> tuple[int, int]:
    return span.start_ns, span.start_frame
