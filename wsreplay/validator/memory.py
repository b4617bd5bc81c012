"""What an engine remembers of slices, ids and counters, and how it forgets them: what generated source asks for by key."""

from __future__ import annotations

import math
from typing import Any

from wsreplay.validator.declare import TRUNCATED
from wsreplay.validator.findings import Verdict
from wsreplay.validator.groups import Group
from wsreplay.validator.keys import scalar
from wsreplay.validator.messages import comparable
from wsreplay.validator.monitors import Monitors
from wsreplay.validator.reporting import Counts
from wsreplay.validator.state import ConnectionState, Instance, Seen, Sequence, Slice, Unread, UserSlice, oldest
from wsreplay.validator.unread import may_concern

MOST_SLICES = 100_000
IDLE_NS = 600_000_000_000
SWEEP_NS = 60_000_000_000


class Memory(Monitors):
    """Slices by key, opened when first asked for, given up when they are too many or idle."""

    def sweep(self, t: int) -> None:
        """Forget slices and owners that had no event for ten minutes."""
        for bind in self.binds:
            bind.sweep(t)
        for session in self.sessions.values():
            for table in session.uniques:
                for key in [key for key, seen in table.items() if t - seen.t >= IDLE_NS]:
                    self.reporter.forget("ids", len(table.pop(key).now))
            for group, slices in zip(self.groups, session.tables, strict=False):  # none where the session is over
                for key in [key for key, part in slices.items() if t - part.t >= IDLE_NS]:
                    self._forget_slice(group, slices.pop(key), t)

    def _forget_slice(self, group: Group, part: Slice, t: int) -> None:
        self.reporter.forget("slices")
        group.close(part, t, TRUNCATED)
        part.open = False

    def lacks(self, counts: Counts, keys: tuple[str, ...], conn: ConnectionState, fid: int | None, t: int, type_: str) -> None:
        """An event that a rule names lacks the rule's key: said once per rule, counted always."""
        if counts.errors:
            counts.errors += 1
            return
        self.reporter.report(
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
        if self.ids_kept_by_unique:
            tables = [conn.session.uniques[number] for number in self.ids_kept_by_unique]
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
                    self.reporter.forget("counters")
            found = table[key] = (Sequence(), Sequence())
        return found

    def unique(self, conn: ConnectionState, number: int, key: Any, t: int) -> Seen:
        table = conn.session.uniques[number]
        if len(table) >= MOST_SLICES:
            for each in oldest(table):
                self.reporter.forget("ids", len(table.pop(each).now))
        found = table[key] = Seen(t)
        return found

    def plain_id(self, value: Any, number: int, payload: bytes) -> Any:
        """An id that is no text: as it can be compared."""
        found = scalar(value, self.uniques[number].rule.field, payload)
        return found if found is not None else comparable(value)

    def keyed_slice(self, number: int, key: Any, conn: ConnectionState, t: int, fid: int) -> Slice:
        group, table = self.groups[number], conn.session.tables[number]
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
        group, table = self.groups[number], self.user_slices[number]
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
        for counts in self.counts.values():
            counts.unread += any(may_concern(counts.rule, direction) for direction in directions)

    def part(self, instance: Instance, number: int, key: Any, conn: ConnectionState, t: int, fid: int) -> Slice:
        if instance.parts is None:
            instance.parts = {}
        table = instance.parts.setdefault(number, {})
        found = table.get(key)
        if found is None:
            found = table[key] = Slice(self.groups[number].by, key, conn, t)
            found.parent, found.fid = instance, fid
            self.groups[number].begin(found)
        return found
