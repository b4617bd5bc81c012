"""Spans: what was started must end, once, in time, and before what it is part of.

Per key, start and end alternate: DECLARE's *alternate succession* on parametric slices, with a bound (MTL's `within`) and
nesting. A finding never stops the judging: the span is put right, as if the missing start or end had come, and goes on.

State: the open instances of each session under their keys, the keys that ended last, and a queue of deadlines: the bound is one
for all instances of a span, so that the first started is the first due.

Fast path: a start where nothing is open, a body event where something is, and an end that leaves nothing to be said (`end`);
their source is written by `rules.spans_emit`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any

from wsreplay.contract.model import Span
from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.missed import LabelOf, Missed, labels_in
from wsreplay.validator.reporting import Counts, Reporter, lost
from wsreplay.validator.rules.group import RuleGroup
from wsreplay.validator.rules.monitor import Monitor
from wsreplay.validator.rules.span_bounds import SpanBounds
from wsreplay.validator.rules.spans_words import SpanWords
from wsreplay.validator.rules.template import COMPLETE, NO_BIT, SUPPRESSED, TRUNCATED
from wsreplay.validator.span_log import RunLog, SpanLog, standing_of, state_of
from wsreplay.validator.state.clock import Clock
from wsreplay.validator.state.state import Anonymous, ConnectionState, End, Instance, SessionState, Token, oldest

MOST_OPEN = 50_000  # instances of one span in one session

SpanEnd = Callable[[Instance, str, int, int | None], None]
"""What is told of an instance that has ended: how, when (ns), and by which frame."""


class SpanMonitor(Monitor):
    """One span over all its instances. `number` is its place among the spans, each after the one that it is inside of."""

    word = "span"
    rule: Span

    def __init__(
        self,
        span: Span,
        number: int,
        counts: Counts,
        reporter: Reporter,
        parent: SpanMonitor | None,
        clock: Clock,
        missed: Missed,
    ) -> None:
        super().__init__(span, number, counts, reporter)
        self.span, self.clock, self.missed = span, clock, missed
        self.words = SpanWords(span, counts, reporter, parent.span.start if parent is not None else None)
        # the span that it is inside of, and those that are inside of this one
        self.outer = parent
        self.below: list[SpanMonitor] = []
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
        self.instance_class: type[Instance] = type(f"Instance of {span.id}", (Instance,), {"span": span})
        # who wants to know that one has begun, or ended
        self._beginnings: list[Callable[[Instance], None]] = []
        self._ends: list[SpanEnd] = []
        # who wants to know that a client is back, or has answered
        self._resumes: list[Callable[[SessionState, int], None]] = []
        self._waits: list[Callable[[SessionState, Any, int, int], None]] = []
        # whether an end event that comes before any start is the answer to something else
        self.answers: Callable[[ConnectionState, Any, int, int | None, str], bool] | None = None
        # whether a session awaits an instance
        self.is_awaited: Callable[[SessionState], bool] = lambda session: False

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
            self.on_start(log.begin)

    def mark_as_run(self) -> None:
        """Its instances are runs."""
        self.is_run = True

    def on_start(self, begin: Callable[[Instance], None]) -> None:
        """Call this with each instance that has begun."""
        self._beginnings.append(begin)

    def await_by(self, is_awaited: Callable[[SessionState], bool]) -> None:
        """Ask this whether a session awaits an instance."""
        self.is_awaited = is_awaited

    def on_resume(self, resume: Callable[[SessionState, int], None]) -> None:
        """Call this when a session's client is back (ns)."""
        self._resumes.append(resume)

    def on_wait(self, end_wait: Callable[[SessionState, Any, int, int], None]) -> None:
        """Call this when a session's client has answered: in which thread (None: any), asked when, answered when (ns)."""
        self._waits.append(end_wait)

    def on_end(self, end: SpanEnd) -> None:
        """Call this with each instance that has ended."""
        self._ends.append(end)

    def answer_by(self, answers: Callable[[ConnectionState, Any, int, int | None, str], bool]) -> None:
        """Ask this of an end event that says that something failed, before any start: whether it is an answer."""
        self.answers = answers

    # What the engine calls.

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

    def expire_next(self) -> None:
        self.expire(self.queue.popleft())

    # Starts.

    def look_for_parent(
        self, conn: ConnectionState, key: Any, parent: Any, t: int, fid: int | None, type_: str, direction: int
    ) -> None:
        """A start names a parent that is not open where it should be: elsewhere in its session, over, or unknown."""
        session, own = conn.session, key[-1] if key.__class__ is tuple else key
        if parent == own or any(_innermost(slot) == parent for slot in session.spans[self.number]):
            return
        has_ended = any(_innermost(slot) == parent for slot in session.ended[self.number])
        self.words.say_unknown_parent(self._witness(conn, key, t), parent, has_ended, t, fid, type_, direction)

    def start_again(
        self,
        conn: ConnectionState,
        key: Any,
        t: int,
        fid: int | None,
        open_one: Instance,
        above: Instance | None,
        else_key: Any,
        nested: bool,
    ) -> Instance:
        """A start event came where `open_one` stands under its key. `nested`: it names `above`, what it is part of."""
        if open_one.begun_unseen and self._came_late(conn, key, t, fid, open_one.t):
            return open_one
        if self.reporter.has_repeated(fid):  # the same message once more, which is said
            return open_one
        if self.span.renews:
            self.bounds.renew(open_one, t)
            return open_one
        if open_one.excused:
            self.cut(open_one, t, fid, SUPPRESSED, "started again")
            return self.open(conn, key, t, fid, above, else_key)
        if not nested:
            self._restart(open_one, t, fid)
            return self.open(conn, key, t, fid, above, else_key)
        instance = self.open(conn, key, t, fid, above or open_one, else_key)
        instance.interrupt(open_one)
        return instance

    def open(
        self, conn: ConnectionState, key: Any, t: int, fid: int | None, above: Instance | None, else_key: Any,
        implied: bool = False,
    ) -> Instance:
        """A new instance, under its key; `implied`: by another event than its start. Called with every start: what is the same
        for all is looked up elsewhere."""
        instance = self.instance_class(self.names, key, conn, t, fid, parent=above, slot=key, else_key=else_key)
        if key.__class__ is Anonymous:
            instance.go_by(self.span.else_by, key.values)
        if above is not None:
            above.children += 1
        table = conn.spans[self.number]
        if len(table) >= MOST_OPEN:
            self._make_room(conn.session, t)
        table[key] = instance
        self.opened += 1
        if self._has_names and key in conn.session.ended[self.number].now:
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
        if conn.session.missed is not None and not implied and self._came_late(conn, key, t, fid):
            instance.excuse()
        return instance

    def _came_late(self, conn: ConnectionState, key: Any, t: int, fid: int | None, since: int = -1) -> bool:
        """Whether a start event is the one that an instance was said to lack. Else it begins something new."""
        if self.reporter.has_repeated(fid) and self.has_ended(conn, key, None):  # which is said
            return True
        labels = labels_in(self._witness(conn, key, t).labels())
        for type_ in self.words.starts:
            if self.missed.came(conn.session, type_, labels, t, fid, (self.span.id,)) is not None:
                return True
        if self.span.inside is None and self.is_run:
            self.missed.forget(conn.session, labels)
        return False

    def _check_name(self, instance: Instance, t: int, fid: int | None) -> None:
        """One that ended not long ago had the same key: whether it had the same name."""
        before = instance.session.ended[self.number].now[instance.slot]
        name, first = _innermost(instance.else_key), _innermost(before[2])
        if name is not None and first is not None and name != first:
            self.words.say_other_name(instance, self.span.else_by[-1], first, name, t, fid, self.words.starts[0], 1)

    def _witness(self, conn: ConnectionState, key: Any, t: int) -> Instance:
        """An instance that never was, for a finding to name."""
        if key.__class__ is Anonymous:
            return self.instance_class(self.span.else_by, key.values, conn, t)
        return self.instance_class(self.names, key, conn, t)

    def _restart(self, first: Instance, t: int, fid: int | None) -> None:
        first.session.doubt_parents()
        cause = self.words.say_started_again(first, t, fid).id
        self._close(first, "cut", t, fid, COMPLETE, cause, "started again")

    def _make_room(self, session: SessionState, t: int) -> None:
        """Too many are open: the oldest can no longer be followed."""
        table = session.spans[self.number]
        for slot in oldest(table):
            self.reporter.forget("open " + self.span.id)
            self.truncate(table.pop(slot), t)

    def has_ended(self, conn: ConnectionState, key: Any, names: tuple[str, ...] | None) -> bool:
        """Whether an instance with this key ended not long ago, by one of these ends (None: any)."""
        end = conn.session.ended[self.number].get(key)
        return end is not None and (names is None or end[1] in names)

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
        else_key: Any,
        label_of: LabelOf,
    ) -> Instance | None:
        """A body or end event came while its span was not open. The instance that it implies, if any: its start is missing."""
        if _names_nothing(key) and (open_ones := conn.session.spans[self.number]):
            return next(reversed(open_ones.values()))  # it can only be of what is open here
        ended = conn.session.ended[self.number].get(key)
        anew = max(conn.session.asked, -1 if above is None else above.fid or 0)
        if ended is not None and anew <= ended[0]:
            if self.missed.came(conn.session, type_, label_of, t, fid) is None:
                self._say_after_end(conn, key, t, fid, above, type_, direction, ended)
            return None
        if is_end and self._is_answer(conn, key, t, fid, type_):
            return None
        # One that its parent cut may have been cut by another than the parent it was in, had all been read.
        since = None
        witness = self._witness(conn, key, t)
        if above is not None:
            witness.belong_to(above)
            since = None if above.begun_unseen or conn.session.ambiguous_parents else above.fid
        reported = self.words.say_stray(witness, t, fid, type_, direction, since)
        self.missed.add(conn.session, reported.place)
        if above is not None:
            above.explain(self.words.starts, reported.id)
        if above is not None and self.outer is not None and self.outer.group is not None:
            self.outer.group.imply(above, self.span.start, fid, t, conn)
        instance = self.open(conn, key, t, fid, above, else_key, implied=True)
        instance.explain(self.words.starts, reported.id)
        instance.begin_unseen()
        return instance

    def _say_after_end(
        self, conn: ConnectionState, key: Any, t: int, fid: int | None, above: Instance | None, type_: str, direction: int,
        ended: End,
    ) -> None:  # fmt: skip
        """A body or end event came after its span had ended."""
        witness = self._witness(conn, key, t)
        since: int | None = ended[0] if ended[1] != "cut" else None
        if above is not None:
            witness.belong_to(above)
            since = ended[0]
        self.words.say_after_end(witness, t, fid, type_, direction, ended[0], since)

    def _is_answer(self, conn: ConnectionState, key: Any, t: int, fid: int | None, type_: str) -> bool:
        """Whether an end event that says that something failed is the answer to a question that nothing else answered."""
        well = [pattern for name, patterns in self.span.ends if name == "ok" for pattern in patterns]
        if self.answers is None or any(pattern.fits(1, type_) for pattern in well):
            return False
        return self.answers(conn, key, t, fid, type_)

    def outside(self, conn: ConnectionState, key: Any, t: int, fid: int | None, type_: str, direction: int) -> None:
        """A start event came outside of the span that it must be inside of."""
        witness = self._witness(conn, key, t)
        unsure = self.words.why_outer_unsure(conn)
        if unsure is not None:
            conn.session.doubt_parents()
        self.words.say_outside(witness, t, fid, type_, direction, unsure)

    def by_else_key(
        self, session: SessionState, above: Instance | None, else_key: Any, anonymous: bool = False
    ) -> Instance | None:
        """The first that was opened, and is open still, of those with this key, else of those that it may be of, since it or
        they have no name; `anonymous`: that have no other one."""
        named = else_key[-1] if else_key.__class__ is tuple else else_key
        may_be: Instance | None = None
        for instance in session.spans[self.number].values():
            if (above is not None and instance.parent is not above) or (anonymous and not isinstance(instance.slot, Anonymous)):
                continue
            if instance.else_key == else_key:
                return instance
            other = instance.else_key[-1] if instance.else_key.__class__ is tuple else instance.else_key
            if may_be is None and (named is None or other is None):
                may_be = instance
        return may_be

    # Ends.

    def end(self, instance: Instance, name: str, t: int, fid: int | None, type_: str) -> None:
        """An end event came while the span was open. Where nothing is left to be said, this is all of `_close`."""
        odd = instance.overdue_finding is not None or instance.outer is not None or instance.states is not None
        if odd or instance.children or instance.mask & self.needed != self.needed or instance.deferred or name in self.unless:
            self._end_otherwise(instance, name, t, fid, type_)
            return
        instance.open = False
        session, slot = instance.conn.session, instance.slot
        del session.spans[self.number][slot]
        ended = session.ended[self.number]
        ended.now[slot] = (fid or 0, name, instance.else_key)
        if len(ended.now) >= ended.keep:
            ended.rotate()
        if instance.parent is not None:
            instance.parent.children -= 1
        for end in self._ends:
            end(instance, name, t, fid)
        if self.log is not None:
            self.log.close(instance, state_of(instance, name), t, fid)

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
        self, instance: Instance, t: int, *, by: str, seen: str | None = None, fid: int | None = None, why: str = ""
    ) -> str | None:
        """The id of the finding that its end is missing: a new one, or that of its deadline, if it is kept."""
        if instance.overdue_finding is None:
            reported = self.words.say_missing(instance, t, by=by, seen=seen, fid=fid, why=why)
            self.missed.add(instance.session, reported.place)
            return reported.id
        if instance.overdue_finding >= len(self.reporter.findings):
            return None
        return self.reporter.findings[instance.overdue_finding].id

    def _cut_children(self, parent: Instance, t: int, fid: int | None) -> None:
        for monitor, child in list(self._open_children(parent)):
            monitor.cut(child, t, fid, SUPPRESSED, "its parent ended")

    def _open_children(self, parent: Instance) -> Iterator[tuple[SpanMonitor, Instance]]:
        """The open instances that are part of this one, with their spans' monitors."""
        for monitor in (self, *self.below):
            for instance in parent.session.spans[monitor.number].values():
                while instance is not None:
                    if instance.parent is parent:
                        yield monitor, instance
                    instance = instance.outer  # type: ignore[assignment]

    def cut(self, instance: Instance, t: int, fid: int | None, how: int, detail: str, cause: str | None = None) -> None:
        """Ended by something else, without a finding of its own."""
        if instance.children:
            for monitor, child in list(self._open_children(instance)):
                monitor.cut(child, t, fid, how, detail, cause)
        self._close(instance, "cut", t, fid, how, cause, detail)

    def _close(self, instance: Instance, name: str, t: int, fid: int | None, how: int, cause: str | None, detail: str) -> None:
        instance.open = False
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

    # Time, and the end of connections and of the trace.

    def expire(self, instance: Instance) -> None:
        """The instance's deadline has passed."""
        if instance.excused:
            return
        if self.bounds.stands_still(instance):
            self.bounds.park(instance)
            return
        reported = self.words.say_missing(instance, self.bounds.due(instance), by="deadline")
        instance.pass_deadline(reported.place)
        if self.log is not None:
            self.log.touch(instance)

    def resume(self, session: SessionState, t: int) -> None:
        """The session's client is back: bounds run anew."""
        self._touch(self.bounds.resume(session, t))
        for resume in self._resumes:
            resume(session, t)

    def end_wait(self, session: SessionState, thread: Any, since: int, t: int) -> None:
        """The session's client has answered what the server asked in a thread (None: in any) at `since` (ns)."""
        self._touch(self.bounds.end_wait(session, thread, since, t))
        for end_wait in self._waits:
            end_wait(session, thread, since, t)

    def _touch(self, instances: Iterable[Instance]) -> None:
        """The bounds of these run from later than before."""
        for instance in instances if self.log is not None else ():
            assert self.log is not None
            self.log.touch(instance)

    def connection_lost(self, instance: Instance, t: int, by: str) -> None:
        """The session is over and this one is open."""
        is_left = self.bounds.stands_still(instance)
        if self.span.for_session or is_left or instance.excused:
            if is_left and self.is_run and instance.parent is None and not instance.excused:
                self.words.say_left(instance, t, by)
            self.cut(instance, t, None, SUPPRESSED, lost(instance.session.last or instance.conn).strip(" ;"))
            return
        why = lost(instance.session.last or instance.conn)
        cause = self._cause(instance, t, by=by, why=why)
        if instance.children:
            for monitor, child in list(self._open_children(instance)):
                monitor.cut(child, t, None, SUPPRESSED, why.strip(" ;"), cause)
        self._close(instance, "cut", t, None, COMPLETE, cause, why.strip(" ;"))

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


def _innermost(slot: Any) -> Any:
    """What tells an instance from others within the same outer keys."""
    return slot[-1] if slot.__class__ is tuple else slot


def _names_nothing(key: Any) -> bool:
    """Whether an event has no id of what it is part of, so that the connection stands for it."""
    return all(value.__class__ is Token for value in (key if key.__class__ is tuple else (key,)))
