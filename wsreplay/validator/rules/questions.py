"""Questions and their answers: what a client asks is answered by a run, in time, and a run is the answer to something.

DECLARE's *response* with a bound pairs no two events: one answer would discharge all questions before it. Here each question
is claimed by one answer, as a reader of the chat would: by a run of its thread; a question that names no thread by the
connection's next run that nothing else claims; a run that names no thread claims the oldest question. What is asked while a run
of the thread is open is answered by that run. An end that says that something failed, before any start, is a refusal.

A run that nobody asked for is a warning, since an agent may speak first. Where neither names a thread and the same run starts
at the same moment at somebody else's, who did ask, it is that one's, sent to everybody.

State: of each session its open questions; a queue of their deadlines, whose bound is one; the threads that a user asked in; the
last runs that name no thread. Fast path: none is needed, since clients ask rarely.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from wsreplay.contract.rules.questions import Questions
from wsreplay.units import duration_text
from wsreplay.validator.emit.fit import fit_any
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.findings import Severity
from wsreplay.validator.missed import Missed, labels_in
from wsreplay.validator.reporting import either, frames_of, names
from wsreplay.validator.rules.message import MessageMonitor
from wsreplay.validator.rules.spans import SpanMonitor
from wsreplay.validator.rules.spans_emit import SpansEmitter
from wsreplay.validator.rules.template import TRUNCATED
from wsreplay.validator.state.clock import Clock
from wsreplay.validator.state.state import ConnectionState, Instance, SessionState, Slice, Token, oldest
from wsreplay.validator.state.undecodable import why_unsure

MOST_OPEN = 1_000  # questions of one session
MOST_OWNERS = 100_000  # who asked, and are remembered
TWIN_NS = 250_000_000  # so near each other the same run starts, and ends, at two connections that are sent the same
_MOST_RECENT = 256  # runs that name no thread


class Question(Struct, eq=False):
    """Something that a client asked."""

    # None: it names none
    thread: Any
    fid: int
    t: int
    type: str
    conn: ConnectionState
    # it is answered, or nobody owes its answer any more
    done: bool = False
    # the place of the finding that its deadline made
    overdue_finding: int | None = None


class Nameless(Struct, eq=False):
    """A run that names no thread, as it began at one connection."""

    instance: Instance
    # the frame before it, and who got it
    after: int | None
    owner: str
    asked: bool
    # when it ended, and by what (None: it is open)
    end: tuple[int, str] | None = None


class QuestionsMonitor(MessageMonitor):
    """The questions of a contract."""

    word = "questions"
    # before it is known whose an event is: who asks owns what is asked in
    sees_aliens = True
    rule: Questions

    def __init__(self, *common: Any) -> None:
        super().__init__(*common)
        self.timed = self.rule.within_ns is not None
        # session → its questions that are not answered, oldest first
        self._open: dict[int, list[Question]] = {}
        # all of them by their deadlines
        self._queue: deque[Question] = deque()
        # session → questions that were asked while a run was open: another run may answer them, and none need
        self._spare: dict[int, list[Any]] = {}
        # who asked → in which threads (None: in none)
        self._asked: dict[str | int, dict[Any, None]] = {}
        # who is told of runs that may be of several users
        self._log: Callable[[str, Any], None] | None = None
        # run → when its question was asked (ns)
        self._claimed: dict[int, int] = {}
        self._nameless: deque[Nameless] = deque(maxlen=_MOST_RECENT)
        self._span: SpanMonitor | None = None
        self._clock: Clock | None = None
        self._missed: Missed | None = None

    def link(self, spans: SpansEmitter) -> None:
        self._span = span = spans.named(self.rule.span)
        if span is not None:
            self._clock, self._missed = span.clock, span.missed
            span.on_start(self._begin)
            span.on_end(self._end)
            span.answer_by(self._refuse)

    # What a client says.

    def emit(self, writer: HandlerWriter) -> None:
        if writer.direction or fit_any(self.rule.never, writer.direction, writer.type):
            return
        asks = fit_any(self.rule.asks, writer.direction, writer.type)
        if not asks and not self.rule.text:
            return
        writer.leave_if_alien()
        writer.need(self.rule.by)
        condition = writer.condition(asks) if asks else self._says(writer)
        writer.add_under(condition, [f"{self.variable}.ask({writer.keys.variable(self.rule.by)}, conn, fid, t, type)"])

    def _says(self, writer: HandlerWriter) -> str:
        """A condition: the message has a text."""
        texts = [writer.value(path) for path in self.rule.text]
        return " or ".join(f"({text}.__class__ is str and {text} != '')" for text in texts)

    def ask(self, thread: Any, conn: ConnectionState, fid: int, t: int, type_: str) -> None:
        """A client asks something."""
        assert self._span is not None and self._missed is not None and self._clock is not None
        thread = None if thread.__class__ is Token else thread
        session = conn.session
        session.ask(fid)
        if session.missed is not None:
            self._missed.forget(session, labels_in([(self.rule.by, str(thread))] if thread is not None else ()))
        self.counts.activate()
        asker = _asker(conn)
        threads = self._asked.get(asker)
        if threads is None or thread not in threads:
            self._remember(asker, thread)
        runs = session.spans[self._span.number]
        if runs and any(thread is None or self._thread(run) in (thread, None) for run in runs.values()):
            self._spare.setdefault(session.id, []).append(thread)
            return
        questions = self._open.get(session.id)
        if questions is None:
            questions = self._open[session.id] = []
        elif questions:
            for overdue in [before for before in questions if before.thread == thread and before.overdue_finding is not None]:
                overdue.done = True  # what comes from now on answers this one
                questions.remove(overdue)
        if len(questions) >= MOST_OPEN:
            self.reporter.forget("questions")
            self.counts.doubt()
            return
        question = Question(thread, fid, t, type_, conn)
        questions.append(question)
        if self.rule.within_ns is not None:
            self._queue.append(question)
            self._clock.at(t + self.rule.within_ns)

    def _remember(self, owner: str | int, thread: Any) -> None:
        if len(self._asked) >= MOST_OWNERS:
            for old in oldest(self._asked):
                del self._asked[old]
        threads = self._asked.setdefault(owner, {})
        if len(threads) >= MOST_OPEN:
            for asked_in in oldest(threads):
                del threads[asked_in]
        threads[thread] = None

    def _thread(self, instance: Instance) -> Any:
        """The thread that a run names; None where it names none."""
        if self.rule.by not in instance.names:
            return None
        key = instance.key
        if key.__class__ is tuple:
            key = key[instance.names.index(self.rule.by)]
        return None if key.__class__ is Token else key

    # Answers.

    def _claim(self, session: SessionState, thread: Any) -> Question | None:
        """The question that a run of this thread answers."""
        questions = self._open.get(session.id)
        if not questions:
            return None
        if questions[0].thread == thread:
            return questions.pop(0)
        named = (question for question in questions if thread is not None and question.thread == thread)
        others = (question for question in questions if thread is None or question.thread is None)
        question = next(named, None) or next(others, None)
        if question is not None:
            questions.remove(question)
        return question

    def _say_late(self, question: Question, overdue_finding: int, t: int, fid: int | None, type_: str) -> None:
        late = t - question.t - (self.rule.within_ns or 0)
        self.reporter.amend(
            overdue_finding,
            kind="late",
            late_by=late,
            seen=type_,
            frames=frames_of(question.fid, fid),
            message=f"{type_} came {duration_text(late)} too late after {question.type}{_of(self.rule.by, question.thread)}",
        )

    def _begin(self, run: Instance) -> None:
        """A run begins, or is found to have begun."""
        if run.parent is not None:
            return
        session, thread = run.conn.session, self._thread(run)
        question = self._claim(session, thread)
        if question is not None:
            question.done = True
            if question.overdue_finding is not None:
                self._say_late(question, question.overdue_finding, run.t, run.fid, run.span.start[0].type)
            self._claimed[id(run)] = question.t
        elif not self._is_spare(session, thread) and not self._was_asked(run, thread):
            self._say_unasked(run, run.conn.last_frame)
        if thread is None:
            self._nameless.append(Nameless(run, run.conn.last_frame, _owner(run.conn), question is not None))
            if self._log is not None:
                for moment in (run.t // TWIN_NS, run.t // TWIN_NS + 1):
                    self._log(f"{self.rule.id}: runs of no thread", moment)

    def _is_spare(self, session: SessionState, thread: Any) -> bool:
        spare = self._spare.get(session.id)
        for asked_in in (thread, None) if spare else ():
            if asked_in in spare:
                spare.remove(asked_in)
                return True
        return False

    def _was_asked(self, run: Instance, thread: Any) -> bool:
        """Whether its user asked in its thread before, on whatever connection, or it is part of what is open there."""
        owner = _asker(run.conn)
        if thread is None:
            return bool(self._others(run)) or owner in self._asked
        return thread in self._asked.get(owner, ()) or any(self._thread(other) == thread for other in self._others(run))

    def _others(self, run: Instance) -> list[Instance]:
        assert self._span is not None
        return [other for other in run.session.spans[self._span.number].values() if other is not run]

    def _refuse(self, conn: ConnectionState, key: Any, t: int, fid: int | None, type_: str) -> bool:
        """An end came before any start, and says that something failed: whether it answers a question."""
        assert self._span is not None
        values = dict(zip(self._span.names, key if key.__class__ is tuple else (key,), strict=True))
        thread = values.get(self.rule.by)
        question = self._claim(conn.session, None if isinstance(thread, Token) else thread)
        if question is None:
            return False
        question.done = True
        if question.overdue_finding is not None:
            self._say_late(question, question.overdue_finding, t, fid, type_)
        return True

    def _end(self, run: Instance, name: str, t: int, fid: int | None) -> None:
        """A run has ended."""
        asked = self._claimed.pop(id(run), None)
        most = self.rule.done_within_ns
        if asked is not None and most is not None and name == "ok" and t - asked > most and run.overdue_finding is None:
            self._say_slow(run, t - asked, most, t, fid)
        if not self._nameless:
            return
        for nameless in self._nameless:
            if nameless.instance is run:
                nameless.end = (t, name)

    def log_claims(self, log: Callable[[str, Any], None]) -> None:
        self._log = log

    # What there is to say.

    def next_due(self) -> int | None:
        queue = self._queue
        while queue and queue[0].done:
            queue.popleft()
        return queue[0].t + (self.rule.within_ns or 0) if queue else None

    def expire_next(self) -> None:
        question = self._queue.popleft()
        if question.conn.session.left or question.conn.session.over:
            return
        question.overdue_finding = self._say_unanswered(question, question.t + (self.rule.within_ns or 0), "deadline")

    def _say_unanswered(self, question: Question, t: int, by: str) -> int:
        assert self._span is not None
        span, within, session = self._span.span, self.rule.within_ns, question.conn.session
        expected = names(span.start)
        in_time = f" within {duration_text(within)}" if within is not None and by == "deadline" else ""
        slice_ = Slice((self.rule.by,), question.thread, question.conn, question.t) if question.thread is not None else None
        return self.reporter.report(
            self.counts,
            slice_=slice_,
            conn=(session.last or question.conn),
            kind="missing",
            absent=True,
            message=f"{either(expected)} did not come{in_time} after {question.type}{_of(self.rule.by, question.thread)}",
            activation=question.fid,
            frames=(question.fid,),
            expected=expected,
            until=question.t + within if within is not None else None,
            decided_by=by,
            decided_at=t,
            at_ns=t if within is None else min(t, question.t + within),
            blame="server",
            bound_from=question.t if by == "deadline" else None,
            unsure=why_unsure(session.undecodable, (*span.start, *span.body), question.fid),
            caused_by=session.lost_by if session.connections == 0 else None,
        ).place

    def _say_slow(self, run: Instance, took: int, most: int, t: int, fid: int | None) -> None:
        self.reporter.report(
            self.counts,
            slice_=run,
            kind="late",
            severity=Severity.WARNING,
            message=f"the whole answer took {duration_text(took)}, more than {duration_text(most)}",
            activation=run.fid,
            frames=frames_of(run.fid, fid),
            late_by=took - most,
            decided_by="event",
            decided_at=t,
            bound_from=t - took,
        )

    def _say_unasked(self, run: Instance, after: int | None) -> None:
        """Nobody asked for a run. One that names no thread may be somebody else's: that shows when both have come."""
        if self._thread(run) is None:
            return  # `_tell_twins` says it
        self._warn_of_unasked(run, after)

    def _warn_of_unasked(self, run: Instance, after: int | None) -> None:
        if self.rule.warns_of_unasked:
            self._say_of(run, after, "unexpected", Severity.WARNING, "nobody asked for it", ())

    def _say_of(
        self, run: Instance, after: int | None, kind: str, severity: Severity, why: str, witnesses: tuple[int, ...]
    ) -> None:
        start = either(names(run.span.start))
        self.reporter.report(
            self.counts,
            slice_=run,
            kind=kind,
            severity=severity,
            message=f"{start} came unasked: {why}",
            activation=run.fid,
            frames=frames_of(*witnesses, run.fid),
            seen=start,
            decided_by="event",
            decided_at=run.t,
            after=after,
            before=run.fid,
            blame="server",
        )

    def _tell_twins(self, session: SessionState) -> None:
        """The session is over: of its runs that name no thread and that nobody asked for, those that are somebody else's."""
        told = False
        for nameless in [run for run in self._nameless if run.instance.session is session and not run.asked]:
            run = nameless.instance
            twin = next((other for other in self._nameless if self._is_twin(nameless, other)), None)
            if twin is None:
                if _asker(run.conn) not in self._asked:
                    self._warn_of_unasked(run, nameless.after)
            elif not told:
                told = True
                why = f"it is what {twin.owner} asked for and got at the same moment, sent to {nameless.owner}, too"
                witness = (twin.instance.fid,) if twin.instance.fid is not None else ()
                self._say_of(run, nameless.after, "isolation", Severity.ERROR, why, witness)

    @staticmethod
    def _is_twin(run: Nameless, other: Nameless) -> bool:
        if other.owner == run.owner or not other.asked or abs(other.instance.t - run.instance.t) > TWIN_NS:
            return False
        if run.end is None or other.end is None:
            return True
        return run.end[1] == other.end[1] and abs(other.end[0] - run.end[0]) <= TWIN_NS

    # The end of a session, and of the trace.

    def pending(self, sessions: Iterable[SessionState]) -> int:
        return sum(1 for questions in self._open.values() for question in questions if question.overdue_finding is None)

    def conclude(self, session: SessionState, t: int, how: int, by: str) -> None:
        for question in self._open.pop(session.id, ()):
            question.done = True
            if question.overdue_finding is not None or session.left:
                continue
            if how == TRUNCATED:
                self.counts.doubt()
                session.doubt()
            else:
                self._say_unanswered(question, t, by)
        self._tell_twins(session)
        self._spare.pop(session.id, None)


def _asker(conn: ConnectionState) -> str | int:
    """Who asks, and whose a run is: a user, or a session."""
    return conn.user if conn.user is not None else conn.session.id


def _owner(conn: ConnectionState) -> str:
    """The same in words."""
    return f"user {conn.user}" if conn.user is not None else f"session {conn.session.id}"


def _of(key: str, value: Any) -> str:
    return f" in {key} {value}" if value is not None else ""
