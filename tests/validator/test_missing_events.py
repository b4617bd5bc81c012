"""What was said to be missing and comes after all changes its finding, as long as it can be that event."""

from __future__ import annotations

import pytest
from judged_traces import Trace, said

from wsreplay.contract import loads

KEYS = {"thread_id": "t1", "run_id": "r1"}


def chat() -> Trace:
    return Trace().open().c2s("chat", thread_id="t1")


def run(*types: str, calls: tuple[str, ...] = ("c1",)) -> Trace:
    """A run of these events, the calls given to its tool events in turn."""
    trace, ids = chat(), iter(calls * len(types))
    for type_ in types:
        trace.s2c(type_, **KEYS, **({"tool_call_id": next(ids)} if type_.startswith("tool") else {}))
    return trace.at(2).close()


@pytest.mark.parametrize(
    ("types", "message"),
    [
        (
            ("agent_thinking", "agent_started", "tool_executing", "tool_completed", "agent_completed"),
            "run: agent_started came after agent_thinking for run r1 in thread t1",
        ),
        (
            ("agent_started", "tool_executing", "agent_thinking", "tool_completed", "agent_completed"),
            "think-before-tools: agent_thinking came after tool_executing for run r1 in thread t1",
        ),
        (
            ("agent_started", "agent_thinking", "tool_completed", "tool_executing", "agent_completed"),
            "tool: tool_executing came after tool_completed for tool c1 in run r1 in thread t1",
        ),
        (
            ("agent_started", "agent_thinking", "tool_executing", "agent_completed", "tool_completed"),
            "tool: tool_completed came after agent_completed for tool c1 in run r1 in thread t1",
        ),
    ],
)
def test_two_events_that_changed_places_are_one_finding(types: tuple[str, ...], message: str) -> None:
    judgement = run(*types).judge()
    assert said(judgement) == [message]
    assert judgement.findings[0].kind == "order"


def test_an_event_is_of_the_finding_whose_keys_it_has() -> None:
    types = ("agent_started", "agent_thinking", "tool_executing", "tool_executing", "agent_completed", "tool_completed")
    judgement = run(*types, calls=("c1", "c2", "c2")).judge()
    roots = {dict(finding.slice).get("tool"): finding.kind for finding in judgement.findings if not finding.caused_by}
    assert roots == {"c1": "missing", "c2": "order"}


def test_a_start_that_comes_after_the_end_begins_nothing_that_could_owe_anything() -> None:
    types = ("agent_started", "agent_thinking", "tool_completed", "tool_executing", "tool_completed", "agent_completed")
    assert len(said(run(*types).judge())) == 1


def test_what_a_run_missed_is_not_looked_for_behind_the_next_question() -> None:
    types = ("agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed")
    trace = chat()
    for type_ in types[1:]:
        trace.s2c(type_, thread_id="t1")
    trace.c2s("chat", thread_id="t1")
    for type_ in types:
        trace.s2c(type_, thread_id="t1")
    judgement = trace.close().judge()
    (finding,) = [finding for finding in judgement.findings if not finding.caused_by]
    assert (finding.kind, finding.expected, finding.before) == ("missing", ("agent_started",), 2)
    assert judgement.run_counts == {"completed": 2}


def test_live_the_change_is_told() -> None:
    """The finding is told as it is decided, and once more as it turned out."""
    from wsreplay.contract import load
    from wsreplay.trace.sessions import stitch
    from wsreplay.trace.stream import lifecycle
    from wsreplay.validator import Engine

    trace = run("agent_thinking", "agent_started", "tool_executing", "tool_completed", "agent_completed")
    told: list[str] = []
    engine = Engine(
        load("agent-chat"),
        on_finding=lambda finding: told.append(f"{finding.id} {finding.kind}"),
        on_amended=lambda before, after: told.append(f"{after.id} {before.kind} → {after.kind}"),
    )
    connections = list(trace.connections.values())
    engine.expect(lifecycle(connections, stitch(connections), [], {}))
    engine.run([message.row() for message in trace.messages])
    assert told == ["1.run.1 missing", "1.run.1 missing → order"]


def test_what_its_deadline_missed_and_comes_after_the_end_of_all_was_late() -> None:
    """One fault, one finding: that it did not come in time is what is said anew."""
    text = "keys: {run: $.run, tool: $.tool}\nspans:\n  run: {by: run, start: s, end: e, body: b}\n"
    contract = loads(f"contract: x\n{text}  tool: {{by: [run, tool], inside: run, start: ts, end: te, within: 1s}}")
    trace = Trace().open().s2c("s", run=1).s2c("ts", run=1, tool=1).at(3).s2c("e", run=1).at(4).s2c("te", run=1, tool=1)
    (finding,) = trace.at(5).close().judge(contract).findings
    assert (finding.message, finding.kind, finding.seen) == ("te came 2.99s too late for tool 1 in run 1", "late", "te")
    assert (finding.late_by, finding.frames) == (2_990_000_000, (2, 4))


MAPPED = """
extends: agent-chat
map:
  events:
    agent.start: agent_started
    agent.finish: agent_completed
    "agent.*": "agent_*"
    "tool.*": "tool_*"
"""


def test_what_is_missing_bears_the_products_name_and_the_contracts_beside_it() -> None:
    judgement = run("agent.start", "agent.thinking", "tool.executing", "agent.finish").judge(loads(MAPPED))
    (finding,) = (finding for finding in judgement.findings if not finding.caused_by)
    assert finding.expected == ("tool.completed", "tool.error")
    assert finding.message == (
        "tool.completed or tool.error never came for tool c1 in run r1 in thread t1"
        " (in the contract: tool_completed or tool_error)"
    )


def test_what_comes_late_under_the_products_name_is_what_was_missed() -> None:
    types = ("agent.start", "agent.thinking", "tool.executing", "agent.finish", "tool.completed")
    judgement = run(*types).judge(loads(MAPPED))
    assert said(judgement) == ["tool: tool.completed came after agent.finish for tool c1 in run r1 in thread t1"]
