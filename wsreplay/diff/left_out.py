"""Messages that are not compared: types that the user leaves out, and heartbeats, which come as timers have it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from wsreplay.contract.model import Contract, Pattern, match_glob, parse_pattern
from wsreplay.contract.resemblance import words
from wsreplay.contract.rules.recurrence import Recurrence
from wsreplay.errors import UsageError

_HEARTBEAT = re.compile(
    r"(?:(?:ws|client|server|system|connection)_)*(?:ping|pong|heart_?beat|keep_?alive)(?:_(?:ack|request|response|reply))*"
)


@lru_cache(maxsize=4096)
def is_heartbeat_type(type_: str) -> bool:
    """Whether a type is what products call their heartbeats: `ping`, `keepAlive`, `server.heartbeat`, `heartbeat_ack`."""
    return _HEARTBEAT.fullmatch("_".join(words(type_))) is not None


def heartbeats_of(contract: Contract | None) -> list[Pattern]:
    """The events that come at least so often as long as a connection lasts: a contract's `recurrence` without a scope."""
    rules = contract.of(Recurrence) if contract is not None else ()
    events = [pattern for rule in rules if rule.inside is None and not rule.after for pattern in rule.operands[0]]
    return [pattern for pattern in events if not pattern.where and not pattern.pseudo]


class LeftOut:
    """Says of a type whether its messages are left out. `types` are patterns, `[c2s:|s2c:]type` with `*`; `called` gives the
    contract's name of a product's type, by which it is left out, too. `timed` are the contract's heartbeats, left out with
    those that look like one. `ws.*` are beginnings and ends of connections.

    Raises UsageError for an empty pattern.
    """

    def __init__(
        self, types: Sequence[str] = (), *, heartbeats: bool = True, called: Callable[[str], str] = lambda type_: type_,
        timed: Sequence[Pattern] = (),
    ) -> None:  # fmt: skip
        self._patterns = [parse_pattern(text) for text in types]
        if any(not pattern.type for pattern in self._patterns):
            raise UsageError("--ignore-type needs a type, such as heartbeat or 's2c:*.delta'")
        self._heartbeats, self._called = heartbeats, called
        self._patterns += timed if heartbeats else ()
        # by direction and type
        self._known: dict[tuple[int, str], bool] = {}

    def __call__(self, direction: int, type_: str) -> bool:
        known = self._known.get((direction, type_))
        if known is None:
            names = {type_, self._called(type_)}
            known = self._known[direction, type_] = any(self._has(direction, name) for name in names)
        return known

    def has_fact(self, name: str) -> bool:
        """Whether the beginnings or ends of connections that are called so are left out: by `ws.*`, not by `*`."""
        patterns = (pattern.type for pattern in self._patterns)
        return any(type_.startswith("ws.") and match_glob(type_, name) is not None for type_ in patterns)

    def _has(self, direction: int, name: str) -> bool:
        return (self._heartbeats and is_heartbeat_type(name)) or any(
            pattern.fits(direction, name) for pattern in self._patterns
        )
