"""A lost message leaves a gap in the numbers and an event that never came: one fault, one finding."""

from __future__ import annotations

import pytest
from judged_traces import Trace, of, said

from wsreplay.contract import loads
from wsreplay.validator import Finding, Judgement, Severity

RUN = ("agent_started", "agent_thinking", "tool_executing", "tool_completed", "partial_result", "agent_completed")


def errors(judgement: Judgement) -> list[Finding]:
    return [finding for finding in judgement.findings if not finding.caused_by and finding.severity is Severity.ERROR]


def chat_without(*lost: str, runs: int = 2, has_ids: bool = True, skipped: str = "") -> Trace:
    """Runs of one thread, asked for; of the first, these events are lost, and a number is left out before `skipped`."""
    trace, number = Trace().open(), 10
    for run in range(runs):
        trace.c2s("chat", thread_id="t1", message="Why?")
        for type_ in RUN:
            number += 1 + (type_ == skipped and run == 0)
            keys = {"run_id": f"r{run}"} if has_ids else {}
            if type_.startswith("tool"):
                keys |= {"tool_call_id": "c1", "tool_name": "search"}
            if run or type_ not in lost:
                trace.s2c(type_, thread_id="t1", seq=number, payload={"content": "x"}, **keys)
    return trace.at(4).close()


@pytest.mark.parametrize("has_ids", [True, False])
@pytest.mark.parametrize("lost", RUN)
def test_a_lost_event_is_one_finding_with_its_number(lost: str, has_ids: bool) -> None:
    judgement = chat_without(lost, has_ids=has_ids).judge()
    (finding,) = errors(judgement)
    gaps = of(judgement, "seq")
    if lost == "agent_started":  # the first number of all: nothing tells that it is not where the counter begins
        assert gaps == []
    elif lost == "partial_result":  # which nothing demands
        assert gaps == [finding]
    else:
        assert [gap.caused_by for gap in gaps] == [finding.id]
        assert finding.rule != "seq"


def test_a_number_that_is_missing_where_no_event_is_stays_a_fault() -> None:
    assert said(chat_without(skipped="partial_result").judge()) == ["seq: $.seq 15 missing before 16"]
    assert [finding.rule for finding in errors(chat_without("agent_thinking", skipped="agent_completed").judge())] == [
        "think-before-tools", "seq",
    ]  # fmt: skip


def test_one_missing_event_explains_one_number() -> None:
    """What is lost beside it is a fault of its own, in the same gap or in another."""
    rules = [finding.rule for finding in errors(chat_without("tool_completed", "partial_result").judge())]
    assert rules == ["tool", "seq"]
    rules = [finding.rule for finding in errors(chat_without("tool_completed", skipped="agent_completed").judge())]
    assert rules == ["tool", "seq"]
    both = chat_without("agent_thinking", "tool_completed", has_ids=False).judge()
    assert [finding.rule for finding in errors(both)] == ["think-before-tools", "tool"]


def test_an_event_that_is_missing_where_no_number_is_stays_a_fault() -> None:
    trace = Trace().open().c2s("chat", thread_id="t1", message="Why?")
    for seq, type_ in enumerate(("agent_started", "tool_executing", "tool_completed", "agent_completed")):
        tool = {"tool_call_id": "c1"} if type_.startswith("tool") else {}
        trace.s2c(type_, thread_id="t1", run_id="r1", seq=seq, payload={"content": "x"}, **tool)
    assert [finding.rule for finding in errors(trace.close().judge())] == ["think-before-tools"]


def test_what_the_client_left_out_is_no_number_of_the_servers() -> None:
    contract = loads("{contract: x, sequence: {field: $.n}, rules: [{id: r, response: [a, 'c2s:b']}]}")
    judgement = Trace().open().s2c("a", n=1).s2c("c", n=3).close().judge(contract)
    assert sorted(finding.rule for finding in judgement.findings if not finding.caused_by) == ["r", "sequence"]
