"""How long events are on their way.

Received − sent is the delay plus what the two clocks differ by, which nobody knows. The smallest difference of a connection so
far is taken for that: what is judged is the *excess* over it (the minimum filter of NTP, RFC 5905, section 10). So a constant
offset costs nothing, and a clock that is set in mid-trace shows as a step: of what was sent, or of the difference, by more than
a second backwards. Then the rule says `error` once, and measures anew from there. Where the contract says that both clocks are
the same, the delay itself is judged.

Times are compared as precisely as they are given: a sender that tells whole seconds may be a second out. What was sent before
its connection was opened was kept, or is sent again: a reconnect delayed it, and it has no latency.

State: of each connection the smallest difference, the largest that is in time, the last time sent, and since when what is sent
counts.

Fast path: the difference lies between smallest and largest, and the sender's time did not go back; not while whole seconds are
all that came.
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
from wsreplay.validator.state.state import ConnectionState, SessionState
from wsreplay.validator.state.trace_event import MessageEvent

_STEP_NS = 1_000_000_000  # clocks that go back by more than this were set
_SECOND, _MILLISECOND, _MICROSECOND = 1_000_000_000, 1_000_000, 1_000
_LARGEST = 1e19  # ns, some 300 years: seconds told as a number are less than 1e11
_UTC = datetime.fromisoformat("1970-01-01T00:00:00+00:00").tzinfo


def sent_ns(value: Any) -> float | None:
    """A sender's time in ns since 1970: s, ms, µs or ns, told by magnitude, or ISO 8601 (UTC if no zone)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        if not math.isfinite(value):
            return None
        size = abs(value)
        return value * (1e9 if size < 1e11 else 1e6 if size < 1e14 else 1e3 if size < 1e17 else 1.0)
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


def precision_of(sent: float) -> int:
    """How precisely a time (ns) is told, as far as it shows: in ns, microseconds at best."""
    if abs(sent) > 1e30:
        return _SECOND
    microseconds = round(sent / 1e3)
    return _SECOND if not microseconds % 1_000_000 else _MICROSECOND if microseconds % 1_000 else _MILLISECOND


class LatencyState:
    """Of one connection, in ns."""

    __slots__ = ("fixed", "high", "low", "precision", "sent", "since", "smallest")

    def __init__(self, smallest: float | None, since: float) -> None:
        # what the clocks differ by: the smallest difference of received and sent so far, or what is known (`fixed`)
        self.smallest, self.fixed = (math.inf if smallest is None else smallest), smallest is not None
        # a second until a time came that is told more precisely
        self.precision = _SECOND
        # the differences that are in time, while nothing else is to be looked at
        self.low, self.high = math.inf, -math.inf
        # the last time sent; what was sent earlier than `since` has no latency
        self.sent, self.since = -math.inf, since

    def measure_from(self, difference: float, max_ns: int) -> None:
        """This is the smallest difference from now on."""
        self.smallest = difference
        self.bound(max_ns)

    def tell_precisely(self, precision: int, max_ns: int) -> None:
        """Times are told this precisely."""
        self.precision = precision
        self.bound(max_ns)

    def bound(self, max_ns: int) -> None:
        """What is in time."""
        if self.precision < _SECOND:
            slack = self.precision if self.fixed else 0
            low, high = self.smallest - slack, self.smallest + max_ns + self.precision
            # no number told in anything but seconds is among these differences once it is multiplied as if it were
            self.low, self.high = (low, high) if -_LARGEST < low <= high < _LARGEST else (math.inf, -math.inf)

    def send(self, sent: float) -> None:
        """The last time sent is this one."""
        self.sent = sent


class LatencyMonitor(MessageMonitor):
    """Received − sent, less the smallest difference of the connection so far."""

    word = "latency"
    rule: Latency

    def __init__(self, *common: Any) -> None:
        super().__init__(*common)
        # session → what was measured on its last connection
        self._last: dict[int, LatencyState] = {}

    def connect(self, conn: ConnectionState) -> dict[str, Any]:
        epoch = self.clock.epochs.get(conn.info.recording_id) if self.rule.same_clock else None
        before, since = self._last.get(conn.session.id), -math.inf
        if before is not None and before.smallest < math.inf:
            since = max(before.sent, conn.info.opened_ns - before.smallest)
        elif before is not None:
            since = before.sent
        state = self._last[conn.session.id] = LatencyState(None if epoch is None else -epoch, since)
        return {self.variable: state}

    def close_session(self, session: SessionState) -> None:
        self._last.pop(session.id, None)

    def collect(self, globals: Globals) -> None:
        self.counts.recount(globals.looked_at(self.variable))

    def emit(self, writer: HandlerWriter) -> None:
        path = writer.contract.envelope.sent
        events = fit_any(self.rule.events, writer.direction, writer.type)
        if not events or path is None:
            return
        writer.name({"sent_ns": sent_ns})
        check = f"{self.variable}.check(l, s, {writer.event})"
        judge = ["if s is not None:", "    s = sent_ns(s)", "if s is None:", f"    {writer.count(self.variable)}"]
        if writer.inline:
            judge = [
                "if s.__class__ is float and l.low <= t - (n := s * 1e9) <= l.high and n >= l.sent:",
                "    l.sent = n",
                "else:",
                *indented(judge),
                "    elif l.low <= t - s <= l.high and s >= l.sent:",
                "        l.sent = s",
                "    else:",
                f"        {check}",
            ]
        else:
            judge += ["else:", f"    {check}"]
        writer.count_calls(self.variable)
        writer.add_under(writer.condition(events), [f"s = {writer.value(path)}", f"l = conn.{self.variable}", *judge])

    def check(self, state: LatencyState, sent: float, event: MessageEvent) -> None:
        """An event came that says when it was sent."""
        if state.precision == _SECOND:
            precision = precision_of(sent)
            if precision < _SECOND:
                state.tell_precisely(precision, self.rule.max_ns)
        difference, smallest = event.t - sent, state.smallest
        if sent < state.since:
            return
        if state.fixed:
            self._check_delay(state, difference - smallest, event)
        elif sent < state.sent - _STEP_NS or difference < smallest - _STEP_NS < math.inf:
            state.measure_from(difference, self.rule.max_ns)
            self._say_clock_stepped(event)
        elif difference < smallest:
            state.measure_from(difference, self.rule.max_ns)
        elif difference - smallest > self.rule.max_ns + state.precision:
            self._say_late(event, difference - smallest)
        state.send(sent)

    def _check_delay(self, state: LatencyState, delay: float, event: MessageEvent) -> None:
        """Both clocks are the same."""
        if delay < -state.precision:
            early = duration_text(round(-delay))
            self._say_clock(event, f"{event.type} came {early} before it was sent: the clocks differ")
        elif delay > self.rule.max_ns + state.precision:
            self._say_late(event, delay)

    def _say_clock_stepped(self, event: MessageEvent) -> None:
        message = "the sender's clock was set meanwhile; latency is measured anew from here"
        self._say_clock(event, message)

    def _say_clock(self, event: MessageEvent, message: str) -> None:
        if self.counts.errors:
            self.counts.fail()
            return
        self.reporter.report_message(
            self.counts, event,
            kind="clock",
            verdict=Verdict.ERROR,
            message=message,
            seen=event.type,
            blame=None,
        )  # fmt: skip

    def _say_late(self, event: MessageEvent, delay: float) -> None:
        late = round(delay)
        self.reporter.report_message(
            self.counts, event,
            kind="late",
            message=f"{event.type} took {duration_text(late)} to arrive, at most {duration_text(self.rule.max_ns)} allowed",
            seen=event.type,
            until=event.t - late + self.rule.max_ns,
            late_by=late - self.rule.max_ns,
            bound_from=event.t - late,
        )  # fmt: skip
