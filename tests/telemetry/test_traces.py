"""Which trace a run is part of, and what follows from the recording alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wsreplay.formats.import_file import import_file
from wsreplay.telemetry.collect import SpanCollector
from wsreplay.telemetry.traces import TraceContext, TraceSpan, parse_traceparent, provider_of
from wsreplay.trace.identity import parse_user_source
from wsreplay.trace.redaction import Redactor

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"
FIRST, SECOND, THIRD = (f"00-{digit * 32}-{digit * 16}-01" for digit in "abc")
CONTEXTS = {text[3]: TraceContext(int(text[3] * 32, 16), int(text[3] * 16, 16)) for text in (FIRST, SECOND, THIRD)}


def spans_of(path: Path, *users: str) -> list[TraceSpan]:
    spans: list[TraceSpan] = []
    with SpanCollector(path, None, spans.extend, users=[parse_user_source(user) for user in users]) as collector:
        collector.look()
    return spans


def recorded(folder: Path, *messages: tuple[str, dict[str, object]], headers: list[tuple[str, str]] = []) -> Path:  # noqa: B006
    """A recording of one connection: messages by their direction."""
    lines: list[dict[str, object]] = [{"wsreplay": 1}, {"connection": 1, "t": 0, "open": {"path": "/", "headers": headers}}]
    for number, (direction, event) in enumerate(messages, 1):
        lines.append({"connection": 1, "t": number / 10, "dir": direction, "opcode": "text", "data": json.dumps(event)})
    (folder / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    path = folder / "a.db"
    with (folder / "a.jsonl").open("rb") as file:
        import_file(file, path, name="a.jsonl", redactor=Redactor())
    return path


def run_of(thread: str, **more: object) -> list[tuple[str, dict[str, object]]]:
    ids = {"thread_id": thread, "run_id": f"run-{thread}"}
    return [("s2c", {"type": "agent_started", **ids, **more}), ("s2c", {"type": "agent_completed", **ids})]


@pytest.mark.parametrize("name", ["sub-agent", "parallel-tools", "leak", "dropped-connection"])
def test_the_same_recording_gives_the_same_spans(name: str) -> None:
    spans = spans_of(SAMPLES / f"{name}.db")
    assert spans == spans_of(SAMPLES / f"{name}.db")
    ids = [span.span_id for span in spans]
    assert len(set(ids)) == len(ids)
    assert {span.parent_id for span in spans} <= {None, *ids}
    assert all(0 < span.trace_id < 2**128 and 0 < span.span_id < 2**64 for span in spans)
    assert all(span.start_ns <= span.end_ns for span in spans)


def test_runs_are_traces_of_their_own_and_what_is_part_of_them_is_in_theirs() -> None:
    spans = spans_of(SAMPLES / "sub-agent.db")
    (root,) = (span for span in spans if span.parent_id is None)
    assert {span.trace_id for span in spans} == {root.trace_id}
    assert [span.name for span in spans if span.name.startswith("invoke_agent")] == [
        "invoke_agent researcher", "invoke_agent analyst",
    ]  # fmt: skip


def test_the_nearest_traceparent_counts(tmp_path: Path) -> None:
    path = recorded(
        tmp_path,
        ("c2s", {"type": "chat", "thread_id": "asked", "message": "?", "_meta": {"traceparent": SECOND}}),
        *run_of("asked"), *run_of("other"), *run_of("told", traceparent=THIRD),
        headers=[("traceparent", FIRST)],
    )  # fmt: skip
    contexts = {span.attributes["gen_ai.conversation.id"]: (span.trace_id, span.parent_id) for span in spans_of(path)
                if span.name.startswith("invoke_agent")}  # fmt: skip
    assert contexts == {"asked": CONTEXTS["b"], "other": CONTEXTS["a"], "told": CONTEXTS["c"]}


@pytest.mark.parametrize(
    "text",
    ["", "x", f"ff{FIRST[2:]}", f"00-{'0' * 32}-{'a' * 16}-01", f"00-{'a' * 32}-{'0' * 16}-01", FIRST[:-1], FIRST.upper()],
)
def test_what_is_no_traceparent(text: str) -> None:
    assert parse_traceparent(text) is None


def test_a_traceparent_of_a_later_version() -> None:
    assert parse_traceparent(f"01{FIRST[2:]}-what-comes") == CONTEXTS["a"]


def test_a_user_may_be_named_by_messages(tmp_path: Path) -> None:
    path = recorded(tmp_path, ("c2s", {"type": "hello", "who": {"id": "ann"}}), *run_of("t1"))
    assert [span.attributes.get("user.id") for span in spans_of(path)] == [None]
    assert [span.attributes.get("user.id") for span in spans_of(path, "$.who.id")] == ["ann"]


def test_a_user_may_be_named_elsewhere_in_the_handshake(tmp_path: Path) -> None:
    path = recorded(tmp_path, *run_of("t1"), headers=[("X-Tenant", "acme")])
    assert [span.attributes.get("user.id") for span in spans_of(path, "header:x-tenant")] == ["acme"]


def test_what_an_agent_does_has_a_provider() -> None:
    spans = [span for span in spans_of(SAMPLES / "parallel-tools.db") if "gen_ai.operation.name" in span.attributes]
    assert {span.attributes["gen_ai.provider.name"] for span in spans} == {"agent-chat"}


@pytest.mark.parametrize(
    ("upstream", "contract", "provider"),
    [
        ("wss://api.openai.com/v1/realtime", "openai-realtime", "openai"),
        ("wss://eastus.openai.azure.com/openai/realtime", "openai-realtime", "azure.ai.openai"),
        ("wss://generativelanguage.googleapis.com/ws", "mine", "gcp.gemini"),
        ("ws://localhost:8000", "openai-responses", "openai"),
        ("ws://notopenai.com", "mine", "mine"),
        ("ws://[broken", "mine", "mine"),
        ("", "agent-chat", "agent-chat"),
    ],
)
def test_a_provider_is_named_by_where_the_agent_is_or_by_what_it_speaks(upstream: str, contract: str, provider: str) -> None:
    assert provider_of(upstream, contract) == provider
