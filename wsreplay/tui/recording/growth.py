"""A recording that grows: how fast, whether its recorder still speaks, whether it has ended. The clock is an argument."""

from __future__ import annotations

from collections import deque

from wsreplay.units import SECOND

UNREAD_NS = SECOND  # after a poll that could not read, the next one waits so long: it may take 50 ms of the keys' time
SILENT_NS = 4 * SECOND  # the relay sends a heartbeat every second
_WINDOW_NS = 2 * SECOND


class Growth:
    """Fed at every poll with what the recording says of itself."""

    def __init__(self) -> None:
        # Whether it is being written, and was at some poll.
        self.live = self.was_live = False
        # As of the last poll.
        self.last_id = self.reached_ns = 0
        # When the recorder last gave a sign, and the last poll.
        self._moved_ns = self._now_ns = 0
        # (when, last id), over the time in which the rate is measured.
        self._polls: deque[tuple[int, int]] = deque()

    def poll(self, now_ns: int, *, live: bool, last_id: int, reached_ns: int) -> bool:
        """Take in a poll; whether anything changed that is shown."""
        changed = (live, last_id) != (self.live, self.last_id)
        if reached_ns != self.reached_ns or not self._polls:
            self._moved_ns = now_ns
        self.live, self.last_id, self.reached_ns, self._now_ns = live, last_id, reached_ns, now_ns
        self.was_live = self.was_live or live
        self._polls.append((now_ns, last_id))
        while now_ns - self._polls[0][0] > _WINDOW_NS:
            self._polls.popleft()
        return changed

    @property
    def rate(self) -> float:
        """Frames a second, over the last two seconds."""
        (since, before), (now, after) = self._polls[0], self._polls[-1]
        return (after - before) * SECOND / (now - since) if now > since else 0.0

    @property
    def silent_ns(self) -> int:
        """How long the recorder has said nothing, if it is still there; 0 where that is not yet remarkable."""
        silent = self._now_ns - self._moved_ns
        return silent if self.live and silent >= SILENT_NS else 0


class Misses:
    """Polls that could not read the recording: when to look again, and when to say so, which is once, where it lasts."""

    def __init__(self) -> None:
        # How many polls in a row could not read, and when to look again, on the caller's clock.
        self._count = self._again_ns = 0

    @property
    def any(self) -> bool:
        """Whether the last poll was one: what it was about may be unknown."""
        return self._count > 0

    def is_due(self, now_ns: int) -> bool:
        return now_ns >= self._again_ns

    def missed(self, now_ns: int) -> bool:
        """Another one; whether to say so now."""
        self._count += 1
        self._again_ns = now_ns + UNREAD_NS
        return self._count == 2

    def passed(self) -> None:
        self._count = 0
