"""The built-in contracts beside agent-chat: traces of their protocols, good and bad."""

from __future__ import annotations

import pytest
from judged_traces import Trace, said

from wsreplay.model import Ending
from wsreplay.validator import Verdict

# AG-UI. The same sequences were given to verifyEvents of @ag-ui/client 1.0.0, which stops at the event named here.


def ag_ui(*steps: str) -> list[str]:
    """Each step is a type, with an id behind a slash where it has one."""
    trace = Trace().open()
    for step in steps:
        type_, _, name = step.partition("/")
        field = "stepName" if type_.startswith("STEP") else "toolCallId" if type_.startswith("TOOL") else "messageId"
        field = "runId" if type_.startswith("RUN") else "subagentRunId" if type_.startswith("SUB") else field
        trace.s2c(type_, **({field: name} if name else {}), **({"message": "x"} if type_ == "RUN_ERROR" else {}))
    findings = trace.close().judge("ag-ui").findings
    errors = (finding for finding in findings if finding.severity == "error" and finding.caused_by is None)
    return [f"{finding.rule}: {finding.message}" for finding in errors]


def test_ag_ui_messages_tools_and_steps_interleave() -> None:
    run = [
        "RUN_STARTED/r",
        "STEP_STARTED/plan",
        "TEXT_MESSAGE_START/a",
        "TOOL_CALL_START/x",
        "TEXT_MESSAGE_CONTENT/a",
        "TOOL_CALL_ARGS/x",
    ]
    run += ["TEXT_MESSAGE_START/b", "TEXT_MESSAGE_END/a", "TOOL_CALL_END/x", "TOOL_CALL_RESULT/x", "TEXT_MESSAGE_END/b"]
    run += ["STEP_FINISHED/plan", "STATE_DELTA", "CUSTOM", "RUN_FINISHED/r"]
    assert ag_ui(*run, *run) == []


def test_ag_ui_an_error_ends_all_and_a_new_run_begins_afresh() -> None:
    run = ["RUN_STARTED/r", "TEXT_MESSAGE_START/a", "STEP_STARTED/s", "RUN_ERROR"]
    assert ag_ui(*run, *run) == []
    assert ag_ui("RUN_ERROR") == []
    assert ag_ui("RUN_STARTED/r", "RUN_FINISHED/r", "RUN_ERROR") == []


@pytest.mark.parametrize(
    ("steps", "finding"),
    [
        (
            ["TEXT_MESSAGE_START/a", "TEXT_MESSAGE_END/a", "RUN_FINISHED/r"],
            "run: RUN_STARTED never came for connection 1; TEXT_MESSAGE_START came without it",
        ),
        (
            ["RUN_STARTED/r", "RUN_STARTED/q", "RUN_FINISHED/q"],
            "run: RUN_STARTED came again before the first had ended for connection 1",
        ),
        (["RUN_STARTED/r", "RUN_FINISHED/r", "CUSTOM"], "run: CUSTOM came after the end of its run for connection 1"),
        (
            ["RUN_STARTED/r", "RUN_FINISHED/r", "RUN_FINISHED/r"],
            "run: RUN_FINISHED came after the end of its run for connection 1",
        ),
        (["RUN_STARTED/r", "RUN_ERROR", "RUN_ERROR"], "one-error: RUN_ERROR came 2 times, at most 1 expected"),
        (
            ["RUN_STARTED/r", "TEXT_MESSAGE_START/a", "RUN_FINISHED/r"],
            "text: TEXT_MESSAGE_END never came for message a in connection 1",
        ),
        (
            ["RUN_STARTED/r", "TEXT_MESSAGE_CONTENT/a", "TEXT_MESSAGE_END/a", "RUN_FINISHED/r"],
            "text: TEXT_MESSAGE_START never came for message a in connection 1; TEXT_MESSAGE_CONTENT came without it",
        ),
        (
            ["RUN_STARTED/r", "TOOL_CALL_START/x", "TOOL_CALL_START/x", "TOOL_CALL_END/x", "RUN_FINISHED/r"],
            "tool-call: TOOL_CALL_START came again before the first had ended for call x in connection 1",
        ),
        (
            ["RUN_STARTED/r", "STEP_FINISHED/s", "RUN_FINISHED/r"],
            "step: STEP_STARTED never came for step_name s in subagent_run connection 1 in connection 1; "
            "STEP_FINISHED came without it",
        ),
        (
            [
                "RUN_STARTED/r",
                "SUBAGENT_STARTED/s",
                "SUBAGENT_FINISHED/s",
                "SUBAGENT_STARTED/s",
                "SUBAGENT_FINISHED/s",
                "RUN_FINISHED/r",
            ],
            "subagent-once: SUBAGENT_STARTED came 2 times, at most 1 expected for subagent_run s in connection 1",
        ),
    ],
)
def test_ag_ui_says_what_the_verifier_says(steps: list[str], finding: str) -> None:
    assert ag_ui(*steps) == [finding]


def test_ag_ui_thinking_is_not_nested_and_does_not_keep_a_run_from_finishing() -> None:
    thinking = ["THINKING_START", "THINKING_TEXT_MESSAGE_START", "THINKING_TEXT_MESSAGE_CONTENT"]
    assert ag_ui("RUN_STARTED/r", *thinking, "RUN_FINISHED/r") == []
    assert ag_ui("RUN_STARTED/r", *thinking, "THINKING_TEXT_MESSAGE_END", "THINKING_END", "RUN_FINISHED/r") == []
    assert ag_ui("RUN_STARTED/r", "THINKING_START", "THINKING_START", "RUN_FINISHED/r") == [
        "thinking: THINKING_START came again before the first had ended for connection 1"
    ]


def test_ag_ui_a_stream_that_stops_in_mid_run_is_a_finding() -> None:
    (finding,) = ag_ui("RUN_STARTED/r", "TEXT_MESSAGE_START/a")
    assert finding.startswith("run: RUN_FINISHED or RUN_ERROR never came")


# graphql-transport-ws


def graphql() -> Trace:
    return Trace().open(subprotocol="graphql-transport-ws", path="/graphql")


def ready() -> Trace:
    return graphql().c2s("connection_init").s2c("connection_ack")


QUERY = {"payload": {"query": "{ hello }"}}
RESULT = {"payload": {"data": {"hello": "world"}}}


def test_graphql_operations_interleave_and_ids_are_used_again() -> None:
    trace = ready().c2s("ping").s2c("pong").s2c("pong").c2s("subscribe", id="1", **QUERY).c2s("subscribe", id="2", **QUERY)
    trace.s2c("next", id="2", **RESULT).s2c("next", id="1", **RESULT).s2c("complete", id="1").c2s("subscribe", id="1", **QUERY)
    trace.s2c("error", id="1", payload=[{"message": "no"}]).s2c("complete", id="2").c2s("complete", id="2")
    judgement = trace.close().judge("graphql-transport-ws")
    assert said(judgement) == []
    assert judgement.verdict is Verdict.SATISFIED


def test_graphql_frames_in_flight_after_a_clients_complete_are_fine() -> None:
    trace = (
        ready().c2s("subscribe", id="1", **QUERY).c2s("complete", id="1").s2c("next", id="1", **RESULT).s2c("complete", id="1")
    )
    assert said(trace.close().judge("graphql-transport-ws")) == []


@pytest.mark.parametrize(
    ("trace", "findings"),
    [
        (
            ready().c2s("subscribe", id="1", **QUERY).s2c("complete", id="1").s2c("next", id="1", **RESULT).close(),
            ["operation: next came after the end of its operation for id 1"],
        ),
        (
            ready()
            .c2s("subscribe", id="1", **QUERY)
            .s2c("error", id="1", payload=[{"message": "x"}])
            .s2c("complete", id="1")
            .close(),
            ["operation: complete came after the end of its operation for id 1"],
        ),
        (ready().c2s("complete", id="9").close(), []),  # an id that nobody knows is ignored
        (ready().c2s("ping", payload=7).s2c("pong").close(), ["schema: ping: data.payload must be object or null"]),
        (
            graphql().c2s("connection_init").s2c("error", id="9", payload=[{"message": "x"}]).s2c("connection_ack").close(),
            [
                "operation: subscribe never came for id 9; error came without it",
                "ack-before-results: connection_ack came after error",
            ],
        ),
        (ready().s2c("next", id="9", **RESULT).close(), ["operation: subscribe never came for id 9; next came without it"]),
        (
            ready().c2s("subscribe", id="1", **QUERY).c2s("subscribe", id="1", **QUERY).close(code=4409, by="server"),
            ["operation: subscribe came again before the first had ended for id 1"],
        ),
        (
            graphql().c2s("connection_init").c2s("subscribe", id="1", **QUERY).close(code=4401, by="server"),
            ["ack-before-subscribe: connection_ack never came; subscribe came without it"],
        ),
        (
            graphql().c2s("connection_init").c2s("subscribe", id="1", **QUERY).s2c("connection_ack").close(),
            [
                "ack-before-subscribe: connection_ack came after subscribe",
                "subscribe-before-ack-is-4401: ws.close (code 4401) did not come after subscribe",
            ],
        ),
        (
            ready().c2s("connection_init").close(code=4429, by="server"),
            ["one-init: connection_init came 2 times, at most 1 expected"],
        ),
        (
            ready().c2s("connection_init").at(1).close(code=1000),
            [
                "one-init: connection_init came 2 times, at most 1 expected",
                "second-init-is-4429: ws.close (code 4429) did not come after connection_init; the connection was closed by"
                " the client (1000)",
            ],
        ),
        (
            graphql().at(10).close(),
            ["init-in-time: ws.close by the client (1000) came 6.5s too late"],
        ),
        (ready().s2c("data").close(code=4400), ["unknown: unknown type data"]),
        (
            ready().c2s("subscribe", id="1").s2c("complete", id="1").close(),
            ["schema: subscribe: data must contain ['payload'] properties"],
        ),
    ],
)
def test_graphql_misuse(trace: Trace, findings: list[str]) -> None:
    assert said(trace.judge("graphql-transport-ws")) == findings


def test_graphql_a_timeout_is_closed_with_4408() -> None:
    """A client that says nothing gives the contract something to judge: its connection."""
    closed = graphql().at(3.01).close(code=4408, by="server").judge("graphql-transport-ws")
    assert (said(closed), closed.verdict) == ([], Verdict.SATISFIED)
    closed = graphql().at(3.01).close(code=1000, by="server").judge("graphql-transport-ws")
    assert said(closed) == [
        "silence-is-4408: ws.close (code 4408, 4400, 1001, 1011, 1012 or 1013), c2s:*, ws.close (by client) or ws.drop"
        " did not come after ws.open; the connection was closed by the server (1000)"
    ]
    assert graphql().at(10).truncate().judge("graphql-transport-ws").verdict is Verdict.VIOLATED


def test_graphql_says_nothing_of_a_silent_connection_in_another_protocol() -> None:
    """Nor does a contract that does not say which connections it judges."""
    chat = Trace().open(subprotocol="chat").at(10).close(code=4408, by="server")
    assert chat.judge("graphql-transport-ws").verdict is Verdict.VACUOUS
    assert Trace().open(user="u1").at(1).drop().judge("agent-chat").verdict is not Verdict.SATISFIED


def test_a_connection_of_another_subprotocol_is_not_judged() -> None:
    judgement = Trace().open().c2s("anything").close().judge("graphql-transport-ws")
    assert judgement.verdict is Verdict.VACUOUS
    assert judgement.notes == (
        "1 connection skipped: not covered by this contract's applies_to", "session 1: not validated: 1 connection to /ws",
    )  # fmt: skip


# openai-realtime


def realtime() -> Trace:
    return Trace().open().s2c("session.created", event_id="e0").c2s("session.update").s2c("session.updated", event_id="e1")


def answer(trace: Trace, response: str = "r1", status: str = "completed", part: str = "output_text", until: int = 99) -> Trace:
    keys = {"response_id": response, "item_id": f"i-{response}", "output_index": 0}
    piece = {**keys, "content_index": 0}
    steps: list[tuple[str, dict[str, object]]] = [
        ("response.created", {"response": {"id": response}}),
        ("response.output_item.added", {"response_id": response, "output_index": 0, "item": {"id": f"i-{response}"}}),
        ("response.content_part.added", piece),
        (f"response.{part}.delta", piece),
        (f"response.{part}.delta", piece),
        (f"response.{part}.done", piece),
        ("response.content_part.done", piece),
        ("response.output_item.done", {"response_id": response, "output_index": 0, "item": {"id": f"i-{response}"}}),
        ("response.done", {"response": {"id": response, "status": status}}),
        ("rate_limits.updated", {}),
    ]
    for type_, values in steps[:until]:
        trace.s2c(type_, **values)
    return trace


def test_realtime_a_response_and_its_parts_are_opened_and_done() -> None:
    for part in ("output_text", "output_audio_transcript", "output_audio", "text", "audio"):
        trace = answer(realtime().c2s("response.create"), part=part)
        judgement = answer(trace, "r2", "cancelled", part).close().judge("openai-realtime")
        assert said(judgement) == []
        assert judgement.run_counts == {"completed": 2}


def test_realtime_transcription_comes_before_or_after_the_response() -> None:
    said_by_user = {"item_id": "u1", "content_index": 0}
    trace = realtime().s2c("input_audio_buffer.speech_started").s2c("input_audio_buffer.speech_stopped")
    trace.s2c("conversation.item.input_audio_transcription.delta", **said_by_user)
    answer(trace).s2c("conversation.item.input_audio_transcription.completed", **said_by_user)
    assert said(trace.close().judge("openai-realtime")) == []


@pytest.mark.parametrize(
    ("trace", "first"),
    [
        (answer(Trace().open()).close(), "session-first: session.created or transcription_session.created never came"),
        (answer(realtime().c2s("response.create"), until=8).close(), "response: response.done never came for response r1"),
        (
            answer(realtime(), until=6).s2c("response.done", response={"id": "r1"}).close(),
            "output-item: response.output_item.done never came",
        ),
        (
            realtime().s2c("response.done", response={"id": "r9"}).close(),
            "response: response.created never came for response r9; response.done came without it",
        ),
        (realtime().c2s("response.create").close(), "response-is-created: response.created or error did not come"),
        (realtime().s2c("session.updated", event_id="e1").close(), "event-id: session.updated came twice: $.event_id e1"),
        (realtime().c2s("session.update").close(), "update-is-answered: session.updated or error did not come"),
        (realtime().c2s("conversation.item.create").close(), "item-is-created: conversation.item.added, "),
        (realtime().c2s("conversation.item.delete").close(), "item-is-deleted: conversation.item.deleted or error"),
        (realtime().c2s("conversation.item.truncate").close(), "item-is-truncated: conversation.item.truncated or"),
        (realtime().c2s("conversation.item.retrieve").close(), "item-is-retrieved: conversation.item.retrieved or"),
        (realtime().c2s("input_audio_buffer.commit").close(), "commit-is-answered: input_audio_buffer.committed or"),
        (realtime().c2s("input_audio_buffer.clear").close(), "clear-is-answered: input_audio_buffer.cleared or"),
        (
            realtime().s2c("conversation.item.done", item={"id": "i"}).close(),
            "added-before-done: conversation.item.added never came for item i",
        ),
        (
            realtime().s2c("input_audio_buffer.speech_stopped").close(),
            "speech-starts-first: input_audio_buffer.speech_stopped without",
        ),
    ],
)
def test_realtime_what_is_missing(trace: Trace, first: str) -> None:
    assert said(trace.judge("openai-realtime"))[0].startswith(first)


def test_realtime_a_cancelled_response_is_said_to_be_done_or_there_was_none() -> None:
    assert said(realtime().c2s("response.cancel").s2c("error").close().judge("openai-realtime")) == []
    (finding,) = said(realtime().c2s("response.cancel").close().judge("openai-realtime"))
    assert finding.startswith("cancel-is-answered: response.done or error did not come after response.cancel")


def test_realtime_deltas_without_their_done_are_a_finding() -> None:
    trace = answer(realtime(), until=5)
    piece = {"response_id": "r1", "item_id": "i-r1", "output_index": 0, "content_index": 0}
    trace.s2c("response.content_part.done", **piece).s2c("response.output_item.done", response_id="r1", item={"id": "i-r1"})
    findings = said(trace.s2c("response.done", response={"id": "r1"}).close(ending=Ending.CLEAN).judge("openai-realtime"))
    assert len(findings) == 1
    assert findings[0].startswith("text-is-done: response.output_text.done or response.text.done did not come after 2 × ")
