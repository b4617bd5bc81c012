"""Pseudo-events: what befalls a connection, under the names by which rules and spans speak of it."""

from __future__ import annotations

from typing import Any

from wsreplay.validator.memory import Memory
from wsreplay.validator.monitors import Monitors
from wsreplay.validator.rules.group import Group
from wsreplay.validator.rules.roles import fit, operand_roles
from wsreplay.validator.rules.spans import SpanMonitor
from wsreplay.validator.rules.template import Monitor
from wsreplay.validator.state.state import ConnectionState, Slice

NAMES = ("ws.open", "ws.close", "ws.drop", "ws.ping", "ws.pong")


class PseudoEvents:
    """Tells the monitors that name it what happened to a connection."""

    def __init__(self, monitors: Monitors, memory: Memory) -> None:
        self._monitors, self._memory = monitors, memory
        self._named = {name: (_rules(monitors, name), _spans(monitors, name)) for name in NAMES}

    def happened(
        self, conn: ConnectionState, name: str, fid: int | None, t: int, direction: int | None, message: Any
    ) -> None:
        rules, spans = self._named[name]
        for group, each in rules:
            found = fit(operand_roles(each.rule), None, name)
            roles = found.certain
            for pattern, bit in found.conditional:
                roles |= bit if all(path.find(message) in wanted for path, wanted in pattern.where) else 0
            if group.across_user and conn.user is None and name == "ws.open":
                continue  # an anonymous connection continues nothing; that it was lost still cannot be judged
            if roles:
                for part in self._open_slices(group, each, conn, t):
                    each.event(part, roles, fid, t, conn, name, direction)
        for span in spans:
            self._end(span, conn, name, fid, t, message)

    def _end(self, span: SpanMonitor, conn: ConnectionState, name: str, fid: int | None, t: int, message: Any) -> None:
        for end, patterns in span.span.ends:
            fits = any(
                pattern.fits(None, name) and all(path.find(message) in wanted for path, wanted in pattern.where)
                for pattern in patterns
            )
            if not fits:
                continue
            for instance in list(conn.session.spans[span.index].values()):
                if instance.conn is conn:
                    span.end(instance, end, t, fid, name)

    def _open_slices(self, group: Group, each: Monitor, conn: ConnectionState, t: int) -> list[Slice]:
        if group.across_user:
            if conn.user is None:
                self._memory.lacks(each.counts, ("conn.user",), conn, None, t, "the connection")
                return []
            if not group.by:
                return [self._memory.user_slice(group.index, conn.user, conn, t, None)]
            return [part for key, part in self._memory.user_slices[group.index].items() if key[0] == conn.user]
        if group.inside is not None:
            number = self._monitors.span_numbers[group.inside]
            instances = list(conn.session.spans[number].values())
            if not group.by:
                return list(instances)
            return [part for instance in instances for part in (instance.parts or {}).get(group.index, {}).values()]
        return list(conn.session.tables[group.index].values()) if group.by else [conn.slice]


def _rules(monitors: Monitors, name: str) -> list[tuple[Group, Monitor]]:
    return [(group, each) for group in monitors.groups for each in group.monitors if fit(operand_roles(each.rule), None, name)]


def _spans(monitors: Monitors, name: str) -> list[SpanMonitor]:
    return [span for span in monitors.spans if fit([(span.span.end_patterns, 1)], None, name)]
