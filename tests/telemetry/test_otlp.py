"""Spans as a collector gets them: OtelTap, a real receiver of OTLP over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings
from ports import unused

from wsreplay.errors import UpstreamError, UsageError
from wsreplay.telemetry.collect import SpanCollector
from wsreplay.telemetry.otlp import BackgroundSender, SpanSender, traces_endpoint
from wsreplay.telemetry.traces import TraceSpan

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"
SPAN = TraceSpan("run", 1, 2, None, 3, 4, {})


async def received(send: Callable[[str], Any], names: set[str]) -> dict[str, Any]:
    """The spans that come, by their names, until all of these have."""
    (port,) = unused(1)
    spans: dict[str, Any] = {}
    async with OtelTapHttpProtobufReceiver(OtelTapHttpProtobufReceiverSettings(http_port=port)) as receiver:
        stream = receiver.stream_traces()
        sending = asyncio.create_task(asyncio.to_thread(send, f"http://127.0.0.1:{port}"))
        while not names <= spans.keys():
            span = await asyncio.wait_for(anext(stream), 30)
            spans[span.name] = span
        await sending
    return spans


def attributes(span: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in span.attributes}


async def test_a_collector_gets_runs_tools_and_findings() -> None:
    def export(url: str) -> None:
        with SpanCollector(SAMPLES / "missing-event.db", None, SpanSender(url).send) as collector:
            assert collector.look() is False

    spans = await received(export, {"invoke_agent analyst", "execute_tool search"})
    run, tool = spans["invoke_agent analyst"], spans["execute_tool search"]
    assert tool.trace_id == run.trace_id
    assert tool.parent_span_id == run.span_id
    assert run.parent_span_id == b""
    assert run.start_time_unix_nano < tool.start_time_unix_nano < tool.end_time_unix_nano <= run.end_time_unix_nano
    assert run.start_time_unix_nano > 1_700_000_000 * 10**9
    told = attributes(tool)
    names = ("operation.name", "tool.name", "tool.call.id")
    assert [told[f"gen_ai.{name}"] for name in names] == ["execute_tool", "search", "c1"]
    assert attributes(run)["gen_ai.agent.name"] == "analyst"
    assert attributes(run)["gen_ai.conversation.id"] == told["gen_ai.conversation.id"]
    assert (tool.status.code, told["error.type"]) == (2, "cut")
    assert run.status.code == 0
    (event,) = tool.events
    assert event.name == "wsreplay.finding"
    assert attributes(event)["wsreplay.finding.rule"] == "tool"
    assert attributes(event)["wsreplay.finding.verdict"] == "violated"


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://localhost:4318", "http://localhost:4318/v1/traces"),
        ("https://collector.example/", "https://collector.example/v1/traces"),
        ("http://localhost:4318/otlp/v1/traces", "http://localhost:4318/otlp/v1/traces"),
    ],
)
def test_where_traces_go(url: str, endpoint: str) -> None:
    assert traces_endpoint(url) == endpoint


@pytest.mark.parametrize("url", ["localhost:4318", "ftp://x", "http://", "http://x:99999", ""])
def test_what_is_no_url_of_a_collector(url: str) -> None:
    with pytest.raises(UsageError, match="is not the URL of a collector"):
        traces_endpoint(url)


def test_a_collector_that_is_not_there_is_said() -> None:
    (port,) = unused(1)
    sender = SpanSender(f"http://127.0.0.1:{port}", timeout_s=0.2)
    with pytest.raises(UpstreamError, match=f"no collector answers at 127.0.0.1:{port}: Connection refused"):
        sender.check()
    with pytest.raises(UpstreamError, match="takes no spans: "):
        sender.send([SPAN])


def test_nobody_waits_for_a_collector_and_its_failures_are_said_once_in_a_row() -> None:
    (port,) = unused(1)
    complaints: list[str] = []
    sender = BackgroundSender(SpanSender(f"http://127.0.0.1:{port}", timeout_s=0.1), complaints.append)
    for _ in range(3):
        sender.send([SPAN])
    sender.drain(30)
    assert len(complaints) == 1
