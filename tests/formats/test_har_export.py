"""HAR export, read again by others and by ourselves."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import foreign_files
import pytest
from commandline import run

from wsreplay.contract import load
from wsreplay.model import Message
from wsreplay.store.reader import Recording
from wsreplay.validator import judge

SAMPLES = sorted((Path(__file__).parents[2] / "recordings" / "samples").glob("*.db"))
MITM_PYTHON = foreign_files.MITMDUMP.with_name("python")

READ = """
import sys
from mitmproxy.io import FlowReader
for flow in FlowReader(open(sys.argv[1], "rb")).stream():
    print(flow.request.method, flow.request.pretty_url, flow.response.status_code)
"""


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """The HAR of a recording with texts, bytes, reconnects and a connection that was refused."""
    source = tmp_path / "source.jsonl"
    twice = [["Host", "x"], ["X-Twice", "1"], ["X-Twice", "2"]]
    named = [["Upgrade", "websocket"], ["Sec-WebSocket-Protocol", "agent-chat"]]
    answer = {"status": 101, "headers": named, "subprotocol": "agent-chat"}
    lines = [
        {"wsreplay": 1, "started_at": "2026-11-20T10:00:00Z", "upstream": "ws://localhost:8000"},
        {"connection": 1, "t": 0, "open": {"path": "/ws?a=1&b=", "headers": twice, "user": "u"}},
        {"connection": 1, "t": 0.001, "accept": answer},
        {"connection": 1, "t": 0.5, "dir": "c2s", "opcode": "text", "data": '{"type":"chat","message":"Grüße \\u0000 🧑‍🚀"}'},
        {"connection": 1, "t": 0.6, "dir": "s2c", "opcode": "binary", "base64": "AAEC/w=="},
        {"connection": 1, "t": 0.7, "dir": "s2c", "opcode": "text", "base64": "//4="},
        {"connection": 1, "t": 0.75, "dir": "s2c", "opcode": "ping", "data": "still there?"},
        {"connection": 1, "t": 0.8, "dir": "s2c", "opcode": "text", "fin": False, "data": '{"type":"agent'},
        {"connection": 1, "t": 0.9, "dir": "s2c", "opcode": "continuation", "data": '_started"}'},
        {"connection": 1, "t": 1.5, "close": {"by": "client", "code": 1000, "reason": "done"}},
        {"connection": 2, "t": 2, "open": {"path": "/ws", "headers": []}},
        {"connection": 2, "t": 2.25, "close": {"by": "drop"}},
        {"connection": 3, "t": 2.5, "open": {"path": "/", "headers": []}},
        {"connection": 3, "t": 2.5, "close": {"by": "proxy", "ending": "refused"}},
    ]  # fmt: skip
    source.write_text("\n".join(map(json.dumps, lines)))
    assert run("import", source, "-o", tmp_path / "source.db").code == 0
    outcome = run("export", tmp_path / "source.db", "-f", "har", "-o", tmp_path / "out.har")
    assert outcome.code == 0, outcome.err
    return tmp_path / "out.har"


def test_a_har_has_what_har_1_2_demands(exported: Path) -> None:
    log = json.loads(exported.read_text())["log"]
    assert log["version"] == "1.2"
    assert log["creator"]["name"] == "wsreplay"
    first = log["entries"][0]
    assert first["startedDateTime"] == "2026-11-20T10:00:00.000000Z"
    assert first["time"] == 1500
    assert first["request"]["url"] == "ws://localhost:8000/ws?a=1&b="
    assert first["request"]["queryString"] == [{"name": "a", "value": "1"}, {"name": "b", "value": ""}]
    assert [one["value"] for one in first["request"]["headers"]] == ["x", "1", "2"]
    assert [one["type"] for one in first["_webSocketMessages"]] == ["send", "receive", "receive", "receive"]
    assert first["_webSocketMessages"][1] == {"type": "receive", "time": 1795168800.6, "opcode": 2, "data": "AAEC/w=="}
    assert first["_webSocketMessages"][3]["data"] == '{"type":"agent_started"}'


@pytest.mark.skipif(not MITM_PYTHON.exists(), reason="needs mitmproxy")
def test_mitmproxys_reader_takes_it(exported: Path) -> None:
    done = subprocess.run([MITM_PYTHON, "-c", READ, exported], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "GET ws://localhost:8000/ws?a=1&b= 101"
    assert len(done.stdout.splitlines()) == 3


@pytest.mark.browser
@pytest.mark.skipif(foreign_files.CHROMIUM is None, reason="needs Chromium")
async def test_chromes_devtools_read_it(exported: Path) -> None:
    first, second, _ = await foreign_files.chrome_reads(exported.read_text())  # noqa: ASYNC240
    assert first[:2] == ["ws://localhost:8000/ws?a=1&b=", 101]
    assert first[2][0] == ["send", 1, '{"type":"chat","message":"Grüße \\u0000 🧑‍🚀"}']
    assert first[2][1] == ["receive", 2, "AAEC/w=="]
    assert second[2] == []


def messages(path: Path) -> list[tuple[object, ...]]:
    def told(one: Message) -> tuple[object, ...]:
        return one.connection_id, round(one.t_ns, -4), one.direction, one.opcode, one.type, one.payload

    with Recording.open(path) as recording:
        ends = [(one.id, one.user, one.path, one.ending, one.closed_by, one.close_code, one.close_reason, one.subprotocol)
                for one in recording.connections()]  # fmt: skip
        return [*ends, *(told(one) for one in recording.messages() if one.opcode in (1, 2))]


def test_what_is_imported_again_has_the_same_messages_and_ends(exported: Path, tmp_path: Path) -> None:
    assert run("import", exported, "-o", tmp_path / "again.db").code == 0
    assert messages(tmp_path / "again.db") == messages(tmp_path / "source.db")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_gets_the_same_verdict_after_a_round_trip(sample: Path, tmp_path: Path) -> None:
    assert run("export", sample, "-f", "har", "-o", tmp_path / "sample.har").code == 0
    assert run("import", tmp_path / "sample.har", "-o", tmp_path / "again.db").code == 0
    assert broken_rules(tmp_path / "again.db") == broken_rules(sample)


def broken_rules(path: Path) -> set[str]:
    with Recording.open(path) as recording:
        return {finding.rule for finding in judge(recording, load("agent-chat")).findings}


def test_a_recording_of_a_socket_file_has_urls(tmp_path: Path) -> None:
    lines = [{"wsreplay": 1, "upstream": "unix:/run/app.sock"}, {"connection": 1, "t": 0, "open": {"path": "/ws"}}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert run("import", tmp_path / "a.jsonl", "-o", tmp_path / "a.db").code == 0
    outcome = run("export", tmp_path / "a.db", "-f", "har")
    assert [one["request"]["url"] for one in json.loads(outcome.out)["log"]["entries"]] == ["ws://localhost/ws"]


def test_one_session_can_be_exported(exported: Path, tmp_path: Path) -> None:
    outcome = run("export", tmp_path / "source.db", "2", "-f", "har")
    assert [one["request"]["url"] for one in json.loads(outcome.out)["log"]["entries"]] == ["ws://localhost:8000/ws"]
