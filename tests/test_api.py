"""Recordings read by programs."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from named_users import write_contract, write_named

import wsreplay
from wsreplay.errors import ContractError, FilterError, WsreplayError
from wsreplay.model import FIN, Connection, Direction
from wsreplay.store import lock
from wsreplay.store.writer import Writer

SAMPLES = Path(__file__).parents[1] / "recordings" / "samples"
MISSING = SAMPLES / "missing-event.db"


def test_what_a_recording_holds() -> None:
    with wsreplay.open(MISSING) as recording:
        assert [connection.path for connection in recording.connections] == ["/ws"]
        assert [(session.id, session.user) for session in recording.sessions] == [(1, "alice")]
        assert [frame.id for frame in recording.frames()] == list(range(1, 9))
        assert [message.type for message in recording.messages(1)][:3] == ["connection_ack", "chat", "agent_started"]
        assert len(list(recording.messages())) == 8 and list(recording.messages(2)) == []
        assert not recording.is_live and recording.path == MISSING


def test_sessions_and_events_are_numbered_as_findings_are(tmp_path: Path) -> None:
    path, contract = write_named(tmp_path / "a.db"), write_contract(tmp_path)
    with wsreplay.open(path) as recording:
        assert len(recording.sessions) == 3
        assert [session.user for session in recording.sessions_by(contract)] == ["mia", "zoe"]
        (event,) = recording.events("type:boom", contract=contract)
        (finding,) = recording.findings(contract)
        assert (event.session, event.user, finding.session) == (2, "zoe", 2)
        assert {message.connection_id for message in recording.messages(2, contract=contract)} == {2, 3}
        assert {message.connection_id for message in recording.messages(2)} == {2}


def test_events_by_filter() -> None:
    with wsreplay.open(MISSING) as recording:
        (event,) = recording.events("type:tool_*")
        assert (event.frame, event.place, event.session, event.user) == (5, 0, 1, "alice")
        assert (event.direction, event.type) == (Direction.SERVER_TO_CLIENT, "tool_executing")
        assert event.document["tool_name"] == "search"
        assert [frame.id for frame in recording.frames("sev>=error")] == [3, 5, 6]
        assert list(recording.events("type:nothing")) == []


def test_the_verdict_with_its_findings_and_spans() -> None:
    with wsreplay.open(MISSING) as recording:
        assert [(span.name, span.state) for span in recording.spans()] == [("analyst", "completed"), ("search", "cut")]
        assert [span.name for span in recording.spans("tool", contract="agent-chat")] == ["search"]
        assert [finding.rule for finding in recording.findings()] == ["tool", "worked"]
        assert recording.validate() is recording.validate("agent-chat")
    assert wsreplay.validate(MISSING).verdict == "violated"
    assert wsreplay.validate(SAMPLES / "ag-ui" / "good.db").contract == "ag-ui"


def test_an_event_is_one_of_several_in_its_frame_where_a_decoder_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "array.db", [b'[{"type": "a"}, {"type": "b"}]'])
    with wsreplay.open(path) as recording:
        assert [(event.frame, event.place, event.type) for event in recording.events()] == [(1, 0, "a"), (1, 1, "b")]


def test_mistakes_are_the_packages_errors(tmp_path: Path) -> None:
    with pytest.raises(WsreplayError):
        wsreplay.open(tmp_path / "nothing.db")
    with wsreplay.open(MISSING) as recording:
        with pytest.raises(FilterError):
            list(recording.events("type>=("))
        with pytest.raises(ContractError):
            recording.spans(contract="no-such-contract")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = wsreplay.nothing


def write(path: Path, payloads: list[bytes]) -> Path:
    with_frames(Writer(path), payloads).close()
    return path


def with_frames(writer: Writer, payloads: list[bytes]) -> Writer:
    run = writer.insert_run(started_at="2026-11-20T10:00:00Z", start_ns=0, upstream="", listen="", version="1", options={})
    writer.insert_connection(Connection(1, run, 0, path="/ws", status=101))
    writer.add_frames([(1, n, n, 1, 1, FIN, len(body), 0, None, body) for n, body in enumerate(payloads, 1)])
    return writer


def test_a_recording_is_followed_until_nobody_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "live.db"
    held = lock.acquire(path)
    writer = with_frames(Writer(path), [b'{"type": "a"}'])
    writer.commit()
    seen: list[str | None] = []
    first = threading.Event()

    def follow() -> None:
        with wsreplay.open(path) as recording:
            for event in recording.follow():
                seen.append(event.type)
                first.set()

    follower = threading.Thread(target=follow)
    follower.start()
    assert first.wait(20)
    writer.add_frames([(1, 2, 2, 1, 1, FIN, 13, 0, None, b'{"type": "b"}')])
    writer.close()
    held.release()
    follower.join(20)
    assert not follower.is_alive() and seen == ["a", "b"]


def test_commands_start_without_it() -> None:
    code = "import sys, wsreplay, wsreplay.cli.main; print('wsreplay.api' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
