"""Silence inside a span: the user looks at a screen on which nothing happens.

A bound between neighbours (Konrad and Cheng's *bounded recurrence*), told by the event that ends it: a silence that nothing
ends is a missing end, which the span says. One that goes on until after the span was due follows from that. While a tool or a
sub-agent works, its own bounds say how long that may take.

State: when each instance was last heard of. Fast path: that was not long ago.
"""

from __future__ import annotations

from typing import Any

from wsreplay.contract.rules.silence import Silence
from wsreplay.units import duration_text
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.reporting import frames_of, where
from wsreplay.validator.rules.message import MessageMonitor
from wsreplay.validator.rules.spans import SpanMonitor
from wsreplay.validator.rules.spans_emit import SpansEmitter
from wsreplay.validator.state.state import Instance, SessionState
from wsreplay.validator.state.trace_event import MessageEvent


class SilenceMonitor(MessageMonitor):
    """Between two events of an instance not more than the bound passes."""

    word = "silence"
    rule: Silence

    def __init__(self, *common: Any) -> None:
        super().__init__(*common)
        # from `link` on: the span that it bounds, where the contract has it, and what finds its instances in handlers
        self._span: SpanMonitor | None = None
        self._spans: SpansEmitter | None = None

    def link(self, spans: SpansEmitter) -> None:
        self._spans, self._span = spans, spans.named(self.rule.span)
        if self._span is not None:
            self._span.listeners.on_end(self._ended)
            self._span.listeners.on_wait(self._waited)

    def emit(self, writer: HandlerWriter) -> None:
        if self._span is None or self._spans is None or not writer.direction:
            return
        if not self._spans.concerns(writer, self._span.span):
            return
        number = self._span.number
        self._spans.look_up(writer, number)
        check = f"    {self.variable}.check(i{number}, {writer.event})"
        long = [f"if t - i{number}.heard > {self.rule.max_ns}:", check] if writer.inline else [check.lstrip()]
        noted = (f"    i{number}.heard = t", f"    i{number}.heard_frame = fid")
        writer.add(f"if i{number} is not None:", *(f"    {line}" for line in long), *noted)

    def check(self, instance: Instance, event: MessageEvent) -> None:
        """An event of an instance came, long after the one before it or as the first since its start."""
        since = instance.heard or instance.t
        if event.t - since <= self.rule.max_ns or instance.children or event.conn.info.opened_ns > since:
            return
        silence = event.t - since
        last = (instance.heard_frame if instance.heard else instance.fid) or event.conn.last_frame
        assert self._span is not None
        reported = self.reporter.report(
            self.counts,
            slice_=instance,
            conn=event.conn,
            kind="late",
            message=f"{duration_text(silence)} passed without an event{where(instance)}, "
            f"at most {duration_text(self.rule.max_ns)} allowed",
            activation=last,
            frames=frames_of(last, event.fid),
            seen=event.type,
            late_by=silence - self.rule.max_ns,
            until=since + self.rule.max_ns,
            decided_at=event.t,
            bound_from=since,
            before=event.fid,
            blame="server",
            caused_by=self.reporter.id_at(instance.overdue_finding),
        )
        for pause in self._span.listeners.pauses:
            pause(instance, silence, reported.id)

    def _ended(self, instance: Instance, _name: str, t: int, fid: int | None) -> None:
        self.counts.activate()
        if instance.parent is not None:
            instance.parent.hear(t, fid)

    def _waited(self, session: SessionState, thread: Any, since: int, t: int) -> None:
        """The server waited for the client."""
        assert self._span is not None
        for instance in session.spans[self._span.number].values():
            if (instance.heard or instance.t) >= since or not self._span.bounds.is_waiting(instance):
                instance.hear(t, None)
