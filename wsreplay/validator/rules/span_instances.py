"""The instances of one span: how one begins, what is part of it, and how it ends.

State: the open instances of each session under their keys, the keys that ended last, and a queue of deadlines: the bound is one
for all instances of a span, so that the first started is the first due.

Fast path: an end that leaves nothing to be said (`end`).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import Any

from wsreplay.contract.model import Span
from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.missing_events import MissingEvents, labels_in
from wsreplay.validator.reporting import Counts, Reporter, either
from wsreplay.validator.rules.early_events import EarlyEvents
from wsreplay.validator.rules.group import RuleGroup
from wsreplay.validator.rules.monitor import Monitor
from wsreplay.validator.rules.span_bounds import SpanBounds
from wsreplay.validator.rules.span_listeners import SpanListeners
from wsreplay.validator.rules.spans_words import SpanWords
from wsreplay.validator.rules.template import COMPLETE, NO_BIT, SUPPRESSED, TRUNCATED
from wsreplay.validator.span_log import RunLog, SpanLog, standing_of, state_of
from wsreplay.validator.state.bounded import KEEP_ENDED, oldest
from wsreplay.validator.state.clock import Clock
from wsreplay.validator.state.keys import Anonymous, innermost
from wsreplay.validator.state.state import ConnectionState, Instance, SessionState
from wsreplay.validator.state.trace_event import TraceEvent

MOST_OPEN = 50_000  # instances of one span in one session


class SpanInstances(Monitor):
    """The instances of a span. `number` is its place among the spans, each after the one that it is inside of."""

    word = "span"
    rule: Span

    def __init__(
        self,
        span: Span,
        number: int,
        counts: Counts,
        reporter: Reporter,
        parent: SpanInstances | None,
        clock: Clock,
        missed: MissingEvents,
        early: EarlyEvents,
    ) -> None:
        super().__init__(span, number, counts, reporter)
        self.span, self.clock, self.missed, self.early = span, clock, missed, early
        self.words = SpanWords(span, counts, reporter, parent.span.start if parent is not None else None)
        # the span that it is inside of, and those that are inside of this one
        self.outer = parent
        self.below: list[SpanInstances] = []
        if parent is not None:
            parent.below.append(self)
        # the rules that judge each instance as a whole, and those that refine it by keys
        self.group: RuleGroup | None = None
        self.refining: list[RuleGroup] = []
        # the bits of an instance in which no rule misses anything
        self.needed = 0
        # names of ends that decide rules
        self.unless: Container[str] = ()
        # the group, where its rules must know of each start
        self.begins: RuleGroup | None = None
        # whether the instances are runs
        self.is_run = False
        # where it is kept how instances ended
        self.log: RunLog | None = None
        self.names, self.within_ns = span.by, span.within_ns
        # by when its instances must have ended; they are added here
        self.bounds = SpanBounds(span.within_ns, clock)
        self.queue = self.bounds.queue
        self.timed = span.within_ns is not None
        # its instances have names besides their keys, such as a tool's beside a call's
        self._has_names = bool(span.else_by)
        # instances that were opened since their number was brought home
        self.opened = 0
        same_for_all = {"span": span, "stands_still": self.bounds.stands_still}
        self.instance_class: type[Instance] = type(f"Instance of {span.id}", (Instance,), same_for_all)
        # who wants to know of its instances; those of each start and end
        self.listeners = SpanListeners()
        self._beginnings, self._ends = self.listeners.beginnings, self.listeners.ends

    # Before the first event.

    def judge_by(self, group: RuleGroup) -> None:
        """These rules judge its instances: as a whole, or by keys."""
        if group.by:
            self.refining.append(group)
            self.needed |= NO_BIT
        else:
            self.group, self.unless = group, group.unless
            self.needed |= group.needed
            self.begins = group if group.on_begin else None

    def log_to(self, log: RunLog) -> None:
        """Keep how each instance ended, in a whole log also how it began."""
        self.log = log
        if isinstance(log, SpanLog):
            self.listeners.on_begin(log.begin)

    def mark_as_run(self) -> None:
        """Its instances are runs."""
        self.is_run = True

    # What there is.

    def collect(self, globals: Globals) -> None:
        self.counts.activate(self.opened)
        for counted in self.group.counted if self.group is not None else ():
            counted.counts.activate(self.opened)
        self.opened = 0

    def open_instances(self, sessions: Iterable[SessionState]) -> Iterator[Instance]:
        """Those of these sessions, and those that they interrupt."""
        for session in sessions:
            for outermost in session.spans[self.number].values():
                instance: Instance | None = outermost
                while instance is not None:
                    yield instance
                    instance = instance.outer

    def pending(self, sessions: Iterable[SessionState]) -> int:
        return sum(1 for instance in self.open_instances(sessions) if instance.overdue_finding is None)

    def next_due(self) -> int | None:
        return self.bounds.next_due()

    def has_ended(self, conn: ConnectionState, key: Any, names: tuple[str, ...] | None) -> bool:
        """Whether an instance with this key ended not long ago, by one of these ends (None: any)."""
        end = conn.session.ended[self.number].get(key)
        return end is not None and (names is None or end[1] in names)

    def by_else_key(
        self, session: SessionState, above: Instance | None, else_key: Any, anonymous: bool = False
    ) -> Instance | None:
        """The first that was opened, and is open still, of those with this key, else of those that it may be of, since it or
        they have no name; `anonymous`: that have no other one. One that owes nothing has its end already."""
        named = innermost(else_key)
        may_be: Instance | None = None
        excused: Instance | None = None
        for instance in session.spans[self.number].values():
            if (above is not None and instance.parent is not above) or (anonymous and not isinstance(instance.slot, Anonymous)):
                continue
            if instance.excused:
                excused = excused or (instance if instance.else_key == else_key else None)
                continue
            if instance.else_key == else_key:
                return instance
            other = innermost(instance.else_key)
            if may_be is None and (named is None or other is None):
                may_be = instance
        return may_be or excused

    # Beginnings.

    def open(
        self, conn: ConnectionState, key: Any, t: int, fid: int | None, above: Instance | None, else_key: Any,
        implied: bool = False, bound: bool = False,
    ) -> Instance:
        """A new instance, under its key; `implied`: by another event than its start. Called with every start: what is the same
        for all is looked up elsewhere, and `bound` is not set afterwards, since that takes as long as some lines here."""
        instance = self.instance_class(self.names, key, conn, t, fid, parent=above, slot=key, else_key=else_key, bound=bound)
        if above is not None:
            above.children += 1
        table = conn.spans[self.number]
        if len(table) >= MOST_OPEN:
            self._make_room(conn.session, t)
        table[key] = instance
        self.opened += 1
        if self._has_names:
            if key.__class__ is Anonymous:
                instance.go_by(self.span.else_by, key.values)
            elif key in conn.session.ended[self.number].now:
                self._check_name(instance, t, fid)
        if self.within_ns is not None:
            queue = self.queue
            if not queue:
                self.clock.at(t + self.within_ns)
            queue.append(instance)
        if self.begins is not None:
            self.begins.begin(instance)
        for begin in self._beginnings:
            begin(instance)
        if conn.session.missed is not None and not implied:
            self._look_back(instance, t, fid)
        return instance

    def _look_back(self, instance: Instance, t: int, fid: int | None) -> None:
        """What was missed before a start, or came before it, may be of its instance."""
        conn, key = instance.conn, instance.slot
        noted = self.early.take(conn.session, (self.number, key))
        if self._came_late(conn, key, t, fid):
            instance.excuse()
        else:
            self.early.begin(instance, noted, either(self.words.starts))

    def _came_late(self, conn: ConnectionState, key: Any, t: int, fid: int | None, since: int = -1) -> bool:
        """Whether a start event is the one that an instance was said to lack. Else it begins something new."""
        if self.reporter.has_repeated(fid) and self.has_ended(conn, key, None):  # which is said
            return True
        labels = labels_in(self.witness(conn, key).labels())
        for type_ in self.words.starts:
            if self.missed.came(conn.session, type_, labels, t, fid, (self.span.id,)) is not None:
                return True
        if self.span.inside is None and self.is_run:
            self.missed.forget(conn.session, labels)
        return False

    def _check_name(self, instance: Instance, t: int, fid: int | None) -> None:
        """One that ended not long ago had the same key: whether it had the same name."""
        before = instance.session.ended[self.number].now[instance.slot]
        name, first = innermost(instance.else_key), innermost(before[2])
        if name is not None and first is not None and name != first:
            event = TraceEvent(instance.conn, fid, t, self.words.starts[0], 1)
            self.words.say_other_name(instance, self.span.else_by[-1], first, name, event)

    def witness(self, conn: ConnectionState, key: Any) -> Instance:
        """An instance that never was, and so began at no time, for a finding to name."""
        if key.__class__ is Anonymous:
            return self.instance_class(self.span.else_by, key.values, conn, 0)
        return self.instance_class(self.names, key, conn, 0)

    def _make_room(self, session: SessionState, t: int) -> None:
        """Too many are open: the oldest can no longer be followed."""
        table = session.spans[self.number]
        for slot in oldest(table):
            self.reporter.forget("open " + self.span.id)
            self.truncate(table.pop(slot), t)

    def adopt(self, child: Instance, parent: Instance) -> None:
        """One that came before what it is part of has found it: it owes what all of them do."""
        child.belong_to(parent)
        child.excuse(False)
        parent.children += 1
        if self.log is not None:
            self.log.adopt(child, parent)

    # Ends.

    def end(self, instance: Instance, name: str, t: int, fid: int | None, type_: str) -> None:
        """An end event came while the span was open. Where nothing is left to be said, this is all of `_close`."""
        if instance.overdue_finding is not None or instance.outer is not None or instance.states is not None:
            self._end_otherwise(instance, name, t, fid, type_)
            return
        if instance.children or instance.mask & self.needed != self.needed or instance.deferred or name in self.unless:
            self._end_otherwise(instance, name, t, fid, type_)
            return
        instance.open = False
        session, slot = instance.conn.session, instance.slot
        del session.spans[self.number][slot]
        ended = session.ended[self.number]
        ended.now[slot] = (fid or 0, name, instance.else_key)
        if len(ended.now) >= KEEP_ENDED:
            ended.rotate()
        if instance.parent is not None:
            instance.parent.children -= 1
        for end in self._ends:
            end(instance, name, t, fid)
        if self.log is not None:
            self.log.close(instance, "completed" if name == "ok" else state_of(instance, name), t, fid)

    def _end_otherwise(self, instance: Instance, name: str, t: int, fid: int | None, type_: str) -> None:
        detail = ""
        if instance.overdue_finding is not None:
            detail = self.words.say_late(instance, instance.overdue_finding, t, fid, type_)
        if instance.children:
            if name == "ok":
                self._owed_children(instance, t, fid, type_)
            else:
                self._cut_children(instance, t, fid)
        self._close(instance, name, t, fid, COMPLETE, None, detail)

    def _owed_children(self, parent: Instance, t: int, fid: int | None, type_: str) -> None:
        for monitor, child in list(self._open_children(parent)):
            monitor.owed(child, t, fid, type_)

    def owed(self, child: Instance, t: int, fid: int | None, seen: str) -> None:
        """The parent went well and left this one open."""
        if child.excused:
            self.cut(child, t, fid, SUPPRESSED, f"left open by {seen}")
            return
        cause = self._cause(child, t, by="scope_close", seen=seen, fid=fid)
        if child.children:
            self._cut_children(child, t, fid)
        self._close(child, "cut", t, fid, COMPLETE, cause, f"left open by {seen}")

    def _cause(
        self, instance: Instance, t: int, *, by: str, seen: str | None = None, fid: int | None = None, why: str = "",
        caused_by: str | None = None,
    ) -> str | None:
        """The id of the finding that its end is missing: a new one, or that of its deadline, if it is kept."""
        if instance.overdue_finding is None:
            reported = self.words.say_missing(instance, t, by=by, seen=seen, fid=fid, why=why, caused_by=caused_by)
            self.missed.add(instance.session, reported.place)
            return reported.id
        if instance.overdue_finding >= len(self.reporter.findings):
            return None
        self.missed.add(instance.session, instance.overdue_finding)
        return self.reporter.findings[instance.overdue_finding].id

    def _cut_children(self, parent: Instance, t: int, fid: int | None) -> None:
        for monitor, child in list(self._open_children(parent)):
            monitor.cut(child, t, fid, SUPPRESSED, "its parent ended")

    def _open_children(self, parent: Instance) -> Iterator[tuple[SpanInstances, Instance]]:
        """The open instances that are part of this one, with their spans' monitors."""
        for monitor in (self, *self.below):
            for instance in parent.session.spans[monitor.number].values():
                while instance is not None:
                    if instance.parent is parent:
                        yield monitor, instance
                    instance = instance.outer  # type: ignore[assignment]

    def part_lost(self, child: Instance, t: int, by: str, why: str, cause: str | None) -> None:
        """The one that this is part of never ended, which was said: that this one did not end either follows from it."""
        if child.excused:
            self.cut(child, t, None, SUPPRESSED, why.strip(" ;"))
            return
        own = self._cause(child, t, by=by, why=why, caused_by=cause)
        for monitor, part in list(self._open_children(child)) if child.children else ():
            monitor.part_lost(part, t, by, why, own)
        self._close(child, "cut", t, None, COMPLETE, own, why.strip(" ;"))

    def cut(self, instance: Instance, t: int, fid: int | None, how: int, detail: str, cause: str | None = None) -> None:
        """Ended by something else, without a finding of its own."""
        if instance.children:
            for monitor, child in list(self._open_children(instance)):
                monitor.cut(child, t, fid, how, detail, cause)
        self._close(instance, "cut", t, fid, how, cause, detail)

    def _close(self, instance: Instance, name: str, t: int, fid: int | None, how: int, cause: str | None, detail: str) -> None:
        instance.end()
        self._unlink(instance, name, fid)
        if instance.parent is not None:
            instance.parent.children -= 1
        for end in self._ends:
            end(instance, name, t, fid)
        for group in self.refining:
            for slice_ in instance.refinements_of(group.number):
                group.close(slice_, t, how, cause, ended=name)
        if self.group is not None:
            self.group.close(instance, t, SUPPRESSED if instance.excused else how, cause, ended=name)
        if self.log is not None:
            self._log(instance, state_of(instance, name), t, fid, detail)
        instance.forget()

    def _unlink(self, instance: Instance, name: str, fid: int | None) -> None:
        """Take an instance off its table, out of those that it interrupts or that interrupt it."""
        table, slot = instance.session.spans[self.number], instance.slot
        inner = table.get(slot)
        if inner is not instance:
            while inner is not None and inner.outer is not instance:
                inner = inner.outer
            if inner is not None:
                inner.interrupt(instance.outer)
        elif instance.outer is not None:
            table[slot] = instance.outer
        else:
            del table[slot]
        instance.session.ended[self.number].add(slot, (fid or 0, name, instance.else_key))

    def _log(self, instance: Instance, state: str, t: int | None, fid: int | None, detail: str = "") -> None:
        """Keep how an instance ended, but for one that began after its end and did nothing: its end has one already."""
        assert self.log is not None
        if instance.excused and state in ("cut", "open"):
            self.log.forget(instance)
        else:
            self.log.close(instance, state, t, fid, detail)

    def truncate(self, instance: Instance, t: int) -> None:
        """The trace ends before this one does."""
        instance.end()
        if instance.overdue_finding is None:
            self.counts.doubt()
            instance.session.doubt()
        for group in self.refining:
            for slice_ in instance.refinements_of(group.number):
                group.close(slice_, t, TRUNCATED)
        if self.group is not None:
            self.group.close(instance, t, TRUNCATED)
        if self.log is not None:
            self._log(instance, standing_of(instance), None, None)
