"""Pseudo-events: what befalls a connection, under the names by which rules and spans speak of it."""

from __future__ import annotations

from typing import Any

from wsreplay.contract.model import PSEUDO_EVENTS
from wsreplay.validator.emit.fit import fit, fit_any
from wsreplay.validator.monitors import Monitors
from wsreplay.validator.rules.group import RuleGroup
from wsreplay.validator.rules.spans import SpanMonitor
from wsreplay.validator.rules.template import Template
from wsreplay.validator.state.state import ConnectionState, Slice
from wsreplay.validator.state.trace_event import TraceEvent
from wsreplay.validator.trace_state import TraceState

_ENDS = ("ws.open", "ws.close", "ws.drop")


class PseudoEvents:
    """Tells the monitors that name it what happened to a connection."""

    def __init__(self, monitors: Monitors, trace_state: TraceState) -> None:
        self._monitors, self._trace_state = monitors, trace_state
        # pseudo-event → the templates and spans that name it
        self._named = {name: (_templates(monitors, name), _spans(monitors, name)) for name in PSEUDO_EVENTS}

    def happen(self, trace_event: TraceEvent) -> None:
        """Something befell a connection."""
        conn, name, t, message = trace_event.conn, trace_event.type, trace_event.t, trace_event.document
        if name in _ENDS:
            for observer in self._monitors.observers:
                observer.happen(trace_event)
        templates, spans = self._named[name]
        for group, template in templates:
            event = fit(template.roles, None, name)
            roles = event.certain
            for pattern, bit in event.conditional:
                roles |= bit if pattern.holds(message) else 0
            if group.across_user and conn.user is None and name == "ws.open":
                continue  # an anonymous connection continues nothing; that it was lost still cannot be judged
            if roles:
                for slice_ in self._open_slices(group, template, conn, t):
                    template.event(slice_, roles, trace_event)
        for span in spans:
            self._end(span, trace_event, message)

    def _end(self, span: SpanMonitor, event: TraceEvent, message: Any) -> None:
        for end, patterns in span.span.ends:
            if not any(pattern.fits(None, event.type) and pattern.holds(message) for pattern in patterns):
                continue
            for instance in list(event.conn.session.spans[span.number].values()):
                if instance.conn is event.conn:
                    span.end(instance, end, event.t, event.fid, event.type)

    def _open_slices(self, group: RuleGroup, template: Template, conn: ConnectionState, t: int) -> list[Slice]:
        if group.across_user:
            if conn.user is None:
                self._trace_state.lacks(template.counts, ("conn.user",), TraceEvent(conn, None, t, "the connection", None))
                return []
            if not group.by:
                return [self._trace_state.user_slice(group.number, conn.user, conn, t, None)]
            slices = self._trace_state.user_slices[group.number]
            return [slice_ for key, slice_ in slices.items() if key[0] == conn.user]
        if group.inside is not None:
            number = self._monitors.spans_emitter.numbers[group.inside]
            instances = list(conn.session.spans[number].values())
            if not group.by:
                return list(instances)
            return [slice_ for instance in instances for slice_ in instance.refinements_of(group.number)]
        return list(conn.session.tables[group.number].values()) if group.by else [conn.slice]


def _templates(monitors: Monitors, name: str) -> list[tuple[RuleGroup, Template]]:
    return [
        (group, template) for group in monitors.groups for template in group.monitors if fit(template.roles, None, name)
    ]


def _spans(monitors: Monitors, name: str) -> list[SpanMonitor]:
    return [span for span in monitors.spans if fit_any(span.span.end_patterns, None, name)]
