"""Spans: what was started must end, once, in time, and before what it is part of.

Per key, start and end alternate: DECLARE's *alternate succession* on parametric slices, with a bound (MTL's `within`) and
nesting. A finding never stops the judging: the span is put right, as if the missing start or end had come, and goes on.

What is open, and how it ends, is kept in `span_instances`. Fast path: a start where nothing is open, and a body event where
something is; the source is written by `rules.spans_emit`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wsreplay.validator.missing_events import LabelOf
from wsreplay.validator.reporting import either, lost
from wsreplay.validator.rules.early_events import EarlyEvent
from wsreplay.validator.rules.span_instances import SpanInstances
from wsreplay.validator.rules.template import COMPLETE, SUPPRESSED
from wsreplay.validator.state.bounded import End
from wsreplay.validator.state.keys import innermost, names_nothing
from wsreplay.validator.state.resumption import go_on
from wsreplay.validator.state.state import ConnectionState, Instance, SessionState
from wsreplay.validator.state.trace_event import MessageEvent


class SpanMonitor(SpanInstances):
    """What events, time and the end of connections mean for the instances of a span."""

    # Starts.

    def look_for_parent(self, event: MessageEvent, key: Any, parent: Any) -> None:
        """A start names a parent that is not open where it should be: elsewhere in its session, over, or unknown."""
        session, own = event.conn.session, innermost(key)
        if parent == own or any(innermost(slot) == parent for slot in session.spans[self.number]):
            return
        has_ended = any(innermost(slot) == parent for slot in session.ended[self.number])
        self.words.say_unknown_parent(self.witness(event.conn, key), parent, has_ended, event)

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
        interrupted: Instance | None = open_one
        if open_one.excused:
            interrupted = open_one.outer
            self.cut(open_one, t, fid, SUPPRESSED, "started again")
        elif self.span.renews:
            self.bounds.renew(open_one, t)
            return open_one
        elif nested:
            above = above or open_one
        else:
            interrupted = open_one.outer
            self._restart(open_one, t, fid)
        instance = self.open(conn, key, t, fid, above, else_key)
        if interrupted is not None:
            instance.interrupt(interrupted)
        return instance

    def _restart(self, first: Instance, t: int, fid: int | None) -> None:
        first.session.doubt_parents()
        cause = self.words.say_started_again(first, t, fid).id
        self._close(first, "cut", t, fid, COMPLETE, cause, "started again")

    # Events without an instance.

    def stray(
        self, event: MessageEvent, key: Any, above: Instance | None, is_end: bool, else_key: Any, label_of: LabelOf
    ) -> Instance | None:
        """A body or end event came while its span was not open. The instance that it implies, if any: its start is missing."""
        if names_nothing(key) and (open_ones := event.conn.session.spans[self.number]):
            instance = next(reversed(open_ones.values()))  # it can only be of what is open here
            go_on(instance, event.conn)
            return instance
        ended = event.conn.session.ended[self.number].get(key)
        anew = max(event.conn.session.asked, -1 if above is None else above.fid or 0)
        if ended is not None and anew <= ended[0]:
            if self.missed.came(event.conn.session, event.type, label_of, event.t, event.fid) is None:
                self._say_after_end(event, key, above, ended)
            return None
        if is_end and self._is_refusal(event, key):
            event.conn.session.ended[self.number].add(key, (event.fid or 0, "failed", else_key))
            return None
        # One that its parent cut may have been cut by another than the parent it was in, had all been read.
        since = None
        witness = self.witness(event.conn, key)
        if above is not None:
            witness.belong_to(above)
            since = None if above.begun_unseen or event.conn.session.ambiguous_parents else above.fid
        early = self.early.take(event.conn.session, (self.number, key))
        reported = self.words.say_stray(witness, event, since, self.early.place_before(early, event))
        self.early.imply(early, reported.id)
        self.missed.add(event.conn.session, reported.place)
        if above is not None:
            above.explain(self.words.starts, reported.id)
        if above is not None and self.outer is not None and self.outer.group is not None:
            self.outer.group.imply(above, self.span.start, event)
        instance = self.open(event.conn, key, event.t, event.fid, above, else_key, implied=True)
        instance.explain(self.words.starts, reported.id)
        instance.begin_unseen()
        self.early.begin(instance, early, either(self.words.starts))
        return instance

    def _say_after_end(self, event: MessageEvent, key: Any, above: Instance | None, ended: End) -> None:
        """A body or end event came after its span had ended."""
        witness = self.witness(event.conn, key)
        since: int | None = ended[0] if ended[1] != "cut" else None
        if above is not None:
            witness.belong_to(above)
            since = ended[0]
        reported = self.words.say_after_end(witness, event, ended[0], since)
        self.early.note((self.number, key), EarlyEvent(event, reported.place, (event.type,)))

    def _is_refusal(self, event: MessageEvent, key: Any) -> bool:
        """Whether an end event that says that something failed is the answer to a question that nothing else answered."""
        well = [pattern for name, patterns in self.span.ends if name == "ok" for pattern in patterns]
        if self.listeners.answers is None or any(pattern.fits(1, event.type) for pattern in well):
            return False
        return self.listeners.answers(event, key)

    def outside(self, event: MessageEvent, key: Any, outer_key: Any, else_key: Any) -> Instance:
        """A start event came outside of the span that it must be inside of. It begins something all the same, which may turn
        out to be part of what begins next; until then it owes nothing."""
        session = event.conn.session
        unsure = self.words.why_outer_unsure(event.conn)
        if unsure is not None:
            session.doubt_parents()
        reported = self.words.say_outside(self.witness(event.conn, key), event, unsure)
        before = session.spans[self.number].get(key)
        if before is not None:
            self.cut(before, event.t, event.fid, SUPPRESSED, "started again")
        instance = self.open(event.conn, key, event.t, event.fid, None, else_key, implied=True)
        instance.excuse()
        if self.outer is not None:
            early = EarlyEvent(event, reported.place, (*self.words.starts, *self.words.ends), instance, self.adopt)
            self.early.note((self.outer.number, outer_key), early)
        return instance

    # Time, and the end of connections.

    def expire_next(self) -> None:
        self.expire(self.queue.popleft())

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
        for resume in self.listeners.resumes:
            resume(session, t)

    def begin_wait(self, session: SessionState) -> None:
        """The session's server waits for its client: bounds stand still."""
        if self.log is not None:
            self._touch(list(self.open_instances([session])))

    def end_wait(self, session: SessionState, thread: Any, since: int, t: int) -> None:
        """The session's client has answered what the server asked in a thread (None: in any) at `since` (ns)."""
        self._touch(self.bounds.end_wait(session, thread, since, t))
        for end_wait in self.listeners.waits:
            end_wait(session, thread, since, t)

    def _touch(self, instances: Iterable[Instance]) -> None:
        """The bounds of these stand still, or run from later than before."""
        for instance in instances if self.log is not None else ():
            assert self.log is not None
            self.log.touch(instance)

    def connection_lost(self, instance: Instance, t: int, by: str) -> None:
        """The session is over and this one is open."""
        is_left = self.bounds.stands_still(instance)
        if self.span.for_session or is_left or instance.excused:
            if is_left and self.is_run and instance.parent is None and not instance.excused:
                self.words.say_left(instance, t, by)
            how = lost(instance.session.last or instance.conn) if is_left else self.words.why_cut(instance)
            self.cut(instance, t, None, SUPPRESSED, how.strip(" ;"))
            return
        why = self.words.why_cut(instance)
        cause = self._cause(instance, t, by=by, why=why)
        if instance.children:
            for monitor, child in list(self._open_children(instance)):
                monitor.part_lost(child, t, by, why, cause)
        self._close(instance, "cut", t, None, COMPLETE, cause, why.strip(" ;"))
