"""The span log: how runs, tools and operations ended, what they are called, and what they still owe."""

from __future__ import annotations

import pytest
from judged_traces import NS, Trace

from wsreplay.contract import Contract, loads
from wsreplay.validator import Judgement, SpanLog, SpanRecord, span_log

RUNS = loads("""contract: x
keys: {run: $.run}
spans: {run: {by: run, start: s, end: {ok: e, failed: f, refused: g}, within: 10s}}""")


def ends(judgement: Judgement) -> list[tuple[str, str, float, float | None, int, int | None]]:
    """Of each run its key, its state, when and with which frames it began and ended."""
    return [
        (run.slice[0][1], run.state, run.start_ns / NS, run.end_ns and run.end_ns / NS, run.start_frame, run.end_frame)
        for run in judgement.runs
    ]


def test_every_run_has_an_account():
    trace = Trace().open().s2c("s", run=1).s2c("e", run=1).s2c("s", run=2).s2c("f", run=2).s2c("s", run=3).s2c("g", run=3)
    judgement = trace.at(1).s2c("s", run=4).s2c("s", run=4).s2c("e", run=4).close().judge(RUNS)
    assert ends(judgement) == [
        ("1", "completed", 0.0, 0.01, 1, 2),
        ("2", "failed", 0.02, 0.03, 3, 4),
        ("3", "failed", 0.04, 0.05, 5, 6),
        ("4", "cut", 1.0, 1.01, 7, 8),
        ("4", "completed", 1.01, 1.02, 8, 9),
    ]
    assert judgement.run_counts == {"completed": 2, "cut": 1, "failed": 2}
    assert {(run.session, run.connection) for run in judgement.runs} == {(1, 1)}


def test_a_run_whose_connection_ends_is_cut_and_says_how():
    trace = Trace().open().s2c("s", run=1).at(2).close(code=1001, by="server", reason="away")
    (run,) = trace.judge(RUNS).runs
    assert (run.state, run.detail, run.end_ns, run.end_frame) == (
        "cut", "the connection was closed by the server (1001, away)", 2 * NS, None,
    )  # fmt: skip


def test_a_run_past_its_deadline_is_stalled_and_one_before_it_is_open():
    stalled = Trace().open().s2c("s", run=1).at(20).s2c("s", run=2).truncate().judge(RUNS)
    assert [(key, state) for key, state, *_ in ends(stalled)] == [("1", "stalled"), ("2", "open")]


@pytest.mark.parametrize("count", [2, 3])
def test_of_runs_that_went_well_and_of_others_as_many_are_kept(monkeypatch: pytest.MonkeyPatch, count: int):
    monkeypatch.setattr(span_log, "MOST_RUNS", 2)
    trace = Trace().open()
    for run in range(count):
        trace.s2c("s", run=run).s2c("e", run=run).s2c("s", run=f"f{run}").s2c("f", run=f"f{run}")
    judgement = trace.close().judge(RUNS)
    assert [run.slice[0][1] for run in judgement.runs] == ["0", "f0", "1", "f1"]
    assert judgement.run_counts == {"completed": count, "failed": count}


@pytest.mark.parametrize(("ends_by", "detail"), [("a", "started again"), ("e", "left open by e")])
def test_what_is_part_of_one_that_began_late_is_cut_with_it_and_says_by_what(ends_by: str, detail: str):
    spans = """spans:
  run: {by: run, start: s, end: e}
  tool: {by: [run, tool], inside: run, start: a, end: b}
  step: {by: [tool, step], inside: tool, start: x, end: y}"""
    contract = loads(f"contract: x\nkeys: {{run: $.r, tool: $.c, step: $.n}}\n{spans}")
    trace = Trace().open().s2c("s", r=1).s2c("b", r=1, c=1).s2c("a", r=1, c=1).s2c("x", r=1, c=1, n=1).s2c(ends_by, r=1, c=1)
    log = trace.s2c("b", r=1, c=1).s2c("e", r=1).close().judge(contract, span_log=SpanLog()).spans
    (step,) = (record for record in log if record.span == "step")
    assert (step.state, step.detail, step.end_frame) == ("cut", detail, 5)


# The whole log, where it is asked for.

KEYS = {"thread_id": "t1", "run_id": "r1"}
TOOL = {**KEYS, "tool_call_id": "c1", "tool_name": "search"}


def logged(trace: Trace, contract: str | Contract = "agent-chat", **bounds: int) -> dict[str, SpanRecord]:
    """The log of a trace, by id."""
    return {record.id: record for record in trace.judge(contract, span_log=SpanLog(**bounds)).spans}


def chat() -> Trace:
    return Trace().open().c2s("chat", thread_id="t1").s2c("agent_started", **KEYS, payload={"agent": "analyst"})


def test_a_tool_is_part_of_its_run_and_both_are_called_what_the_contract_says():
    trace = chat().s2c("agent_thinking", **KEYS).s2c("tool_executing", **TOOL).s2c("tool_completed", **TOOL)
    run, tool = logged(trace.s2c("agent_completed", **KEYS).close()).values()
    assert (run.id, run.span, run.label, run.state, run.parent) == ("1.run.1", "run", "analyst", "completed", None)
    assert (run.start_frame, run.end_frame, run.start_ns, run.end_ns) == (2, 6, 10_000_000, 50_000_000)
    assert run.events == ((3, 20_000_000), (4, 30_000_000), (5, 40_000_000))
    assert (tool.id, tool.label, tool.state, tool.parent, tool.events) == ("1.tool.1", "search", "completed", run.id, ())
    assert tool.slice == (("thread", "t1"), ("run", "r1"), ("tool", "c1"))


def test_a_name_that_only_the_end_holds_is_the_name_of_a_start_that_never_came():
    trace = chat().s2c("agent_thinking", **KEYS).s2c("tool_completed", **TOOL).s2c("agent_completed", **KEYS).close()
    tool = logged(trace)["1.tool.1"]
    assert (tool.label, tool.implied, tool.state, tool.start_frame, tool.end_frame) == ("search", True, "completed", 4, 4)


def test_a_start_that_comes_behind_its_end_is_no_span_of_its_own():
    trace = chat().s2c("agent_thinking", **KEYS).s2c("tool_completed", **TOOL).s2c("tool_executing", **TOOL)
    records = logged(trace.s2c("agent_completed", **KEYS).close())
    assert [(record.id, record.state, record.implied) for record in records.values()] == [
        ("1.run.1", "completed", False), ("1.tool.1", "completed", True),
    ]  # fmt: skip


def test_what_is_open_where_the_recording_ends_owes_its_end_until_its_deadline():
    trace = chat().s2c("agent_thinking", **KEYS).s2c("tool_executing", **TOOL).at(20).truncate()
    run, tool = logged(trace).values()
    assert (run.state, run.until_ns, run.end_ns) == ("open", 30_010_000_000, None)
    assert run.owes == ("agent_completed", "error_event", "agent_error")
    assert (tool.state, tool.until_ns, tool.owes) == ("stalled", 10_030_000_000, ("tool_completed", "tool_error"))


def test_what_is_owed_is_due_at_no_time_while_the_server_waits_for_its_client():
    contract = """
contract: x
keys: {thread: $.thread}
spans: {run: {by: thread, within: 5s, start: begin, end: done}}
waits: {by: thread, from: "s2c:may_i", until: "c2s:yes"}
"""
    waiting = Trace().open().s2c("begin", thread="a").at(2).s2c("may_i", thread="a").at(20)
    (run,) = logged(waiting.truncate(), loads(contract)).values()
    assert (run.state, run.owes, run.until_ns) == ("open", ("done",), None)
    answered = Trace().open().s2c("begin", thread="a").at(2).s2c("may_i", thread="a").at(12).c2s("yes", thread="a").at(13)
    (run,) = logged(answered.truncate(), loads(contract)).values()
    assert (run.state, run.owes, run.until_ns) == ("open", ("done",), 15_000_000_000)


def test_a_run_goes_on_where_its_client_comes_back_in_time():
    trace = chat().s2c("agent_thinking", **KEYS).drop().at(1).open(2).s2c("agent_completed", connection=2, **KEYS)
    (run,) = logged(trace.close(2)).values()
    assert (run.state, run.connection, run.end_frame) == ("completed", 1, 4)


def test_an_operation_says_who_ended_it():
    trace = Trace().open(subprotocol="graphql-transport-ws").c2s("connection_init").s2c("connection_ack")
    for id_ in "abcd":
        trace.c2s("subscribe", id=id_, payload={"query": "{a}", "operationName": f"Q{id_}"})
    trace.s2c("complete", id="a").s2c("error", id="b", payload=[{"message": "no"}]).c2s("complete", id="c").close()
    records = logged(trace, "graphql-transport-ws").values()
    assert [(record.name, record.state) for record in records] == [
        ("Qa", "completed"), ("Qb", "failed"), ("Qc", "cancelled"), ("Qd", "cut"),
    ]  # fmt: skip


def test_without_a_label_a_span_is_called_by_its_key():
    trace = chat().close()
    assert logged(trace)["1.run.1"]._replace(label="").name == "run r1"


def test_the_first_are_kept_and_of_the_others_those_that_went_wrong(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(span_log, "MOST_RUNS", 1)
    trace = Trace().open()
    for run, end in enumerate("eeefff"):
        trace.s2c("s", run=run).s2c(end, run=run)
    judgement = trace.close().judge(RUNS, span_log=SpanLog(most=2))
    assert [(record.slice[0][1], record.state) for record in judgement.spans] == [
        ("0", "completed"), ("1", "completed"), ("3", "failed"),
    ]  # fmt: skip
    assert (judgement.spans_left_out, judgement.run_counts) == (3, {"completed": 3, "failed": 3})


def test_a_log_from_a_time_on_has_what_was_open_then():
    trace = Trace().open().s2c("s", run=1).s2c("e", run=1).s2c("s", run=2).at(2).s2c("e", run=2).s2c("s", run=3)
    records = logged(trace.truncate(), RUNS, from_ns=NS)
    assert [record.slice[0][1] for record in records.values()] == ["2", "3"]


def test_changes_are_those_since_the_last_time():
    from wsreplay.trace.sessions import stitch
    from wsreplay.trace.stream import lifecycle
    from wsreplay.validator import Engine

    trace, log = Trace().open().s2c("s", run=1).s2c("s", run=2).at(5).s2c("e", run=1), SpanLog()
    engine = Engine(RUNS, span_log=log)
    connections = list(trace.connections.values())
    engine.expect(lifecycle(connections, stitch(connections), [], {}))
    rows = [message.row() for message in trace.messages]
    engine.run(rows[:2])
    assert [record.id for record in log.take_changes()] == ["1.run.1", "1.run.2"]
    assert log.take_changes() == ()
    engine.run(rows[2:])
    assert [(record.id, record.state) for record in log.take_changes()] == [("1.run.1", "completed")]
    engine.tick(11 * NS)
    assert [(record.id, record.state) for record in log.take_changes()] == [("1.run.2", "stalled")]


def test_a_nested_run_is_cut_once_by_the_end_of_its_connection():
    trace = chat().s2c("agent_thinking", **KEYS).s2c("agent_started", thread_id="t1", run_id="r2", parent_run_id="r1")
    judgement = trace.s2c("agent_thinking", thread_id="t1", run_id="r2").close().judge(span_log=SpanLog())
    assert judgement.run_counts == {"cut": 2}
    assert [finding.slice[-1] for finding in judgement.findings if not finding.caused_by] == [("run", "r1")]


def test_what_began_behind_its_end_is_no_parent():
    trace = chat().s2c("agent_thinking", **KEYS).s2c("agent_completed", thread_id="t1", run_id="r2")
    trace.s2c("agent_started", thread_id="t1", run_id="r2", parent_run_id="r1")
    trace.s2c("tool_executing", **{**TOOL, "run_id": "r2"}).s2c("tool_completed", **{**TOOL, "run_id": "r2"})
    records = logged(trace.s2c("agent_completed", **KEYS).close())
    assert {record.parent for record in records.values()} <= {None, *records}
