"""The source of a handler as far as it reads messages and judges each by itself."""

from __future__ import annotations

from typing import Any

from wsreplay.contract.model import Latency, Pattern
from wsreplay.contract.paths import Path
from wsreplay.validator.emit.namespace import Namespace
from wsreplay.validator.rules.roles import Fit, fit

CALLS = "n_calls_"


class MessageSource:
    """The head of the function for one direction and event type, and the rules that need no spans."""

    def __init__(self, names: Namespace, direction: int, type_: str) -> None:
        self.names, self.monitors, self.contract, self.keys = names, names.monitors, names.contract, names.keys
        self.direction, self.type = direction, type_
        self.needs: set[str] = set()
        self.values: dict[Any, tuple[str, str]] = {}
        self.counters: set[str] = set()
        self.body: list[str] = []
        self.looked_up: set[int] = set()
        self.counted_by_call: set[str] = set()

    def lines(self) -> list[str]:
        """The whole function."""
        unknown = self.monitors.unknown is not None and not self.monitors.is_known(self.direction, self.type)
        self._resent()
        if unknown:
            self.names.space["unknown"] = self.monitors.unknown
            self.body.append(f"unknown.seen(conn, type, fid, t, {self.direction})")
        self._user()
        self._schemas()
        self._latencies()
        self._sequences()
        self._uniques()
        self._isolation()
        self._spans_and_rules()
        heads: list[str] = []
        for name in self.keys.needed(self.needs):
            heads += self.keys.source(name, self._read)
        start = ["def handle(d, conn, fid, t, payload, type):"]
        if self.counted_by_call:
            self.counters.add(CALLS)
            self.body.insert(self._after_resent, f"{CALLS} += 1")
        if self.counters:
            start.append("    global " + ", ".join(sorted(self.counters)))
        start += [f"    {variable} = {expression}" for variable, expression in self.values.values()]
        body = self.body[: self._after_resent] + heads + self.body[self._after_resent :]
        return start + ["    " + line for line in body or ["pass"]]

    # Reading a message.

    def _value(self, path: Path) -> str:
        """An expression for what stands at a path, None where nothing does; cheap to use more than once."""
        source, rest = self.names.shape.expression(path)
        if rest is None and source.count(".") == 1:
            return source
        if path.steps not in self.values:
            self.values[path.steps] = f"v_{len(self.values)}", self._read(path)
        return self.values[path.steps][0]

    def _read(self, path: Path) -> str:
        """An expression for what stands at a path, None where nothing does."""
        source, rest = self.names.shape.expression(path)
        if rest is None:
            return source
        name = f"path_{path.text.encode().hex()}"
        self.names.space[name] = self.names.shape.getter(path)
        return f"{name}(d)"

    def _called(self, name: str) -> None:
        """Every call of this function counts for a rule, but for those in which it finds nothing to look at."""
        self.counted_by_call.add(name)

    def _count(self, name: str) -> str:
        variable = self.names.counter(name)
        self.counters.add(variable)
        return f"{variable} += 1"

    def _roles(self, found: Fit) -> str:
        """An expression for the bits an event has."""
        parts = [str(found.certain)] if found.certain or not found.conditional else []
        parts += [f"({bit} if {self._test(pattern)} else 0)" for pattern, bit in found.conditional]
        return " | ".join(parts)

    def _test(self, pattern: Pattern) -> str:
        """A call that says whether the message meets a pattern's conditions."""
        return f"{self.names.condition(pattern)}(d)"

    def _if(self, found: Fit) -> str | None:
        """A condition for having any of the bits; None where it is certain."""
        return None if found.certain else " or ".join(self._test(pattern) for pattern, _ in found.conditional)

    # The rules that are no templates.

    def _resent(self) -> None:
        path = self.contract.envelope.id
        if path is not None:
            value = self._value(path)
            self.body += [f"if conn.resumed and {value} is not None and memory.resent(conn, {value}):", "    return"]
            if not self.monitors.ids_kept_by_unique:
                self.body += [
                    f"if {value}.__class__ is str or {value}.__class__ is int:",
                    f"    memory.remember(conn, {value})",
                ]
        self._after_resent = len(self.body)

    def _user(self) -> None:
        """A connection whose handshake names nobody belongs to whom its first message names, if the contract has such a key."""
        if "user" in self.contract.keys:
            self.needs.add("user")
            user = self.keys.variable("user")
            self.body += [f"if conn.user is None and {user} is not None:", f"    conn.user = str({user})"]

    def _schemas(self) -> None:
        for number, monitor in enumerate(self.monitors.schemas):
            for index, check in enumerate(monitor.checks(self.direction, self.type)):
                name = f"check_{number}_{index}_{id(check):x}"
                self.names.space[name] = check
                self.body.append(f"schema{number}.check({name}, payload, conn, fid, t, type, {self.direction})")

    def _latencies(self) -> None:
        sent = self.contract.envelope.sent
        for number, monitor in enumerate(self.monitors.latencies):
            rule: Latency = monitor.rule
            found = fit([(rule.events, 1)], self.direction, self.type)
            if not found or sent is None:
                continue
            lines = [
                f"s = {self._value(sent)}",
                "if s.__class__ is float and 0.0 < s < 1e11:",
                "    s *= 1e9",
                "elif s is not None:",
                "    s = sent_ns(s)",
                "if s is None:",
                f"    {self._count(f'latency{number}')}",
                "else:",
                f"    l = conn.latency{number}",
                "    if not l.low <= t - s <= l.high or s < l.sent:",
                f"        latency{number}.off(conn, t - s, s, fid, t, type, {self.direction})",
                "    l.sent = s",
            ]
            self._called(f"latency{number}")
            self._under(self._if(found), lines)

    def _under(self, test: str | None, lines: list[str]) -> None:
        if test is None:
            self.body += lines
        else:
            self.body += [f"if {test}:", *("    " + line for line in lines)]

    def _sequences(self) -> None:
        for number, monitor in enumerate(self.monitors.sequences):
            rule = monitor.rule
            self.needs.update(rule.by)
            if rule.by in (("conn.session",), ("conn.id",)):
                state = f"conn.counter{number}_{self.direction}"
            else:
                state = f"memory.sequence(conn, {number}, {self.keys.together(rule.by)})[{self.direction}]"
            missing = self.keys.missing(rule.by)
            q = self._value(rule.field)
            self._called(f"sequence{number}")
            self.body += [
                f"if {q} is None" + (f" or {missing}" if missing else "") + ":",
                f"    {self._count(f'sequence{number}')}",
                "else:",
                f"    c = {state}",
                f"    if {q} == c.last + 1 and {q}.__class__ is int:",
                f"        c.last = {q}",
                "    else:",
                f"        sequence{number}.off(c, {q}, conn, fid, t, type, {self.direction})",
            ]

    def _uniques(self) -> None:
        for number, monitor in enumerate(self.monitors.uniques):
            rule = monitor.rule
            self.needs.update(rule.by)
            key, missing = self.keys.together(rule.by), self.keys.missing(rule.by)
            u = self._value(rule.field)
            self._called(f"unique{number}")
            self.body += [
                f"if {u} is None" + (f" or {missing}" if missing else "") + ":",
                f"    {self._count(f'unique{number}')}",
                "else:",
                f"    u = {u} if {u}.__class__ is str else plain_id({u}, {number}, payload)",
                f"    seen = conn.unique{number}.get({key})",
                "    if seen is None:",
                f"        seen = memory.unique(conn, {number}, {key}, t)",
                "    seen.t = t",
                "    if seen.now.setdefault(u, fid) != fid or (seen.old and u in seen.old):",
                f"        unique{number}.twice(seen, u, conn, fid, t, type, {self.direction})",
                "    elif len(seen.now) >= 10000:",
                f"        unique{number}.rotate(seen)",
            ]

    def _isolation(self) -> None:
        raise NotImplementedError

    def _spans_and_rules(self) -> None:
        raise NotImplementedError
