"""Playing a session true to time, and finding one's way in it by time."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.binding import Binding, BindingType
from textual.timer import Timer

from wsreplay import units
from wsreplay.model import Session
from wsreplay.tui.look.paint import Run
from wsreplay.tui.recording.clock import ClockForm, ShownClock
from wsreplay.tui.recording.evidence import Evidence, seen_from
from wsreplay.tui.recording.open_recording import OpenRecording
from wsreplay.tui.recording.playback import Playback

if TYPE_CHECKING:
    from wsreplay.tui.recording.goto import Target
    from wsreplay.tui.screens.base import BaseScreen

    _Screen = BaseScreen
else:
    _Screen = object  # a class of Textual's takes as long to make as ten others

FRAMES_A_SECOND = 20


KEYS: list[BindingType] = [
    Binding("space", "play", "Play or pause", id="playback.play", show=False, priority=False),
    Binding("full_stop", "step(1)", "Step forward", id="playback.step", show=False),
    Binding("comma", "step(-1)", "Step back", id="playback.step_back", show=False),
    Binding("greater_than_sign", "speed(1)", "Faster", id="playback.faster", show=False),
    Binding("less_than_sign", "speed(-1)", "Slower", id="playback.slower", show=False),
    Binding("i", "idle", "Cap idle time", id="playback.idle", show=False),
    Binding("b", "stop_at_findings", "Playing stops at each finding", id="playback.stop_at_findings", show=False),
    Binding("colon", "go_to", "Go to frame, time or ±delta", id="playback.go_to", show=False),
    *[Binding(str(n), f"seek_fraction({n})", f"Jump to {n * 10} %", id=f"playback.jump_{n}", show=False) for n in range(10)],
]


class PlaybackScreen(_Screen):
    """The part of a screen that has a playhead. A subclass shows where it is, and has these keys among its bindings.

    `replaying` says whether the session is shown as it was at the playhead, later rows not yet there; else all of it is shown.
    """

    recording: OpenRecording
    session: Session | None  # None where the whole recording is shown
    playback: Playback
    replaying = False
    # Whether playing stops at each finding.
    stops_at_findings = False
    # When findings are decided and have their place, ns, ascending, and the evidence that says so.
    _decided: tuple[Evidence | None, Sequence[int]] = None, ()
    _ticking: Timer | None = None

    # What a subclass says.

    @abstractmethod
    def next_event_after(self, t_ns: int) -> int | None:
        """When the next thing happens after a time, ns."""

    @abstractmethod
    def show_playhead(self) -> None:
        """The playhead moved, or the replay began or ended."""

    @abstractmethod
    def step_rows(self, rows: int) -> None:
        """Go so many rows ahead or back."""

    @abstractmethod
    def go_to_target(self, target: Target) -> None:
        """Go to a frame or a time."""

    def resumed(self) -> None:
        """The replay stood still meanwhile."""
        self.playback = self.playback._replace(since_ns=self.now())

    # Actions.

    def now(self) -> int:
        return self.host.clock()

    def action_play(self) -> None:
        if self.playback.playing:
            self.playback = self.playback.pause()
        else:
            self.replaying = True
            self.playback = self.playback.play(self.now())
        self.keep_ticking()
        self.show_playhead()

    def take_over(self, playback: Playback, replaying: bool) -> None:
        """Go on where another screen was."""
        self.playback, self.replaying = playback._replace(since_ns=self.now()), replaying
        self.keep_ticking()
        self.show_playhead()

    def keep_ticking(self) -> None:
        """Have the clock ticked as long as something is played."""
        if self.playback.playing and self._ticking is None:
            self._ticking = self.set_interval(1 / FRAMES_A_SECOND, self.tick)
        elif not self.playback.playing and self._ticking is not None:
            self._ticking.stop()
            self._ticking = None

    def tick(self) -> None:
        """Move the playhead to where the clock says."""
        before_ns = self.playback.at_ns
        decided_ns = self.next_finding_after(before_ns)
        times = self.next_event_after(before_ns), decided_ns
        due = [t_ns for t_ns in times if t_ns is not None and t_ns <= self.playback.end_ns]
        self.playback = self.playback.tick(self.now(), min(due, default=None))
        stops = self.stops_at_findings and decided_ns is not None and decided_ns <= self.playback.at_ns
        if stops and decided_ns is not None:
            self.playback = self.playback.pause()._replace(at_ns=decided_ns)
        self.keep_ticking()
        self.show_playhead()
        if stops and decided_ns is not None:
            self.show_decided(decided_ns)

    def next_finding_after(self, t_ns: int) -> int | None:
        """When the next finding is decided and has its place, ns; what only follows from another one is none."""
        evidence = self.recording.evidence
        if evidence.all_places is not None:
            decided = evidence.all_places.next_decided(t_ns, self.session.id if self.session else None)
            return None if decided is None else decided[0]
        if self._decided[0] is not evidence:
            findings = evidence.of_session(self.session.id if self.session else None)
            self._decided = evidence, sorted(seen_from(finding) for finding in findings if not finding.caused_by)
        times = self._decided[1]
        at = bisect_right(times, t_ns)
        return times[at] if at < len(times) else None

    def show_decided(self, t_ns: int) -> None:
        """Playing has stopped at the findings that are decided at a time."""

    def end_replay(self) -> None:
        """Show all of the session again."""
        self.replaying = False
        self.playback = self.playback.pause()
        self.keep_ticking()
        self.show_playhead()

    def action_step(self, rows: int) -> None:
        if self.playback.playing:
            self.action_play()
        self.step_rows(rows)

    def action_speed(self, steps: int) -> None:
        self.playback = self.playback.change_speed(steps)
        self.show_playhead()

    def action_stop_at_findings(self) -> None:
        self.stops_at_findings = not self.stops_at_findings
        self.paint_lines()

    def action_idle(self) -> None:
        self.playback = self.playback.next_idle_cap()
        self.show_playhead()

    def action_seek_fraction(self, tenths: int) -> None:
        self.seek(self.playback.to_fraction(tenths / 10, self.now()).at_ns)

    def seek(self, t_ns: int) -> None:
        """Put the playhead at a time."""
        self.playback = self.playback.seek(t_ns, self.now())
        self.show_playhead()

    def action_go_to(self) -> None:
        self.ask("Go to", "frame number, 1:23.5, @14:03:22, +2s, -500ms, 50% or end", self._go_to_text, check=self._complaint)

    def _go_to_text(self, text: str) -> None:
        from wsreplay.tui.recording.goto import parse_target

        target = parse_target(text, self.shown_clock)
        if target is not None and target.kind == "share":
            self.seek(self.playback.to_fraction(target.value / 100, self.now()).at_ns)
        elif target is not None:
            self.go_to_target(target)

    def _complaint(self, text: str) -> str | None:
        from wsreplay.tui.recording.goto import parse_target

        known = "a frame number, a time such as 1:23.5 or @14:03:22, a step such as +2s, a share such as 50%, or end"
        return None if parse_target(text, self.shown_clock) else f"{text!r} is not a place to go to: {known}"

    # What the foot shows of it.

    @property
    def shown_clock(self) -> ShownClock:
        """How times are written and read here."""
        return self.recording.clock(self.host.clock_form, self.session)

    def playback_runs(self) -> list[Run]:
        look, playback, clock = self.look, self.playback, self.shown_clock
        sign = look.signs.play if playback.playing else look.signs.pause
        speed = f"{playback.speed:g}"
        cap = f"idle{look.signs.at_most}{units.duration_text(playback.idle_cap)}" if playback.idle_cap else "idle uncapped"
        lively = look.style("accent" if self.replaying else "dim", bold=self.replaying)
        stops = [("  stops at findings", look.style("word"))] if self.stops_at_findings else []
        form = [] if clock.form is ClockForm.RECORDING else [(f"  {clock.form_text(playback.at_ns)}", look.style("word"))]
        return [
            (f"{sign} ", lively), (clock.text(playback.at_ns), look.style("strong" if self.replaying else "text")),
            (f"/{clock.end_text(playback.end_ns)} ", look.style("dim")), (f"{look.signs.times}{speed}  ", look.style("dim")),
            (cap, look.style("faint")), *stops, *form,
        ]  # fmt: skip

