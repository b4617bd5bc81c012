"""What comes first on a connection, such as the server's word that it is there.

DECLARE's *precedence* read backwards, so that a product which never says it breaks nothing.

State: of each connection whether what follows has begun. Fast path: setting that.
"""

from __future__ import annotations

from typing import Any

from wsreplay.contract.rules.startup import Startup
from wsreplay.validator.emit.fit import fit_any
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.reporting import frames_of
from wsreplay.validator.rules.message import MessageMonitor
from wsreplay.validator.state.state import ConnectionState
from wsreplay.validator.state.trace_event import MessageEvent


class StartupMonitor(MessageMonitor):
    """The first event of a connection is first."""

    word = "startup"
    rule: Startup

    def connect(self, conn: ConnectionState) -> dict[str, Any]:
        return {self._began: None}

    @property
    def _began(self) -> str:
        return f"began{self.number}"

    def emit(self, writer: HandlerWriter) -> None:
        before = fit_any(self.rule.before, writer.direction, writer.type)
        first = fit_any(self.rule.first, writer.direction, writer.type)
        if first:
            writer.add_under(writer.condition(first), [f"{self.variable}.check({writer.event})"])
        if before:
            writer.add_under(writer.condition(before), [f"if conn.{self._began} is None:", f"    conn.{self._began} = fid"])

    def check(self, event: MessageEvent) -> None:
        """What should be first came."""
        self.counts.activate()
        began: int | None = getattr(event.conn, self._began)
        if began is None or began < 0:
            return
        event.conn.bind_attributes({self._began: -1})
        self.reporter.report_message(
            self.counts, event,
            kind="order",
            message=f"{event.type} came when the connection was already in use, but should come first",
            activation=began,
            frames=frames_of(began, event.fid),
            seen=event.type,
        )  # fmt: skip
