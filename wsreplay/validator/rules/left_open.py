"""Connections that nobody closed, and on which nothing goes on any more: what a server has to keep for nothing.

State: of each session when an instance of the span ended last. Fast path: none is needed.
"""

from __future__ import annotations

from typing import Any

from wsreplay.contract.rules.left_open import LeftOpen
from wsreplay.model import Ending
from wsreplay.units import duration_text
from wsreplay.validator.rules.message import MessageMonitor
from wsreplay.validator.rules.spans import SpanMonitor
from wsreplay.validator.rules.spans_emit import SpansEmitter
from wsreplay.validator.rules.template import TRUNCATED
from wsreplay.validator.state.state import Instance, SessionState


class LeftOpenMonitor(MessageMonitor):
    """At the end of the recording no connection is open that has long been idle."""

    word = "left_open"
    rule: LeftOpen

    def __init__(self, *common: Any) -> None:
        super().__init__(*common)
        # session → when an instance ended last (ns)
        self._ended: dict[int, int] = {}
        # the span whose instances keep a session in use; None: the contract has none of that name
        self._span: SpanMonitor | None = None

    def link(self, spans: SpansEmitter) -> None:
        self._span = spans.named(self.rule.span)
        if self._span is not None:
            self._span.listeners.on_end(self._end)

    def _end(self, instance: Instance, _name: str, t: int, _fid: int | None) -> None:
        self._ended[instance.conn.session.id] = t

    def conclude(self, session: SessionState, t: int, how: int, by: str) -> None:
        ended = self._ended.pop(session.id, None)
        conn = session.last
        if conn is None:
            return
        self.counts.activate()
        assert self._span is not None
        is_in_use = bool(session.spans[self._span.number])
        if how != TRUNCATED or conn.info.ending is not Ending.TRUNCATED or ended is None or is_in_use:
            return
        idle = t - max(ended, conn.info.opened_ns)
        if idle < self.rule.after_ns:
            return
        self.reporter.report(
            self.counts,
            conn=conn,
            kind="unexpected",
            message=f"the connection was left open, idle for {duration_text(idle)} when the recording ended",
            activation=conn.last_frame,
            decided_by=by,
            decided_at=t,
            after=conn.last_frame,
            blame="client",
        )
