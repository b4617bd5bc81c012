"""What users of AG-UI ran into, beyond what its own verifier knows: each is found, and what is like it and valid is not."""

from __future__ import annotations

from typing import Any

import pytest
from judged_traces import Trace

Event = tuple[str, dict[str, Any]]


def start(run: str = "r1") -> Event:
    return "RUN_STARTED", {"threadId": "t", "runId": run}


def finish(run: str = "r1") -> Event:
    return "RUN_FINISHED", {"threadId": "t", "runId": run}


def call(id: str, *deltas: str, result: bool = True) -> list[Event]:
    started: list[Event] = [("TOOL_CALL_START", {"toolCallId": id, "toolCallName": "search"})]
    args: list[Event] = [("TOOL_CALL_ARGS", {"toolCallId": id, "delta": delta}) for delta in deltas]
    return [*started, *args, ("TOOL_CALL_END", {"toolCallId": id}), *([answer(id)] if result else [])]


def answer(id: str) -> Event:
    return "TOOL_CALL_RESULT", {"messageId": f"m-{id}", "toolCallId": id, "content": "ok"}


def text(id: str) -> list[Event]:
    return [("TEXT_MESSAGE_START", {"messageId": id, "role": "assistant"}),
            ("TEXT_MESSAGE_CONTENT", {"messageId": id, "delta": "hi"}), ("TEXT_MESSAGE_END", {"messageId": id})]  # fmt: skip


def error(**values: Any) -> Event:
    return "RUN_ERROR", values


CASES: dict[str, tuple[list[Event], list[tuple[str, str]]]] = {
    "a call whose arguments come in pieces": ([start(), *call("a", '{"q"', ':"x"}'), *text("m"), finish()], []),
    "a call without arguments": ([start(), *call("a"), finish()], []),
    "the arguments of two calls, merged into one": (
        [start(), *call("a", '{"q":"alpha"}', '{"q":"beta"}'), finish()], [("error", "arguments")]),
    "two calls side by side, their pieces interleaved": (
        [start(), *call("a", '{"q":', result=False)[:2], *call("b", "{}", result=False)[:2],
         ("TOOL_CALL_ARGS", {"toolCallId": "a", "delta": "1}"}), ("TOOL_CALL_END", {"toolCallId": "b"}),
         ("TOOL_CALL_END", {"toolCallId": "a"}), answer("b"), answer("a"), finish()], []),
    "arguments that were cut off": ([start(), *call("a", '{"q": "al'), finish()], [("error", "arguments")]),
    "a result without its call": ([start(), answer("a"), *text("m"), finish()], [("warning", "result-of-a-call")]),
    "results in the next run, of a call in the one before": (
        [start(), *call("a", "{}", result=False), finish(), start("r2"), answer("a"), finish("r2")],
        [("warning", "call-has-result")]),
    "a call without its result": ([start(), *call("a", "{}", result=False), finish()], [("warning", "call-has-result")]),
    "a run that fails owes no results": ([start(), *call("a", "{}", result=False), error(message="x")], []),
    "an error without its message": ([start(), error(rawEvent={})], [("error", "schema")]),
    "an error whose message is no text": ([start(), error(message=None)], [("error", "schema")]),
    "one id for two messages": ([start(), *text("m"), *text("m"), finish()], [("warning", "one-message")]),
    "one id for two messages of two runs": (
        [start(), *text("m"), finish(), start("r2"), *text("m"), finish("r2")], [("warning", "one-message")]),
    "one id for two calls": ([start(), *call("a", "{}"), *call("a", "{}"), finish()], [("warning", "one-call")]),
    "a finish of another run": ([start("r1"), finish("r2")], [("error", "same-run")]),
    "run after run under ids of their own": ([start("r1"), finish("r1"), start("r2"), finish("r2")], []),
    "a run after one that failed": ([start("r1"), error(message="x"), start("r2"), *text("m"), finish("r2")], []),
    "an error closes the text that is open": ([start(), *text("m")[:2], error(message="aborted")], []),
}  # fmt: skip


@pytest.mark.parametrize(("events", "expected"), CASES.values(), ids=CASES)
def test_what_users_ran_into_is_found(events: list[Event], expected: list[tuple[str, str]]):
    trace = Trace().open()
    for type_, values in events:
        trace.s2c(type_, **values)
    findings = [finding for finding in trace.close().judge("ag-ui").findings if finding.caused_by is None]
    assert [(str(finding.severity), finding.rule) for finding in findings] == expected
