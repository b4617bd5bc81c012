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
from typing import TYPE_CHECKING, Any

from wsreplay.contract.model import Contract, Pattern
from wsreplay.validator.checks import sent_ns
from wsreplay.validator.handler import HandlerSource
from wsreplay.validator.keys import Keys
from wsreplay.validator.roles import same
from wsreplay.validator.shape import Shape, paths_of
from wsreplay.validator.source import CALLS

if TYPE_CHECKING:
    from wsreplay.validator.memory import Memory
    from wsreplay.validator.monitors import Monitors


@lru_cache(maxsize=2_000)
def _compiled(text: str, name: str) -> CodeType:
    """Compiled source, which many engines of one contract share: compiling takes most of the time that a small file takes."""
    return compile(text, f"<{name}>", "exec")


class Program:
    """Writes and compiles the handlers of one engine."""

    def __init__(self, contract: Contract, monitors: Monitors, memory: Memory, inline: bool = True) -> None:
        self.shape = Shape(paths_of(contract))
        self.contract, self.monitors, self.keys, self.inline = contract, monitors, Keys(contract, self.shape), inline
        self.space: dict[str, Any] = {"memory": memory, "sent_ns": sent_ns, "plain_id": memory.plain_id}
        for name in contract.keys:
            self.space[f"resolve{self.keys.variable(name)}"] = self.keys.resolver(name)
        for number, span in enumerate(monitors.spans):
            self.space[f"span{number}"] = span
        for monitor in monitors.rules:
            self.space[f"rule{monitor.index}"] = monitor
        for name, those in (
            ("latency", monitors.latencies),
            ("sequence", monitors.sequences),
            ("unique", monitors.uniques),
            ("bind", monitors.binds),
            ("confine", monitors.confines),
            ("schema", monitors.schemas),
        ):
            for number, each in enumerate(those):
                self.space[f"{name}{number}"] = each
        self._shared: dict[tuple[int, str], Callable[..., None]] = {}
        self.tests: dict[Pattern, str] = {}
        self._calls: dict[str, list[str]] = {}  # rule → the counters of the functions that look at it

    def handler(self, direction: int, type_: str) -> Callable[..., None]:
        """The function of (message, connection, frame id, time, payload, type) for an event type.

        Types that nothing tells apart share one function.
        """
        source = HandlerSource(self, direction, type_)
        text = "\n".join(source.lines())
        found = self._shared.get((direction, text))
        if found is None:
            calls = self.counter(f"calls_{direction}_{blake2b(text.encode(), digest_size=8).hexdigest()}")
            for name in source.counted_by_call:
                self._calls.setdefault(name, []).append(calls)
            exec(_compiled(text.replace(CALLS, calls), self.contract.name), self.space)  # noqa: S102
            found = self._shared[direction, text] = self.space.pop("handle")
        return found

    def condition(self, pattern: Pattern) -> Callable[[Any], bool]:
        """Whether a message meets the conditions of a pattern's `where`."""
        conditions = [(self.shape.getter(path), wanted) for path, wanted in pattern.where]
        return lambda message: all(same(read(message), wanted) for read, wanted in conditions)

    def counter(self, name: str) -> str:
        """The name of a number that generated source counts up."""
        self.space.setdefault(f"n_{name}", 0)
        return f"n_{name}"

    def taken(self, name: str) -> int:
        """What was counted under a name since the last call."""
        value, self.space[f"n_{name}"] = int(self.space.get(f"n_{name}", 0)), 0
        return value

    def looked_at(self, name: str) -> int:
        """How many events so far had what a rule looks at: the calls of its functions, less those that found nothing."""
        return sum(int(self.space[calls]) for calls in self._calls.get(name, ())) - int(self.space.get(f"n_{name}", 0))
