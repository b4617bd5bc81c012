"""What `response` keeps of what it waits for."""

from __future__ import annotations

from judged_traces import Trace

from wsreplay.contract import loads
from wsreplay.validator import Judgement, Verdict
from wsreplay.validator.rules.relation import MOST_OPEN


def questions(count: int, within: str) -> Judgement:
    """So many questions, and one answer half a second after the last."""
    trace = Trace().open()
    for _ in range(count):
        trace.c2s("a")
    trace.at(trace.now + 0.5).s2c("b")
    return trace.close().judge(loads(f"{{contract: x, rules: [{{id: r, response: [a, b]{within}}}]}}"))


def test_an_answer_says_how_late_it_is_for_as_many_questions_as_are_kept() -> None:
    judgement = questions(MOST_OPEN + 2, ", within: 100ms")
    kinds = [finding.kind for finding in judgement.findings]
    assert kinds == ["missing"] * 2 + ["late"] * MOST_OPEN
    assert judgement.findings[-1].message == "b came 410ms too late"
    assert judgement.rules[0].violations == MOST_OPEN + 2


def test_of_more_open_questions_than_are_kept_the_last_are_inconclusive() -> None:
    judgement = questions(MOST_OPEN + 2, "")
    assert judgement.forgotten == {"obligations": 2}
    (rule,) = judgement.rules
    assert (rule.verdict, rule.inconclusive, rule.fulfilments) == (Verdict.INCONCLUSIVE, 2, MOST_OPEN)


def message_of(expected: str, trace: Trace) -> str:
    (finding,) = trace.judge(loads(f"{{contract: x, rules: [{{id: r, response: [a, {expected}]}}]}}")).findings
    return finding.message


def test_where_a_clean_close_did_not_come_it_is_said_how_the_connection_ended_instead() -> None:
    dropped = "; the connection was dropped by the server"
    assert message_of("ws.close", Trace().open().s2c("a").drop()) == f"ws.close did not come after a{dropped}"
    assert message_of("[b, ws.close]", Trace().open().s2c("a").drop()) == f"b or ws.close did not come after a{dropped}"
    assert message_of("b", Trace().open().s2c("a").drop()) == "b did not come after a"
