"""Which faults the built-in contracts let live, exactly, and why that is right."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from growing_files import write_whole
from judged_traces import Trace

from wsreplay.contract import load, loads
from wsreplay.errors import UsageError
from wsreplay.store.reader import Recording
from wsreplay.validator import mutation_score

KEYS = {"thread_id": "t1", "run_id": "r1"}


def chat(with_envelope: bool) -> Trace:
    """A healthy run with parallel tools; `with_envelope`: with counters, ids and times, as the product sends them."""
    trace, numbers = Trace().open().c2s("chat", thread_id="t1"), itertools.count(1)
    steps = [
        ("agent_started", ""),
        ("agent_thinking", ""),
        ("tool_executing", "a"),
        ("tool_executing", "b"),
        ("partial_result", ""),
    ]
    steps += [("tool_completed", "a"), ("tool_completed", "b"), ("agent_completed", ""), ("final_report", "")]
    for type_, call in steps:
        number = next(numbers)
        envelope = {"seq": number, "message_id": f"m{number}", "timestamp": 1_763_632_800 + trace.now} if with_envelope else {}
        trace.s2c(type_, **KEYS, **envelope, **({"tool_call_id": call} if call else {}))
    return trace.close()


def survivors(trace: Trace, contract: str) -> tuple[str, set[str]]:
    found = mutation_score.score_trace(trace.as_trace(), load(contract))
    return f"{found.killed}/{len(found.mutants)}", {f"{mutant.kind} {mutant.type}" for mutant in found.survivors}


def test_agent_chat_with_counters_ids_and_times() -> None:
    """When a user says something is the user's business; the last event is optional, and misses nothing."""
    assert survivors(chat(with_envelope=True), "agent-chat") == (
        "46/48",
        {"stall chat", "drop final_report"},
    )


def test_types_stand_where_the_contract_says() -> None:
    trace = Trace().open().raw(b'{"kind":"turn.begin"}').close()
    contract = loads("contract: product\nenvelope: {type: $.kind}\nrules: [{id: a, existence: [turn.begin]}]\n")
    found = mutation_score.score_trace(trace.as_trace(), contract)
    assert {mutant.type for mutant in found.survivors} == {"turn.begin"}


def test_agent_chat_without_them() -> None:
    """Parallel tools may interleave, a thought or a partial result may be said twice, a report may come or not."""
    assert survivors(chat(with_envelope=False), "agent-chat") == (
        "36/48",
        {
            *("stall chat", "double agent_thinking"),
            *("swap tool_executing", "swap tool_completed", "swap agent_completed"),
            *("drop partial_result", "double partial_result", "swap partial_result"),
            *("drop final_report", "double final_report", "stall final_report"),
        },
    )


def test_ag_ui() -> None:
    """Nothing bounds time, nothing numbers pieces of content, and nothing is owned by a user."""
    trace = Trace().open().s2c("RUN_STARTED", runId="r").s2c("TEXT_MESSAGE_START", messageId="a")
    trace.s2c("TEXT_MESSAGE_CONTENT", messageId="a", delta="x").s2c("TEXT_MESSAGE_END", messageId="a")
    trace.s2c("TOOL_CALL_START", toolCallId="x").s2c("TOOL_CALL_ARGS", toolCallId="x").s2c("TOOL_CALL_END", toolCallId="x")
    trace.s2c("TOOL_CALL_RESULT", messageId="b", toolCallId="x", content="y")
    score, alive = survivors(trace.s2c("RUN_FINISHED", runId="r").close(), "ag-ui")
    stalls = {
        f"stall {name}"
        for name in ("RUN_STARTED", "RUN_FINISHED", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END")
    }
    stalls |= {f"stall TOOL_CALL_{name}" for name in ("START", "ARGS", "END", "RESULT")}
    content = {f"{kind} {name}" for kind in ("drop", "double") for name in ("TEXT_MESSAGE_CONTENT", "TOOL_CALL_ARGS")}
    assert alive == stalls | content | {"swap TEXT_MESSAGE_END", "swap TOOL_CALL_END", "double TOOL_CALL_RESULT"}
    assert score == "28/44"


def test_graphql_transport_ws() -> None:
    """Results may be any number and come at any time; who does not subscribe is owed nothing."""
    trace = Trace().open(subprotocol="graphql-transport-ws").c2s("connection_init").s2c("connection_ack")
    trace.c2s("subscribe", id="1", payload={"query": "{a}"}).s2c("next", id="1", payload={"data": 1}).s2c("complete", id="1")
    score, alive = survivors(trace.close(), "graphql-transport-ws")
    assert alive == {"drop next", "double next", "drop complete"} | {
        f"stall {name}" for name in ("connection_ack", "subscribe", "next", "complete")
    }
    assert score == "16/23"


def test_openai_realtime() -> None:
    """Nothing bounds time, asking twice is no fault, and nothing numbers pieces: one of several is not missed."""
    piece = {"response_id": "r", "item_id": "i", "output_index": 0, "content_index": 0}
    trace = (
        Trace()
        .open()
        .s2c("session.created", event_id="e0")
        .c2s("response.create")
        .s2c("response.created", response={"id": "r"}, event_id="e1")
    )
    trace.s2c("response.output_item.added", response_id="r", item={"id": "i"}, event_id="e2")
    trace.s2c("response.content_part.added", **piece, event_id="e3").s2c("response.output_text.delta", **piece, event_id="e4")
    trace.s2c("response.output_text.done", **piece, event_id="e5").s2c("response.content_part.done", **piece, event_id="e6")
    trace.s2c("response.output_item.done", response_id="r", item={"id": "i"}, event_id="e7").s2c(
        "response.done", response={"id": "r"}, event_id="e8"
    )
    found = mutation_score.score_trace(trace.close().as_trace(), load("openai-realtime"))
    alive = {f"{mutant.kind} {mutant.type}" for mutant in found.survivors}
    assert {name for name in alive if not name.startswith("stall")} == {
        *("drop response.create", "double response.create"),
        "drop response.output_text.delta",
    }
    assert found.by_kind()["double"] == (9, 10)


def test_only_a_good_trace_can_be_mutated() -> None:
    with pytest.raises(UsageError, match="only a recording without findings can be mutated, and this one has: "):
        mutation_score.score_trace(Trace().open().s2c("agent_started").close().as_trace(), load("agent-chat"))
    with pytest.raises(UsageError, match="ag-ui does not apply to anything in this recording"):
        mutation_score.score_trace(Trace().open().c2s("hello").close().as_trace(), load("ag-ui"))


def test_each_kind_of_fault_does_what_it_says() -> None:
    trace = Trace().open().s2c("a").s2c("b").close().as_trace()

    def types(kind: str, at: int = 0) -> list[tuple[str | None, int]]:
        return [(message.type, message.connection_id) for message in mutation_score.mutate(trace, kind, at).messages]

    assert types("drop") == [("b", 1)]
    assert types("double") == [("a", 1), ("a", 1), ("b", 1)]
    assert types("swap") == [("b", 1), ("a", 1)]
    assert types("readdress", 1) == [("a", 1), ("b", 2)]
    stalled = mutation_score.mutate(trace, "stall", 1)
    assert [message.t_ns for message in stalled.messages] == [0, 10_000_000 + mutation_score.STALL_NS]
    with pytest.raises(UsageError, match="unknown fault 'bend'"):
        mutation_score.mutate(trace, "bend", 0)


def test_who_comes_and_goes_after_a_stall_does_so_a_minute_later() -> None:
    trace = Trace().open().s2c("a").at(1).open(2).s2c("b", 2).at(2).s2c("c").close().at(3).s2c("d", 2).close(2)
    whole = trace.as_trace()
    stall, second = mutation_score.STALL_NS, 1_000_000_000
    for at in range(4):
        since, stalled = whole.messages[at].t_ns, mutation_score.mutate(whole, "stall", at)
        for before, after in zip(whole.connections, stalled.connections, strict=True):
            assert before.closed_ns is not None and after.closed_ns is not None
            assert after.opened_ns - before.opened_ns == (stall if before.opened_ns > since else 0)
            assert after.closed_ns - before.closed_ns == (stall if before.closed_ns >= since else 0)
        moved = [after.t_ns - before.t_ns for before, after in zip(whole.messages, stalled.messages, strict=True)]
        assert moved == [0] * at + [stall] * (4 - at)
        assert stalled.reached_ns == whole.reached_ns + stall
    assert [connection.opened_ns for connection in whole.connections] == [0, second]


def test_a_recording_is_scored_as_its_trace_is(tmp_path):
    trace = chat(with_envelope=True)
    whole = mutation_score.score_trace(trace.as_trace(), load("agent-chat"), most=20, seed=3)
    path = write_whole(tmp_path / "a.db", trace)
    with Recording.open(path) as recording:
        found = mutation_score.score_recording(recording, load("agent-chat"), most=20, seed=3)
    assert found.mutants == tuple(replace(mutant, type=None) for mutant in whole.mutants)  # the recorder notes no types here
    assert 15 < len(found.mutants) <= 20
