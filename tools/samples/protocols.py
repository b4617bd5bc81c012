"""Conversations in the protocols that have a built-in contract beside agent-chat: one that is well held, and bad ones.

The table `TRANSCRIPTS` says what each contract must make of each of them, so that tests and samples are driven by it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from typing import Any

from tools.samples.responses import RESPONSES
from tools.samples.transcript import SERVER, Line, Resets, Says, Transcript, Waits, client, close, server

QUESTION = "Why is the checkout slow?"


# AG-UI over a WebSocket: the client sends a RunAgentInput, the server answers with the events of a run.


def ag_ui(name: str, description: str, *lines: Line, violates: Iterable[str] = ()) -> Transcript:
    return Transcript("ag-ui", name, description, lines, path="/agent", violates=frozenset(violates))


def ask(run: str = "run-1", question: str = QUESTION) -> list[Line]:
    """What starts a run, and its first event."""
    message = {"id": f"question-of-{run}", "role": "user", "content": question}
    return [
        client(threadId="thread-1", runId=run, state={}, messages=[message], tools=[], context=[], forwardedProps={}),
        server(type="RUN_STARTED", threadId="thread-1", runId=run),
    ]


def finished(run: str = "run-1") -> Says:
    return server(type="RUN_FINISHED", threadId="thread-1", runId=run)


def opened(message: str) -> Says:
    return server(type="TEXT_MESSAGE_START", messageId=message, role="assistant")


def content(message: str, delta: str) -> Says:
    return server(type="TEXT_MESSAGE_CONTENT", messageId=message, delta=delta)


def ended(message: str) -> Says:
    return server(type="TEXT_MESSAGE_END", messageId=message)


def answer(message: str = "answer-1", *deltas: str) -> list[Line]:
    said = [content(message, delta) for delta in deltas or ("It waits", " for the database.")]
    return [opened(message), *said, ended(message)]


def reasoning(message: str, thought: str) -> list[Line]:
    return [
        server(type="REASONING_START", messageId=message),
        server(type="REASONING_MESSAGE_START", messageId=message, role="reasoning"),
        server(type="REASONING_MESSAGE_CONTENT", messageId=message, delta=thought),
        server(type="REASONING_MESSAGE_END", messageId=message),
        server(type="REASONING_END", messageId=message),
    ]


def tool_call(call: str, *arguments: str) -> list[Line]:
    return [
        server(type="TOOL_CALL_START", toolCallId=call, toolCallName="search"),
        *(server(type="TOOL_CALL_ARGS", toolCallId=call, delta=delta) for delta in arguments),
        server(type="TOOL_CALL_END", toolCallId=call),
    ]


AG_UI = (
    ag_ui(
        "good", "Runs: one with reasoning, a tool and state, one with two messages at once, one that fails and says so",
        *ask(),
        server(type="STATE_SNAPSHOT", snapshot={"findings": []}),
        server(type="STEP_STARTED", stepName="investigate"),
        *reasoning("thought-1", "The traces of the last hour should tell."),
        *tool_call("call-1", '{"query": ', '"slow spans"}'),
        server(type="TOOL_CALL_RESULT", messageId="result-1", toolCallId="call-1", role="tool", content="412 spans"),
        server(type="STATE_DELTA", delta=[{"op": "add", "path": "/findings/-", "value": "database"}]),
        server(type="STEP_FINISHED", stepName="investigate"),
        *answer(),
        finished(),
        *ask("run-2", "In two languages, please."),
        opened("english"), opened("german"), content("english", "It waits."), content("german", "Sie wartet."),
        ended("german"), ended("english"),
        finished("run-2"),
        *ask("run-3", "And why is that?"),
        opened("answer-3"), content("answer-3", "Because"),
        server(type="RUN_ERROR", message="the model is overloaded", code="OVERLOADED"),
        close(),
    ),
    ag_ui(
        "unfinished-text", "The run finishes while one of its messages is still open",
        *ask(), opened("answer-1"), content("answer-1", "It waits"), finished(), close(),
        violates=["text"],
    ),
    ag_ui(
        "two-runs-at-once", "A second run is started before the first has ended",
        *ask(), *ask("run-2"), *answer(), finished("run-2"), close(),
        violates=["run"],
    ),
    ag_ui(
        "text-after-the-end", "A message comes after the run has finished",
        *ask(), *answer(), finished(), *answer("answer-2", "One more thing…"), close(),
        violates=["run"],
    ),
    ag_ui(
        "arguments-of-no-call", "Arguments arrive for a tool call that was never started",
        *ask(), *tool_call("call-1", "{}")[1:], *answer(), finished(), close(),
        violates=["tool-call"],
    ),
    ag_ui(
        "cut-off", "The connection is reset in the middle of a sentence",
        *ask(), opened("answer-1"), content("answer-1", "It waits"), Resets(),
        violates=["run"],
    ),
)  # fmt: skip


# graphql-transport-ws


def graphql(name: str, description: str, *lines: Line, violates: Iterable[str] = ()) -> Transcript:
    return Transcript(
        "graphql-transport-ws", name, description, lines, path="/graphql", subprotocol="graphql-transport-ws",
        violates=frozenset(violates),
    )  # fmt: skip


LATENCY = "subscription { latency { p95 } }"
INIT = client(type="connection_init", payload={})
READY: tuple[Line, ...] = (INIT, server(type="connection_ack"))


def subscribe(id: str, query: str = LATENCY) -> Says:
    return client(type="subscribe", id=id, payload={"query": query})


def result(id: str, p95: int = 870) -> Says:
    return server(type="next", id=id, payload={"data": {"latency": {"p95": p95}}})


GRAPHQL = (
    graphql(
        "good", "Two operations interleaved, one that fails, one that the client ends while a result is under way",
        *READY, client(type="ping"), server(type="pong"),
        subscribe("1"), subscribe("2", "{ latency { p95 } }"), result("1"), result("2", 640), server(type="complete", id="2"),
        result("1", 910),
        subscribe("3", "{ latencies }"),
        server(type="error", id="3", payload=[{"message": "Cannot query field", "locations": [{"line": 1, "column": 3}]}]),
        client(type="complete", id="1"), result("1", 905),
        close(),
    ),
    graphql(
        "good-timeout", "The client says nothing, and is closed with 4408 after three seconds",
        Waits(3), close(4408, "Connection initialisation timeout", by=SERVER),
    ),
    graphql(
        "silence", "The client says nothing, and the server does not mind",
        Waits(4), close(),
        violates=["init-in-time"],
    ),
    graphql(
        "silence-closed-otherwise", "The client says nothing, and the server closes as if all were done",
        close(1000, "", by=SERVER),
        violates=["silence-is-4408"],
    ),
    graphql(
        "subscribe-too-early", "The client does not wait for the acknowledgement, and is closed with 4401",
        INIT, subscribe("1"), close(4401, "Unauthorized", by=SERVER),
        violates=["ack-before-subscribe"],
    ),
    graphql(
        "too-early-is-served", "The client does not wait for the acknowledgement, and the server lets it",
        INIT, subscribe("1"), server(type="connection_ack"), result("1"), server(type="complete", id="1"), close(),
        violates=["ack-before-subscribe", "subscribe-before-ack-is-4401"],
    ),
    graphql(
        "second-init", "The client introduces itself twice, and is closed with 4429",
        *READY, INIT, close(4429, "Too many initialisation requests", by=SERVER),
        violates=["one-init"],
    ),
    graphql(
        "id-in-use", "An id is used for a second operation while the first goes on; the server closes with 4409",
        *READY, subscribe("1"), result("1"), subscribe("1"), close(4409, "Subscriber for 1 already exists", by=SERVER),
        violates=["operation"],
    ),
    graphql(
        "result-after-complete", "The server sends a result of an operation that it has completed",
        *READY, subscribe("1"), result("1"), server(type="complete", id="1"), result("1", 910), close(),
        violates=["operation"],
    ),
    graphql(
        "older-protocol", "The client speaks the protocol's predecessor, and is closed with 4400",
        *READY, client(type="start", id="1", payload={"query": LATENCY}), close(4400, "Invalid message received", by=SERVER),
        violates=["unknown"],
    ),
)  # fmt: skip


# OpenAI's Realtime API


def realtime(name: str, description: str, *lines: Line, violates: Iterable[str] = ()) -> Transcript:
    """Gives each event of the server the id that the API would give it, where the line names none."""
    numbers = count(1)
    return Transcript(
        "openai-realtime", name, description,
        tuple(
            replace(line, message={"event_id": f"event_{next(numbers):03}"} | line.message)
            if isinstance(line, Says) and line.by is SERVER else line
            for line in lines
        ),
        path="/v1/realtime?model=gpt-realtime", violates=frozenset(violates),
    )  # fmt: skip


SESSION = {"type": "realtime", "object": "realtime.session", "id": "sess_1", "model": "gpt-realtime"}
CREATED = server(type="session.created", session=SESSION)
BEGIN: tuple[Line, ...] = (
    CREATED,
    client(type="session.update", session={"type": "realtime", "output_modalities": ["text"]}),
    server(type="session.updated", session=SESSION),
)
RATE_LIMITS = server(
    type="rate_limits.updated",
    rate_limits=[{"name": "requests", "limit": 1000, "remaining": 999, "reset_seconds": 0.06}],
)
ITEM = {"id": "item_question", "object": "realtime.item", "type": "message", "role": "user", "status": "completed"}
SILENCE = b64encode(bytes(48)).decode()  # a millisecond of PCM, 16 bits at 24 kHz
ASK: tuple[Line, ...] = (
    client(
        type="conversation.item.create",
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": QUESTION}]},
    ),
    server(type="conversation.item.added", previous_item_id=None, item=ITEM),
    server(type="conversation.item.done", previous_item_id=None, item=ITEM),
    client(type="response.create"),
)


def response(step: str, id: str, status: str) -> Says:
    return server(type=f"response.{step}", response={"object": "realtime.response", "id": id, "status": status})


def item(step: str, of: str, kind: str = "message", **values: Any) -> Says:
    """A response's only item."""
    described = {"id": f"item_of_{of}", "object": "realtime.item", "type": kind, **values}
    return server(type=f"response.output_item.{step}", response_id=of, output_index=0, item=described)


def piece(kind: str, of: str, **values: Any) -> Says:
    """Something about the only part of that item."""
    return server(
        type=f"response.{kind}", response_id=of, item_id=f"item_of_{of}", output_index=0, content_index=0, **values
    )


def text_response(id: str) -> list[Line]:
    text = ("It waits", " for the database.")
    return [
        response("created", id, "in_progress"),
        item("added", id, status="in_progress", role="assistant", content=[]),
        piece("content_part.added", id, part={"type": "text", "text": ""}),
        *(piece("output_text.delta", id, delta=delta) for delta in text),
        piece("output_text.done", id, text="".join(text)),
        piece("content_part.done", id, part={"type": "text", "text": "".join(text)}),
        item("done", id, status="completed", role="assistant"),
        response("done", id, "completed"),
        RATE_LIMITS,
    ]


def function_call(id: str) -> list[Line]:
    keys = {"response_id": id, "item_id": f"item_of_{id}", "output_index": 0, "call_id": "call_1"}
    return [
        response("created", id, "in_progress"),
        item("added", id, "function_call", name="search", call_id="call_1", arguments=""),
        server(type="response.function_call_arguments.delta", delta='{"query": ', **keys),
        server(type="response.function_call_arguments.delta", delta='"slow spans"}', **keys),
        server(type="response.function_call_arguments.done", arguments='{"query": "slow spans"}', **keys),
        item("done", id, "function_call", name="search", call_id="call_1", arguments='{"query": "slow spans"}'),
        response("done", id, "completed"),
    ]


def speech(item_id: str) -> list[Line]:
    """The user speaks; the server hears when."""
    return [
        client(type="input_audio_buffer.append", audio=SILENCE),
        server(type="input_audio_buffer.speech_started", audio_start_ms=0, item_id=item_id),
        client(type="input_audio_buffer.append", audio=SILENCE),
        server(type="input_audio_buffer.speech_stopped", audio_end_ms=2, item_id=item_id),
        server(type="input_audio_buffer.committed", previous_item_id=None, item_id=item_id),
    ]


def transcription(step: str, item_id: str, **values: Any) -> Says:
    """Something about what the server understood of the user's speech."""
    return server(
        type=f"conversation.item.input_audio_transcription.{step}", item_id=item_id, content_index=0, **values
    )


def interrupted_answer(id: str) -> list[Line]:
    """A spoken answer into which the user speaks."""
    return [
        response("created", id, "in_progress"),
        item("added", id, status="in_progress", role="assistant", content=[]),
        piece("content_part.added", id, part={"type": "audio", "transcript": ""}),
        piece("output_audio_transcript.delta", id, delta="It waits"),
        piece("output_audio.delta", id, delta=SILENCE),
        *speech("item_interruption"),
        piece("output_audio.done", id),
        piece("output_audio_transcript.done", id, transcript="It waits"),
        piece("content_part.done", id, part={"type": "audio", "transcript": "It waits"}),
        item("done", id, status="incomplete", role="assistant"),
        response("done", id, "cancelled"),
    ]


def without(lines: list[Line], *types: str) -> list[Line]:
    return [line for line in lines if not (isinstance(line, Says) and line.message.get("type") in types)]


REALTIME = (
    realtime(
        "good", "An answer in text, and a function call",
        *BEGIN, *ASK, *text_response("resp_1"), client(type="response.create"), *function_call("resp_2"), close(),
    ),
    realtime(
        "good-interruption", "A spoken answer that the user interrupts; what the user said is transcribed after it",
        *BEGIN, *speech("item_speech"), *interrupted_answer("resp_1"),
        transcription("delta", "item_speech", delta="And why"),
        transcription("completed", "item_speech", transcript="And why?"),
        close(),
    ),
    realtime(
        "response-never-done", "A response that is begun and never done",
        *BEGIN, *ASK, *without(text_response("resp_1"), "response.done"), close(),
        violates=["response"],
    ),
    realtime(
        "text-never-done", "Text in pieces, and nothing says that it is complete",
        *BEGIN, *ASK, *without(text_response("resp_1"), "response.output_text.done"), close(),
        violates=["text-is-done"],
    ),
    realtime(
        "part-left-open", "An item is done whose part is not",
        *BEGIN, *ASK, *without(text_response("resp_1"), "response.content_part.done"), close(),
        violates=["part"],
    ),
    realtime(
        "no-answer", "The server never takes up what it was asked for",
        *BEGIN, *ASK, close(),
        violates=["response-is-created"],
    ),
    realtime(
        "session-too-late", "Events come before the session is there",
        *BEGIN[1:], CREATED, *ASK, *text_response("resp_1"), close(),
        violates=["session-first"],
    ),
    realtime(
        "same-event-twice", "Two events of one id",
        CREATED, *ASK, *text_response("resp_1"), replace(RATE_LIMITS, message=RATE_LIMITS.message | {"event_id": "event_001"}),
        close(),
        violates=["event-id"],
    ),
)  # fmt: skip

TRANSCRIPTS: tuple[Transcript, ...] = (*AG_UI, *GRAPHQL, *REALTIME, *RESPONSES)
