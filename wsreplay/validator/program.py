"""A contract becomes source: one function per direction and event type, in which only what concerns that type is left.

Everything that is the same for all events of a type is decided here, once: which keys are read, which spans and rules look.
The generated functions do what happens in a healthy trace in place, and call the monitors for all else. Nothing of a message
or a contract ever becomes source but as a quoted literal.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from types import CodeType

from wsreplay.validator.emit.namespace import Namespace
from wsreplay.validator.emit.writer import CALLS
from wsreplay.validator.rules.spans_emit import HandlerSource


@lru_cache(maxsize=2_000)
def _compiled(text: str, name: str) -> CodeType:
    """Compiled source, which many engines of one contract share: compiling takes most of the time that a small file takes."""
    return compile(text, f"<{name}>", "exec")


class Program:
    """Writes and compiles the handlers of one engine."""

    def __init__(self, names: Namespace) -> None:
        self.names = names
        self._shared: dict[tuple[int, str], Callable[..., None]] = {}

    def handler(self, direction: int, type_: str) -> Callable[..., None]:
        """The function of (message, connection, frame id, time, payload, type) for an event type.

        Types that nothing tells apart share one function.
        """
        source = HandlerSource(self.names, direction, type_)
        text = "\n".join(source.lines())
        found = self._shared.get((direction, text))
        if found is None:
            calls = self.names.counter(f"calls_{direction}_{blake2b(text.encode(), digest_size=8).hexdigest()}")
            self.names.count_by_calls(source.counted_by_call, calls)
            exec(_compiled(text.replace(CALLS, calls), self.names.contract.name), self.names.space)  # noqa: S102
            found = self._shared[direction, text] = self.names.space.pop("handle")
        return found
