"""The waterfall: who did what when, a lane a thread, runs and tools as spans."""

from __future__ import annotations

from bisect import bisect_left
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
from wsreplay.tui.recording.evidence import is_ghost, known_at, moment
from wsreplay.tui.recording.goto import Target, why_not_here
from wsreplay.tui.recording.lanes import Drawn
from wsreplay.tui.recording.open_recording import Opened
from wsreplay.tui.recording.playback import Player
from wsreplay.tui.recording.span_reading import Traced, Tracing
from wsreplay.tui.recording.window import Window
from wsreplay.tui.screens.player import PlayerScreen
from wsreplay.tui.waterfall.canvas import Waterfall
from wsreplay.tui.widgets.head import head_runs, joined, judge_runs, live_runs, session_name, verdict_runs
from wsreplay.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from wsreplay.tui.session.screen import SessionScreen
    from wsreplay.validator.findings import Finding


class WaterfallScreen(PlayerScreen):
    """The session screen's playhead and film go on here, and back there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "back", "Back to the list", id="waterfall.back", show=False),
        Binding("a", "pan(-0.25)", "Earlier", id="waterfall.pan_left", show=False),
        Binding("d", "pan(0.25)", "Later", id="waterfall.pan_right", show=False),
        Binding("plus,equals_sign", "zoom(2.0)", "Closer", id="waterfall.zoom_in", show=False),
        Binding("underscore,minus", "zoom(0.5)", "Further away", id="waterfall.zoom_out", show=False),
        Binding("right_square_bracket", "wrong(1)", "Next span with a finding", id="waterfall.next_wrong", show=False),
        Binding("left_square_bracket", "wrong(-1)", "Previous span with a finding", id="waterfall.previous_wrong", show=False),
        Binding("r", "lay", "Read the spans again", id="waterfall.read_again", show=False),
        Binding("z", "fit", "All of it", id="waterfall.fit", show=False),
        Binding("right,l", "span(1)", "Next span of the lane", id="waterfall.next_span", show=False),
        Binding("left,h", "span(-1)", "Previous span of the lane", id="waterfall.previous_span", show=False),
    ]

    def __init__(
        self, opened: Opened, session: Session | None, player: Player, film: bool, at_frame: int | None = None
    ) -> None:
        super().__init__()
        self._at_frame = at_frame
        self.opened = opened
        self.session = session
        self.player = player
        self.film = film
        self.origin_ns = opened.start_ns(session)
        self.head = StatusLine(id="head")
        self.about = StatusLine(id="about")
        self.foot = StatusLine(id="foot")
        self.canvas = Waterfall(id="waterfall")
        self.errands = self.errands_of(opened)
        self._tracing = Tracing(opened, self.errands, self._lay, lambda: None)
        self._spans: list[Drawn] = []

    def parts(self) -> Iterable[Widget]:
        yield self.head
        yield self.canvas
        yield self.about
        yield self.foot

    def on_mount(self) -> None:
        self.canvas.border_title = "waterfall"
        self.canvas.origin_ns = self.origin_ns
        self.canvas.window = Window.fitting(self.origin_ns, self.player.end_ns)
        self.canvas.empty_lines = ["", "reading the session …"]
        self.canvas.focus()
        self.show_playhead()
        self.keep_ticking()
        self._trace()

    def on_unmount(self) -> None:
        self.errands.cancel_all()

    def _trace(self) -> None:
        """Read the session's spans, if what is known of them is old."""
        self._tracing.ask(self.session, self.replay.judged_by, self.now())

    def action_lay(self) -> None:
        self._tracing.ask_again(self.session, self.replay.judged_by, self.now())

    def work_failed(self, doing: str, why: str) -> None:
        super().work_failed(doing, why)
        if not self.canvas.count:
            self.canvas.empty_lines = ["", f"{doing}: {why}", f"{self.look.key('waterfall.read_again')} reads them again"]
            self.canvas.refresh()

    def _lay(self, traced: Traced) -> None:
        self._spans, lanes, full = traced
        self._place_findings()
        is_empty = not self.opened.reader.last_id()
        why = "Nothing is recorded yet." if is_empty else "This contract knows no span that begins here."
        self.canvas.empty_lines = ["", why]
        self.canvas.show_lanes(lanes)
        self.canvas.border_subtitle = f"the first {len(self._spans):,} spans" if full else ""
        chosen = self._span_of_frame()
        if chosen is not None:
            self.canvas.move_to(self.canvas.row_of(chosen), quiet=True)
        self._select(chosen or self.canvas.span_near(self.canvas.cursor, self.player.at_ns))

    def _span_of_frame(self) -> Drawn | None:
        """The span that the list's frame began or ended, once: after that the user has chosen others."""
        at_frame, self._at_frame = self._at_frame, None
        ends = (one for one in self._spans if at_frame is not None and at_frame in (one.start_frame, one.end_frame))
        return next(ends, None)

    def _place_findings(self) -> None:
        """What never came, came late or out of order belongs to the span that its finding's activation began."""
        wrong: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
        for finding in self._findings():
            for frame_id in {finding.activation, *finding.frames[:1]} - {None}:
                wrong[frame_id or 0].append((moment(finding), finding.kind))
        self.canvas.show_wrong(wrong)

    def _findings(self) -> list[Finding]:
        found = self.opened.evidence.of_session(self.session.id if self.session else None)
        return [one for one in found if not one.caused_by and (one.kind in ("late", "order") or is_ghost(one))]

    # The playhead.

    def show_playhead(self) -> None:
        canvas = self.canvas
        canvas.playhead_ns = self.player.at_ns
        canvas.horizon_ns = self.player.at_ns if self.film else None
        canvas.window = canvas.window.showing(self.player.at_ns)
        canvas.refresh()
        self.paint_lines()

    def next_event_after(self, t_ns: int) -> int | None:
        number = paging.first_at(self.opened.reader, t_ns + 1)
        return paging.time_of(self.opened.reader, number) if number <= self.opened.reader.last_id() else None

    def step_rows(self, rows: int) -> None:
        edges = sorted({t for one in self._spans for t in (one.start_ns, one.end_ns) if t is not None})
        later = [t for t in edges if (t > self.player.at_ns if rows > 0 else t < self.player.at_ns)]
        if later:
            self.seek(later[0 if rows > 0 else -1])

    def go_to_target(self, target: Target) -> None:
        if target.kind == "frame":
            why = why_not_here(self.opened, self.session, target.value)
            if why is not None:
                self.notify(why, title=f"frame {target.value:,} is not here", severity="warning")
                return
            self.seek(paging.time_of(self.opened.reader, target.value))
        else:
            self.seek(target.value + (self.origin_ns if target.kind == "time" else self.player.at_ns))

    # Spans.

    def on_row_moved(self, message: RowMoved) -> None:
        if self.canvas.cursor == 0:
            self.canvas.move_to(1, quiet=True)
        self._select(self.canvas.span_near(self.canvas.cursor, self.player.at_ns))

    def _select(self, drawn: Drawn | None) -> None:
        self.canvas.select(drawn)
        self.paint_lines()

    def action_span(self, steps: int) -> None:
        lane, selected = self.canvas.lane_at(self.canvas.cursor), self.canvas.selected
        if lane is None or selected is None or selected not in lane.spans:
            return
        place = max(0, min(lane.spans.index(selected) + steps, len(lane.spans) - 1))
        self._go_to(lane.spans[place])

    def action_wrong(self, steps: int) -> None:
        """To the next span of which something is wrong, in the order of their starts."""
        wrong = [one for one in self._spans if self.canvas.is_wrong(one)]
        here = self.canvas.selected
        first = bisect_left(wrong, _place(here), key=_place) if here is not None else 0
        same = next((at for at in range(first, len(wrong)) if wrong[at] is here), None)  # a frame may begin several spans
        at = (same if same is not None else first - (steps > 0)) + steps
        if not 0 <= at < len(wrong):
            self.notify("no finding further on" if steps > 0 else "no finding before this one")
            return
        self._go_to(wrong[at])

    def _go_to(self, drawn: Drawn) -> None:
        self.canvas.move_to(self.canvas.row_of(drawn), quiet=True)
        if not self.film:
            self.seek(drawn.start_ns)
        self.canvas.window = self.canvas.window.showing(drawn.start_ns)
        self._select(drawn)
        self.canvas.refresh()

    def on_row_chosen(self, message: RowChosen) -> None:
        """Go to the frame that the span began with."""
        drawn = self.canvas.selected
        if drawn is None or self.app.screen is not self:  # chosen twice, it is gone to once
            return
        below = self._hand_back()
        if below is not None:
            below.call_after_refresh(below.go_to_target, Target("frame", drawn.start_frame))

    def action_back(self) -> None:
        """The list goes on where the playhead is now."""
        if self.app.screen is self:
            self._hand_back()

    def action_escape(self) -> None:
        self.action_back()

    def _hand_back(self) -> SessionScreen | None:
        """To the screen below; where that is a session, it goes on with the film and the player as they are here."""
        from wsreplay.tui.session.screen import SessionScreen

        self.replay.go_back()
        below = self.app.screen
        if not isinstance(below, SessionScreen):
            return None
        if (self.player._replace(since_ns=below.player.since_ns), self.film) != (below.player, below.film):
            below.call_after_refresh(below.take_over, self.player, self.film)
        return below

    def action_pan(self, share: float) -> None:
        self.canvas.window = self.canvas.window.panned(share)
        self.canvas.refresh()

    def action_zoom(self, factor: float) -> None:
        chosen = self.canvas.selected
        self.canvas.window = self.canvas.window.zoomed(factor, chosen.start_ns if chosen else self.player.at_ns)
        self.canvas.refresh()

    def action_fit(self) -> None:
        self.canvas.window = Window.fitting(self.origin_ns, self.player.end_ns)
        self.canvas.refresh()

    # Lines.

    def verdict_changed(self) -> None:
        self._trace()
        self._place_findings()
        self.canvas.refresh()
        self.paint_lines()

    def recording_grew(self, last_id: int) -> None:
        self.player = self.player.reaching(self.opened.reached_ns(self.session))
        self.canvas.window = self.canvas.window.widened(self.player.end_ns)
        self.canvas.refresh()
        self._trace()

    def clock_ticked(self) -> None:
        self._trace()
        self.paint_lines()

    def paint_lines(self) -> None:
        look = self.look
        place = head_runs(look, session_name(look, self.session))
        number = self.session.id if self.session else None
        verdict = verdict_runs(look, self.replay.verdict, self.opened, number)
        live = live_runs(look, self.replay.growth, self.opened)
        self.head.say(joined(look, place, live), verdict, extra=judge_runs(look, self.opened))
        self.about.say(self._about())
        keys = (
            ("waterfall.pan_left waterfall.pan_right", "pan"), ("waterfall.zoom_in waterfall.zoom_out", "zoom"),
            ("waterfall.next_wrong", "next finding"), ("waterfall.back", "list"), ("list.open", "go to the frame"),
            ("waterfall.fit", "fit"), ("player.play", "play"),
        )  # fmt: skip
        self.foot.say(self.player_runs(self.origin_ns), look.keys(("app.help", "help")), keys=keys)

    def _about(self) -> list[Run]:
        look, drawn = self.look, self.canvas.selected
        until = self.player.at_ns if self.film else self.player.end_ns
        if drawn is None or drawn.start_ns > until:
            return [(" ", look.style("dim"))]
        if drawn.end_ns is not None and drawn.end_ns > until:
            drawn = replace(drawn, end_ns=None, end_frame=None, state="open")  # nobody knows yet how it ends
        lasted = units.duration_text((drawn.end_ns or until) - drawn.start_ns)
        state = {"ok": "ok", "failed": "error", "cut": "warning", "unended": "missing"}.get(drawn.state, "accent")
        known = [one for one in self._findings() if known_at(one) <= until]
        began = [one for one in known if drawn.start_frame in (one.activation, *one.frames[:1])]
        kind = "" if drawn.name.startswith(f"{drawn.kind} ") else f"{drawn.kind} "  # which a span without a name begins with
        late = max((one.late_by or 0 for one in began if one.kind == "late"), default=0)
        return [
            (kind, look.style("dim")), (look.safe(drawn.name), look.style("strong", bold=True)),
            (f"  {units.clock(drawn.start_ns - self.origin_ns)} {look.own('→')} ", look.style("dim")),
            (units.clock(drawn.end_ns - self.origin_ns) if drawn.end_ns is not None else "still open", look.style("dim")),
            (f"  {lasted}  ", look.style("text")),
            (drawn.state.replace("unended", "never ended"), look.style(state, bold=True)),
            (f"  late by {units.duration_text(late)}" if late else "", look.style("late", bold=True)),
            (f"  frame {drawn.start_frame}", look.style("faint")),
            (f" {look.own('–')} {drawn.end_frame}" if drawn.end_frame else "", look.style("faint")),
        ]  # fmt: skip


def _place(drawn: Drawn) -> tuple[int, int]:
    return drawn.start_ns, drawn.start_frame
