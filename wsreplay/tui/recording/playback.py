"""The playhead's clock: where on the recording's time axis a replay stands. The wall's clock is an argument."""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

from typing import NamedTuple

from wsreplay.units import SECOND

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
IDLE_CAPS: tuple[int | None, ...] = (None, 2 * SECOND, SECOND // 2)


class Playback(NamedTuple):
    """A value: each action gives another. `at_ns` is the playhead; `since_ns` when on the wall's clock it was there."""

    start_ns: int
    end_ns: int
    at_ns: int
    playing: bool = False
    speed: float = 1.0
    idle_cap: int | None = IDLE_CAPS[1]
    since_ns: int = 0

    @property
    def at_end(self) -> bool:
        return self.at_ns >= self.end_ns

    def play(self, now_ns: int) -> "Playback":
        """Start; from the beginning where the end is reached."""
        at = self.start_ns if self.at_end else self.at_ns
        return self._replace(playing=True, at_ns=at, since_ns=now_ns)

    def pause(self) -> "Playback":
        return self._replace(playing=False)

    def seek(self, at_ns: int, now_ns: int) -> "Playback":
        return self._replace(at_ns=max(self.start_ns, min(at_ns, self.end_ns)), since_ns=now_ns)

    def to_fraction(self, share: float, now_ns: int) -> "Playback":
        return self.seek(self.start_ns + round((self.end_ns - self.start_ns) * share), now_ns)

    def change_speed(self, steps: int) -> "Playback":
        """So many steps up or down the ladder of speeds."""
        place = SPEEDS.index(self.speed) + steps
        return self._replace(speed=SPEEDS[max(0, min(place, len(SPEEDS) - 1))])

    def next_idle_cap(self) -> "Playback":
        return self._replace(idle_cap=IDLE_CAPS[(IDLE_CAPS.index(self.idle_cap) + 1) % len(IDLE_CAPS)])

    def reaching(self, end_ns: int) -> "Playback":
        return self._replace(end_ns=max(end_ns, self.start_ns))

    def tick(self, now_ns: int, next_event_ns: int | None) -> "Playback":
        """Where the playhead is at `now_ns`. Whatever the speed, to watch a wait for the next event takes the cap at most."""
        if not self.playing:
            return self
        elapsed = round((now_ns - self.since_ns) * self.speed)
        at = self.at_ns + elapsed
        if self.idle_cap is not None and next_event_ns is not None:
            at += max(0, next_event_ns - self.at_ns - round(self.idle_cap * self.speed))  # the rest of the wait is skipped
        if at >= self.end_ns:
            return self._replace(at_ns=self.end_ns, since_ns=now_ns, playing=False)
        return self._replace(at_ns=at, since_ns=now_ns)
