"""One handler while it is written: lines, and what those who write them need of each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from wsreplay.contract.model import Pattern
from wsreplay.contract.paths import Path
from wsreplay.validator.emit.fit import Fit
from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.state.trace_event import MessageEvent

CALLS = "n_calls_"


def indented(lines: Iterable[str]) -> list[str]:
    """The lines one level deeper."""
    return ["    " + line for line in lines]


class HandlerWriter:
    """The source of the function for one direction and event type."""

    def __init__(self, globals: Globals, direction: int, type_: str, housekeeping: bool = False) -> None:
        self.globals, self.contract, self.keys = globals, globals.contract, globals.keys
        self.direction, self.type = direction, type_
        # the type is the protocol's, such as its heartbeats and answers: no contract need know it
        self.housekeeping = housekeeping
        # whether fast paths are written (see the package)
        self.inline = globals.inline
        # rules for which each call of this function counts
        self.counted_by_call: set[str] = set()
        # what is done before any key is read; then all else; then the ends of spans
        self._early: list[str] = []
        self._body: list[str] = []
        self._last: list[str] = []
        # keys that are read
        self._needs: set[str] = set()
        # path → variable and expression of what stands there
        self._values: dict[tuple[str | int, ...], tuple[str, str]] = {}
        # globals that are counted up
        self._counters: set[str] = set()
        # spans whose key and instance have been looked up
        self._looked_up: set[int] = set()
        # whether somebody is told of the event as one value
        self._tells = False
        # whether a rule may find that the event belongs to somebody else
        self._may_be_alien = False
        # whether it may find that no client has named what the event belongs to
        self._may_be_loose = False
        # whether it may find that what the event belongs to is everybody's
        self._may_be_shared = False
        # where in the body somebody else's event is left, and the rules that counted this call before
        self._left_at: int | None = None
        self._counted_before: frozenset[str] = frozenset()

    def lines(self) -> list[str]:
        """The whole function."""
        body = self._body
        if self._left_at is not None:
            body = [*body[: self._left_at], *self._leaving(), *body[self._left_at :]]
        heads = [line for name in self.keys.needed(self._needs) for line in self.keys.source(name, self.read)]
        calls = [f"{CALLS} += 1"] if self.counted_by_call else []
        counters = self._counters | ({CALLS} if calls else set())
        start = ["def handle(d, conn, fid, t, payload, type):"]
        if counters:
            start.append("    global " + ", ".join(sorted(counters)))
        if self._tells:
            start.append("    e = None")
        start += [f"    {variable} = {expression}" for variable, expression in self._values.values()]
        return start + indented([*self._early, *heads, *calls, *body, *self._last] or ["pass"])

    # Writing.

    def add(self, *lines: str) -> None:
        """Lines for the middle of the function: keys have been read, no span has ended."""
        self._body += lines

    def add_early(self, *lines: str) -> None:
        """Lines that come before any key is read."""
        self._early += lines

    def add_last(self, *lines: str) -> None:
        """Lines that come when all rules have looked."""
        self._last += lines

    def add_under(self, test: str | None, lines: list[str]) -> None:
        """Lines under a condition, if there is one."""
        self.add(*(lines if test is None else [f"if {test}:", *indented(lines)]))

    def name(self, values: Mapping[str, Any]) -> None:
        """Let the function name these: globals of the engine."""
        self.globals.add(values)

    # What comes once, whoever asks for it.

    def need(self, *names: str) -> None:
        """These keys are read."""
        self._needs.update(names)

    def look_up(self, span: int) -> bool:
        """Whether it falls to the caller to look up the instance of a span: the first who asks."""
        first = span not in self._looked_up
        self._looked_up.add(span)
        return first

    @property
    def event(self) -> str:
        """An expression for the event as one value, made once, where somebody has to be told of it."""
        self._tells = True
        self.name({"MessageEvent": MessageEvent})
        return f"(e or (e := MessageEvent(conn, fid, t, type, {self.direction})))"

    def may_be_alien(self) -> None:
        """The lines that follow set `alien` where the event belongs to somebody else."""
        if not self._may_be_alien:
            self._may_be_alien = True
            self.add("alien = False")

    def leave_if_alien(self) -> None:
        """What follows does not concern an event of somebody else's."""
        if self._may_be_alien and self._left_at is None:
            self._left_at, self._counted_before = len(self._body), frozenset(self.counted_by_call)

    def _leaving(self) -> list[str]:
        """Leave somebody else's event: rules that count every call have nothing to look at in it."""
        return ["if alien:", *(f"    {self.count(name)}" for name in sorted(self.counted_by_call - self._counted_before)),
                "    return"]  # fmt: skip

    def may_be_loose(self) -> None:
        """The lines that follow set `loose` where no client has named what the event belongs to."""
        if not self._may_be_loose:
            self._may_be_loose = True
            self.add("loose = False")

    def may_be_shared(self) -> None:
        """The lines that follow set `shared` where what the event belongs to is everybody's."""
        if not self._may_be_shared:
            self._may_be_shared = True
            self.add("shared = False")

    @property
    def unclaimed(self) -> str:
        """An expression: whether nobody has said yet whose the event is, or that it is everybody's."""
        return "not alien and not shared" if self._may_be_shared else "not alien"

    @property
    def bound(self) -> str:
        """An expression: whether what the event belongs to is its owner's for certain."""
        return "not loose" if self._may_be_loose else "True"

    # Reading a message.

    def value(self, path: Path) -> str:
        """An expression for what stands at a path, None where nothing does; cheap to use more than once."""
        source, rest = self.globals.decoder.expression(path)
        if rest is None and source.count(".") == 1:
            return source
        if path.steps not in self._values:
            self._values[path.steps] = f"v_{len(self._values)}", self.read(path)
        return self._values[path.steps][0]

    def read(self, path: Path) -> str:
        """An expression for what stands at a path, None where nothing does."""
        source, rest = self.globals.decoder.expression(path)
        if rest is None:
            return source
        name = f"path_{path.text.encode().hex()}"
        self.name({name: self.globals.decoder.getter(path)})
        return f"{name}(d)"

    # Counting.

    def count(self, name: str) -> str:
        """A line that counts one up for a rule."""
        variable = self.globals.counter(name)
        self._counters.add(variable)
        return f"{variable} += 1"

    def count_calls(self, name: str) -> None:
        """Every call of this function counts for a rule, but for those in which it finds nothing to look at."""
        self.counted_by_call.add(name)

    # Conditions.

    def test(self, pattern: Pattern) -> str:
        """A call that says whether the message meets a pattern's conditions."""
        return f"{self.globals.condition(pattern)}(d)"

    def bits(self, fit: Fit) -> str:
        """An expression for the bits an event has."""
        terms = [str(fit.certain)] if fit.certain or not fit.conditional else []
        terms += [f"({bit} if {self.test(pattern)} else 0)" for pattern, bit in fit.conditional]
        return " | ".join(terms)

    def condition(self, fit: Fit) -> str | None:
        """A condition for having any of the bits; None where it is certain."""
        return None if fit.certain else " or ".join(self.test(pattern) for pattern, _ in fit.conditional)
