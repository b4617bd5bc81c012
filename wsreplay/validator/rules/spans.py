"""Spans: what was started must end, once, in time, and before what it is part of.

A finding never stops the judging: the span is put right, as if the missing start or end had come, and goes on.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from wsreplay.contract.model import Patterns, Span
from wsreplay.validator.reporting import Counts, Reporter, blame, either, frames_of, lost, names, seconds, sender, where
from wsreplay.validator.rules.group import Group
from wsreplay.validator.rules.template import COMPLETE, SUPPRESSED, TRUNCATED
from wsreplay.validator.span_log import Accounts
from wsreplay.validator.state.state import Anonymous, Clock, ConnectionState, Instance, SessionState, oldest
from wsreplay.validator.state.unread import why_unsure

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

MOST_OPEN = 50_000  # instances of one span in one session


class SpanMonitor:
    """One span over all its instances. `index` is its number among the spans."""

    def __init__(
        self, span: Span, index: int, counts: Counts, reporter: Reporter, parent: SpanMonitor | None, clock: Clock
    ) -> None:
        self.clock = clock
        self.span, self.index, self.counts, self.reporter, self.above = span, index, counts, reporter, parent
        self.below: list[SpanMonitor] = []
        if parent is not None:
            parent.below.append(self)
        self.group: Group | None = None
        self.refined: list[Group] = []  # groups of rules that split the instance by keys
        self.needed = 0  # bits of an instance in which no rule misses anything
        self.unless: Container[str] = ()  # names of ends that decide rules
        self.accounts: Accounts | None = None
        self.queue: deque[Instance] = deque()  # in the order of their deadlines
        self.names, self.within_ns = span.by, span.within_ns
        self.begins: Group | None = None  # the group, where its rules must know of each start
        self.opened = 0
        self.instance_class: type[Instance] = type(f"Instance of {span.id}", (Instance,), {"monitor": self})
        self.releases: list[Callable[[Instance], None]] = []  # who wants to know that one has ended

    # Starts.

    def start_again(
        self,
        conn: ConnectionState,
        key: Any,
        t: int,
        fid: int | None,
        found: Instance,
        above: Instance | None,
        else_key: Any,
        nested: bool,
    ) -> Instance:
        """A start event came where `found` stands under its key. `nested`: it names `above`, what it is part of."""
        if not nested:
            self._restart(found, t, fid)
            return self.open(conn, key, t, fid, above, else_key)
        instance = self.open(conn, key, t, fid, above or found, else_key)
        instance.outer = found
        return instance

    def open(
        self, conn: ConnectionState, key: Any, t: int, fid: int | None, above: Instance | None, else_key: Any
    ) -> Instance:
        """A new instance, under its key. Called with every start: what is the same for all is looked up elsewhere."""
        instance = self.instance_class(self.names, key, conn, t, fid, parent=above, slot=key, else_key=else_key)
        if key.__class__ is Anonymous:
            instance.names, instance.key = self.span.else_by, key.values
        if above is not None:
            above.children += 1
        table = conn.spans[self.index]
        if len(table) >= MOST_OPEN:
            self._make_room(conn.session, t)
        table[key] = instance
        self.opened += 1
        if self.within_ns is not None:
            queue = self.queue
            if not queue:
                self.clock.at(t + self.within_ns)
            queue.append(instance)
        if self.begins is not None:
            self.begins.begin(instance)
        return instance

    def _witness(self, conn: ConnectionState, key: Any, t: int) -> Instance:
        """An instance that never was, for a finding to name."""
        if key.__class__ is Anonymous:
            return self.instance_class(self.span.else_by, key.values, conn, t)
        return self.instance_class(self.names, key, conn, t)

    def _restart(self, first: Instance, t: int, fid: int | None) -> None:
        first.session.tangled = True
        fingerprint = self.reporter.report(
            self.counts,
            slice=first,
            kind="order",
            message=f"{self._starts()} came again before the first had ended{where(first)}",
            activation=first.fid,
            frames=frames_of(first.fid, fid),
            expected=names(self.span.end_patterns),
            seen=self._starts(),
            decided_by="event",
            decided_at=t,
            at_ns=t,
            unsure=why_unsure(first.unread, self.span.end_patterns, first.fid),
        )
        self._close(first, "cut", t, fid, COMPLETE, fingerprint, "started again")

    def _starts(self) -> str:
        return either(names(self.span.start))

    def _make_room(self, session: SessionState, t: int) -> None:
        """Too many are open: the oldest can no longer be followed."""
        table = session.spans[self.index]
        for slot in oldest(table):
            self.reporter.forget("open " + self.span.id)
            self.truncate(table.pop(slot), t)

    def has_ended(self, conn: ConnectionState, key: Any, names: tuple[str, ...] | None) -> bool:
        """Whether an instance with this key ended not long ago, by one of these ends (None: any)."""
        found = conn.session.ended[self.index].get(key)
        return found is not None and (names is None or found[1] in names)

    # Events without an instance.

    def stray(
        self,
        conn: ConnectionState,
        key: Any,
        t: int,
        fid: int | None,
        above: Instance | None,
        type_: str,
        direction: int,
        is_end: bool,
        else_key: Any = None,
    ) -> Instance | None:
        """A body or end event came while its span was not open. The instance that is opened to put things right, if any."""
        ended = conn.session.ended[self.index].get(key)
        late, ended_by = ended is not None, ended[0] if ended is not None else None
        witness = self._witness(conn, key, t)
        # One that its parent cut may have been cut by another than the parent it was in, had all been read.
        since = ended_by if ended is None or ended[1] != "cut" else None
        if above is not None:
            witness.parent = above
            since = ended_by or (None if above.begun_unseen or conn.session.tangled else above.fid)
        message = f"{type_} came after the end of its {self.span.id}" if late else f"{type_} came without {self._starts()}"
        fingerprint = self.reporter.report(
            self.counts,
            slice=witness,
            conn=conn,
            kind="unexpected" if late else "order",
            message=message + where(witness),
            activation=ended_by or fid,
            frames=frames_of(ended_by or None, fid),
            expected=() if late else names(self.span.start),
            seen=type_,
            decided_by="event",
            decided_at=t,
            at_ns=t,
            blame=sender(direction),
            unsure=why_unsure(conn.session.unread, self.span.start, since),
        )
        if late:
            return None
        if above is not None:
            above.explain(names(self.span.start), fingerprint)
        if is_end:
            return None
        instance = self.open(conn, key, t, fid, above, else_key)
        instance.explain(names(self.span.start), fingerprint)
        instance.begun_unseen = True
        return instance

    def outside(self, conn: ConnectionState, key: Any, t: int, fid: int | None, type_: str, direction: int) -> None:
        """A start event came outside of the span that it must be inside of."""
        witness = self._witness(conn, key, t)
        unsure = why_unsure(conn.session.unread, self.above.span.start) if self.above is not None else None
        conn.session.tangled |= unsure is not None
        self.reporter.report(
            self.counts,
            slice=witness,
            conn=conn,
            kind="order",
            message=f"{type_} came outside of a {self.span.inside}{where(witness)}",
            frames=frames_of(fid),
            activation=fid,
            seen=type_,
            decided_by="event",
            decided_at=t,
            at_ns=t,
            blame=sender(direction),
            unsure=unsure,
        )

    def by_else_key(
        self, session: SessionState, above: Instance | None, else_key: Any, anonymous: bool = False
    ) -> Instance | None:
        """The first that was opened, and is open still, of those with this key; `anonymous`: that have no other one."""
        for instance in session.spans[self.index].values():
            fits = instance.else_key == else_key and (above is None or instance.parent is above)
            if fits and (not anonymous or isinstance(instance.slot, Anonymous)):
                return instance
        return None

    # Ends.

    def end(self, instance: Instance, name: str, t: int, fid: int | None, type_: str) -> None:
        """An end event came while the span was open. Where nothing is left to be said, this is all of `_close`."""
        odd = instance.late is not None or instance.outer is not None or instance.states is not None
        if odd or instance.children or instance.mask & self.needed != self.needed or instance.held_back or name in self.unless:
            self._end_otherwise(instance, name, t, fid, type_)
            return
        instance.open = False
        session, slot = instance.conn.session, instance.slot
        del session.spans[self.index][slot]
        ended = session.ended[self.index]
        ended.now[slot] = (fid or 0, name)
        if len(ended.now) >= ended.keep:
            ended.rotate()
        if instance.parent is not None:
            instance.parent.children -= 1
        for release in self.releases:
            release(instance)
        if self.accounts is not None:
            self.accounts.close(instance, "completed" if name == "ok" else "failed", t, fid)

    def _end_otherwise(self, instance: Instance, name: str, t: int, fid: int | None, type_: str) -> None:
        detail = ""
        if instance.late is not None:
            late = t - instance.t - (self.span.within_ns or 0)
            detail = f"{seconds(late)} late"
            self.reporter.amend(
                instance.late,
                kind="late",
                late_by=late,
                seen=type_,
                frames=frames_of(instance.fid, fid),
                message=f"{type_} came {seconds(late)} too late{where(instance)}",
            )
        if instance.children:
            if name == "ok":
                self._owed_children(instance, t, fid, type_)
            else:
                self._cut_children(instance, t, fid)
        self._close(instance, name, t, fid, COMPLETE, None, detail)

    def _owed_children(self, parent: Instance, t: int, fid: int | None, type_: str) -> None:
        for child in list(self._open_children(parent)):
            child.monitor.owed(child, t, fid, type_)

    def owed(self, child: Instance, t: int, fid: int | None, seen: str) -> None:
        """The parent went well and left this one open."""
        fingerprint = None
        if child.late is None:
            fingerprint = self._missing(child, t, by="scope_close", seen=seen, fid=fid)
        if child.children:
            self._cut_children(child, t, fid)
        self._close(child, "cut", t, fid, COMPLETE, fingerprint or self._late_fingerprint(child), f"left open by {seen}")

    def _late_fingerprint(self, instance: Instance) -> str | None:
        if instance.late is None or instance.late >= len(self.reporter.findings):
            return None
        return self.reporter.findings[instance.late].fingerprint

    def _cut_children(self, parent: Instance, t: int, fid: int | None) -> None:
        for child in list(self._open_children(parent)):
            child.monitor.cut(child, t, fid, SUPPRESSED, "its parent ended")

    def _open_children(self, parent: Instance) -> Iterable[Instance]:
        for monitor in (self, *self.below):
            for instance in parent.session.spans[monitor.index].values():
                while instance is not None:
                    if instance.parent is parent:
                        yield instance
                    instance = instance.outer  # type: ignore[assignment]

    def cut(self, instance: Instance, t: int, fid: int | None, how: int, detail: str, cause: str | None = None) -> None:
        """Ended by something else, without a finding of its own."""
        if instance.children:
            for child in list(self._open_children(instance)):
                child.monitor.cut(child, t, fid, how, detail, cause)
        self._close(instance, "cut", t, fid, how, cause, detail)

    def _close(self, instance: Instance, name: str, t: int, fid: int | None, how: int, cause: str | None, detail: str) -> None:
        instance.open = False
        self._unlink(instance, name, fid)
        if instance.parent is not None:
            instance.parent.children -= 1
        for release in self.releases:
            release(instance)
        for group in self.refined:
            for part in (instance.parts or {}).get(group.index, {}).values():
                group.close(part, t, how, cause, ended=name)
        if self.group is not None:
            self.group.close(instance, t, how, cause, ended=name)
        if self.accounts is not None:
            self._account(instance, name, t, fid, detail)
        instance.states = instance.held_back = instance.parts = None

    def _unlink(self, instance: Instance, name: str, fid: int | None) -> None:
        """Take an instance off its table, out of those that it interrupts or that interrupt it."""
        table, slot = instance.session.spans[self.index], instance.slot
        inner = table.get(slot)
        if inner is not instance:
            while inner is not None and inner.outer is not instance:
                inner = inner.outer
            if inner is not None:
                inner.outer = instance.outer
        elif instance.outer is not None:
            table[slot] = instance.outer
        else:
            del table[slot]
        instance.session.ended[self.index].add(slot, (fid or 0, name))

    def _account(self, instance: Instance, name: str, t: int, fid: int | None, detail: str) -> None:
        assert self.accounts is not None
        if name == "cut" and instance.late is not None:
            state = "stalled"
        else:
            state = {"ok": "completed", "cut": "cut"}.get(name, "failed")
        self.accounts.close(instance, state, t, fid, detail)

    # Time, and the end of connections and of the trace.

    def expire(self, instance: Instance) -> None:
        """The instance's deadline has passed."""
        self._missing(instance, instance.t + (self.within_ns or 0), by="deadline", seen=None, fid=None)
        instance.late = self.reporter.kept

    def _missing(self, instance: Instance, t: int, *, by: str, seen: str | None, fid: int | None, why: str = "") -> str:
        within = self.span.within_ns
        due = instance.t + within if within is not None else None
        expected = names(self.span.end_patterns)
        if by == "deadline" and within is not None:
            message = f"{either(expected)} did not come within {seconds(within)}{where(instance)}{lost(instance.conn)}"
        else:
            message = f"{either(expected)} never came{where(instance)}{why}"
        fingerprint = self.reporter.report(
            self.counts,
            slice=instance,
            kind="missing",
            absent=True,
            message=message,
            activation=instance.fid,
            frames=frames_of(instance.fid, fid),
            expected=expected,
            until=due,
            seen=seen,
            decided_by=by,
            decided_at=t,
            at_ns=t if due is None else min(t, due),
            blame=blame(self._all_ends()),
            bound_from=instance.t if by == "deadline" else None,
            unsure=why_unsure(instance.unread, self.span.end_patterns, instance.fid),
        )
        instance.explain(expected, fingerprint)
        if instance.parent is not None:
            instance.parent.explain(expected, fingerprint)
        return fingerprint

    def _all_ends(self) -> Patterns:
        return self.span.end_patterns

    def connection_lost(self, instance: Instance, t: int, by: str) -> None:
        """The session is over and this one is open."""
        why = lost(instance.session.last or instance.conn)
        fingerprint = None
        if instance.late is None:
            fingerprint = self._missing(instance, t, by=by, seen=None, fid=None, why=why)
        cause = fingerprint or self._late_fingerprint(instance)
        if instance.children:
            for child in list(self._open_children(instance)):
                child.monitor.cut(child, t, None, SUPPRESSED, why.strip(" ;"), cause)
        self._close(instance, "cut", t, None, COMPLETE, cause, why.strip(" ;"))

    def truncate(self, instance: Instance, t: int) -> None:
        """The trace ends before this one does."""
        instance.open = False
        if instance.late is None:
            self.counts.inconclusive += 1
            instance.session.undecided = True
        for group in self.refined:
            for part in (instance.parts or {}).get(group.index, {}).values():
                group.close(part, t, TRUNCATED)
        if self.group is not None:
            self.group.close(instance, t, TRUNCATED)
        if self.accounts is not None:
            self.accounts.close(instance, "stalled" if instance.late is not None else "open", None, None)
