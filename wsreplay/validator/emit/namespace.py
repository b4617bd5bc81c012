"""What generated source can name: monitors, counters, conditions, and what reads messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from wsreplay.contract.model import Contract, Pattern
from wsreplay.validator.checks import sent_ns
from wsreplay.validator.emit.keys import Keys
from wsreplay.validator.emit.shape import paths_of, shape_of
from wsreplay.validator.rules.roles import same

if TYPE_CHECKING:
    from wsreplay.validator.memory import Memory
    from wsreplay.validator.monitors import Monitors


class Namespace:
    """The globals of one engine's handlers. With `inline`, a handler does what is short by itself, without asking a monitor."""

    def __init__(self, contract: Contract, monitors: Monitors, memory: Memory, inline: bool) -> None:
        self.shape = shape_of(tuple(paths_of(contract)))
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
        self._conditions: dict[Pattern, str] = {}
        self._calls: dict[str, list[str]] = {}  # rule → the counters of the functions that look at it

    def condition(self, pattern: Pattern) -> str:
        """The name of a function that says whether a message meets the conditions of a pattern's `where`."""
        if pattern not in self._conditions:
            conditions = [(self.shape.getter(path), wanted) for path, wanted in pattern.where]
            name = self._conditions[pattern] = f"where{len(self._conditions)}"
            self.space[name] = lambda message: all(same(read(message), wanted) for read, wanted in conditions)
        return self._conditions[pattern]

    def counter(self, name: str) -> str:
        """The name of a number that generated source counts up."""
        self.space.setdefault(f"n_{name}", 0)
        return f"n_{name}"

    def taken(self, name: str) -> int:
        """What was counted under a name since the last call."""
        value, self.space[f"n_{name}"] = int(self.space.get(f"n_{name}", 0)), 0
        return value

    def count_by_calls(self, rules: Iterable[str], calls: str) -> None:
        """The calls of a function count for these rules; their own counters count the events that had nothing to look at."""
        for name in rules:
            self._calls.setdefault(name, []).append(calls)

    def looked_at(self, name: str) -> int:
        """How many events so far had what a rule looks at."""
        nothing = int(self.space.get(f"n_{name}", 0))
        return sum(int(self.space[calls]) for calls in self._calls.get(name, ())) - nothing
