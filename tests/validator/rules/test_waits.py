"""While the server waits for its client, nothing is due."""

from __future__ import annotations

from judged_traces import Trace, said

from wsreplay.contract import loads
from wsreplay.validator import Judgement

CONTRACT = loads("""
contract: x
keys: {thread: $.thread}
spans: {run: {by: thread, within: 5s, start: begin, end: done}}
questions: {asks: "c2s:ask", by: thread, answered_by: run, within: 2s, done_within: 6s}
waits: {by: thread, from: "s2c:may_i", until: "c2s:yes"}
""")


def judge(trace: Trace) -> Judgement:
    return trace.judge(CONTRACT)


def begun() -> Trace:
    return Trace().open().c2s("ask", thread="a").s2c("begin", thread="a")


def test_bounds_run_on_after_the_answer() -> None:
    waited = begun().at(2).s2c("may_i", thread="a").at(22).c2s("yes", thread="a")
    assert said(judge(waited.at(24.5).s2c("done", thread="a").close())) == []
    waited = begun().at(2).s2c("may_i", thread="a").at(22).c2s("yes", thread="a")
    late = judge(waited.at(25.5).s2c("done", thread="a").close())
    assert said(late) == ["run: done came 490ms too late for thread a"]


def test_a_question_waits_too() -> None:
    trace = Trace().open().c2s("ask", thread="a").at(1).s2c("may_i", thread="a").at(10).c2s("yes", thread="a")
    assert said(judge(trace.at(10.9).s2c("begin", thread="a").s2c("done", thread="a").close())) == []


def test_one_that_is_asked_in_no_thread_holds_up_all() -> None:
    trace = begun().s2c("may_i").at(20).c2s("yes").at(24).s2c("done", thread="a").close()
    assert said(judge(trace)) == []


def test_one_that_is_asked_elsewhere_holds_up_nothing_here() -> None:
    trace = begun().s2c("may_i", thread="b").at(20).c2s("yes", thread="b").s2c("done", thread="a").close()
    assert said(judge(trace)) == ["run: done came 15s too late for thread a"]


def test_a_client_that_does_not_answer_and_goes_is_owed_nothing() -> None:
    judgement = judge(begun().s2c("may_i", thread="a").at(60).close())
    assert [(finding.kind, finding.severity) for finding in judgement.findings] == [("cut", "warning")]


def test_what_began_while_it_waited_has_waited_since_then() -> None:
    trace = Trace().open().s2c("may_i", thread="a").at(10).c2s("ask", thread="a").s2c("begin", thread="a")
    late = judge(trace.at(12).c2s("yes", thread="a").at(18).s2c("done", thread="a").close())
    assert said(late) == ["run: done came 1s too late for thread a"]
