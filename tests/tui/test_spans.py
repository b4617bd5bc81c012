"""Spans for the waterfall, as the contract defines them."""

from __future__ import annotations

import pytest

from wsreplay.contract import load
from wsreplay.store import paging
from wsreplay.store.reader import Recording
from wsreplay.tui.data.spans import Tracer, lanes

MS = 1_000_000


@pytest.fixture
def tracer() -> Tracer:
    return Tracer(load("agent-chat"), {1: 1, 2: 2}, {1: "u1", 2: "u2"})


def read(tracer: Tracer, path) -> list[tuple[str, str, str, int]]:
    with Recording.open(path) as reader:
        for frame in paging.typed_frames(reader):
            tracer.take(frame)
    return [(one.kind, one.name, one.state, one.depth) for one in tracer.spans]


def test_runs_hold_their_tools_and_what_never_ended_says_so(tracer, chat_recording):
    assert read(tracer, chat_recording) == [
        ("run", "triage", "ok", 0), ("run", "performance", "ok", 0), ("tool", "git_log", "ok", 1), ("tool", "metrics", "ok", 1),
        ("tool", "search", "unended", 1), ("run", "performance", "open", 0),
    ]  # fmt: skip
    tracer.end_connection(2, 26_000 * MS)
    assert (tracer.spans[-1].state, tracer.spans[-1].end_ns) == ("cut", 26_000 * MS)


def test_a_sub_agents_run_is_nested_and_parallel_tools_get_lanes_of_their_own(tracer, script):
    made = script("nested.db")
    made.open(1, 0)
    thread = {"thread_id": "t"}
    made.say(1, 1, 1, "agent_started", **thread, run_id="outer")
    made.say(1, 2, 1, "agent_started", **thread, run_id="inner", parent_run_id="outer")
    for at, call in ((3, "a"), (4, "b")):
        made.say(1, at, 1, "tool_executing", **thread, run_id="inner", tool_call_id=call, tool_name=f"tool {call}")
    for at, call in ((5, "b"), (6, "a")):
        made.say(1, at, 1, "tool_completed", **thread, run_id="inner", tool_call_id=call)
    made.say(1, 7, 1, "agent_completed", **thread, run_id="inner")
    made.say(1, 8, 1, "agent_error", **thread, run_id="outer")
    assert read(tracer, made.write(20)) == [
        ("run", "run outer", "failed", 0), ("run", "run inner", "ok", 1), ("tool", "tool a", "ok", 2),
        ("tool", "tool b", "ok", 2),
    ]  # fmt: skip
    assert [(lane.depth, [one.name for one in lane.spans]) for lane in lanes(tracer.spans)] == [
        (0, ["run outer"]), (1, ["run inner"]), (2, ["tool a"]), (2, ["tool b"]),
    ]  # fmt: skip


def test_tools_without_a_call_id_are_matched_first_in_first_out(tracer, script):
    made = script("fifo.db")
    made.open(1, 0)
    made.say(1, 1, 1, "agent_started", thread_id="t", run_id="r")
    for at in (2, 3):
        made.say(1, at, 1, "tool_executing", thread_id="t", run_id="r", tool_name="search")
    made.say(1, 4, 1, "tool_completed", thread_id="t", run_id="r", tool_name="search")
    read(tracer, made.write(20))
    assert [(one.start_frame, one.end_frame) for one in tracer.spans[1:]] == [(2, 4), (3, None)]
