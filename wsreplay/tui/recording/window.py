"""A stretch of time that is looked at: panned, zoomed, mapped to columns. A value. Times in ns."""

from __future__ import annotations

from dataclasses import dataclass

from wsreplay.units import MILLISECOND

NARROWEST_NS = MILLISECOND // 10


@dataclass(frozen=True, slots=True)
class Window:
    start_ns: int
    end_ns: int
    low_ns: int
    high_ns: int

    @classmethod
    def fitting(cls, low_ns: int, high_ns: int) -> Window:
        high_ns = max(high_ns, low_ns + NARROWEST_NS)
        return cls(low_ns, high_ns, low_ns, high_ns)

    @property
    def span(self) -> int:
        return self.end_ns - self.start_ns

    def zoomed(self, factor: float, around_ns: int) -> Window:
        """`factor` above 1 shows less. What is at `around_ns` stays in its column."""
        span = max(NARROWEST_NS, min(round(self.span / factor), self.high_ns - self.low_ns))
        around_ns = max(self.start_ns, min(around_ns, self.end_ns))
        share = (around_ns - self.start_ns) / self.span
        return self._at(around_ns - round(span * share), span)

    def panned(self, share: float) -> Window:
        """Ahead or back by a share of the window."""
        return self._at(self.start_ns + round(self.span * share), self.span)

    def showing(self, t_ns: int) -> Window:
        """Moved so that a time is in sight, if it is not."""
        return self if self.start_ns <= t_ns <= self.end_ns else self._at(t_ns - self.span // 3, self.span)

    def widened(self, high_ns: int) -> Window:
        """The recording has grown."""
        whole = self.start_ns == self.low_ns and self.end_ns == self.high_ns
        return Window(self.start_ns, high_ns if whole else self.end_ns, self.low_ns, max(high_ns, self.high_ns))

    def _at(self, start: int, span: int) -> Window:
        start = max(self.low_ns, min(start, self.high_ns - span))
        return Window(start, start + span, self.low_ns, self.high_ns)

    def column(self, t_ns: int, width: int) -> int:
        """The column of a time; below 0 or from `width` on where it is out of sight."""
        return (t_ns - self.start_ns) * width // max(1, self.span)

    def begins(self, column: int, width: int) -> int:
        """The first time that is in a column."""
        return self.start_ns + -(-column * max(1, self.span) // width)

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
        first = zero_ns + -(-(self.start_ns - zero_ns) // step) * step
        return [(self.column(t, width), t) for t in range(first, self.end_ns + 1, step)]
