"""Conversations with OpenAI's Responses API over WebSocket: one that is well held, and bad ones.

The client's lines are what the Python package `openai` sends; a test lets it hold the good ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any

from tools.samples.transcript import SERVER, Line, Says, Transcript, client, close, server

QUESTION = "Why is the checkout slow?"
ANSWER = ("It waits", " for the database.")
ARGUMENTS = ('{"query": ', '"slow spans"}')
TOOL = {
    "type": "function", "name": "search", "description": "Search the traces.", "strict": True,
    "parameters": {
        "type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"], "additionalProperties": False,
    },
}  # fmt: skip
ASK = client(type="response.create", model="gpt-5.2", input=QUESTION, tools=[TOOL])


def responses(name: str, description: str, *lines: Line, violates: Iterable[str] = ()) -> Transcript:
    numbered = tuple(_numbered(lines))
    return Transcript("openai-responses", name, description, numbered, path="/v1/responses", violates=frozenset(violates))


def _numbered(lines: Iterable[Line]) -> Iterable[Line]:
    """The server numbers the events of each response from 0."""
    numbers = count()
    for line in lines:
        if isinstance(line, Says) and line.by is SERVER and "sequence_number" not in line.message:
            if line.message["type"] == "response.created":
                numbers = count()
            line = Says(SERVER, {**line.message, "sequence_number": next(numbers)})
        yield line


def response(step: str, id: str, status: str, **values: Any) -> Says:
    """Something about a response as a whole."""
    about = {
        "id": id, "object": "response", "created_at": 1_795_000_000, "status": status, "model": "gpt-5.2", "output": [],
        "parallel_tool_calls": True, "tool_choice": "auto", "error": None, "incomplete_details": None,
        **values,
    }  # fmt: skip
    return server(type=f"response.{step}", response=about)


def begin(id: str) -> list[Line]:
    return [response("created", id, "in_progress"), response("in_progress", id, "in_progress")]


def item(step: str, id: str, index: int = 0, **values: Any) -> Says:
    """An item of the response is opened or done."""
    return server(type=f"response.output_item.{step}", output_index=index, item={"id": id, **values})


def piece(kind: str, of: str, **values: Any) -> Says:
    """Something about the only part of an item."""
    return server(type=f"response.{kind}", item_id=of, output_index=0, content_index=0, **values)


def part_of(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def message(id: str) -> list[Line]:
    """An answer in text."""
    text = "".join(ANSWER)
    about = {"type": "message", "role": "assistant"}
    return [
        item("added", id, status="in_progress", content=[], **about),
        piece("content_part.added", id, part=part_of("")),
        *(piece("output_text.delta", id, delta=delta, logprobs=[]) for delta in ANSWER),
        piece("output_text.done", id, text=text, logprobs=[]),
        piece("content_part.done", id, part=part_of(text)),
        item("done", id, status="completed", content=[part_of(text)], **about),
    ]


def function_call(id: str) -> list[Line]:
    """The model asks for a tool."""
    about = {"type": "function_call", "name": "search", "call_id": "call_1"}
    arguments = "".join(ARGUMENTS)
    step = "response.function_call_arguments"
    return [
        item("added", id, status="in_progress", arguments="", **about),
        *(server(type=f"{step}.delta", item_id=id, output_index=0, delta=delta) for delta in ARGUMENTS),
        server(type=f"{step}.done", item_id=id, output_index=0, name="search", arguments=arguments),
        item("done", id, status="completed", arguments=arguments, **about),
    ]


def reasoning(id: str) -> list[Line]:
    """What the model thought, in short."""
    text = "The spans show a wait."
    step, place = "response.reasoning_summary", {"item_id": id, "output_index": 0, "summary_index": 0}
    return [
        item("added", id, type="reasoning", summary=[]),
        server(type=f"{step}_part.added", part={"type": "summary_text", "text": ""}, **place),
        server(type=f"{step}_text.delta", delta=text, **place),
        server(type=f"{step}_text.done", text=text, **place),
        server(type=f"{step}_part.done", part={"type": "summary_text", "text": text}, **place),
        item("done", id, type="reasoning", summary=[{"type": "summary_text", "text": text}]),
    ]


def done(id: str) -> Says:
    return response("completed", id, "completed")


def tell(call: str, of: str) -> Says:
    """The client has run the tool."""
    output = {"type": "function_call_output", "call_id": call, "output": "db.query 2.9 s"}
    return client(type="response.create", model="gpt-5.2", previous_response_id=of, input=[output], tools=[TOOL])


CUT_SHORT = {"incomplete_details": {"reason": "max_output_tokens"}}
FAILED = {"error": {"code": "server_error", "message": "The model is overloaded."}}
REFUSED = server(
    type="error", sequence_number=None, status=400,
    error={"type": "invalid_request_error", "code": "previous_response_not_found", "message": "There is no such response.",
           "param": "previous_response_id"},
)  # fmt: skip
WHOLE: tuple[Line, ...] = (ASK, *begin("resp_1"), *message("msg_1"), done("resp_1"))


def without(type_: str) -> list[Line]:
    """A conversation in which one event does not come."""
    return [line for line in WHOLE if not (isinstance(line, Says) and line.message["type"] == type_)]


RESPONSES = (
    responses(
        "good", "A tool is asked for, run, and the answer comes in text",
        ASK, *begin("resp_1"), *reasoning("rs_1"), *function_call("fc_1"), done("resp_1"),
        tell("call_1", "resp_1"), *begin("resp_2"), *message("msg_1"), done("resp_2"), close(),
    ),
    responses(
        "good-endings", "A response that is cut short, one that fails, and a request that is refused",
        ASK, *begin("resp_1"), *message("msg_1"), response("incomplete", "resp_1", "incomplete", **CUT_SHORT),
        ASK, *begin("resp_2"), response("failed", "resp_2", "failed", **FAILED),
        tell("call_9", "resp_9"), REFUSED, close(),
    ),
    responses(
        "never-completed", "A response that ends in nothing",
        *without("response.completed"), close(), violates=["response"],
    ),
    responses(
        "no-answer", "The server never takes up what it was asked for",
        *WHOLE, ASK, close(), violates=["response-is-created"],
    ),
    responses(
        "text-never-done", "Text in pieces, and nothing says that it is complete",
        *without("response.output_text.done"), close(), violates=["text-is-done"],
    ),
    responses(
        "part-left-open", "An item is done whose part is not",
        *without("response.content_part.done"), close(), violates=["part"],
    ),
    responses(
        "item-never-added", "An item is done that was never opened",
        *without("response.output_item.added"), close(), violates=["output-item"],
    ),
    responses(
        "arguments-cut", "The arguments of a tool are no JSON when they are said to be done",
        ASK, *begin("resp_1"),
        *(line for line in function_call("fc_1") if not (isinstance(line, Says) and line.message.get("delta") == ARGUMENTS[1])),
        done("resp_1"), close(), violates=["arguments-are-json"],
    ),
    responses(
        "numbers-fall", "An event has the number of an earlier one",
        *WHOLE[:-1], server(**{**done("resp_1").message, "sequence_number": 3}), close(), violates=["numbers-rise"],
    ),
)  # fmt: skip
