"""Messages that are not compared: types that the user leaves out, and heartbeats, which come as timers have it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from wsreplay.contract.model import parse_pattern
from wsreplay.contract.resemblance import words
from wsreplay.errors import UsageError

_HEARTBEAT = re.compile(
    r"(?:(?:ws|client|server|system|connection)_)*(?:ping|pong|heart_?beat|keep_?alive)(?:_(?:ack|request|response|reply))*"
)


@lru_cache(maxsize=4096)
def is_heartbeat_type(type_: str) -> bool:
    """Whether a type is what products call their heartbeats: `ping`, `keepAlive`, `server.heartbeat`, `heartbeat_ack`."""
    return _HEARTBEAT.fullmatch("_".join(words(type_))) is not None


class LeftOut:
    """Says of a type whether its messages are left out. `types` are patterns, `[c2s:|s2c:]type` with `*`.

    Raises UsageError for an empty one.
    """

    def __init__(self, types: Sequence[str] = (), *, heartbeats: bool = True) -> None:
        self._patterns = [parse_pattern(text) for text in types]
        if any(not pattern.type for pattern in self._patterns):
            raise UsageError("--ignore-type needs a type, such as heartbeat or 's2c:*.delta'")
        self._heartbeats = heartbeats
        # by direction and type
        self._known: dict[tuple[int, str], bool] = {}

    def __call__(self, direction: int, type_: str) -> bool:
        known = self._known.get((direction, type_))
        if known is None:
            known = self._known[direction, type_] = (self._heartbeats and is_heartbeat_type(type_)) or any(
                pattern.fits(direction, type_) for pattern in self._patterns
            )
        return known
