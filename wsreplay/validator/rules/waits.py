"""While the server waits for its client, bounds stand still.

A clock that stops (timed automata with stopwatches): what an approval or an answer takes is the client's time, and no run, tool
or question is late for it. A client that never answers leaves what waits for it undone, and nothing is owed.

State: of each session since when its server waits, by what it waits in; None: somewhere. Fast path: none is needed.
"""

from __future__ import annotations

from typing import Any

from wsreplay.contract.rules.waits import Waits
from wsreplay.validator.emit.fit import fit_any
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.rules.message import MessageMonitor
from wsreplay.validator.rules.spans import SpanMonitor
from wsreplay.validator.rules.spans_emit import SpansEmitter
from wsreplay.validator.state.keys import Token
from wsreplay.validator.state.state import ConnectionState


class WaitsMonitor(MessageMonitor):
    """When the server waits for its client."""

    word = "waits"
    rule: Waits

    def __init__(self, *common: Any) -> None:
        super().__init__(*common)
        # all of the contract: what waits for the client is not late
        self._spans: tuple[SpanMonitor, ...] = ()

    def link(self, spans: SpansEmitter) -> None:
        self._spans = tuple(spans.monitors)
        for span in self._spans:
            span.bounds.wait_by(self.rule.by)

    def activations(self, events: int, untyped: int) -> int:
        return events  # it demands nothing, so that it need not come

    def emit(self, writer: HandlerWriter) -> None:
        for patterns, verb in ((self.rule.until, "end"), (self.rule.start, "begin")):
            event = fit_any(patterns, writer.direction, writer.type)
            if event:
                writer.need(self.rule.by)
                call = f"{self.variable}.{verb}(conn, {writer.keys.variable(self.rule.by)}, t)"
                lines = [call] if verb == "begin" else ["if conn.session.waits is not None:", f"    {call}"]
                writer.add_under(writer.condition(event), lines)

    def begin(self, conn: ConnectionState, thread: Any, t: int) -> None:
        """The server asks its client something."""
        conn.session.begin_wait(None if isinstance(thread, Token) else thread, t)
        for span in self._spans:
            span.begin_wait(conn.session)

    def end(self, conn: ConnectionState, thread: Any, t: int) -> None:
        """The client says what the server may have waited for."""
        session, thread = conn.session, None if isinstance(thread, Token) else thread
        for waited_in, since in session.end_wait(thread):
            for span in self._spans:
                span.end_wait(session, waited_in, since, t)
