"""What an engine remembers of slices, ids and counters, and how it forgets them: what generated source asks for by key."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from wsreplay.model import Connection
from wsreplay.validator.emit.keys import scalar
from wsreplay.validator.findings import Verdict
from wsreplay.validator.messages import comparable
from wsreplay.validator.monitors import Monitors
from wsreplay.validator.reporting import Counts
from wsreplay.validator.rules.group import Group
from wsreplay.validator.rules.template import COMPLETE, TRUNCATED
from wsreplay.validator.state.state import (
    ConnectionState,
    Instance,
    Seen,
    Sequence,
    SessionState,
    Slice,
    Unread,
    UserSlice,
    oldest,
)  # fmt: skip
from wsreplay.validator.state.unread import may_concern

MOST_SLICES = 100_000
IDLE_NS = 600_000_000_000
SWEEP_NS = 60_000_000_000


class Memory:
    """Sessions, and slices by key, opened when first asked for, given up when they are too many or idle."""

    def __init__(self, monitors: Monitors) -> None:
        self._monitors, self._reporter, self._groups = monitors, monitors.reporter, monitors.groups
        self.sessions: dict[int, SessionState] = {}
        self.unread_of_users: dict[str, Unread] = {}
        self.user_slices: list[dict[Any, Slice]] = [{} for _ in monitors.groups]

    # Sessions and their connections.

    def connect(self, connection: Connection, session_number: int) -> ConnectionState:
        """A connection opens, in a new session or in one that it resumes."""
        of, session = self._monitors, self.sessions.get(session_number)
        if session is None:
            sizes = len(of.spans), len(of.groups), len(of.sequences), len(of.uniques)
            session = self.sessions[session_number] = SessionState(session_number, *sizes)
        conn = ConnectionState(connection, session, len(of.latencies))
        conn.resumed = session.last is not None
        conn.sequences = [self._sequence_pair(session, number, conn) for number in range(len(of.sequences))]
        conn.spread()
        session.connections += 1
        session.last = conn
        for group in of.connection_groups:
            group.begin(conn.slice)
        return conn

    def _sequence_pair(self, session: SessionState, number: int, conn: ConnectionState) -> tuple[Sequence, Sequence]:
        by = self._monitors.sequences[number].rule.by
        key = session.key if by == ("conn.session",) else conn.key
        return session.sequences[number].setdefault(key, (Sequence(), Sequence()))

    def close_session(self, session: SessionState, t: int, how: int, by: str) -> None:
        """Nothing more can come in a session: what is open in it is owed, or cannot be told."""
        for span in self._monitors.spans:
            for instance in list(session.spans[span.index].values()):
                while instance is not None:
                    if how == TRUNCATED:
                        span.truncate(instance, t)
                    else:
                        span.connection_lost(instance, t, by)
                    instance = instance.outer  # type: ignore[assignment]
        for group, slices in zip(self._groups, session.tables, strict=True):
            for part in slices.values():
                group.close(part, t, how, by=by)
                part.open = False
        session.close()

    def leave_user(self, user: str | None, t: int) -> None:
        """A connection of this user was lost sight of: what its slices across connections owe cannot be told."""
        for group, slices in zip(self._groups, self.user_slices, strict=True):
            for key in [key for key in slices if group.across_user and _user_of(key) == user]:
                group.close(slices.pop(key), t, TRUNCATED)

    def end(self, t: int) -> None:
        """The trace ends."""
        for session in self.sessions.values():
            if not session.over:
                self.close_session(session, t, COMPLETE, "trace_end")
        for group, slices in zip(self._groups, self.user_slices, strict=True):
            for part in slices.values():
                group.close(part, t, COMPLETE, by="trace_end")

    def open_instances(self) -> Iterator[Instance]:
        """The open instances of all spans, and those that they interrupt."""
        for session in self.sessions.values():
            for table in session.spans:
                for instance in table.values():
                    each: Instance | None = instance
                    while each is not None:
                        yield each
                        each = each.outer

    # Forgetting.

    def sweep(self, t: int) -> None:
        """Forget slices and owners that had no event for ten minutes."""
        self._keep_what_is_open(t)
        for bind in self._monitors.binds:
            bind.sweep(t)
        for session in self.sessions.values():
            for table in session.uniques:
                for key in [key for key, seen in table.items() if t - seen.t >= IDLE_NS]:
                    self._reporter.forget("ids", len(table.pop(key).now))
            for group, slices in zip(self._groups, session.tables, strict=False):  # none where the session is over
                for key in [key for key, part in slices.items() if t - part.t >= IDLE_NS]:
                    self._forget_slice(group, slices.pop(key), t)

    def _keep_what_is_open(self, t: int) -> None:
        """An id of something open has not been idle."""
        for bind, _, span in self._monitors.releasing:
            for session in self.sessions.values():
                for instance in session.spans[span.index].values() if not session.over else ():
                    if instance.names is span.names:
                        for key, value in zip(span.names, instance.values(), strict=True):
                            bind.seen(key, value, instance.conn.user, t)

    def _forget_slice(self, group: Group, part: Slice, t: int) -> None:
        self._reporter.forget("slices")
        group.close(part, t, TRUNCATED)
        part.open = False

    # What generated source asks for.

    def lacks(self, counts: Counts, keys: tuple[str, ...], conn: ConnectionState, fid: int | None, t: int, type_: str) -> None:
        """An event that a rule names lacks the rule's key: said once per rule, counted always."""
        if counts.errors:
            counts.errors += 1
            return
        self._reporter.report(
            counts,
            conn=conn,
            kind="key",
            verdict=Verdict.ERROR,
            message=f"{type_} lacks a key: {', '.join(keys)}",
            frames=() if fid is None else (fid,),
            activation=fid,
            seen=type_,
            decided_by="event",
            decided_at=t,
        )

    def resent(self, conn: ConnectionState, value: Any) -> bool:
        """Whether this session has seen the id before it reconnected: history that is sent again."""
        if value.__class__ is not str and value.__class__ is not int:
            return False
        if self._monitors.ids_kept_by_unique:
            tables = [conn.session.uniques[number] for number in self._monitors.ids_kept_by_unique]
            return any(value in seen.now or value in seen.old for table in tables for seen in table.values())
        return value in conn.session.ids.now or value in conn.session.ids.old

    def remember(self, conn: ConnectionState, value: Any) -> None:
        ids = conn.session.ids
        ids.now[value] = 0
        if len(ids.now) >= 10_000:
            ids.old, ids.now = ids.now, {}

    def sequence(self, conn: ConnectionState, number: int, key: Any) -> tuple[Sequence, Sequence]:
        table = conn.session.sequences[number]
        found = table.get(key)
        if found is None:
            if len(table) >= MOST_SLICES:
                for each in oldest(table):
                    del table[each]
                    self._reporter.forget("counters")
            found = table[key] = (Sequence(), Sequence())
        return found

    def unique(self, conn: ConnectionState, number: int, key: Any, t: int) -> Seen:
        table = conn.session.uniques[number]
        if len(table) >= MOST_SLICES:
            for each in oldest(table):
                self._reporter.forget("ids", len(table.pop(each).now))
        found = table[key] = Seen(t)
        return found

    def plain_id(self, value: Any, number: int, payload: bytes) -> Any:
        """An id that is no text: as it can be compared."""
        found = scalar(value, self._monitors.uniques[number].rule.field, payload)
        return found if found is not None else comparable(value)

    def keyed_slice(self, number: int, key: Any, conn: ConnectionState, t: int, fid: int) -> Slice:
        group, table = self._groups[number], conn.session.tables[number]
        found = table.get(key)
        if found is None:
            if len(table) >= MOST_SLICES:
                for each in oldest(table):
                    self._forget_slice(group, table.pop(each), t)
            found = table[key] = Slice(group.by, key, conn, t)
            found.fid = fid
            group.begin(found)
        found.t = t
        return found

    def user_slice(self, number: int, key: Any, conn: ConnectionState, t: int, fid: int | None) -> Slice:
        group, table = self._groups[number], self.user_slices[number]
        found = table.get(key)
        if found is None:
            user = key[0] if group.by else key
            unread = self.unread_of_users.setdefault(user, Unread())
            found = table[key] = UserSlice(("user", *group.by), key, conn, t, fid, of_user=unread)
            group.begin(found)
        found.conn = conn
        return found

    def not_read(self, conn: ConnectionState, direction: int, fid: int, t: int) -> None:
        """A message came that may have been anything."""
        for unread in self._unread_of(conn):
            unread.add(direction, fid, t)
        self._unsure_from_here(conn, (direction,), 1)

    def lost(self, conn: ConnectionState) -> None:
        """From here on frames are missing from the recording."""
        for unread in self._unread_of(conn):
            unread.lose()
        self._unsure_from_here(conn, (0, 1), math.inf)

    def _unread_of(self, conn: ConnectionState) -> list[Unread]:
        own = [conn.session.unread]
        return own if conn.user is None else [*own, self.unread_of_users.setdefault(conn.user, Unread())]

    def _unsure_from_here(self, conn: ConnectionState, directions: tuple[int, ...], numbers: float) -> None:
        conn.session.undecided = True
        for direction in directions:
            for table in conn.session.sequences:
                for pair in table.values():
                    pair[direction].pass_over(numbers)
        for counts in self._monitors.counts.values():
            counts.unread += any(may_concern(counts.rule, direction) for direction in directions)

    def part(self, instance: Instance, number: int, key: Any, conn: ConnectionState, t: int, fid: int) -> Slice:
        if instance.parts is None:
            instance.parts = {}
        table = instance.parts.setdefault(number, {})
        found = table.get(key)
        if found is None:
            found = table[key] = Slice(self._groups[number].by, key, conn, t)
            found.parent, found.fid = instance, fid
            self._groups[number].begin(found)
        return found


def _user_of(key: Any) -> Any:
    return key[0] if key.__class__ is tuple else key
