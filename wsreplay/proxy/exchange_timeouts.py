"""Whether an exchange takes too long: for a request's head, for the answer to an upgrade, or because nothing moves."""

from __future__ import annotations

from enum import Enum, auto

from wsreplay.proxy.route import Limits


class Timeout(Enum):
    """What has taken longer than the limit of its name."""

    HEAD = auto()
    UPGRADE = auto()
    IDLE = auto()


class ExchangeTimeouts:
    """When something last moved, and since when a head is not whole. Times are the event loop's, in s."""

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._moved = now
        # When the head that is not whole yet began.
        self._head_since: float | None = None

    def move(self, now: float) -> None:
        """Bytes have come, or can be written again."""
        self._moved = now

    def read(self, now: float, *, in_head: bool) -> None:
        """The client's bytes were read, and end within a head or not."""
        if not in_head:
            self._head_since = None
        elif self._head_since is None:
            self._head_since = now

    def exceeded(self, now: float, *, unanswered: bool, upgrading: bool, stuck: bool) -> Timeout | None:
        """What takes too long, if anything does.

        `unanswered`: requests have no whole answer. `upgrading`: the upstream was asked to switch to a WebSocket. `stuck`: it
        is the client's turn all the same, to send the rest of a body or to read what it is sent.
        """
        limits, idle_s = self._limits, now - self._moved
        if self._head_since is not None and not unanswered and now - self._head_since > limits.head_s:
            return Timeout.HEAD
        if upgrading and idle_s > limits.upgrade_s:
            return Timeout.UPGRADE
        if idle_s > limits.idle_s and (stuck or not unanswered):
            return Timeout.IDLE
        return None
