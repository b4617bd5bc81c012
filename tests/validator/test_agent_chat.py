"""What agent-chat demands of runs, point by point, each with a trace that is fine and traces that are not."""

from __future__ import annotations

import pytest
from judged_traces import BACK, KEYS, Trace, chat, of, said

from wsreplay.validator import Verdict

# 1. Required events.


def test_a_healthy_run_is_satisfied() -> None:
    judgement = chat().run().s2c("final_report", **KEYS).close().judge()
    assert said(judgement) == []
    assert judgement.verdict is Verdict.SATISFIED
    assert judgement.run_counts == {"completed": 1}


@pytest.mark.parametrize("missing", ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"])
def test_each_required_event_is_missed(missing: str) -> None:
    trace = chat()
    for type_ in ("agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"):
        if type_ != missing:
            trace.s2c(type_, **KEYS, **({"tool_call_id": "c7"} if type_.startswith("tool") else {}))
    judgement = trace.close().judge()
    assert judgement.verdict is Verdict.VIOLATED
    expected = {
        "agent_started": ["run: agent_started never came for run r1 in thread t1; agent_thinking came without it"],
        "agent_thinking": [
            "think-before-tools: agent_thinking never came for run r1 in thread t1; tool_executing came without it",
        ],
        "tool_executing": [
            "tool: tool_executing never came for tool c7 in run r1 in thread t1; tool_completed came without it"
        ],
        "tool_completed": ["tool: tool_completed or tool_error never came for tool c7 in run r1 in thread t1"],
        "agent_completed": [
            "run: agent_completed, error_event or agent_error never came for run r1 in thread t1; "
            "the connection was closed by the client (1000)"
        ],
    }
    assert said(judgement) == expected[missing]


def test_what_only_follows_from_a_finding_is_folded_under_it() -> None:
    trace = chat().s2c("agent_started", **KEYS).s2c("agent_thinking", **KEYS).s2c("tool_executing", **KEYS, tool_call_id="c7")
    judgement = trace.s2c("agent_completed", **KEYS).close().judge()
    (cause,) = of(judgement, "tool")
    (consequence,) = of(judgement, "worked")
    assert consequence.caused_by == cause.id


def test_a_missing_end_stands_where_its_deadline_or_its_scope_ends() -> None:
    trace = (
        chat()
        .s2c("agent_started", **KEYS)
        .s2c("agent_thinking", **KEYS)
        .at(2.0)
        .s2c("tool_executing", **KEYS, tool_call_id="c7")
    )
    (finding,) = of(trace.at(9.0).s2c("agent_completed", **KEYS).close().judge(), "tool")
    assert (finding.activation, finding.frames, finding.expected) == (4, (4, 5), ("tool_completed", "tool_error"))
    assert (finding.until, finding.decided_at, finding.at_ns) == (12_000_000_000, 9_000_000_000, 9_000_000_000)
    assert (finding.decided_by, finding.seen) == ("scope_close", "agent_completed")
    assert finding.slice == (("thread", "t1"), ("run", "r1"), ("tool", "c7"))
    assert finding.line == 24
    assert finding.file == "agent-chat.yaml"


# 2. Order, and runs in runs.


def test_a_tool_before_the_first_thought_is_out_of_order() -> None:
    trace = chat().s2c("agent_started", **KEYS).s2c("tool_executing", **KEYS, tool_call_id="a").s2c("agent_thinking", **KEYS)
    judgement = trace.s2c("tool_completed", **KEYS, tool_call_id="a").s2c("agent_completed", **KEYS).close().judge()
    assert said(judgement) == ["think-before-tools: agent_thinking came after tool_executing for run r1 in thread t1"]


def test_parallel_tools_interleave() -> None:
    trace = chat().s2c("agent_started", **KEYS).s2c("agent_thinking", **KEYS)
    for type_, call in (("tool_executing", "a"), ("tool_executing", "b"), ("tool_completed", "a"), ("tool_completed", "b")):
        trace.s2c(type_, **KEYS, tool_call_id=call)
    assert said(trace.s2c("agent_completed", **KEYS).close().judge()) == []


def sub_agents(inner: list[str]) -> Trace:
    trace = chat().s2c("agent_started", **KEYS).s2c("agent_thinking", **KEYS)
    child = {"thread_id": "t1", "run_id": "r2"}
    trace.s2c("agent_started", **child, parent_run_id="r1")
    for type_ in inner:
        trace.s2c(type_, **child, **({"tool_call_id": "x"} if type_.startswith("tool") else {}))
    trace.s2c("tool_executing", **KEYS, tool_call_id="a").s2c("tool_completed", **KEYS, tool_call_id="a")
    return trace


def test_sub_agents_have_the_same_obligations() -> None:
    healthy = ["agent_thinking", "tool_executing", "tool_completed", "agent_completed"]
    judgement = sub_agents(healthy).s2c("agent_completed", **KEYS).close().judge()
    assert said(judgement) == []
    assert judgement.run_counts == {"completed": 2}
    judgement = sub_agents(["agent_thinking", "agent_completed"]).s2c("agent_completed", **KEYS).close().judge()
    assert said(judgement) == [
        "worked: tool_executing never came for run r2 in thread t1",
        "worked: tool_completed or tool_error never came for run r2 in thread t1",
    ]


def test_a_parent_that_completes_before_its_child_is_a_finding_per_child() -> None:
    judgement = sub_agents(["agent_thinking"]).s2c("agent_completed", **KEYS).close().judge()
    assert said(judgement) == ["run: agent_completed, error_event or agent_error never came for run r2 in thread t1"]
    assert judgement.run_counts == {"completed": 1, "cut": 1}


def test_a_parent_that_fails_takes_its_children_with_it() -> None:
    judgement = sub_agents(["agent_thinking"]).s2c("error_event", **KEYS).close().judge()
    assert said(judgement) == []
    assert judgement.run_counts == {"cut": 1, "failed": 1}


def test_a_second_start_with_no_new_key_cuts_the_first() -> None:
    judgement = chat().s2c("agent_started", **KEYS).run().close().judge()
    assert said(judgement) == ["run: agent_started came again before the first had ended for run r1 in thread t1"]
    assert judgement.run_counts == {"completed": 1, "cut": 1}


# 3. Tools are paired.


def test_tools_without_ids_are_matched_by_name_first_in_first_out() -> None:
    trace = chat().s2c("agent_started", **KEYS).s2c("agent_thinking", **KEYS)
    trace.s2c("tool_executing", **KEYS, tool_name="search").s2c("tool_executing", **KEYS, tool_name="search")
    trace.s2c("tool_completed", **KEYS, tool_name="search")
    judgement = trace.s2c("agent_completed", **KEYS).close().judge()
    (finding,) = of(judgement, "tool")
    assert finding.activation == 5
    assert finding.message == "tool_completed or tool_error never came for tool_name search in run r1 in thread t1"


def test_a_slow_tool_is_late_by_how_much() -> None:
    trace = (
        chat().s2c("agent_started", **KEYS).s2c("agent_thinking", **KEYS).at(1).s2c("tool_executing", **KEYS, tool_call_id="a")
    )
    judgement = trace.at(11.5).s2c("tool_completed", **KEYS, tool_call_id="a").s2c("agent_completed", **KEYS).close().judge()
    (finding,) = of(judgement, "tool")
    assert (finding.kind, finding.late_by, finding.decided_by, finding.decided_at) == (
        "late",
        500_000_000,
        "deadline",
        11_000_000_000,
    )
    assert finding.message == "tool_completed came 500ms too late for tool a in run r1 in thread t1"


def test_exactly_in_time_is_in_time() -> None:
    trace = (
        chat().s2c("agent_started", **KEYS).s2c("agent_thinking", **KEYS).at(1).s2c("tool_executing", **KEYS, tool_call_id="a")
    )
    judgement = trace.at(11).s2c("tool_completed", **KEYS, tool_call_id="a").s2c("agent_completed", **KEYS).close().judge()
    assert said(judgement) == ["first-event: the whole answer took 11.01s, more than 10s"]
    assert judgement.verdict is Verdict.SATISFIED


def test_a_tool_without_id_and_name_is_paired_within_its_run() -> None:
    trace = (
        chat()
        .s2c("agent_started", **KEYS)
        .s2c("agent_thinking", **KEYS)
        .s2c("tool_executing", **KEYS)
        .s2c("tool_completed", **KEYS)
    )
    judgement = trace.s2c("agent_completed", **KEYS).close().judge()
    (rule,) = [rule for rule in judgement.rules if rule.id == "tool"]
    assert (rule.verdict, rule.activations) == (Verdict.SATISFIED, 1)
    assert said(judgement) == []


# 4. Failed runs.


@pytest.mark.parametrize("failure", ["error_event", "agent_error"])
def test_a_failed_run_owes_no_tools(failure: str) -> None:
    trace = chat().s2c("agent_started", **KEYS).s2c("agent_thinking", **KEYS).s2c("tool_executing", **KEYS, tool_call_id="a")
    judgement = trace.s2c(failure, **KEYS).close().judge()
    assert said(judgement) == []
    assert judgement.run_counts == {"failed": 1}


def test_a_run_that_neither_completes_nor_fails_is_a_finding_when_its_time_is_up() -> None:
    trace = chat().s2c("agent_started", **KEYS).s2c("agent_thinking", **KEYS).at(60).truncate()
    judgement = trace.judge()
    assert said(judgement) == [
        "run: agent_completed, error_event or agent_error did not come within 30s for run r1 in thread t1"
    ]
    assert judgement.run_counts == {"stalled": 1}


def test_a_fallback_must_be_followed_by_what_became_of_it() -> None:
    trace = chat().s2c("agent_started", **KEYS).s2c("agent_thinking", **KEYS).s2c("agent_fallback", **KEYS)
    assert said(trace.s2c("agent_error", **KEYS).close().judge()) == []
    trace = chat().s2c("agent_started", **KEYS).s2c("agent_thinking", **KEYS).s2c("agent_fallback", **KEYS)
    (finding,) = of(trace.close().judge(), "failure-is-said")
    assert finding.message == (
        "error_event, agent_error or agent_completed did not come after agent_fallback for run r1 in thread t1"
    )


# 5. Times.


def test_the_first_event_comes_within_two_seconds() -> None:
    assert said(chat().at(2.0).run().close().judge()) == []
    judgement = chat().at(2.5).run().close().judge()
    (finding,) = of(judgement, "first-event")
    assert finding.message == "agent_started came 500ms too late after chat in thread t1"
    assert (finding.until, finding.late_by) == (2_000_000_000, 500_000_000)


def test_two_messages_in_one_window_each_have_their_own_deadline() -> None:
    trace = Trace().open().c2s("chat").at(1).c2s("chat").at(10)
    assert [finding.until for finding in of(trace.truncate().judge(), "first-event")] == [2_000_000_000, 3_000_000_000]


def test_latency_is_the_excess_over_the_smallest_difference() -> None:
    trace = chat()
    for received, sent in ((1.0, 501.0), (2.0, 501.9), (3.0, 502.85)):
        trace.at(received).s2c("ping", timestamp=sent)
    judgement = trace.close().judge()
    assert said(judgement) == [
        "first-event: agent_started did not come within 2s after chat in thread t1",
        "latency: ping took 150ms to arrive, at most 100ms allowed",
    ]
    assert of(judgement, "latency")[0].severity == "warning"


@pytest.mark.parametrize(
    "stamp",
    [lambda s: 1_763_632_800 + s, lambda s: round((1_763_632_800 + s) * 1000), lambda s: f"2025-11-20T10:00:{s:09.6f}Z"],
    ids=["seconds", "milliseconds", "ISO 8601"],
)
def test_sent_times_are_told_by_their_form(stamp: object) -> None:
    assert callable(stamp)
    trace = Trace().open()
    for received, sent in ((1.0, 1.0), (2.0, 2.0), (3.0, 2.8)):
        trace.at(received).s2c("ping", timestamp=stamp(sent))
    (finding,) = of(trace.close().judge(), "latency")
    assert finding.frames == (3,)
    assert finding.late_by is not None
    assert abs(finding.late_by - 100_000_000) < 1_000_000


def test_a_clock_that_is_set_meanwhile_is_an_error_and_not_latency() -> None:
    trace = Trace().open()
    for received, sent in ((1.0, 1_000.0), (2.0, 900.0), (3.0, 901.0)):
        trace.at(received).s2c("ping", timestamp=sent)
    judgement = trace.close().judge()
    assert [finding.verdict for finding in of(judgement, "latency")] == [Verdict.ERROR]


def test_a_user_is_back_within_three_seconds() -> None:
    assert of(chat().run().drop().at(3).open(2).close(2).judge(), "reconnect") == []
    (finding,) = of(chat().run().drop().at(8).open(2).close(2).judge(), "reconnect")
    assert finding.kind == "late"
    told = "the client reconnected 7.94s after the connection was dropped by the server, at most 3s allowed"
    assert finding.message == told


# 6. After the end.


def test_nothing_but_what_is_allowed_comes_after_the_end() -> None:
    assert said(chat().run().s2c("final_report", **KEYS).close().judge()) == []
    judgement = chat().run().s2c("partial_result", **KEYS).close().judge()
    assert said(judgement) == ["run: partial_result came after the end of its run for run r1 in thread t1"]
    assert judgement.findings[0].frames == (6, 7)


def test_typing_ends_by_itself_or_with_the_connection() -> None:
    assert said(chat().run().s2c("typing_started", thread_id="t1").s2c("typing_stopped", thread_id="t1").close().judge()) == []
    assert said(chat().run().s2c("typing_started", thread_id="t1").close().judge()) == []
    typing = chat().run().s2c("typing_started", thread_id="t1").at(40).s2c("typing_started", thread_id="t1")
    assert said(typing.at(90).close().judge()) == []  # what is said again goes on
    assert said(typing.at(101).close().judge()) == ["typing: typing_stopped did not come within 1m for thread t1"]


# 7. Dropped connections.


def test_a_run_on_a_dropped_connection_is_cut() -> None:
    judgement = chat().s2c("agent_started", **KEYS).s2c("agent_thinking", **KEYS).drop().judge()
    assert said(judgement)[0] == (
        "run: agent_completed, error_event or agent_error never came for run r1 in thread t1"
        "; the connection was dropped by the server"
    )
    (run,) = judgement.runs
    assert (run.state, run.detail) == ("cut", "the connection was dropped by the server")


def test_a_run_goes_on_when_its_session_is_back_in_time() -> None:
    trace = chat().s2c("agent_started", **KEYS).s2c("agent_thinking", **KEYS).drop().at(2).open(2)
    trace.s2c("tool_executing", connection=2, **KEYS, tool_call_id="a").s2c(
        "tool_completed", connection=2, **KEYS, tool_call_id="a"
    )
    judgement = trace.s2c("agent_completed", connection=2, **KEYS).close(2).judge()
    assert said(judgement) == [f"{BACK} 1.97s"]
    assert judgement.run_counts == {"completed": 1}


def test_a_trace_that_ends_too_early_decides_nothing() -> None:
    judgement = chat().s2c("agent_started", **KEYS).s2c("agent_thinking", **KEYS).truncate().judge()
    assert judgement.findings == ()
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.run_counts == {"open": 1}


def test_a_trace_of_another_protocol_is_never_green() -> None:
    judgement = Trace().open().c2s("connection_init").s2c("next", id="1").close().judge()
    assert judgement.verdict is Verdict.VACUOUS
