"""How long events are on their way.

Received − sent is the delay plus what the two clocks differ by, which nobody knows. The smallest difference of a connection so
far is taken for that: what is judged is the *excess* over it (the minimum filter of NTP, RFC 5905, section 10). So a constant
offset costs nothing, and a clock that is set in mid-trace shows as a step: of what was sent, or of the difference, by more than
a second backwards. Then the rule says `error` once, and measures anew from there.

State: of each connection the smallest difference, the largest that is in time, and the last time sent.

Fast path: the difference lies between smallest and largest, and the sender's time did not go back.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from wsreplay.contract.rules.latency import Latency
from wsreplay.units import duration_text
from wsreplay.validator.emit.fit import fit_any
from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.emit.writer import HandlerWriter, indented
from wsreplay.validator.findings import Verdict
from wsreplay.validator.rules.message import MessageMonitor
from wsreplay.validator.state.state import ConnectionState

_STEP_NS = 1_000_000_000  # clocks that go back by more than this were set
_UTC = datetime.fromisoformat("1970-01-01T00:00:00+00:00").tzinfo


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


class LatencyState:
    """Of one connection, in ns."""

    __slots__ = ("high", "low", "sent")

    def __init__(self) -> None:
        # the smallest difference of received and sent; the largest that is in time; the last time sent
        self.low, self.high, self.sent = float("inf"), float("-inf"), float("-inf")

    def measure_from(self, difference: float, max_ns: int) -> None:
        """This is the smallest difference from now on."""
        self.low, self.high = difference, difference + max_ns


class LatencyMonitor(MessageMonitor):
    """Received − sent, less the smallest difference of the connection so far."""

    word = "latency"
    rule: Latency

    def connect(self, conn: ConnectionState) -> dict[str, Any]:
        return {self.variable: LatencyState()}

    def collect(self, globals: Globals) -> None:
        self.counts.recount(globals.looked_at(self.variable))

    def emit(self, writer: HandlerWriter) -> None:
        path = writer.contract.envelope.sent
        events = fit_any(self.rule.events, writer.direction, writer.type)
        if not events or path is None:
            return
        writer.name({"sent_ns": sent_ns})
        check = f"{self.variable}.check(l, s, conn, fid, t, type, {writer.direction})"
        read = ["elif s is not None:", "    s = sent_ns(s)"]
        judge = [f"l = conn.{self.variable}"]
        if writer.inline:
            read = ["if s.__class__ is float and 0.0 < s < 1e11:", "    s *= 1e9", *read]
            judge += [
                "if not l.low <= t - s <= l.high or s < l.sent:",
                f"    {check}",
                "else:",
                "    l.sent = s",
            ]
        else:
            read = ["if s is not None:", *read[1:]]
            judge.append(check)
        nothing = ["if s is None:", f"    {writer.count(self.variable)}", "else:"]
        writer.count_calls(self.variable)
        writer.add_under(writer.condition(events), [f"s = {writer.value(path)}", *read, *nothing, *indented(judge)])

    def check(
        self, state: LatencyState, sent: float, conn: ConnectionState, fid: int, t: int, type_: str, direction: int
    ) -> None:
        """An event came that says when it was sent."""
        difference, smallest = t - sent, state.low
        if sent < state.sent - _STEP_NS or difference < smallest - _STEP_NS < math.inf:
            state.measure_from(difference, self.rule.max_ns)
            self._say_clock_stepped(conn, fid, t, type_, direction)
        elif difference < smallest:
            state.measure_from(difference, self.rule.max_ns)
        elif difference - smallest > self.rule.max_ns:
            self._say_late(conn, difference - smallest, fid, t, type_, direction)
        state.sent = sent

    def _say_clock_stepped(self, conn: ConnectionState, fid: int, t: int, type_: str, direction: int) -> None:
        if self.counts.errors:
            self.counts.fail()
            return
        self.reporter.report_message(
            self.counts, conn, fid, t, direction,
            kind="clock",
            verdict=Verdict.ERROR,
            message="the sender's clock was set meanwhile; latency is measured anew from here",
            seen=type_,
            blame=None,
        )  # fmt: skip

    def _say_late(self, conn: ConnectionState, delay: float, fid: int, t: int, type_: str, direction: int) -> None:
        late = round(delay)
        self.reporter.report_message(
            self.counts, conn, fid, t, direction,
            kind="late",
            message=f"{type_} was {duration_text(late)} on its way, at most {duration_text(self.rule.max_ns)} allowed",
            seen=type_,
            until=t - late + self.rule.max_ns,
            late_by=late - self.rule.max_ns,
            bound_from=t - late,
        )  # fmt: skip
