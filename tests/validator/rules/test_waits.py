"""While the server waits for its client, nothing is due."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
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


TIMES = st.sampled_from([0.5, 1.5, 2.5, 4, 6])


@given(TIMES, TIMES, TIMES, TIMES, st.booleans())
def test_what_waited_is_judged_as_if_it_had_not(asked: float, begun: float, back: float, end: float, before: bool) -> None:
    """The time that the client took is taken out of the trace: the findings stay."""

    def trace_with(pause: float) -> Trace:
        trace = Trace().open().c2s("ask", thread="a")

        def wait() -> None:
            trace.at(trace.now + asked).s2c("may_i", thread="a").at(trace.now + pause).c2s("yes", thread="a")

        if before:
            wait()
        trace.at(trace.now + begun).s2c("begin", thread="a")
        if not before:
            wait()
        return trace.at(trace.now + back).s2c("other").at(trace.now + end).s2c("done", thread="a").close()

    rules = [[(finding.rule, finding.kind) for finding in judge(trace_with(pause)).findings] for pause in (0.0, 30.0)]
    assert rules[0] == rules[1]


RENEWED = loads("""
contract: x
keys: {thread: $.thread}
spans: {typing: {by: thread, within: 5s, start: types, end: rests, renews: true}}
waits: {by: thread, from: "s2c:may_i", until: "c2s:yes"}
""")


def test_what_is_renewed_after_its_deadline_while_the_server_waits_goes_on() -> None:
    trace = Trace().open().s2c("types", thread="a").s2c("may_i", thread="a").at(20).s2c("types", thread="a")
    trace.at(21).c2s("yes", thread="a")
    assert said(trace.at(22).s2c("rests", thread="a").close().judge(RENEWED)) == []


def test_what_begins_anew_after_it_had_begun_too_late_is_due_like_any() -> None:
    swapped = Trace().open().s2c("rests", thread="a").s2c("types", thread="a")
    again = swapped.at(9).s2c("types", thread="a").at(15).s2c("rests", thread="a").close()
    assert said(again.judge(RENEWED)) == [
        "typing: types came after rests for thread a",
        "typing: rests came 1s too late for thread a",
    ]
