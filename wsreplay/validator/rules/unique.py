"""No value twice in a slice: duplicates of what must be unique, such as a message's id (CloudEvents, `id`).

A trace has no end, memory has: of each slice at least the last 10,000 values are remembered, in two generations. When the new
one is full, the old one is forgotten, which the verdict counts. A slice that had no event for ten minutes is forgotten too.

The same memory tells *history that is sent again*: an event whose envelope id the session has seen before it reconnected is a
replay of the past, and no rule looks at it. Where a `unique` rule reads the envelope's id its memory is used, else there is one
for this alone.

State: of each slice value → frame, in two generations, and when it was last used.

Fast path: the value is new to both generations, and the new one is not full. It is remembered before that is known; for the
slow path, which then remembers it once more, that changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wsreplay.contract.model import Contract
from wsreplay.contract.rules.unique import Unique
from wsreplay.validator.emit.exact import comparable
from wsreplay.validator.emit.fit import Fit, fit_any
from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.emit.keys import scalar
from wsreplay.validator.emit.writer import HandlerWriter, indented
from wsreplay.validator.reporting import short
from wsreplay.validator.rules.message import MessageMonitor, Observer
from wsreplay.validator.state.bounded import oldest
from wsreplay.validator.state.clock import IDLE_NS
from wsreplay.validator.state.state import ConnectionState, SessionState
from wsreplay.validator.state.trace_event import MessageEvent

KEEP_IDS = 10_000  # of a slice, in each generation
MOST_SLICES = 100_000  # of one session


class SeenIds:
    """The values of a slice that are remembered."""

    __slots__ = ("now", "old", "t")

    def __init__(self, t: int) -> None:
        # value → the frame that it came in first: the generation that grows, and the one before it
        self.now: dict[Any, int] = {}
        self.old: dict[Any, int] = {}
        # when a value came last (ns)
        self.t = t

    def __contains__(self, value: Any) -> bool:
        return value in self.now or value in self.old

    def add(self, value: Any, fid: int, t: int) -> int:
        """A value came: the frame that it came in first, which is this one where it is new."""
        self.t = t
        own = self.now.setdefault(value, fid)
        return self.old.get(value) or own

    def rotate(self) -> int:
        """Forget the old generation and begin a new one; how many values were forgotten."""
        forgotten = len(self.old)
        self.old, self.now = self.now, {}
        return forgotten


class UniqueMonitor(MessageMonitor):
    """No value twice in a slice, as far as it remembers."""

    word = "unique"
    rule: Unique

    def __init__(self, *common: Any) -> None:
        super().__init__(*common)
        # session → slice → values
        self._tables: dict[int, dict[Any, SeenIds]] = {}

    def globals(self) -> dict[str, Any]:
        return {self.variable: self, f"plain_id{self.number}": self._plain_id}

    def connect(self, conn: ConnectionState) -> dict[str, Any]:
        return {self.variable: self.table(conn.session)}

    def table(self, session: SessionState) -> dict[Any, SeenIds]:
        """The values of a session's slices."""
        return self._tables.setdefault(session.id, {})

    def close_session(self, session: SessionState) -> None:
        self._tables.pop(session.id, None)

    def sweep(self, t: int, sessions: Iterable[SessionState]) -> None:
        for table in self._tables.values():
            for key in [key for key, seen in table.items() if t - seen.t >= IDLE_NS]:
                self.reporter.forget("ids", len(table.pop(key).now))

    def open(self, conn: ConnectionState, key: Any, t: int) -> SeenIds:
        """A slice has its first value."""
        table = self.table(conn.session)
        if len(table) >= MOST_SLICES:
            for old in oldest(table):
                self.reporter.forget("ids", len(table.pop(old).now))
        seen = table[key] = SeenIds(t)
        return seen

    def _plain_id(self, value: Any, payload: bytes) -> Any:
        """A value that is no text: as it can be compared."""
        plain = scalar(value, self.rule.field, payload)
        return plain if plain is not None else comparable(value)

    def collect(self, globals: Globals) -> None:
        self.counts.recount(globals.looked_at(self.variable))

    def looks(self, writer: HandlerWriter) -> Fit | None:
        """How the writer's events fit those of the rule; None where it has them all."""
        return fit_any(self.rule.events, writer.direction, writer.type) if self.rule.events else None

    def emit(self, writer: HandlerWriter) -> None:
        looks = self.looks(writer)
        if looks is not None and not looks:
            return
        writer.need(*self.rule.by)
        value, key = writer.value(self.rule.field), writer.keys.together(self.rule.by)
        missing = writer.keys.missing(self.rule.by)
        judge = [
            "if u.__class__ is not str:",
            f"    u = plain_id{self.number}(u, payload)",
            "try:",
            f"    seen = conn.{self.variable}[{key}]",
            "except KeyError:",
            f"    seen = {self.variable}.open(conn, {key}, t)",
        ]
        check = f"{self.variable}.check(seen, u, {writer.event})"
        if writer.inline:
            unusual = f"n.setdefault(u, fid) != fid or (seen.old and u in seen.old) or len(n) >= {KEEP_IDS}"
            judge += ["seen.t = t", "n = seen.now", f"if {unusual}:", f"    {check}"]
        else:
            judge.append(check)
        writer.count_calls(self.variable)
        lines = [
            f"u = {value}",
            "if u is None" + (f" or {missing}" if missing else "") + ":",
            f"    {writer.count(self.variable)}",
            "else:",
            *indented(judge),
        ]
        condition = None if looks is None else writer.condition(looks)
        if condition is not None:
            lines = [f"if not ({condition}):", f"    {writer.count(self.variable)}", "else:", *indented(lines)]
        writer.add(*lines)

    def check(self, seen: SeenIds, value: Any, event: MessageEvent) -> None:
        """A value of the slice came."""
        first = seen.add(value, event.fid, event.t)
        if first != event.fid:
            self._say_twice(first, value, event)
        elif len(seen.now) >= KEEP_IDS:
            forgotten = seen.rotate()
            if forgotten:
                self.reporter.forget("ids", forgotten)

    def _say_twice(self, first: int, value: Any, event: MessageEvent) -> None:
        reported = self.reporter.report_message(
            self.counts, event,
            kind="duplicate",
            message=f"{event.type} came twice: {self.rule.field.text} {short(value)}",
            activation=first,
            frames=(first, event.fid),
            seen=event.type,
            at_ns=event.t,
        )  # fmt: skip
        self.reporter.repeat(event.fid, reported.id)
        event.conn.session.expect_again()


class ResentHistory(Observer):
    """Events that a session has seen before it reconnected: they are left at once."""

    def __init__(self, contract: Contract, rules: Iterable[Observer]) -> None:
        # where an event's id stands; None: history cannot be told
        self._path = contract.envelope.id
        # rules that remember the same ids
        self._uniques = [rule for rule in rules if isinstance(rule, UniqueMonitor) and rule.rule.field == self._path]
        # session → its ids, where no rule remembers them
        self._ids: dict[int, SeenIds] = {}

    def globals(self) -> dict[str, Any]:
        return {"history": self}

    def connect(self, conn: ConnectionState) -> dict[str, Any]:
        return {} if self._uniques else {"ids": self._ids.setdefault(conn.session.id, SeenIds(0))}

    def close_session(self, session: SessionState) -> None:
        self._ids.pop(session.id, None)

    def emit(self, writer: HandlerWriter) -> None:
        if self._path is None or (self._uniques and all(rule.looks(writer) == Fit(0, ()) for rule in self._uniques)):
            return  # what such an event calls by its id is another event
        value = writer.value(self._path)
        writer.add_early(f"if conn.resumed and {value} is not None and history.has(conn, {value}):", "    return")
        if not self._uniques:
            writer.add_early(
                f"if {value}.__class__ is str or {value}.__class__ is int:",
                f"    history.add(conn.ids, {value})",
            )

    def has(self, conn: ConnectionState, value: Any) -> bool:
        """Whether the session has seen the id before."""
        if value.__class__ is not str and value.__class__ is not int:
            return False
        if self._uniques:
            return any(value in seen for rule in self._uniques for seen in rule.table(conn.session).values())
        return value in self._ids[conn.session.id]

    @staticmethod
    def add(seen: SeenIds, value: Any) -> None:
        """An event with this id came."""
        seen.add(value, 0, 0)
        if len(seen.now) >= KEEP_IDS:
            seen.rotate()
