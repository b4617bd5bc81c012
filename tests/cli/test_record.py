"""`wsreplay record`, as a process before a real backend."""

from __future__ import annotations

import os
import pty
import re
import signal
import socket
import subprocess
from pathlib import Path

import ports
import pytest
from commandline import WSREPLAY, Recorder, chat, run

from wsreplay.demo.tokens import make_token
from wsreplay.model import Ending
from wsreplay.store import lock
from wsreplay.store.reader import Recording


def upgrade(path: str, user: str) -> bytes:
    """The head of a user's request for a WebSocket."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer {make_token(user)}\r\n\r\n"
    ).encode()


def test_a_chat_is_recorded_and_told(backend: str, record: type[Recorder], tmp_path: Path) -> None:
    recorder = record(backend, "-l", "0", "-o", tmp_path / "chat.db")
    chat(recorder.url)
    recorder.wait_for(r"▪ 1    alice /ws  clean, 1000, by client")
    outcome = recorder.stop()
    assert (outcome.code, outcome.out) == (0, "")
    assert f"→ {backend}" in outcome.err
    assert "▸ 1    alice /ws  from 127.0.0.1:" in outcome.err
    assert re.search(r"10 frames, 8 events|11 frames, 9 events", outcome.err)
    with Recording.open(tmp_path / "chat.db") as recording:
        assert [one.ending for one in recording.connections()] == [Ending.CLEAN]
        assert recording.type_counts()["agent_completed"] == 1
        assert not recording.live
    assert [file.name for file in tmp_path.iterdir()] == ["chat.db"]
    assert (tmp_path / "chat.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_it_and_what_is_open_is_truncated(
    number: int, backend: str, record: type[Recorder], tmp_path: Path
) -> None:
    recorder = record(backend, "-l", "0", "-o", tmp_path / "open.db")
    host, port = recorder.url.removeprefix("ws://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(upgrade("/ws", "eve"))
        assert client.recv(4096).startswith(b"HTTP/1.1 101")
        recorder.wait_for("▸ 1    eve")
        assert recorder.stop(number).code == 0
        while client.recv(4096):
            pass
    with Recording.open(tmp_path / "open.db") as recording:
        (connection,) = recording.connections()
        assert (connection.user, connection.ending) == ("eve", Ending.TRUNCATED)
        assert recording.runs()[0].ended_ns is not None


def test_recording_again_into_the_same_file_appends(backend: str, record: type[Recorder], tmp_path: Path) -> None:
    path = tmp_path / "twice.db"
    for user in ("alice", "bob"):
        recorder = record(backend, "-l", "0", "-o", path)
        chat(recorder.url, user=user)
        recorder.stop()
    with Recording.open(path) as recording:
        first, second = recording.runs()
        assert second.start_ns >= first.ended_ns > 0  # type: ignore[operator]
        assert [(one.id, one.recording_id, one.user) for one in recording.connections()] == [(1, 1, "alice"), (2, 2, "bob")]
        times = [frame.t_ns for frame in recording.frames()]
        assert times == sorted(times)


def test_a_second_recorder_on_the_same_file_is_refused(backend: str, record: type[Recorder], tmp_path: Path) -> None:
    first = record(backend, "-l", "0", "-o", tmp_path / "busy.db")
    assert first.url
    outcome = run("record", backend, "-l", "0", "-o", tmp_path / "busy.db")
    assert outcome.code == 2
    assert "is being written by another recorder" in outcome.err
    assert first.stop().code == 0


def test_a_port_in_use_is_said_before_anything_is_written(backend: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = run("record", backend, "-l", f"127.0.0.1:{port}", "-o", tmp_path / "never.db")
    assert outcome.code == 2
    assert f"cannot listen on 127.0.0.1:{port}" in outcome.err
    assert not list(tmp_path.iterdir())


def test_faults_on_purpose_are_told_and_counted(backend: str, record: type[Recorder], tmp_path: Path) -> None:
    faults = ("--fault", "slice=9", "--fault", "reset,from=60s", "--seed", "7")
    recorder = record(backend, "-l", "0", "-o", tmp_path / "a.db", *faults)
    chat(recorder.url)
    told = recorder.stop().err
    assert "⚡ faults to inject: slice=9   reset,from=60s   (seed 7)" in told
    assert "⚡ 2 faults injected" in told  # pieces either way


def test_quiet_says_nothing(backend: str, record: type[Recorder], tmp_path: Path) -> None:
    (port,) = ports.unused()
    recorder = record(backend, "-l", port, "-o", tmp_path / "quiet.db", "-q")
    _wait_until_listening(port)
    chat(f"ws://127.0.0.1:{port}")
    outcome = recorder.stop()
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


def _wait_until_listening(port: int) -> None:
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            signal.sigtimedwait([], 0.02)
        else:
            return
    raise AssertionError(f"nobody listens on {port}")


def test_an_unreachable_upstream_is_answered_502_and_recorded(record: type[Recorder], tmp_path: Path) -> None:
    (nobody,) = ports.unused()
    recorder = record(f"ws://127.0.0.1:{nobody}", "-l", "0", "-o", tmp_path / "refused.db")
    host, port = recorder.url.removeprefix("ws://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(
            b"GET /ws?token=SECRET HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        answer = b""
        while data := client.recv(4096):
            answer += data
    assert answer.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert f"wsreplay: nothing listens at ws://127.0.0.1:{nobody}".encode() in answer
    recorder.wait_for("refused, status 502, by proxy")
    outcome = recorder.stop()
    assert f"nothing listens at ws://127.0.0.1:{nobody} yet: clients get 502 until something does" in outcome.err
    assert "SECRET" not in outcome.err
    assert b"SECRET" not in (tmp_path / "refused.db").read_bytes()
    with Recording.open(tmp_path / "refused.db") as recording:
        (connection,) = recording.connections()
        assert (connection.ending, connection.status, connection.closed_by) == (Ending.REFUSED, 502, "proxy")


def test_lines_typed_into_the_terminal_become_marks(backend: str, tmp_path: Path) -> None:
    terminal, inner = pty.openpty()
    process = subprocess.Popen(
        [*WSREPLAY, "record", backend, "-l", "0", "-o", str(tmp_path / "marked.db")], stdin=inner, stdout=inner, stderr=inner
    )
    os.close(inner)
    screen = _read_until(terminal, b"Ctrl-C stops")
    os.write(terminal, "now it froze ⛄\n".encode())
    screen += _read_until(terminal, b"marked: now it froze")
    assert b"frames/s" in screen + _read_until(terminal, b"frames/s")
    process.send_signal(signal.SIGINT)
    while _read(terminal):
        pass
    assert process.wait(30) == 0
    os.close(terminal)
    with Recording.open(tmp_path / "marked.db") as recording:
        assert [mark.note for mark in recording.marks()] == ["now it froze ⛄"]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # EIO: the other side is closed
        return b""


def test_lines_that_come_through_a_named_pipe_become_marks_whoever_writes_them(backend: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "marks")
    pipe = os.open(tmp_path / "marks", os.O_RDONLY | os.O_NONBLOCK)
    process = subprocess.Popen(
        [*WSREPLAY, "record", backend, "-l", "0", "-o", str(tmp_path / "marked.db")], stdin=pipe, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, bufsize=0,
    )  # fmt: skip
    os.close(pipe)
    assert process.stdout is not None
    _read_until(process.stdout.fileno(), b"Ctrl-C stops")
    for parts, last in (((b"one\ntw", b"o\n\nthree\n"), b"three"), ((b"four",), b"four"), ((b"five\nsix\n",), b"six")):
        with (tmp_path / "marks").open("wb", buffering=0) as writer:
            for part in parts:
                writer.write(part)
        _read_until(process.stdout.fileno(), b"marked: " + last)
    process.send_signal(signal.SIGINT)
    while _read(process.stdout.fileno()):
        pass
    assert process.wait(30) == 0
    process.stdout.close()
    with Recording.open(tmp_path / "marked.db") as recording:
        assert [mark.note for mark in recording.marks()] == ["one", "two", "three", "four", "five", "six"]


def _read_until(terminal: int, wanted: bytes) -> bytes:
    screen = b""
    while wanted not in screen:
        data = _read(terminal)
        assert data, screen
        screen += data
    return screen


def test_who_judges_beside_a_recorder_ends_with_it_however_it_ends(recording: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(recording.read_bytes())
    held = lock.acquire(path)  # for who follows, it is still being recorded
    theirs, ours = os.pipe()
    command = [*WSREPLAY, "validate", "--follow", "-c", "agent-chat", "--while-open", str(theirs), str(path)]
    try:
        with subprocess.Popen(command, pass_fds=[theirs], stdout=subprocess.PIPE, text=True) as follower:
            assert follower.stdout is not None
            assert "tool" in follower.stdout.readline()
            assert follower.poll() is None
            os.close(ours)
            assert follower.wait(20) == 130
    finally:
        os.close(theirs)
        held.release()


def test_users_are_recorded_as_the_contract_says(backend: str, record: type[Recorder], tmp_path: Path) -> None:
    contract = tmp_path / "desk.yaml"
    contract.write_text("contract: desk\nuser: query:desk\n")
    recorder = record(backend, "-l", "0", "-o", tmp_path / "desk.db", "-c", contract)
    host, port = recorder.url.removeprefix("ws://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(upgrade("/ws?desk=ann", "eve"))
        recorder.wait_for(r"1    ann /ws\?desk=ann")
    assert f"tui {tmp_path / 'desk.db'} -c {contract} " in recorder.stop().err
