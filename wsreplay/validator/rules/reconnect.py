"""Lost connections: whoever loses one in the middle of something is back in time.

A *response* with a bound (DECLARE; MTL's `within`) over the connections of a session. What it adds: back in time is a warning,
since a user saw it; a connection that nobody followed explains what its session still owes; a client that goes away by itself
is owed nothing any more, and bounds stand still until it is back. Who has no name cannot be known to be back: the run then says
that its end is missing. A drop while nothing was going on is a warning where nobody comes back in time.

State: of each session the loss that is not made up for; a queue of their deadlines, whose bound is one. Fast path: none is
needed, since connections are few.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from wsreplay.contract.model import Patterns
from wsreplay.contract.rules.reconnect import Reconnect
from wsreplay.trace.endings import how_ended
from wsreplay.units import duration_text
from wsreplay.validator.findings import Severity
from wsreplay.validator.reporting import Reported, frames_of, lost
from wsreplay.validator.rules.message import MessageMonitor
from wsreplay.validator.rules.owed import Owed, first_owed
from wsreplay.validator.rules.spans import SpanMonitor
from wsreplay.validator.rules.spans_emit import SpansEmitter
from wsreplay.validator.state.state import ConnectionState, SessionState
from wsreplay.validator.state.trace_event import TraceEvent


class Loss(Owed, eq=False):
    """A connection that was lost in the middle of something."""

    conn: ConnectionState
    t: int
    # the frame that began its end; where none did, the last one before it
    frame: int | None
    # the session's last frame before it
    after: int | None
    in_middle: bool
    # something is owed meanwhile: a run goes on, or a question waits for its answer
    is_owed: bool


class ReconnectMonitor(MessageMonitor):
    """The lost connections of a trace."""

    word = "reconnect"
    rule: Reconnect
    timed = True

    def __init__(self, *common: Any) -> None:
        super().__init__(*common)
        # session → the loss that is not made up for
        self._open: dict[int, Loss] = {}
        # all of them by their deadlines
        self._queue: deque[Loss] = deque()
        # the span that is owed to a client who comes back, and all spans
        self._span: SpanMonitor | None = None
        self._spans: tuple[SpanMonitor, ...] = ()

    def link(self, spans: SpansEmitter) -> None:
        self._span, self._spans = spans.named(self.rule.span), tuple(spans.monitors)

    def happen(self, event: TraceEvent) -> None:
        conn = event.conn
        if event.type == "ws.open":
            self._opened(conn, event.t)
        elif conn.session.connections > 1:
            return
        elif _fits(self.rule.left, event):
            conn.session.let_go()
        elif conn.user is not None and _fits(self.rule.lost, event):
            assert self._span is not None
            in_middle = bool(conn.session.spans[self._span.number])
            is_owed = in_middle or self._span.listeners.is_awaited(conn.session)
            if is_owed or event.type == "ws.drop":
                self._lose(Loss(conn, event.t, event.witness, conn.last_frame, in_middle, is_owed))

    def _lose(self, loss: Loss) -> None:
        assert self._span is not None
        self.counts.activate()
        self._open[loss.conn.session.id] = loss
        self._queue.append(loss)
        self._span.clock.at(loss.t + self.rule.within_ns)

    def _opened(self, conn: ConnectionState, t: int) -> None:
        for span in self._spans:
            span.resume(conn.session, t)
        loss = self._open.pop(conn.session.id, None)
        if loss is None:
            return
        loss.settle()
        if loss.overdue_finding is None:
            if loss.in_middle:
                self._say_back(loss, t)
            return
        late = t - loss.t
        self.reporter.amend(
            loss.overdue_finding,
            kind="late",
            late_by=late - self.rule.within_ns,
            at_ns=t,
            seen="ws.open",
            message=f"the client reconnected {duration_text(late)} after {_told(loss)}, "
            f"at most {duration_text(self.rule.within_ns)} allowed",
        )

    def next_due(self) -> int | None:
        loss = first_owed(self._queue)
        return None if loss is None else loss.t + self.rule.within_ns

    def expire_next(self) -> None:
        loss = self._queue.popleft()
        reported = self._report(
            loss,
            "missing",
            Severity(self.rule.severity) if loss.is_owed else Severity.WARNING,
            f"the client did not reconnect within {duration_text(self.rule.within_ns)}{lost(loss.conn)}",
            loss.t + self.rule.within_ns,
            "deadline",
            absent=True,
            expected=("ws.open",),
            until=loss.t + self.rule.within_ns,
            at_ns=loss.t + self.rule.within_ns,
            bound_from=loss.t,
        )
        loss.pass_deadline(reported.place)
        loss.conn.session.blame_loss(reported.id)
        self._blame(loss, reported.id)

    def _blame(self, loss: Loss, finding: str) -> None:
        """What was due while the connection was lost could not come: that follows from this finding."""
        for span in self._spans:
            for instance in span.open_instances([loss.conn.session]):
                place = instance.overdue_finding
                id_ = self.reporter.id_at(place)
                if place is not None and id_ is not None and span.bounds.due(instance) >= loss.t:
                    self.reporter.follow(id_, place, finding)

    def _say_back(self, loss: Loss, t: int) -> None:
        self._report(
            loss,
            "cut",
            Severity.WARNING,
            f"{_told(loss)} during the {self.rule.span}; "
            f"the client reconnected after {duration_text(t - loss.t)}",
            t,
            "event",
            counted=False,
            seen="ws.open",
        )

    def _report(self, loss: Loss, kind: str, severity: Severity, message: str, t: int, by: str, **details: Any) -> Reported:
        return self.reporter.report(
            self.counts,
            conn=loss.conn,
            kind=kind,
            severity=severity,
            message=message,
            activation=loss.frame,
            frames=frames_of(loss.frame),
            decided_by=by,
            decided_at=t,
            after=loss.after,
            **details,
        )

    def conclude(self, session: SessionState, t: int, how: int, by: str) -> None:
        loss = self._open.pop(session.id, None)
        if loss is None:
            return
        loss.settle()
        if loss.overdue_finding is None:  # the trace ends before the time is up
            self.counts.doubt()
            session.doubt()


def _told(loss: Loss) -> str:
    """`the connection was dropped by the server`."""
    return f"the connection was {how_ended(loss.conn.info) or 'lost'}"


def _fits(patterns: Patterns, event: TraceEvent) -> bool:
    return any(pattern.fits(None, event.type) and pattern.holds(event.document) for pattern in patterns)
