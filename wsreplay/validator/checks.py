"""The rules that are no templates: latency, counters, duplicates, isolation."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import Struct

from wsreplay.contract.model import Bind, Confine, Latency, Unique
from wsreplay.contract.model import Sequence as SequenceRule
from wsreplay.validator.findings import Verdict
from wsreplay.validator.reporting import Counts, Reporter, seconds, short
from wsreplay.validator.state.state import ConnectionState, Seen, Sequence, Token, oldest
from wsreplay.validator.state.unread import LOST, UNREADABLE

_STEP_NS = 1_000_000_000  # clocks that go back by more than this were set
_KEEP_IDS = 10_000
_IDLE_NS = 600_000_000_000
_MOST_BINDINGS = 200_000


def sent_ns(value: Any) -> float | None:
    """A sender's time in ns since 1970: seconds or milliseconds, told by magnitude, or ISO 8601 (UTC if no zone)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        if not math.isfinite(value):
            return None
        return value * 1e9 if abs(value) < 1e11 else value * 1e6
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        try:
            return (moment if moment.tzinfo else moment.replace(tzinfo=_UTC)).timestamp() * 1e9
        except (OverflowError, ValueError):
            return None
    return None


_UTC = datetime.fromisoformat("1970-01-01T00:00:00+00:00").tzinfo


class LatencyMonitor:
    """Received − sent, less the smallest difference of the connection so far."""

    def __init__(self, rule: Latency, index: int, counts: Counts, reporter: Reporter) -> None:
        self.rule, self.index, self.counts, self.reporter = rule, index, counts, reporter

    def off(self, conn: ConnectionState, difference: float, sent: float, fid: int, t: int, type_: str, direction: int) -> None:
        """The difference is a new smallest, or too large."""
        state = conn.latencies[self.index]
        smallest = state.low
        if sent < state.sent - _STEP_NS or difference < smallest - _STEP_NS < math.inf:
            self._clock_stepped(conn, difference, fid, t, type_, direction)
        elif difference < smallest:
            self._smallest(conn, difference)
        elif difference - smallest > self.rule.max_ns:
            self._late(conn, difference - smallest, fid, t, type_, direction)

    def _smallest(self, conn: ConnectionState, difference: float) -> None:
        state = conn.latencies[self.index]
        state.low, state.high = difference, difference + self.rule.max_ns

    def _clock_stepped(self, conn: ConnectionState, difference: float, fid: int, t: int, type_: str, direction: int) -> None:
        self._smallest(conn, difference)
        if self.counts.errors:
            self.counts.errors += 1
            return
        self.reporter.report_message(
            self.counts, conn, fid, t, direction,
            kind="clock",
            verdict=Verdict.ERROR,
            message="the sender's clock was set meanwhile; latency is measured anew from here",
            seen=type_,
            blame=None,
        )

    def _late(self, conn: ConnectionState, delay: float, fid: int, t: int, type_: str, direction: int) -> None:
        late = round(delay)
        self.reporter.report_message(
            self.counts, conn, fid, t, direction,
            kind="late",
            message=f"{type_} was {seconds(late)} on its way, at most {seconds(self.rule.max_ns)} allowed",
            seen=type_,
            until=t - late + self.rule.max_ns,
            late_by=late - self.rule.max_ns,
            bound_from=t - late,
        )


class SequenceMonitor:
    """A counter; its own one in each direction."""

    def __init__(self, rule: SequenceRule, counts: Counts, reporter: Reporter) -> None:
        self.rule, self.counts, self.reporter = rule, counts, reporter

    def off(self, state: Sequence, value: Any, conn: ConnectionState, fid: int, t: int, type_: str, direction: int) -> None:
        """The value is not simply the next one."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            self._say(conn, "format", f"{self.rule.field.text} is no whole number in {type_}", fid, t, type_, direction)
            return
        last = state.last
        if math.isnan(last) or value == last + 1:
            state.last = value
        elif value > last:
            if self.rule.mode == "contiguous":
                missing = value - int(last) - 1
                which = f"{int(last) + 1}" if missing == 1 else f"{int(last) + 1} to {value - 1}"
                unsure = (LOST if math.isinf(state.unread) else UNREADABLE) if missing <= state.passed_over else None
                self._say(conn, "gap", f"{which} missing before {value}", fid, t, type_, direction, at_ns=t, unsure=unsure)
            state.last = value
        elif value == state.restart + 1:
            state.last, state.restart = value, math.nan
        elif not conn.resumed:
            state.restart = value
            word = "twice" if value == last else f"after {int(last)}"
            self._say(conn, "order", f"{self.rule.field.text} {value} came {word}", fid, t, type_, direction)

    def _say(
        self,
        conn: ConnectionState,
        kind: str,
        message: str,
        fid: int,
        t: int,
        type_: str,
        direction: int,
        at_ns: int | None = None,
        unsure: str | None = None,
    ) -> None:
        self.reporter.report_message(
            self.counts, conn, fid, t, direction,
            kind=kind,
            message=message,
            seen=type_,
            at_ns=at_ns,
            absent=kind == "gap",
            unsure=unsure,
        )


class UniqueMonitor:
    """No value twice in a slice, as far as it remembers."""

    def __init__(self, rule: Unique, counts: Counts, reporter: Reporter) -> None:
        self.rule, self.counts, self.reporter = rule, counts, reporter

    def rotate(self, seen: Seen) -> None:
        """A slice holds `_KEEP_IDS` new values: those before them are forgotten."""
        if seen.old:
            self.reporter.forget("ids", len(seen.old))
        seen.old, seen.now = seen.now, {}

    def twice(self, seen: Seen, value: Any, conn: ConnectionState, fid: int, t: int, type_: str, direction: int) -> None:
        first = seen.old.get(value) or seen.now[value]
        self.reporter.report_message(
            self.counts, conn, fid, t, direction,
            kind="duplicate",
            message=f"{type_} came twice: {self.rule.field.text} {short(value)}",
            activation=first,
            frames=(first, fid),
            seen=type_,
            at_ns=t,
        )


class Binding(Struct, eq=False, gc=False):
    """Who owns an id, since which frame, and when it was last seen."""

    owner: str
    fid: int
    t: int


class BindMonitor:
    """Each value of a key belongs to the first owner that the server showed it to."""

    def __init__(self, rule: Bind, counts: Counts, reporter: Reporter) -> None:
        self.rule, self.counts, self.reporter = rule, counts, reporter
        self.owners: dict[str, dict[Any, Binding]] = {key: {} for key in rule.keys}
        self.log: Callable[[str, Any], None] | None = None

    def check(
        self, key: str, value: Any, owner: Any, conn: ConnectionState, fid: int, t: int, type_: str, direction: int
    ) -> bool:
        """The value is not known to belong to the owner. Whether it belongs to somebody else."""
        if value is None or isinstance(value, Token):
            return False
        table = self.owners[key]
        binding = table.get(value)
        if binding is None:
            if self.log is not None:
                self.log(key, value)
            if direction and owner is not None:
                if len(table) >= _MOST_BINDINGS:
                    self._make_room(table)
                table[value] = Binding(owner, fid, t)
                self.counts.activations += 1
        elif binding.owner == owner:
            binding.t = t
        elif owner is None:
            self.counts.inconclusive += 1
        else:
            self._say(key, value, binding, owner, conn, fid, t, type_, direction)
            return True
        return False

    def _make_room(self, table: dict[Any, Binding]) -> None:
        for value in oldest(table):
            del table[value]
            self.reporter.forget("bindings")
            self.counts.inconclusive += 1

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
        )

    def release(self, key: str, value: Any, owner: Any) -> None:
        """What the id names has ended."""
        binding = self.owners[key].get(value)
        if binding is not None and binding.owner == owner:
            del self.owners[key][value]

    def seen(self, key: str, value: Any, owner: Any, t: int) -> None:
        """The id, if it is one of this rule's, is in use."""
        binding = self.owners.get(key, {}).get(value)
        if binding is not None and binding.owner == owner:
            binding.t = t

    def sweep(self, t: int) -> None:
        """Forget ids that nobody has seen for ten minutes."""
        for table in self.owners.values():
            idle = [value for value, binding in table.items() if t - binding.t >= _IDLE_NS]
            for value in idle:
                del table[value]
            if idle:
                self.reporter.forget("bindings", len(idle))


class ConfineMonitor:
    """A value names its owner; nobody else's connection may carry it."""

    def __init__(self, rule: Confine, counts: Counts, reporter: Reporter) -> None:
        self.rule, self.counts, self.reporter = rule, counts, reporter

    def check(self, value: Any, owner: Any, conn: ConnectionState, fid: int, t: int, type_: str, direction: int) -> bool:
        """The value is not simply the owner's name. Whether it is somebody else's."""
        if str(value) == str(owner):
            return False
        if owner is None or str(owner).startswith("cookie:"):  # a pseudonym cannot be compared with a name
            self.counts.inconclusive += 1
            return False
        to = self.rule.to.removeprefix("conn.")
        self.reporter.report_message(
            self.counts, conn, fid, t, direction,
            kind="isolation",
            message=f"{type_} for {self.rule.key} {short(value)} reached {to} {owner}",
            seen=type_,
        )
        return True
