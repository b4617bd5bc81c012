"""The globals of one engine's handlers: what the generated source can name, and what it counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from wsreplay.contract.conditions import is_wanted
from wsreplay.contract.model import Contract, Pattern
from wsreplay.validator.emit.keys import Keys
from wsreplay.validator.emit.partial_decoder import partial_decoder, paths_of


class Globals:
    """With `inline`, a handler does what is short by itself; without, it asks the monitor every time: the slow path. With
    `labels`, messages are read as far as to know what spans are called."""

    def __init__(self, contract: Contract, inline: bool, *, labels: bool = False) -> None:
        self.decoder = partial_decoder(tuple(paths_of(contract, labels=labels)))
        self.contract, self.keys, self.inline = contract, Keys(contract, self.decoder), inline
        # the namespace that handlers are executed in: name → value
        self.space: dict[str, Any] = {}
        for name in contract.keys:
            self.space[f"resolve{self.keys.variable(name)}"] = self.keys.resolver(name)
        # pattern → the name of the function that tests its conditions
        self._conditions: dict[Pattern, str] = {}
        # rule → the counters of the functions that look at it
        self._calls: dict[str, list[str]] = {}

    def add(self, values: Mapping[str, Any]) -> None:
        """Let generated source name these."""
        self.space.update(values)

    def condition(self, pattern: Pattern) -> str:
        """The name of a function that says whether a message meets the conditions of a pattern's `where`."""
        if pattern not in self._conditions:
            conditions = [(self.decoder.getter(path), wanted) for path, wanted in pattern.where]
            name = self._conditions[pattern] = f"where{len(self._conditions)}"
            self.space[name] = lambda message: all(is_wanted(read(message), wanted) for read, wanted in conditions)
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
