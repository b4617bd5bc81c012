"""Playing a session true to time, and finding one's way in it by time."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.timer import Timer

from wsreplay import units
from wsreplay.model import Session
from wsreplay.tui.look.paint import Run
from wsreplay.tui.recording.clock import ClockForm, ShownClock
from wsreplay.tui.recording.goto import Target, parse_target
from wsreplay.tui.recording.open_recording import OpenRecording
from wsreplay.tui.recording.playback import Playback
from wsreplay.tui.screens.base import BaseScreen

FRAMES_A_SECOND = 20


class PlaybackScreen(BaseScreen):
    """A screen with a playhead. A subclass shows where it is.

    `replaying` says whether the session is shown as it was at the playhead, later rows not yet there; else all of it is shown.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "play", "Play or pause", id="player.play", show=False, priority=False),
        Binding("full_stop", "step(1)", "Step forward", id="player.step", show=False),
        Binding("comma", "step(-1)", "Step back", id="player.step_back", show=False),
        Binding("greater_than_sign", "speed(1)", "Faster", id="player.faster", show=False),
        Binding("less_than_sign", "speed(-1)", "Slower", id="player.slower", show=False),
        Binding("i", "idle", "Cap idle time", id="player.idle", show=False),
        Binding("colon", "go_to", "Go to frame, time or ±delta", id="player.go_to", show=False),
        *[Binding(str(n), f"seek_fraction({n})", f"Jump to {n}0 %", id=f"player.jump_{n}", show=False) for n in range(10)],
    ]

    recording: OpenRecording
    session: Session | None  # None where the whole recording is shown
    playback: Playback
    replaying = False
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
        self.playback = self.playback.tick(self.now(), self.next_event_after(self.playback.at_ns))
        self.keep_ticking()
        self.show_playhead()

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
        self.playback = self.playback.faster(steps)
        self.show_playhead()

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
        self.ask("Go to", "frame number, 1:23.5, @14:03:22, +2s, -500ms, 50% or end", self._gone, check=self._complaint)

    def _gone(self, text: str) -> None:
        target = parse_target(text, self.shown_clock)
        if target is not None and target.kind == "share":
            self.seek(self.playback.to_fraction(target.value / 100, self.now()).at_ns)
        elif target is not None:
            self.go_to_target(target)

    def _complaint(self, text: str) -> str | None:
        known = "a frame number, a time such as 1:23.5 or @14:03:22, a step such as +2s, a share such as 50%, or end"
        return None if parse_target(text, self.shown_clock) else f"{text!r} is no place: {known}"

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
        form = [] if clock.form is ClockForm.RECORDING else [(f"  {clock.form}", look.style("word"))]
        return [
            (f"{sign} ", lively), (clock.text(playback.at_ns), look.style("strong" if self.replaying else "text")),
            (f"/{clock.end_text(playback.end_ns)} ", look.style("dim")), (f"{look.signs.times}{speed}  ", look.style("dim")),
            (cap, look.style("faint")), *form,
        ]  # fmt: skip

