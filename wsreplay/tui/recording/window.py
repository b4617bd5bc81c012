"""A stretch of time that is looked at: panned, zoomed, mapped to columns. A value. Times in ns."""

from __future__ import annotations

from dataclasses import dataclass, replace

from wsreplay.tui.recording.squeeze import AS_IT_WAS, Squeeze, Stretch
from wsreplay.units import MILLISECOND

NARROWEST_NS = MILLISECOND // 10


@dataclass(frozen=True, slots=True)
class Window:
    """`squeeze` says which idle stretches are drawn short; spans, shares and columns are of the axis that it makes."""

    start_ns: int
    end_ns: int
    low_ns: int
    high_ns: int
    squeeze: Squeeze = AS_IT_WAS

    @classmethod
    def fitting(cls, low_ns: int, high_ns: int, squeeze: Squeeze = AS_IT_WAS) -> Window:
        high_ns = max(high_ns, low_ns + NARROWEST_NS)
        return cls(low_ns, high_ns, low_ns, high_ns, squeeze)

    @property
    def span(self) -> int:
        return self.squeeze.place(self.end_ns) - self.squeeze.place(self.start_ns)

    @property
    def is_whole(self) -> bool:
        """Whether all of the time is in sight."""
        return self.start_ns == self.low_ns and self.end_ns == self.high_ns

    def zoomed(self, factor: float, around_ns: int) -> Window:
        """`factor` above 1 shows less. What is at `around_ns` stays in its column."""
        start, low, high = map(self.squeeze.place, (self.start_ns, self.low_ns, self.high_ns))
        around = self.squeeze.place(max(self.start_ns, min(around_ns, self.end_ns)))
        span = max(NARROWEST_NS, min(round(self.span / factor), high - low))
        share = (around - start) / max(1, self.span)
        return self._at(around - round(span * share), span)

    def panned(self, share: float) -> Window:
        """Ahead or back by a share of the window."""
        return self._at(self.squeeze.place(self.start_ns) + round(self.span * share), self.span)

    def showing(self, t_ns: int) -> Window:
        """Moved so that a time is in sight, if it is not."""
        if self.start_ns <= t_ns <= self.end_ns:
            return self
        return self._at(self.squeeze.place(t_ns) - self.span // 3, self.span)

    def widened(self, high_ns: int) -> Window:
        """The recording has grown."""
        return replace(self, end_ns=high_ns if self.is_whole else self.end_ns, high_ns=max(high_ns, self.high_ns))

    def squeezed(self, squeeze: Squeeze) -> Window:
        """The same stretch of time, other parts of it drawn short."""
        return replace(self, squeeze=squeeze)

    def _at(self, start: int, span: int) -> Window:
        low, high = self.squeeze.place(self.low_ns), self.squeeze.place(self.high_ns)
        start = max(low, min(start, high - span))
        first_ns, last_ns = max(self.low_ns, self.squeeze.time(start)), min(self.high_ns, self.squeeze.time(start + span))
        return replace(self, start_ns=min(first_ns, last_ns - 1), end_ns=last_ns)

    def column(self, t_ns: int, width: int) -> int:
        """The column of a time; below 0 or from `width` on where it is out of sight."""
        return (self.squeeze.place(t_ns) - self.squeeze.place(self.start_ns)) * width // max(1, self.span)

    def begins(self, column: int, width: int) -> int:
        """The first time that is in a column."""
        return self.squeeze.time(self.squeeze.place(self.start_ns) + -(-column * max(1, self.span) // width))

    def idle(self, width: int) -> list[tuple[int, int, Stretch]]:
        """The first column, the one after the last, and the time of each stretch in sight that is drawn short."""
        seen = [stretch for stretch in self.squeeze.stretches if stretch[0] < self.end_ns and self.start_ns < stretch[1]]
        placed = ((self.column(stretch[0], width) + 1, self.column(stretch[1], width), stretch) for stretch in seen)
        return [(max(0, first), min(width, after), stretch) for first, after, stretch in placed if first < after]

    def ticks(self, width: int, apart: int = 14, *, zero_ns: int = 0) -> list[tuple[int, int]]:
        """(column, time) of times that are round from `zero_ns` on, at least `apart` columns from each other."""
        least = self.span * apart / max(1, width)
        step = 1
        while step < least:
            step *= 10
        for part in (10, 5, 2):
            if step / part >= least:
                step //= part
                break
        step = max(1, step)
        ticks: list[tuple[int, int]] = []
        t_ns = zero_ns + -(-(self.start_ns - zero_ns) // step) * step
        while t_ns <= self.end_ns:
            stretch = self.squeeze.stretch_at(t_ns)
            if stretch is not None:
                t_ns = zero_ns + -(-(stretch[1] - zero_ns) // step) * step
                continue
            x = self.column(t_ns, width)
            if not ticks or not self.squeeze.stretches or x - ticks[-1][0] >= apart:
                ticks.append((x, t_ns))
            t_ns += step
        return ticks
