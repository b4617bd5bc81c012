"""Counters: gaps and disorder (CloudEvents, extension `sequence`).

Each slice has one counter in each direction. `contiguous` asks for the next whole number, `increasing` for any larger one. The
first value decides where a counter begins. A value that is not larger is out of order, said once: if the one after it follows
on, the counter *has started again* and goes on from there, and so does one after a reconnect, since history may be sent again.
As many numbers as messages could not be decoded may have been in them: such a gap is inconclusive.

State: of each slice and direction the last value, the value a restart may go on from, and what was passed over since.

Fast path: the value is the last one plus 1, and an int.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from wsreplay.contract.rules.sequence import SequenceRule
from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.emit.writer import HandlerWriter, indented
from wsreplay.validator.rules.message import MessageMonitor
from wsreplay.validator.state.state import ConnectionState, SessionState, oldest
from wsreplay.validator.state.undecodable import LOST, UNREADABLE

MOST_COUNTERS = 100_000  # slices of one session
_BY_CONNECTION = (("conn.session",), ("conn.id",))


class SequenceState:
    """The counter of one slice and direction."""

    __slots__ = ("_passed_at", "_passed_over", "last", "restart")

    def __init__(self) -> None:
        # the last value; NaN before the first, which is equal to nothing
        self.last: float = math.nan
        # the value that was out of order: a restart goes on from it
        self.restart: float = math.nan
        # so many messages that may have carried the next numbers could not be decoded, while `last` was this
        self._passed_over: float = 0
        self._passed_at: float = math.nan

    def go_on(self, value: int) -> None:
        """The last value is this one."""
        self.last = value

    def start_again(self, value: int) -> None:
        """The counter has started again, and goes on."""
        self.last, self.restart = value, math.nan

    def suspect_restart(self, value: int) -> None:
        """If the value after this one follows on, the counter has started again."""
        self.restart = value

    def pass_over(self, count: float) -> None:
        """So many messages that may have carried the next numbers could not be decoded; infinitely many: nobody knows."""
        if self._passed_at != self.last:
            self._passed_at, self._passed_over = self.last, 0
        self._passed_over += count

    def why_unsure(self, missing: int) -> str | None:
        """Why so many missing numbers may have been in what was passed over."""
        everywhere = math.isinf(self._passed_over)
        passed_over = self._passed_over if self._passed_at == self.last or everywhere else 0
        if missing > passed_over:
            return None
        return LOST if everywhere else UNREADABLE


_Pair = tuple[SequenceState, SequenceState]  # by direction


class SequenceMonitor(MessageMonitor):
    """A counter; its own one in each direction."""

    word = "sequence"
    rule: SequenceRule

    def __init__(self, *common: Any) -> None:
        super().__init__(*common)
        # session → slice → counters
        self._tables: dict[int, dict[Any, _Pair]] = {}

    def connect(self, conn: ConnectionState) -> dict[str, Any]:
        if self.rule.by not in _BY_CONNECTION:
            return {}
        pair = self.counters(conn, conn.session.key if self.rule.by == ("conn.session",) else conn.key)
        return {self._attribute(direction): state for direction, state in enumerate(pair)}

    def _attribute(self, direction: int) -> str:
        return f"counter{self.number}_{direction}"

    def counters(self, conn: ConnectionState, key: Any) -> _Pair:
        """Those of a slice, by direction."""
        table = self._tables.setdefault(conn.session.id, {})
        pair = table.get(key)
        if pair is None:
            if len(table) >= MOST_COUNTERS:
                for old in oldest(table):
                    del table[old]
                    self.reporter.forget("counters")
            pair = table[key] = (SequenceState(), SequenceState())
        return pair

    def pass_over(self, conn: ConnectionState, directions: Collection[int], count: float) -> None:
        for pair in self._tables.get(conn.session.id, {}).values():
            for direction in directions:
                pair[direction].pass_over(count)

    def close_session(self, session: SessionState) -> None:
        self._tables.pop(session.id, None)

    def collect(self, globals: Globals) -> None:
        self.counts.recount(globals.looked_at(self.variable))

    def emit(self, writer: HandlerWriter) -> None:
        writer.need(*self.rule.by)
        value, missing = writer.value(self.rule.field), writer.keys.missing(self.rule.by)
        if self.rule.by in _BY_CONNECTION:
            counter = f"conn.{self._attribute(writer.direction)}"
        else:
            counter = f"{self.variable}.counters(conn, {writer.keys.together(self.rule.by)})[{writer.direction}]"
        check = f"{self.variable}.check(c, {value}, conn, fid, t, type, {writer.direction})"
        judge = [f"c = {counter}"]
        if writer.inline:
            in_order = f"{value} == c.last + 1 and {value}.__class__ is int"
            judge += [f"if {in_order}:", f"    c.last = {value}", "else:", f"    {check}"]
        else:
            judge.append(check)
        writer.count_calls(self.variable)
        writer.add(
            f"if {value} is None" + (f" or {missing}" if missing else "") + ":",
            f"    {writer.count(self.variable)}",
            "else:",
            *indented(judge),
        )

    def check(
        self, state: SequenceState, value: Any, conn: ConnectionState, fid: int, t: int, type_: str, direction: int
    ) -> None:
        """A message came with a value of the counter."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            self._say(conn, "format", f"{self.rule.field.text} is not a whole number in {type_}", fid, t, type_, direction)
            return
        last = state.last
        if math.isnan(last) or value == last + 1:
            state.go_on(value)
        elif value > last:
            missing = value - int(last) - 1
            if self.rule.mode == "contiguous":
                which = f"{int(last) + 1}" if missing == 1 else f"{int(last) + 1} to {value - 1}"
                unsure = state.why_unsure(missing)
                self._say(conn, "gap", f"{which} missing before {value}", fid, t, type_, direction, at_ns=t, unsure=unsure)
            state.go_on(value)
        elif value == state.restart + 1:
            state.start_again(value)
        elif not conn.resumed:
            state.suspect_restart(value)
            word = "twice" if value == last else f"after {int(last)}"
            self._say(conn, "order", f"{self.rule.field.text} {value} came {word}", fid, t, type_, direction)

    def _say(
        self, conn: ConnectionState, kind: str, message: str, fid: int, t: int, type_: str, direction: int, **details: Any
    ) -> None:
        self.reporter.report_message(
            self.counts, conn, fid, t, direction,
            kind=kind,
            message=message,
            seen=type_,
            absent=kind == "gap",
            **details,
        )  # fmt: skip
