"""The waterfall: who did what when, a lane a thread, runs and tools as spans."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from wsreplay import units
from wsreplay.model import Session
from wsreplay.store import paging
from wsreplay.tui.look.paint import Run
from wsreplay.tui.messages import RowChosen, RowMoved
from wsreplay.tui.recording.evidence import known_at, moment
from wsreplay.tui.recording.goto import Target, why_unreachable
from wsreplay.tui.recording.lanes import DrawnSpan
from wsreplay.tui.recording.open_recording import OpenRecording
from wsreplay.tui.recording.playback import Playback
from wsreplay.tui.recording.span_reading import READING, SpanReader, SpanReading
from wsreplay.tui.screens.playback import PlaybackScreen
from wsreplay.tui.waterfall.canvas import STATES, Waterfall
from wsreplay.tui.widgets.head import contract_runs, head_runs, joined, live_runs, session_name, verdict_runs
from wsreplay.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from wsreplay.validator.findings import Finding


class WaterfallScreen(PlaybackScreen):
    """The session's playback goes on here, and back there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "back", "Back to the list", id="waterfall.back", show=False),
        Binding("a", "pan(-0.25)", "Earlier", id="waterfall.pan_left", show=False),
        Binding("d", "pan(0.25)", "Later", id="waterfall.pan_right", show=False),
        Binding("plus,equals_sign", "zoom(2.0)", "Closer", id="waterfall.zoom_in", show=False),
        Binding("underscore,minus", "zoom(0.5)", "Further away", id="waterfall.zoom_out", show=False),
        Binding("right_square_bracket", "next_finding(1)", "Next span with a finding", id="waterfall.next_wrong", show=False),
        Binding(
            "left_square_bracket", "next_finding(-1)", "Previous span with a finding", id="waterfall.previous_wrong", show=False
        ),
        Binding("r", "reload", "Read the spans again", id="waterfall.read_again", show=False),
        Binding("z", "fit", "All of it", id="waterfall.fit", show=False),
        Binding("right,l", "next_span(1)", "Next span of the lane", id="waterfall.next_span", show=False),
        Binding("left,h", "next_span(-1)", "Previous span of the lane", id="waterfall.previous_span", show=False),
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
        self._spans: list[DrawnSpan] = []
        # The page that they are.
        self._reading: SpanReading | None = None

    def compose(self) -> Iterable[Widget]:
        yield self.head
        yield self.canvas
        yield self.about
        yield self.foot

    def on_mount(self) -> None:
        self.canvas.border_title = "waterfall"
        self.canvas.set_empty_lines(["", "reading the session …"])
        self.canvas.focus()
        self.show_playhead()
        self.keep_ticking()
        self._trace()

    def _trace(self) -> None:
        """Read the session's spans, if what is known of them is old."""
        self._span_reader.ask(self.session, self.host.validation.contracts_in_use, self.now())

    def action_reload(self) -> None:
        self._span_reader.ask_again(self.session, self.host.validation.contracts_in_use, self.now())

    def job_failed(self, name: str, why: str) -> None:
        super().job_failed(name, why)
        if not self.canvas.count:
            self.canvas.set_empty_lines(["", f"{name}: {why}", f"{self.look.key('waterfall.read_again')} reads them again"])

    def _take_spans(self, read_spans: SpanReading) -> None:
        self._spans, lanes = read_spans.spans, read_spans.lanes
        self._reading = read_spans
        self._place_findings()
        is_empty = not self.recording.reader.last_id()
        why = "Nothing is recorded yet." if is_empty else "This contract knows no span that begins here."
        self.canvas.set_empty_lines(["", why])
        self.canvas.show_lanes(lanes, read_spans.from_ns, read_spans.until_ns)
        self.canvas.border_subtitle = self._count_text(read_spans)
        chosen = self._span_of_frame()
        if chosen is not None:
            self.canvas.move_to(self.canvas.row_of(chosen), quiet=True)
        self._select(chosen or self.canvas.span_near(self.canvas.cursor, self.playback.at_ns))

    def _count_text(self, read_spans: SpanReading) -> str:
        """How many spans these are of all, where they are not all."""
        if not read_spans.left_out:
            return ""
        shown, total = len(self._spans), len(self._spans) + read_spans.left_out
        since = f" from {self.shown_clock.text(read_spans.from_ns)} on" if read_spans.from_ns else ""
        return f"{shown:,} of {total:,} spans{since}"

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
        wrong: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
        for finding in self._findings():
            for frame_id in {finding.activation, *finding.frames[:1]} - {None}:
                wrong[frame_id or 0].append((moment(finding), finding.kind))
        self.canvas.show_wrong(wrong)

    def _findings(self) -> list[Finding]:
        findings = self.recording.evidence.of_session(self.session.id if self.session else None)
        causes = [finding for finding in findings if not finding.caused_by]
        return [finding for finding in causes if finding.kind in ("late", "order") or finding.is_ghost]

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
        """To the next span of which something is wrong, in the order of their starts."""
        wrong = [span for span in self._spans if self.canvas.is_wrong(span)]
        here = self.canvas.selected
        first = bisect_left(wrong, _place(here), key=_place) if here is not None else 0
        same = next((at for at in range(first, len(wrong)) if wrong[at] is here), None)  # a frame may begin several spans
        at = (same if same is not None else first - (steps > 0)) + steps
        if not 0 <= at < len(wrong) and self._go_off_page(steps, here):
            return
        if not 0 <= at < len(wrong):
            self.notify("no finding further on" if steps > 0 else "no finding before this one")
            return
        self._go_to(wrong[at])

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
        place = head_runs(look, session_name(look, self.session))
        number = self.session.id if self.session else None
        verdict = verdict_runs(look, self.host.validation.status, self.recording, number)
        live = live_runs(look, self.host.growth, self.recording)
        self.head.say(joined(look, place, live), verdict, extra=contract_runs(look, self.recording))
        self.about.say(self._about())
        keys = (
            ("waterfall.pan_left waterfall.pan_right", "pan"), ("waterfall.zoom_in waterfall.zoom_out", "zoom"),
            ("waterfall.next_wrong", "next finding"), ("waterfall.back", "list"), ("list.open", "go to the frame"),
            ("waterfall.fit", "fit"), ("player.play", "play"),
        )  # fmt: skip
        self.foot.say(self.playback_runs(), look.keys(("app.help", "help")), keys=keys)

    def _about(self) -> list[Run]:
        look, span = self.look, self.canvas.selected
        until = self.playback.at_ns if self.replaying else self.playback.end_ns
        if span is None or span.start_ns > until:
            return [(" ", look.style("dim"))]
        if span.end_ns is not None and span.end_ns > until:
            span = replace(span, end_ns=None, end_frame=None, state="open", detail="")  # nobody knows yet how it ends
        lasted = units.duration_text((span.end_ns or until) - span.start_ns)
        known = [finding for finding in self._findings() if known_at(finding) <= until]
        began = [finding for finding in known if span.start_frame in (finding.activation, *finding.frames[:1])]
        kind = "" if span.name.startswith(f"{span.kind} ") else f"{span.kind} "  # which a span without a name begins with
        late = max((finding.late_by or 0 for finding in began if finding.kind == "late"), default=0)
        return [
            (kind, look.style("dim")), (look.safe(span.name), look.style("strong", bold=True)),
            (f"  {self.shown_clock.text(span.start_ns)} {look.own('→')} ", look.style("dim")),
            (self.shown_clock.text(span.end_ns) if span.end_ns is not None else "still open", look.style("dim")),
            (f"  {lasted}  ", look.style("text")),
            (span.state, look.style(STATES[span.state], bold=True)),
            (f": {look.safe(span.detail)}" if span.detail else "", look.style("dim")),
            ("  its start never came" if span.implied else "", look.style("missing", bold=True)),
            (look.safe(_owed(span, until)), look.style("dim")),
            (f"  late by {units.duration_text(late)}" if late else "", look.style("late", bold=True)),
            (f"  frame {span.start_frame}", look.style("faint")),
            (f" {look.own('–')} {span.end_frame}" if span.end_frame else "", look.style("faint")),
        ]  # fmt: skip


def _owed(span: DrawnSpan, at_ns: int) -> str:
    """What a span that has not ended still owes, and when it is due."""
    if span.end_ns is not None or not span.owes:
        return ""
    due = f" in {units.duration_text(span.until_ns - at_ns)}" if span.until_ns is not None and span.until_ns > at_ns else ""
    return f"  owes {' or '.join(owed.removeprefix('s2c:').removeprefix('c2s:') for owed in span.owes)}{due}"


def _place(span: DrawnSpan) -> tuple[int, int]:
    return span.start_ns, span.start_frame
