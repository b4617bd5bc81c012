"""Messages that came and could not be decoded: each may have been whatever is awaited, or forbidden.

A finding that says that something did not come is inconclusive where it may have been among them, and no rule that they may
concern is satisfied. For each direction the last such frame is enough: what is asked is always whether one came *after* a
certain frame.

A message that is no event, as a finding says, may have been the awaited one too, but it was none that is forbidden.
"""

from __future__ import annotations

from wsreplay.contract.model import Patterns, may_fit
from wsreplay.validator.state.clock import NEVER

_BEFORE_ALL = 0  # a frame before the first
UNREADABLE, LOST = "a message that could not be read came meanwhile", "the recording has a gap here"


class Undecodable:
    """The last frame that could not be decoded, and the last that is no event."""

    __slots__ = ("frames", "refused", "refused_times", "times")

    def __init__(self) -> None:
        # its id and its time (ns), by direction: -1 for none, NEVER where any may be missing
        self.frames, self.times = [-1, -1], [-1, -1]
        # the same of what is no event
        self.refused, self.refused_times = [-1, -1], [-1, -1]

    def add(self, direction: int, fid: int, t: int) -> None:
        """One came."""
        if self.frames[direction] != NEVER:
            self.frames[direction], self.times[direction] = fid, t

    def refuse(self, direction: int, fid: int, t: int) -> None:
        """One came that is no event."""
        self.refused[direction], self.refused_times[direction] = fid, t

    def lose(self) -> None:
        """From now on it is not known what is missing."""
        self.frames, self.times = [NEVER, NEVER], [NEVER, NEVER]

    def interrupt(self, t: int) -> None:
        """Nothing was recorded until now: anything may have come before the first frame that is here."""
        for direction in (0, 1):
            if self.frames[direction] < 0:
                self.add(direction, _BEFORE_ALL, t)


def why_unsure(
    undecodable: Undecodable, awaited: Patterns, since: int | None = None, since_ns: int = -1, asked: int = -1
) -> str | None:
    """Why it cannot be said that none of these came: after the frame `since` (None: from the start), at `since_ns` or later;
    as something that is no event, after the frame `asked`."""
    start = -1 if since is None else since
    for direction, last in enumerate(undecodable.refused):
        if last > max(start, asked) and undecodable.refused_times[direction] >= since_ns and may_fit(awaited, direction):
            return UNREADABLE
    for direction, last in enumerate(undecodable.frames):
        if last > start and undecodable.times[direction] >= since_ns and may_fit(awaited, direction):
            return LOST if last in (NEVER, _BEFORE_ALL) else UNREADABLE
    return None
