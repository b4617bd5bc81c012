"""Each question has one answer: which run claims which question, what is late, and what came unasked."""

from __future__ import annotations

from judged_traces import Trace, of, said

from wsreplay.contract import loads
from wsreplay.validator import Verdict
from wsreplay.validator.rules.questions import MOST_OPEN

CONTRACT = loads("""
contract: x
keys: {thread: [$.thread, conn.id], run: [$.run, thread]}
spans: {run: {by: [thread, run], start: begin, end: {ok: done, failed: oops}, body: word}}
questions:
  {id: q, asks: "c2s:ask*", text: $.text, never: "c2s:login", by: thread, answered_by: run, within: 2s, done_within: 10s}
""")


def judged(trace: Trace) -> list[str]:
    return said(trace.judge(CONTRACT))


def answer(trace: Trace, connection: int = 1, **ids: str) -> Trace:
    return trace.s2c("begin", connection, **ids).s2c("done", connection, **ids)


def test_of_very_many_open_questions_it_says_that_it_forgot_some() -> None:
    trace = Trace().open()
    for _ in range(MOST_OPEN + 2):
        trace.c2s("ask", thread="a")
    without_limit = loads("""
contract: x
keys: {thread: [$.thread, conn.id], run: [$.run, thread]}
spans: {run: {by: [thread, run], start: begin, end: done}}
questions: {id: q, asks: "c2s:ask", by: thread, answered_by: run}
""")
    assert trace.judge(without_limit).forgotten == {"questions": 2}


def test_a_question_is_answered_by_a_run_of_its_thread() -> None:
    asked = Trace().open().c2s("ask", thread="a").c2s("ask", thread="b")
    assert judged(answer(asked, thread="b").close()) == ["q: begin did not come after ask in thread a"]


def test_a_question_that_names_no_thread_is_answered_by_the_next_run_that_nothing_else_claims() -> None:
    asked = Trace().open().c2s("ask", thread="a").c2s("ask")
    assert judged(answer(answer(asked, thread="new"), thread="a").close()) == []


def test_a_run_that_names_no_thread_answers_the_oldest_question() -> None:
    asked = Trace().open().c2s("ask", thread="a").at(1).c2s("ask", thread="b")
    judgement = answer(asked).at(9).close().judge(CONTRACT)
    (finding,) = judgement.findings
    assert (finding.expected, finding.activation, finding.slice) == (("begin",), 2, (("thread", "b"),))


def test_what_is_asked_while_a_run_is_open_is_answered_by_it() -> None:
    def asked_twice() -> Trace:
        trace = Trace().open().c2s("ask", thread="a").s2c("begin", thread="a").c2s("ask", thread="a")
        return trace.s2c("done", thread="a")

    assert judged(asked_twice().at(9).close()) == []
    assert judged(answer(asked_twice(), thread="a").close()) == []  # it may have a run of its own, too


def test_a_failure_before_any_start_is_a_refusal() -> None:
    trace = Trace().open().c2s("ask", thread="a").s2c("oops", thread="a")
    assert judged(trace.close()) == []
    assert judged(Trace().open().s2c("oops", thread="a").close()) != []


def test_a_refusal_answers_the_question_of_its_thread_and_no_other() -> None:
    asked = Trace().open().c2s("ask", thread="a").c2s("ask", thread="b").s2c("oops", thread="b")
    assert judged(asked.close()) == ["q: begin did not come after ask in thread a"]
    nameless = Trace().open().c2s("ask", thread="a").c2s("ask", thread="b").s2c("oops")
    assert judged(nameless.close()) == ["q: begin did not come after ask in thread b"]


def test_a_late_refusal_changes_the_finding_that_missed_an_answer() -> None:
    trace = Trace().open().at(1).c2s("ask", thread="a").at(4).s2c("oops", thread="a").at(9).close()
    (finding,) = trace.judge(CONTRACT).findings
    assert (finding.kind, finding.late_by, finding.seen) == ("late", 1_000_000_000, "oops")
    assert finding.message == "oops came 1s too late after ask in thread a"
    assert finding.frames == (1, 2)


def test_whatever_has_a_text_asks_but_for_what_never_does() -> None:
    assert judged(Trace().open().c2s("say", text="why?").at(9).close()) == ["q: begin did not come within 2s after say"]
    assert judged(Trace().open().c2s("say", text="").c2s("login", text="me").c2s("read").at(9).close()) == []


def test_a_late_answer_changes_the_finding_that_missed_it() -> None:
    trace = answer(Trace().open().c2s("ask", thread="a").at(2.5), thread="a").close()
    (finding,) = trace.judge(CONTRACT).findings
    assert (finding.kind, finding.late_by, finding.frames) == ("late", 500_000_000, (1, 2))
    assert finding.message == "begin came 500ms too late after ask in thread a"


def test_an_answer_that_takes_long_is_a_warning() -> None:
    trace = Trace().open().c2s("ask", thread="a").s2c("begin", thread="a").at(10.5).s2c("done", thread="a").close()
    judgement = trace.judge(CONTRACT)
    assert said(judgement) == ["q: the whole answer took 10.5s, more than 10s"]
    assert judgement.verdict is Verdict.SATISFIED


def test_a_run_that_nobody_asked_for_is_a_warning() -> None:
    judgement = answer(Trace().open(), thread="a").close().judge(CONTRACT)
    assert said(judgement) == ["q: begin came unasked: nobody asked for it"]
    assert (judgement.verdict, judgement.findings[0].before) == (Verdict.SATISFIED, 1)
    allowed = loads(CONTRACT.source.replace("done_within: 10s", "unasked: allow"))
    assert said(answer(Trace().open(), thread="a").close().judge(allowed)) == []


def test_another_tab_of_the_user_may_have_asked() -> None:
    trace = Trace().open(1).open(2).c2s("ask", thread="a")
    assert judged(answer(answer(trace, thread="a"), 2, thread="a").close(1).close(2)) == []


def test_a_run_of_no_thread_that_starts_and_ends_with_somebody_elses_is_that_ones() -> None:
    def both(ends_at: float, begins_at: float = 0.02) -> list[str]:
        trace = Trace().open(1, user="alice").open(2, user="bob").c2s("ask")
        trace.s2c("begin", 2).at(begins_at).s2c("begin", 1).at(0.3).s2c("done", 1)
        return judged(trace.at(ends_at).s2c("done", 2).close(1).close(2))

    why = "it is what user alice asked for and got at the same moment, sent to user bob, too"
    for ends_at, begins_at in ((0.32, 0.02), (0.55, 0.26)):
        assert both(ends_at, begins_at) == [f"q: begin came unasked: {why}"]
    for ends_at, begins_at in ((0.56, 0.02), (0.32, 0.27)):
        assert both(ends_at, begins_at) == ["q: begin came unasked: nobody asked for it"]


def test_who_goes_away_is_owed_no_answer_and_a_recording_that_ends_decides_nothing() -> None:
    asked = Trace().open().c2s("ask", thread="a")
    assert judged(asked.at(1).truncate()) == []
    (rule,) = [rule for rule in asked.judge(CONTRACT).rules if rule.id == "q"]
    assert rule.verdict is Verdict.INCONCLUSIVE
    assert of(Trace().open().c2s("ask", thread="a").at(1).close().judge(CONTRACT), "q")[0].decided_by == "scope_close"
