"""Notices a proxy whose upstream leads back to itself, under whatever name, or through forwarders and other proxies.

Nothing is added to what passes as a rule. A WebSocket's key is random (RFC 6455, section 4.1): where one comes again while its
first request has no answer, that request may have come round, and goes on with a header that says through whom it went. Of
plain requests, so many alike must wait. Whatever comes in with the header has come round.
"""

from __future__ import annotations

from collections import Counter
from secrets import token_hex

from wsreplay.wire.heads import RequestHead

HEADER = "X-Wsreplay-Hop"
# How many requests alike wait for their answers before the next one is marked.
_ALIKE_UPGRADES, _ALIKE_REQUESTS = 1, 16


class LoopGuard:
    """Knows the requests that are on their way to the upstream."""

    def __init__(self) -> None:
        self.header = HEADER, token_hex(8)
        # how many requests of each number have no answer yet
        self._on_their_way: Counter[int] = Counter()

    def has_come_round(self, request: RequestHead) -> bool:
        """Whether a request bears the mark that we gave it."""
        name, token = self.header[0].lower().encode(), self.header[1].encode()
        return any(value == token and key.lower() == name for key, value in request.headers)

    def enter(self, request: RequestHead) -> tuple[int, bool]:
        """A request goes on its way: its number for `leave`, and whether it may have come round."""
        values = tuple(value for name, value in request.headers if name.lower() != b"host")
        number = hash((request.method, *values))
        alike = self._on_their_way[number]
        self._on_their_way[number] += 1
        return number, alike >= (_ALIKE_UPGRADES if request.upgrade else _ALIKE_REQUESTS)

    def leave(self, number: int) -> None:
        """The request has its answer, or never gets one."""
        self._on_their_way[number] -= 1
        if self._on_their_way[number] <= 0:
            del self._on_their_way[number]
