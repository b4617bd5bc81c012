"""Types that the contract does not name: a misspelt event, or one that nobody has thought of.

Said once per session, direction and type, counted always.

State: of each session the types that were said. Fast path: none is needed, since a handler is written per type; that of a known
type holds nothing of this rule.
"""

from __future__ import annotations

from typing import Any

from wsreplay.contract.rules.unknown import Unknown
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.reporting import short
from wsreplay.validator.rules.message import MessageMonitor
from wsreplay.validator.state.state import SessionState
from wsreplay.validator.state.trace_event import MessageEvent

_MOST_TYPES = 1_000  # said of one session


class UnknownMonitor(MessageMonitor):
    """A type that the contract does not name: said once per session and direction."""

    word = "unknown"
    rule: Unknown

    def __init__(self, *common: Any) -> None:
        super().__init__(*common)
        # session → the types that were said, with their direction
        self._types: dict[int, set[tuple[int, str]]] = {}

    def close_session(self, session: SessionState) -> None:
        self._types.pop(session.id, None)

    def activations(self, events: int, untyped: int) -> int:
        return events

    def emit(self, writer: HandlerWriter) -> None:
        if not writer.housekeeping and not writer.contract.is_known(writer.direction, writer.type):
            writer.add(f"{self.variable}.check({writer.event})")

    def check(self, event: MessageEvent) -> None:
        """An event came of a type that the contract does not name."""
        types = self._types.setdefault(event.conn.session.id, set())
        if (event.direction, event.type) in types:
            self.counts.violate()
            return
        if len(types) >= _MOST_TYPES:
            self.counts.violate()
            self.reporter.forget("unknown types")
            return
        types.add((event.direction, event.type))
        if event.direction:
            event.conn.session.wonder(short(event.type), int(event.fid))
        self.reporter.report_message(
            self.counts, event,
            kind="unknown",
            message=f"unknown type {short(event.type)}",
            seen=short(event.type),
        )  # fmt: skip
