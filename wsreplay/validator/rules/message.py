"""What the rules about single messages have in common: each judges a message by itself, or by those before it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from wsreplay.contract.model import Contract
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.reporting import Counts, LogClaim, Reporter
from wsreplay.validator.rules.monitor import Monitor
from wsreplay.validator.rules.spans_emit import SpansEmitter
from wsreplay.validator.state.clock import Clock
from wsreplay.validator.state.state import ConnectionState, SessionState
from wsreplay.validator.state.trace_event import TraceEvent


class Observer:
    """Whoever takes part in handling messages; does nothing unless it says so."""

    def globals(self) -> dict[str, Any]:
        """What its generated source names."""
        return {}

    def emit(self, writer: HandlerWriter) -> None:
        """Write what to do with an event of the writer's direction and type."""

    def link(self, spans: SpansEmitter) -> None:
        """The contract's spans are built: before any event comes."""

    def connect(self, conn: ConnectionState) -> dict[str, Any]:
        """A connection opens: what generated source reads of it with every event, by the name of the attribute."""
        return {}

    def pass_over(self, conn: ConnectionState, directions: Collection[int], count: float) -> None:
        """So many messages of these directions could not be decoded, or are lost."""

    def refuse(self, conn: ConnectionState, direction: int, finding: str) -> None:
        """A message came that is no event, as this finding (its id) says: that what it held is missing follows from that."""

    def sweep(self, t: int, sessions: Iterable[SessionState]) -> None:
        """Once a minute of the trace: forget what has been idle. `sessions` are those that are not over."""

    def happen(self, event: TraceEvent) -> None:
        """A connection opens, or is about to end: the event is an `EndEvent`, which knows how."""

    def conclude(self, session: SessionState, t: int, how: int, by: str) -> None:
        """Nothing more can come in a session: say what is owed in it, or cannot be told (`how` as slices close)."""

    def close_session(self, session: SessionState) -> None:
        """Nothing more can come in a session: keep nothing of it."""

    def log_claims(self, log: LogClaim) -> None:
        """Tell of each id that somebody may own: others judge what else there is."""


class MessageMonitor(Observer, Monitor):
    """One rule about messages."""

    # an event of somebody else's is its business, too
    sees_aliens = False

    def __init__(self, rule: Any, number: int, counts: Counts, reporter: Reporter, clock: Clock) -> None:
        super().__init__(rule, number, counts, reporter)
        # to be told of what is due
        self.clock = clock

    def globals(self) -> dict[str, Any]:
        return {self.variable: self}


class LeaveAliens(Observer):
    """Stands behind the rules that tell whose an event is: those that follow do not look at what is somebody else's."""

    def emit(self, writer: HandlerWriter) -> None:
        writer.leave_if_alien()


class MessageUser(Observer):
    """A connection whose handshake names nobody belongs to whom its first message names, if the contract has a key `user`."""

    def __init__(self, contract: Contract) -> None:
        self._has_key = "user" in contract.keys

    def emit(self, writer: HandlerWriter) -> None:
        if self._has_key:
            writer.need("user")
            user = writer.keys.variable("user")
            writer.add(f"if conn.user is None and {user} is not None:", f"    conn.be_named(str({user}))")
