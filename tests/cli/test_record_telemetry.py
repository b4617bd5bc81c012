"""`record --metrics` and `--otlp` beside the real things: Debian's Prometheus scrapes it, OtelTap collects."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from commandline import Recorder, chat, run
from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings
from ports import unused
from relay import wait_for

OBSERVABILITY = Path(__file__).parents[2] / "examples" / "observability"


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def metrics_url(recorder: Recorder) -> str:
    return recorder.wait_for(r"metrics at (\S+)")[1]


def children(recorder: Recorder, word: bytes) -> list[int]:
    pid = recorder.process.pid
    pids = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return [child for child in pids if word in Path(f"/proc/{child}/cmdline").read_bytes()]


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[str]:
    """A Prometheus that scrapes $TARGET every half second is to be started by the test: its folder's config; its URL."""
    if shutil.which("prometheus") is None:
        pytest.skip("needs prometheus")
    (port,) = unused(1)
    yield f"127.0.0.1:{port}"


@pytest.mark.campaign
def test_prometheus_scrapes_what_was_recorded(
    tmp_path: Path, backend: str, record: type[Recorder], prometheus: str
) -> None:
    recorder = record(backend, "-l", "0", "-o", tmp_path / "a.db", "--metrics", "127.0.0.1:0")
    url = metrics_url(recorder)
    chat(recorder.url, "missing-event", "bob")
    chat(recorder.url, "healthy", "alice")
    target = url.removeprefix("http://").removesuffix("/metrics")
    (tmp_path / "prometheus.yml").write_text(json.dumps({
        "global": {"scrape_interval": "500ms"},
        "scrape_configs": [{"job_name": "wsreplay", "static_configs": [{"targets": [target]}]}],
    }))  # fmt: skip
    server = start_prometheus(tmp_path, prometheus)

    def value(query: str) -> float:
        try:
            found = json.loads(get(f"http://{prometheus}/api/v1/query?query={query}"))["data"]["result"]
        except OSError:  # it is not up yet
            return -1
        return float(found[0]["value"][1]) if found else -1

    try:
        wait_for(lambda: value("sum(wsreplay_runs_total)") == 2, "Prometheus has both runs")
        assert value("up") == 1
        assert value('sum(wsreplay_events_total{type="agent_started"})') == 2
        assert value('sum(wsreplay_findings_total{verdict="violated"})') == 1
        assert value('sum(wsreplay_span_duration_seconds_count{span="run"})') == 2
        assert value("wsreplay_open_connections") == 0
        assert value("wsreplay_recorder_lag_seconds") < 5
    finally:
        server.terminate()
        server.wait(30)
    assert recorder.stop().code == 0


def shown(server: str, expression: str) -> int:
    """How many series a panel's expression gives, as Grafana asks for it."""
    text = expression.replace("$instance", ".*").replace("$__rate_interval", "30s")
    return len(asked(server, "query?" + urlencode({"query": text}))["result"])


def asked(server: str, path: str) -> Any:
    """What Prometheus's API says; nothing until it is up."""
    try:
        return json.loads(get(f"http://{server}/api/v1/{path}"))["data"]
    except OSError:
        return {"result": [], "alerts": []}


@pytest.mark.campaign
def test_proxy_prometheus_alerts_and_dashboard_work_together(
    tmp_path: Path, backend: str, record: type[Recorder], prometheus: str
) -> None:
    """The compose file's parts as they are, at other addresses: what Grafana would ask is asked of Prometheus."""
    words = shlex.split(yaml.safe_load((OBSERVABILITY / "compose.yaml").read_text())["services"]["wsreplay"]["command"])
    options = words[words.index("--rotate") :]
    recorder = record(backend, "-l", "0", "-o", tmp_path / "a.db", "--metrics", "127.0.0.1:0", *options)
    target = metrics_url(recorder).removeprefix("http://").removesuffix("/metrics")
    chat(recorder.url, "missing-event", "bob")
    for name in ("prometheus.yml", "alerts.yml"):
        text = (OBSERVABILITY / name).read_text().replace("backend:9464", target).replace("15s", "1s")
        (tmp_path / name).write_text(text)
    server = start_prometheus(tmp_path, prometheus)
    panels = json.loads((OBSERVABILITY / "dashboard.json").read_text())["panels"]
    expressions = {query["expr"]: panel["title"] for panel in panels for query in panel.get("targets", ())}

    def firing() -> set[str]:
        return {alert["labels"]["alertname"] for alert in asked(prometheus, "alerts")["alerts"] if alert["state"] == "firing"}

    try:
        wait_for(lambda: shown(prometheus, 'up{job="wsreplay"} == 1') > 0, "Prometheus scrapes the proxy")
        wait_for(lambda: shown(prometheus, 'wsreplay_findings_total{rule="tool"} == 1') > 0, "it has the first chat")
        chat(recorder.url, "healthy", "alice")
        chat(recorder.url, "missing-event", "carol")
        for expression, title in expressions.items():
            wait_for(lambda expression=expression: shown(prometheus, expression) > 0, f"{title} shows something")
        wait_for(lambda: "ChatContractViolated" in firing(), "the broken contract is an alert")
        assert firing() == {"ChatContractViolated"}
    finally:
        server.terminate()
        server.wait(30)
    assert recorder.stop().code == 0


def start_prometheus(folder: Path, address: str) -> subprocess.Popen[bytes]:
    """One that has its configuration and its data in this folder."""
    return subprocess.Popen(
        ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
         f"--web.listen-address={address}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def test_containers_learn_whether_all_is_well(tmp_path: Path, backend: str, record: type[Recorder]) -> None:
    recorder = record(backend, "-l", "0", "-o", tmp_path / "a.db", "--metrics", "127.0.0.1:0", "--rotate", "1h")
    url = metrics_url(recorder).removesuffix("/metrics")
    assert (get(f"{url}/healthz"), get(f"{url}/readyz")) == ("ok\n", "ok\n")
    (telemetry,) = children(recorder, b"wsreplay.telemetry")
    assert os.getpriority(os.PRIO_PROCESS, telemetry) > os.getpriority(os.PRIO_PROCESS, 0)  # traffic goes first
    recorder.process.send_signal(signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{telemetry}").exists(), "it ends with the relay")


def test_an_address_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        outcome = run("record", "ws://localhost:1", "-l", "0", "-o", tmp_path / "a.db", "--metrics", address)
    assert (outcome.code, outcome.err) == (2, f"wsreplay: --metrics cannot listen on {address}: address already in use\n")
    assert not (tmp_path / "a.db").exists()


async def collected(names: set[str], act: Callable[[str], None]) -> dict[str, Any]:
    """The spans by name that a collector has received, once all of these names have come; `act` gets its URL."""
    (port,) = unused(1)
    spans: dict[str, Any] = {}
    async with OtelTapHttpProtobufReceiver(OtelTapHttpProtobufReceiverSettings(http_port=port)) as receiver:
        stream = receiver.stream_traces()
        acting = asyncio.create_task(asyncio.to_thread(act, f"http://127.0.0.1:{port}"))
        while not names <= spans.keys():
            span = await asyncio.wait_for(anext(stream), 60)
            spans[span.name] = span
        await acting
    return spans


async def test_spans_are_sent_while_it_records_and_the_same_again_later(
    tmp_path: Path, backend: str, record: type[Recorder]
) -> None:
    def act(url: str) -> None:
        recorder = record(backend, "-l", "0", "-o", tmp_path / "a.db", "--otlp", url)
        recorder.wait_for(f"spans to {url}/v1/traces")
        chat(recorder.url, "missing-event", "bob")
        assert recorder.stop().code == 0  # on a busy machine the last spans are sent in the background

    names = {"invoke_agent analyst", "execute_tool search"}
    live = await collected(names, act)
    again: list[str] = []
    later = await collected(
        names, lambda url: again.append(run("export", tmp_path / "a.db", "-f", "otlp", "--to", url).out)
    )
    assert again[0].startswith("2 spans and 1 finding sent to http://127.0.0.1:")
    for name in names:
        assert (live[name].trace_id, live[name].span_id) == (later[name].trace_id, later[name].span_id)
    events = [event for span in live.values() for event in span.events]
    assert [event.name for event in events] == ["wsreplay.finding"]


def test_export_says_what_it_needs(recording: Path) -> None:
    together = "wsreplay: -f otlp needs --to and no -o: wsreplay export FILE -f otlp --to http://localhost:4318\n"
    (port,) = unused(1)
    for arguments, says in (
        (("-f", "otlp"), together),
        (("--to", "http://localhost:4318"), together),
        (("-f", "otlp", "--to", "localhost"), "wsreplay: 'localhost' is not the URL of a collector, such as http://localhost:4318\n"),
        (("9", "-f", "otlp", "--to", f"http://127.0.0.1:{port}"),
         f"wsreplay: {recording} has no session 9: it has sessions 1 to 2\n"),
        (("-f", "otlp", "--to", f"http://127.0.0.1:{port}"),
         f"wsreplay: no collector answers at 127.0.0.1:{port}: Connection refused\n"),
    ):  # fmt: skip
        outcome = run("export", recording, *arguments)
        assert (outcome.code, outcome.err) == (2, says)
