from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.model import Message, Opcode
from wsreplay.trace.events import event_type
from wsreplay.trace.spans import CONVERSATION, divided, identifiers, lanes


def messages(*documents: dict[str, Any]) -> list[Message]:
    listed = []
    for number, document in enumerate(documents, 1):
        payload = orjson.dumps(document)
        direction = 0 if document["type"].startswith("user") else 1
        listed.append(Message(number, 1, number, number * 10, direction, Opcode.TEXT, event_type(payload), payload, number))
    return listed


def drawn(*documents: dict[str, Any]) -> list[tuple[str, str, int, int | None]]:
    return [(span.lane, span.name, span.start_ns, span.end_ns) for span in lanes(messages(*documents)).spans]


@pytest.mark.parametrize(
    ("type", "parts"),
    [
        ("tool_executing", ("tool", "executing")),
        ("RUN_STARTED", ("run", "started")),
        ("TOOL_CALL_END", ("tool_call", "end")),
        ("ToolCallEnd", ("tool_call", "end")),
        ("response.output_item.added", ("response_output_item", "added")),
        ("", ("", "")),
        ("漢", ("", "")),
    ],
)
def test_a_type_is_a_stem_and_a_verb(type: str, parts: tuple[str, str]) -> None:
    assert divided(type) == parts


def test_parallel_tools_end_by_their_ids() -> None:
    run = {"run_id": "r1", "thread_id": "t1"}
    assert drawn(
        {"type": "agent_started", **run},
        {"type": "tool_executing", "tool_call_id": "a", "tool_name": "search", **run},
        {"type": "tool_executing", "tool_call_id": "b", "tool_name": "sql", **run},
        {"type": "tool_completed", "tool_call_id": "b", **run},
        {"type": "tool_error", "tool_call_id": "a", **run},
        {"type": "agent_completed", **run},
    ) == [
        ("thread t1 · run r1", "agent", 10, 60),
        ("thread t1 · run r1", "search", 20, 50),
        ("thread t1 · run r1", "sql", 30, 40),
    ]


def test_without_ids_the_oldest_ends_first_and_names_are_told_apart() -> None:
    assert drawn(
        {"type": "tool_executing", "tool_name": "a"},
        {"type": "tool_executing", "tool_name": "b"},
        {"type": "tool_executing", "tool_name": "b"},
        {"type": "tool_completed", "tool_name": "b"},
        {"type": "tool_completed"},
    ) == [(CONVERSATION, "a", 10, 50), (CONVERSATION, "b", 20, 40), (CONVERSATION, "b", 30, None)]


def test_what_names_no_run_belongs_to_the_last_one() -> None:
    found = lanes(
        messages(
            {"type": "user_message"},
            {"type": "RUN_STARTED", "threadId": "t", "runId": "r"},
            {"type": "TEXT_MESSAGE_START", "messageId": "m"},
            {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m"},
            {"type": "TEXT_MESSAGE_END", "messageId": "m"},
            {"type": "RUN_FINISHED", "threadId": "t", "runId": "r"},
        )
    )
    assert list(found.names) == [CONVERSATION, "thread t · run r"]
    assert [(span.lane, span.stem, span.end_ns) for span in found.spans] == [
        ("thread t · run r", "run", 60), ("thread t · run r", "text_message", 50),
    ]  # fmt: skip
    assert [(one.lane, one.name) for one in found.instants] == [
        (CONVERSATION, "user_message"), ("thread t · run r", "TEXT_MESSAGE_CONTENT"),
    ]  # fmt: skip


def test_a_failure_of_any_name_ends_the_run_and_cuts_what_is_open_in_it() -> None:
    run = {"run_id": "r1"}
    (agent, tool) = lanes(
        messages({"type": "agent_started", **run}, {"type": "tool_executing", **run}, {"type": "error_event", **run})
    ).spans
    assert (agent.failed, agent.cut, agent.end_ns) == (True, False, 30)
    assert (tool.failed, tool.cut, tool.end_ns) == (False, True, 30)


def test_a_run_that_ends_cuts_nothing_of_another_run() -> None:
    found = lanes(
        messages(
            {"type": "agent_started", "run_id": "r1"},
            {"type": "agent_started", "run_id": "r2"},
            {"type": "tool_executing", "run_id": "r2"},
            {"type": "agent_completed", "run_id": "r1"},
        )
    )
    assert [(span.name, span.end_ns, span.cut) for span in found.spans] == [
        ("agent", 40, False), ("agent", None, False), ("tool", None, False),
    ]  # fmt: skip


def test_numbers_are_ids_too_and_broken_documents_have_none() -> None:
    payload = b'{"run_id": 7, "payload": {"run_id": 8, "tool_name": "x"}, "thread_id": true}'
    assert identifiers(payload) == {"run": "7", "name": "x"}
    assert identifiers(b"{") == identifiers(b"[]") == {}


@given(st.lists(st.sampled_from(["agent_started", "agent_completed", "tool_executing", "tool_completed", "error", "x_done"])))
def test_spans_end_after_they_begin_and_every_event_is_drawn(types: list[str]) -> None:
    found = lanes(messages(*({"type": type} for type in types)))
    assert all(span.end_ns is None or span.end_ns > span.start_ns for span in found.spans)
    ends = sum(span.end_frame is not None for span in found.spans)
    assert len(found.spans) + ends + len(found.instants) == len(types)
