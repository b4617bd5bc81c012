"""The sessions of a trace and their slices: opened when first asked for, given up when they are too many or idle.

Generated source asks it for slices by key. A slice that is given up closes as truncated: what it still owed is inconclusive,
and the verdict counts it.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from wsreplay.model import Connection
from wsreplay.validator.findings import Verdict
from wsreplay.validator.monitors import Monitors
from wsreplay.validator.reporting import Counts
from wsreplay.validator.rules.group import RuleGroup
from wsreplay.validator.rules.template import COMPLETE, TRUNCATED
from wsreplay.validator.state.bounded import oldest
from wsreplay.validator.state.clock import IDLE_NS
from wsreplay.validator.state.resumption import open_spans
from wsreplay.validator.state.state import ConnectionState, Instance, SessionState, Slice, UserSlice
from wsreplay.validator.state.trace_event import MessageEvent, TraceEvent
from wsreplay.validator.state.undecodable import Undecodable

MOST_SLICES = 100_000  # of one group in one session
SWEEP_NS = 60_000_000_000


class TraceState:
    """Sessions, and slices by key."""

    def __init__(self, monitors: Monitors) -> None:
        self._monitors, self._reporter, self._groups = monitors, monitors.reporter, monitors.groups
        # all of them; of those that are over no more than the verdict
        self.sessions: dict[int, SessionState] = {}
        # connections whose users are known from messages alone
        self._named: Collection[int] = ()
        # user → what could not be decoded on any of the user's connections
        self._undecodable_of_users: dict[str, Undecodable] = {}
        # slices of rules `across: user`, by group, then by key
        self.user_slices: list[dict[Any, Slice]] = [{} for _ in monitors.groups]

    # Sessions and their connections.

    def set_named(self, connections: Collection[int]) -> None:
        """Connections whose users are known from messages alone."""
        self._named = connections

    def connect(self, connection: Connection, session_number: int) -> ConnectionState:
        """A connection opens, in a new session or in one that it resumes."""
        session = self._session(session_number, connection)
        conn = ConnectionState(connection, session)
        if connection.id in self._named:
            session.name_by_message()
        for observer in self._monitors.observers:
            conn.bind_attributes(observer.connect(conn))
        open_spans(conn)
        session.open(conn)
        for group in self._monitors.connection_groups:
            group.begin(conn.slice)
        return conn

    def _session(self, number: int, connection: Connection) -> SessionState:
        before = self.sessions.get(number)
        if before is not None and not before.over:
            return before
        session = self.sessions[number] = SessionState(number, len(self._monitors.spans), len(self._groups))
        if before is not None:  # it was lost sight of where the recorder was stopped
            session.follow(before, connection.opened_ns)
            if connection.user is not None:
                self._undecodable_of(connection.user).interrupt(connection.opened_ns)
        return session

    def close_session(self, session: SessionState, t: int, how: int, by: str) -> None:
        """Nothing more can come in a session: what is open in it is owed, or cannot be told."""
        for span in self._monitors.spans:
            for instance in list(span.open_instances([session])):
                if not instance.open:  # the one that it was part of has ended it
                    continue
                if how == TRUNCATED:
                    span.truncate(instance, t)
                else:
                    span.connection_lost(instance, t, by)
        for group, slices in zip(self._groups, session.tables, strict=True):
            for slice_ in slices.values():
                group.close(slice_, t, how, by=by)
                slice_.end()
        for observer in self._monitors.observers:
            observer.conclude(session, t, how, by)
        session.close()
        for observer in self._monitors.observers:
            observer.close_session(session)

    def leave_user(self, user: str | None, t: int) -> None:
        """A connection of this user was lost sight of: what its slices across connections owe cannot be told."""
        for group, slices in zip(self._groups, self.user_slices, strict=True):
            for key in [key for key in slices if group.across_user and _user_of(key) == user]:
                group.close(slices.pop(key), t, TRUNCATED)

    def end(self, t: int) -> None:
        """The trace ends."""
        for session in self.open_sessions():
            self.close_session(session, t, COMPLETE, "trace_end")
        for group, slices in zip(self._groups, self.user_slices, strict=True):
            for slice_ in slices.values():
                group.close(slice_, t, COMPLETE, by="trace_end")

    def open_sessions(self) -> list[SessionState]:
        """Those that are not over."""
        return [session for session in self.sessions.values() if not session.over]

    # Forgetting.

    def sweep(self, t: int) -> None:
        """Forget slices and owners that had no event for ten minutes."""
        sessions = self.open_sessions()
        for observer in self._monitors.observers:
            observer.sweep(t, sessions)
        for session in sessions:
            for group, slices in zip(self._groups, session.tables, strict=True):
                for key in [key for key, slice_ in slices.items() if t - slice_.t >= IDLE_NS]:
                    self._forget_slice(group, slices.pop(key), t)

    def _forget_slice(self, group: RuleGroup, slice_: Slice, t: int) -> None:
        self._reporter.forget("slices")
        group.close(slice_, t, TRUNCATED)
        slice_.end()

    # What generated source asks for.

    def lacks(self, counts: Counts, keys: tuple[str, ...], event: TraceEvent) -> None:
        """An event that a rule names lacks the rule's key: said once per rule, counted always."""
        if counts.errors:
            counts.fail()
            if counts.rule.severity == "error":
                event.conn.session.fail()
            return
        self._reporter.report(
            counts,
            conn=event.conn,
            kind="key",
            verdict=Verdict.ERROR,
            message=f"{event.type} lacks a key: {', '.join(keys)}",
            frames=() if event.fid is None else (event.fid,),
            activation=event.fid,
            seen=event.type,
            decided_at=event.t,
        )

    def keyed_slice(self, number: int, key: Any, conn: ConnectionState, t: int, fid: int) -> Slice:
        """The slice of a group of rules with these keys."""
        group, table = self._groups[number], conn.session.tables[number]
        slice_ = table.get(key)
        if slice_ is None:
            if len(table) >= MOST_SLICES:
                for old in oldest(table):
                    self._forget_slice(group, table.pop(old), t)
            slice_ = table[key] = Slice(group.by, key, conn, t, fid)
            group.begin(slice_)
        slice_.t = t
        return slice_

    def user_slice(self, number: int, key: Any, conn: ConnectionState, t: int, fid: int | None) -> Slice:
        """The slice of a group of rules `across: user`; its key begins with the user."""
        group, table = self._groups[number], self.user_slices[number]
        slice_ = table.get(key)
        if slice_ is None:
            undecodable = self._undecodable_of(key[0] if group.by else key)
            slice_ = table[key] = UserSlice(("user", *group.by), key, conn, t, fid, of_user=undecodable)
            group.begin(slice_)
        slice_.conn = conn
        return slice_

    def refinement(self, instance: Instance, number: int, key: Any, conn: ConnectionState, t: int, fid: int) -> Slice:
        """The slice of a group of rules that refines an instance by keys."""
        table = instance.refine(number)
        slice_ = table.get(key)
        if slice_ is None:
            slice_ = table[key] = Slice(self._groups[number].by, key, conn, t, fid, instance)
            self._groups[number].begin(slice_)
        return slice_

    # What could not be decoded.

    def pass_over(self, conn: ConnectionState, direction: int, fid: int, t: int) -> None:
        """A message came that may have been anything."""
        for undecodable in self._undecodable_on(conn):
            undecodable.add(direction, fid, t)
        self._doubt_from_here(conn, (direction,), 1)

    def refuse(self, event: MessageEvent, finding: str | None, may_be_awaited: bool = False) -> None:
        """A message came that is no event, as this finding says (None: none does). `may_be_awaited`: its sender may have meant
        whatever event was awaited."""
        conn, direction = event.conn, event.direction
        if finding is not None and may_be_awaited:
            for undecodable in self._undecodable_on(conn):
                undecodable.refuse(direction, event.fid, event.t)
        if finding is not None:
            for observer in self._monitors.observers:
                observer.refuse(conn, direction, finding)

    def lose(self, conn: ConnectionState) -> None:
        """From here on frames are missing from the recording."""
        for undecodable in self._undecodable_on(conn):
            undecodable.lose()
        self._doubt_from_here(conn, (0, 1), math.inf)

    def _undecodable_of(self, user: str) -> Undecodable:
        return self._undecodable_of_users.setdefault(user, Undecodable())

    def _undecodable_on(self, conn: ConnectionState) -> list[Undecodable]:
        own = [conn.session.undecodable]
        return own if conn.user is None else [*own, self._undecodable_of(conn.user)]

    def _doubt_from_here(self, conn: ConnectionState, directions: Collection[int], count: float) -> None:
        conn.session.doubt()
        for observer in self._monitors.observers:
            observer.pass_over(conn, directions, count)
        for counts in self._monitors.counts.values():
            if any(counts.rule.may_concern(direction) for direction in directions):
                counts.miss()


def _user_of(key: Any) -> Any:
    return key[0] if key.__class__ is tuple else key
