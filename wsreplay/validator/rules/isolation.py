"""Whose is what: no user sees what belongs to another.

`bind` is a functional dependency: each value of a key determines its owner. Who owns it is decided by the first event that the
server sends with it; what a client says decides nothing, since anybody can name anything. `confine` needs no memory: the value
itself names the owner. An event of somebody else's is one finding and nothing else: it has no place in the slices of the
connection that got it.

State: of each bound key value → owner, since which frame, and when it was last seen. A binding falls with the span of its
name, since ids may be used again, and after ten idle minutes; while its span is open it is not idle.

A span *vouches* for its events where it is found by all keys that the rule binds: they were looked at when the server started
it, and what comes within it is not looked at again. So an id that cannot be judged counts once for a run, not with each event,
and the bindings of an open run are as fresh as the last sweep.

Fast path: the value is known to belong to this owner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from wsreplay.contract.model import Contract
from wsreplay.contract.rules.isolation import Bind, Confine
from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.emit.writer import HandlerWriter, indented
from wsreplay.validator.reporting import short
from wsreplay.validator.rules.message import MessageMonitor, Observer
from wsreplay.validator.rules.spans import SpanMonitor
from wsreplay.validator.rules.spans_emit import SpansEmitter
from wsreplay.validator.state.clock import IDLE_NS
from wsreplay.validator.state.state import ConnectionState, Instance, SessionState, Token, oldest

_MOST_BINDINGS = 200_000  # of one key


class MessageUser(Observer):
    """A connection whose handshake names nobody belongs to whom its first message names, if the contract has a key `user`."""

    def __init__(self, contract: Contract) -> None:
        self._has_key = "user" in contract.keys

    def emit(self, writer: HandlerWriter) -> None:
        if self._has_key:
            writer.need("user")
            user = writer.keys.variable("user")
            writer.add(f"if conn.user is None and {user} is not None:", f"    conn.user = str({user})")


class Binding(Struct, eq=False, gc=False):
    """Who owns an id, since which frame, and when it was last seen."""

    owner: str
    fid: int
    t: int

    def touch(self, t: int) -> None:
        """It is in use."""
        self.t = t


class BindMonitor(MessageMonitor):
    """Each value of a key belongs to the first owner that the server showed it to."""

    word = "bind"
    rule: Bind

    def __init__(self, *common: Any) -> None:
        super().__init__(*common)
        # key → value → binding
        self.owners: dict[str, dict[Any, Binding]] = {key: {} for key in self.rule.keys}
        # the spans whose end releases a key, with the key
        self._releasing: list[tuple[str, SpanMonitor]] = []
        # who is told of each id that somebody may own
        self._log: Callable[[str, Any], None] | None = None
        self._spans: SpansEmitter | None = None

    def globals(self) -> dict[str, Any]:
        tables = {self._table(index): self.owners[key] for index, key in enumerate(self.rule.keys)}
        return {**super().globals(), **tables}

    def _table(self, index: int) -> str:
        """The owners of a key, in generated source."""
        return f"bound{self.number}_{index}"

    def link(self, spans: SpansEmitter) -> None:
        self._spans = spans
        for key in self.rule.keys:
            span = spans.named(key)
            if span is not None and key in span.names:
                self._releasing.append((key, span))
                if self.rule.to == "conn.user":
                    span.on_end(self._release_with(key, span))

    def _release_with(self, key: str, span: SpanMonitor) -> Callable[[Instance], None]:
        position = span.names.index(key)

        def release(instance: Instance) -> None:
            if instance.names is span.names:
                self._release(key, instance.values()[position], instance.conn.user)

        return release

    def _release(self, key: str, value: Any, owner: Any) -> None:
        """What the id names has ended."""
        binding = self.owners[key].get(value)
        if binding is not None and binding.owner == owner:
            del self.owners[key][value]

    def log_claims(self, log: Callable[[str, Any], None]) -> None:
        self._log = log

    def emit(self, writer: HandlerWriter) -> None:
        writer.need(*self.rule.keys, self.rule.to)
        writer.may_be_alien()
        owner = writer.keys.variable(self.rule.to)
        lines: list[str] = []
        for index, key in enumerate(self.rule.keys):
            value = writer.keys.variable(key)
            check = f"{self.variable}.check({key!r}, {value}, {owner}, conn, fid, t, type, {writer.direction})"
            if writer.inline:
                known = f"b is not None and b.owner == {owner}"
                lines += [f"b = {self._table(index)}.get({value})", f"if {known}:", "    b.t = t", f"elif {check}:"]
            else:
                lines.append(f"if {check}:")
            lines.append("    alien = True")
        span = self._vouching_span(writer)
        if span is not None:
            assert self._spans is not None
            self._spans.look_up(writer, span)
            lines = [f"if i{span} is None or not i{span}.bound:", *indented(lines)]
        writer.add(*lines)

    def _vouching_span(self, writer: HandlerWriter) -> int | None:
        """A span that concerns this event and is found by all keys that the rule binds."""
        if self.rule.to != "conn.user" or self._spans is None:
            return None
        for monitor in self._spans.monitors:
            always = all(writer.keys.always(name) for name in monitor.names)
            if always and set(self.rule.keys) <= set(monitor.names) and self._spans.concerns(writer, monitor.span):
                return monitor.number
        return None

    def check(
        self, key: str, value: Any, owner: Any, conn: ConnectionState, fid: int, t: int, type_: str, direction: int
    ) -> bool:
        """An event came with a value of the key. Whether it belongs to somebody else."""
        if value is None or isinstance(value, Token):
            return False
        table = self.owners[key]
        binding = table.get(value)
        if binding is None:
            if self._log is not None:
                self._log(key, value)
            if direction and owner is not None:
                if len(table) >= _MOST_BINDINGS:
                    self._make_room(table)
                table[value] = Binding(owner, fid, t)
                self.counts.activate()
        elif binding.owner == owner:
            binding.touch(t)
        elif owner is None:
            self.counts.doubt()
        else:
            self._say(key, value, binding, owner, conn, fid, t, type_, direction)
            return True
        return False

    def _make_room(self, table: dict[Any, Binding]) -> None:
        for value in oldest(table):
            del table[value]
            self.reporter.forget("bindings")
            self.counts.doubt()

    def _say(
        self,
        key: str,
        value: Any,
        binding: Binding,
        owner: Any,
        conn: ConnectionState,
        fid: int,
        t: int,
        type_: str,
        direction: int,
    ) -> None:
        to = self.rule.to.removeprefix("conn.")
        self.reporter.report_message(
            self.counts, conn, fid, t, direction,
            kind="isolation",
            message=f"{type_} of {key} {short(value)} reached {to} {owner}; it belongs to {to} {binding.owner}",
            activation=binding.fid,
            frames=(binding.fid, fid),
            seen=type_,
        )  # fmt: skip

    def sweep(self, t: int, sessions: Iterable[SessionState]) -> None:
        """Forget ids that nobody has seen for ten minutes; one of something open has been seen."""
        for session in sessions:
            for _, span in self._releasing:
                for instance in session.spans[span.number].values():
                    if instance.names is span.names:
                        self._touch(span.names, instance, t)
        for table in self.owners.values():
            idle = [value for value, binding in table.items() if t - binding.t >= IDLE_NS]
            for value in idle:
                del table[value]
            if idle:
                self.reporter.forget("bindings", len(idle))

    def _touch(self, names: tuple[str, ...], instance: Instance, t: int) -> None:
        """The keys of an instance, as far as they are this rule's, are in use."""
        for key, value in zip(names, instance.values(), strict=True):
            binding = self.owners.get(key, {}).get(value)
            if binding is not None and binding.owner == instance.conn.user:
                binding.touch(t)


class ConfineMonitor(MessageMonitor):
    """A value names its owner; nobody else's connection may carry it."""

    word = "confine"
    rule: Confine

    def collect(self, globals: Globals) -> None:
        self.counts.activate(globals.taken(self.variable))

    def emit(self, writer: HandlerWriter) -> None:
        writer.need(self.rule.key, self.rule.to)
        writer.may_be_alien()
        value, owner = writer.keys.variable(self.rule.key), writer.keys.variable(self.rule.to)
        check = f"{self.variable}.check({value}, {owner}, conn, fid, t, type, {writer.direction})"
        if writer.inline:
            check = f"{value} != {owner} and {check}"
        writer.add(
            f"if {value} is not None:",
            f"    {writer.count(self.variable)}",
            f"    if {check}:",
            "        alien = True",
        )

    def check(self, value: Any, owner: Any, conn: ConnectionState, fid: int, t: int, type_: str, direction: int) -> bool:
        """An event came with a value. Whether it is somebody else's name."""
        if str(value) == str(owner):
            return False
        if owner is None or str(owner).startswith("cookie:"):  # a pseudonym cannot be compared with a name
            self.counts.doubt()
            return False
        to = self.rule.to.removeprefix("conn.")
        self.reporter.report_message(
            self.counts, conn, fid, t, direction,
            kind="isolation",
            message=f"{type_} for {self.rule.key} {short(value)} reached {to} {owner}",
            seen=type_,
        )  # fmt: skip
        return True
