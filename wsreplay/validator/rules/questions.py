"""Questions and their answers: what a client asks is answered by a run, in time, and a run is the answer to something.

DECLARE's *response* with a bound pairs no two events: one answer would discharge all questions before it. Here each question
is claimed by one answer, as a reader of the chat would: by a run of its thread; a question that names no thread by the
connection's next run that nothing else claims; a run that names no thread claims the oldest question. What is asked while a run
of the thread is open is answered by that run. An end that says that something failed, before any start, is a refusal.

What a run is that answers none is told by `unasked`. Bounds stand still while nobody is there to be answered, and while the
server waits for the client.

State: of each session its open questions; a queue of their deadlines, whose bound is one. Fast path: none is needed, since
clients ask rarely.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from wsreplay.contract.rules.questions import Questions
from wsreplay.units import duration_text, noun_text
from wsreplay.validator.emit.fit import fit_any
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.findings import Severity
from wsreplay.validator.missing_events import MissingEvents, labels_in
from wsreplay.validator.reporting import LogClaim, either, frames_of, names
from wsreplay.validator.rules.message import MessageMonitor
from wsreplay.validator.rules.owed import Owed, first_owed
from wsreplay.validator.rules.spans import SpanMonitor
from wsreplay.validator.rules.spans_emit import SpansEmitter
from wsreplay.validator.rules.template import TRUNCATED
from wsreplay.validator.rules.unasked import UnaskedRuns
from wsreplay.validator.state.keys import Token, values_of
from wsreplay.validator.state.state import ConnectionState, Instance, SessionState, Slice
from wsreplay.validator.state.trace_event import MessageEvent
from wsreplay.validator.state.undecodable import why_unsure

MOST_OPEN = 1_000  # questions of one session


class Question(Owed, eq=False):
    """Something that a client asked."""

    # None: it names none
    thread: Any
    fid: int
    t: int
    type: str
    conn: ConnectionState
    # when its bound began to run (ns): later than it was asked where it stood still
    since: int

    def run_from(self, t: int) -> None:
        """Its bound runs from now on (ns)."""
        self.since = t


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
        # those whose deadlines passed while they stood still: nobody was there, or the server waited for the client
        self._parked: list[Question] = []
        # session → questions that were asked while a run was open: another run may answer them, and none need
        self._spare: dict[int, list[Any]] = {}
        # runs that answer no question
        self._unasked = UnaskedRuns(self.rule, self.counts, self.reporter)
        # run → when its question was asked (ns)
        self._claimed: dict[int, int] = {}
        # of such a run: for how long nothing came of it (ns), and the findings that say so
        self._pauses: dict[int, list[tuple[int, str]]] = {}
        # what answers them, and the findings of the trace that say what is missing
        self._span: SpanMonitor | None = None
        self._missed: MissingEvents | None = None

    def link(self, spans: SpansEmitter) -> None:
        self._span = span = spans.named(self.rule.span)
        if span is not None:
            self._missed = span.missed
            span.listeners.on_begin(self._begin)
            span.listeners.on_end(self._end)
            span.listeners.answer_by(self._refuse)
            span.listeners.on_resume(self._resume)
            span.listeners.on_wait(self._end_wait)
            span.listeners.on_pause(self._pause)
            span.listeners.await_by(lambda session: bool(self._open.get(session.id)))

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
        writer.add_under(condition, [f"{self.variable}.ask({writer.keys.variable(self.rule.by)}, {writer.event})"])

    def _says(self, writer: HandlerWriter) -> str:
        """A condition: the message has a text."""
        texts = [writer.value(path) for path in self.rule.text]
        return " or ".join(f"({text}.__class__ is str and {text} != '')" for text in texts)

    def ask(self, thread: Any, event: MessageEvent) -> None:
        """A client asks something."""
        assert self._span is not None and self._missed is not None
        thread = None if thread.__class__ is Token else thread
        session = event.conn.session
        session.ask(event.fid)
        if session.missed is not None:
            self._missed.forget(session, labels_in([(self.rule.by, str(thread))] if thread is not None else ()))
        self.counts.activate()
        self._unasked.ask(event.conn, thread)
        runs = session.spans[self._span.number]
        if runs and any(thread is None or self._thread(run) in (thread, None) for run in runs.values()):
            self._spare.setdefault(session.id, []).append(thread)
            return
        questions = self._open.get(session.id)
        if questions is None:
            questions = self._open[session.id] = []
        elif questions:
            for overdue in [before for before in questions if before.thread == thread and before.overdue_finding is not None]:
                overdue.settle()  # what comes from now on answers this one
                questions.remove(overdue)
        if len(questions) >= MOST_OPEN:
            self.reporter.forget("questions")
            self.counts.doubt()
            return
        question = Question(thread, event.fid, event.t, event.type, event.conn, event.t)
        questions.append(question)
        if self.rule.within_ns is not None:
            self._queue.append(question)
            self.clock.at(event.t + self.rule.within_ns)

    def _thread(self, instance: Instance) -> Any:
        """The thread that a run names; None where it names none."""
        if self.rule.by not in instance.names:
            return None
        value = instance.values()[instance.names.index(self.rule.by)]
        return None if value.__class__ is Token else value

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
        late = t - self._due(question)
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
            question.settle()
            if question.overdue_finding is not None:
                self._say_late(question, question.overdue_finding, run.t, run.fid, run.span.start[0].type)
            self._claimed[id(run)] = question.since
        elif not self._is_spare(session, thread) and not self._was_asked(run, thread):
            self._unasked.begin(run, thread)
        if thread is None:
            self._unasked.note_nameless(run, question is not None)

    def _is_spare(self, session: SessionState, thread: Any) -> bool:
        spare = self._spare.get(session.id)
        if not spare:
            return False
        for asked_in in (thread, None):
            if asked_in in spare:
                spare.remove(asked_in)
                return True
        return False

    def _was_asked(self, run: Instance, thread: Any) -> bool:
        """Whether its user asked in its thread before, on whatever connection, or it is part of what is open there."""
        if self._unasked.was_asked(run.conn, thread):
            return True
        return any(thread is None or self._thread(other) == thread for other in self._others(run))

    def _others(self, run: Instance) -> list[Instance]:
        assert self._span is not None
        return [other for other in run.session.spans[self._span.number].values() if other is not run]

    def _refuse(self, event: MessageEvent, key: Any) -> bool:
        """An end came before any start, and says that something failed: whether it answers a question."""
        assert self._span is not None
        values = dict(zip(self._span.names, values_of(key), strict=True))
        thread = values.get(self.rule.by)
        question = self._claim(event.conn.session, None if isinstance(thread, Token) else thread)
        if question is None:
            return False
        question.settle()
        if question.overdue_finding is not None:
            self._say_late(question, question.overdue_finding, event.t, event.fid, event.type)
        return True

    def _pause(self, run: Instance, pause: int, finding: str) -> None:
        """Nothing came of a run for so long (ns), which was said."""
        if id(run) in self._claimed:
            self._pauses.setdefault(id(run), []).append((pause, finding))

    def _end(self, run: Instance, name: str, t: int, fid: int | None) -> None:
        """A run has ended."""
        asked, pauses = self._claimed.pop(id(run), None), self._pauses.pop(id(run), ())
        most = self.rule.done_within_ns
        if asked is not None and most is not None and name == "ok" and t - asked > most and run.overdue_finding is None:
            self._say_slow(run, t - asked, most, t, fid, pauses)
        self._unasked.end(run, name, t)

    def log_claims(self, log: LogClaim) -> None:
        self._unasked.log_claims(log)

    # What there is to say.

    def _due(self, question: Question) -> int:
        """By when it must be answered (ns)."""
        return question.since + (self.rule.within_ns or 0)

    def next_due(self) -> int | None:
        question = first_owed(self._queue)
        return None if question is None else self._due(question)

    def expire_next(self) -> None:
        question = self._queue.popleft()
        session = question.conn.session
        if session.over:
            return
        if session.left or not session.connections or session.is_waiting(question.thread):
            self._parked.append(question)
            return
        question.pass_deadline(self._say_unanswered(question, self._due(question), "deadline"))

    def _resume(self, session: SessionState, t: int) -> None:
        """The session's client is back: bounds run anew."""
        for question in self._unpark(session):
            question.run_from(t)
            self._queue.append(question)
        self.clock.look_now()

    def _end_wait(self, session: SessionState, thread: Any, since: int, t: int) -> None:
        """The client has answered what the server asked at `since` (ns)."""
        assert self._span is not None
        back = self._unpark(session)
        for question in self._open.get(session.id, ()):
            if thread is None or question.thread in (thread, None):
                question.run_from(question.since + t - max(since, question.since))
        queue = sorted((*self._queue, *back), key=lambda question: question.since)
        self._queue.clear()
        self._queue.extend(queue)
        for run in session.spans[self._span.number].values():
            if id(run) in self._claimed and (thread is None or self._thread(run) in (thread, None)):
                self._claimed[id(run)] += t - since
        self.clock.look_now()

    def _unpark(self, session: SessionState) -> list[Question]:
        back = [question for question in self._parked if question.conn.session is session and not question.done]
        self._parked = [question for question in self._parked if question.conn.session is not session]
        return back

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
            until=question.since + within if within is not None else None,
            decided_by=by,
            decided_at=t,
            at_ns=t if within is None else min(t, question.since + within),
            blame="server",
            bound_from=question.since if by == "deadline" else None,
            unsure=why_unsure(session.undecodable, (*span.start, *span.body), question.fid),
            caused_by=session.lost_by if session.connections == 0 else None,
        ).place

    def _say_slow(
        self, run: Instance, took: int, most: int, t: int, fid: int | None, pauses: Sequence[tuple[int, str]]
    ) -> None:
        is_result = bool(pauses) and took - sum(pause for pause, _ in pauses) <= most
        self.reporter.report(
            self.counts,
            slice_=run,
            kind="late",
            severity=Severity.WARNING,
            message=f"the whole answer took {duration_text(took)}, more than {duration_text(most)}",
            activation=run.fid,
            frames=frames_of(run.fid, fid),
            late_by=took - most,
            decided_at=t,
            bound_from=t - took,
            caused_by=max(pauses)[1] if is_result else None,
        )

    # The end of a session, and of the trace.

    def pending(self, sessions: Iterable[SessionState]) -> int:
        return sum(1 for questions in self._open.values() for question in questions if question.overdue_finding is None)

    def conclude(self, session: SessionState, t: int, how: int, by: str) -> None:
        for question in self._open.pop(session.id, ()):
            question.settle()
            if question.overdue_finding is not None or session.left:
                continue
            if how == TRUNCATED:
                self.counts.doubt()
                session.doubt()
            else:
                self._say_unanswered(question, t, by)
        self._unpark(session)
        self._unasked.conclude(session)
        self._spare.pop(session.id, None)


def _of(key: str, value: Any) -> str:
    return f" in {noun_text(key, str(value))}" if value is not None else ""
