"""The end of `wsreplay record` while nothing can be written: Ctrl-C ends it in time, and the next run loses nothing."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import rawpeers
from commandline import Recorder
from ports import listens
from relay import alive, wait_for

from recordings import checked, write_locked
from wsreplay.recorder import unwritten

END_S = 5.0
# The machine may be busy with other things.
SLACK_S = 25.0


@pytest.fixture
def listener() -> Iterator[rawpeers.Listener]:
    listener = rawpeers.Listener()
    yield listener
    listener.close()


def children(recorder: Recorder) -> dict[int, str]:
    """The command lines of its processes, by their ids."""
    pid = recorder.process.pid
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child): Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ") for child in pids}


def child(recorder: Recorder) -> int:
    """The process that writes."""
    return next(pid for pid, command in children(recorder).items() if "wsreplay.recorder.process" in command)


@contextlib.contextmanager
def stopped(recorder: Recorder, path: Path) -> Iterator[str]:
    pid = child(recorder)
    os.kill(pid, signal.SIGSTOP)
    yield rf"the recorder \(process {pid}\) is stopped: kill -CONT {pid} continues it"
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def locked(recorder: Recorder, path: Path) -> Iterator[str]:
    with write_locked(path):
        yield "database is locked"


HINDRANCES = pytest.mark.parametrize("hinder", [stopped, pytest.param(locked, marks=pytest.mark.campaign)])


Talk = Callable[[Recorder, Path], tuple[socket.socket, socket.socket]]


@pytest.fixture
def talk(listener: rawpeers.Listener) -> Iterator[Talk]:
    """Opens a connection with one message that is in the file."""
    with contextlib.ExitStack() as stack:

        def begin(recorder: Recorder, path: Path) -> tuple[socket.socket, socket.socket]:
            client, server = _begin(listener, recorder, path)
            stack.enter_context(client)
            stack.enter_context(server)
            return client, server

        yield begin


def _begin(listener: rawpeers.Listener, recorder: Recorder, path: Path) -> tuple[socket.socket, socket.socket]:
    client, server = rawpeers.upgraded(listener, int(recorder.url.rpartition(":")[2]))
    client.sendall(rawpeers.frame(1, b"0"))
    rawpeers.read(server, len(rawpeers.frame(1, b"0")))

    def written() -> bool:
        with contextlib.closing(sqlite3.connect(path)) as db:
            return db.execute("SELECT count(*) FROM frame").fetchone() == (1,)

    wait_for(written, "the first message is in the file")
    return client, server


@HINDRANCES
def test_the_first_ctrl_c_ends_in_time_and_the_next_run_takes_in_what_was_left(
    hinder: type[AbstractContextManager[str]], listener: rawpeers.Listener, record: type[Recorder], talk: Talk, tmp_path: Path
) -> None:
    path = tmp_path / "a.db"
    recorder = record(f"ws://127.0.0.1:{listener.port}", "-l", "0", "-o", path)
    client, server = talk(recorder, path)
    received = 1
    with hinder(recorder, path) as why:
        for number in range(1, 6):
            message = rawpeers.frame(1, b"%d" % number)
            client.sendall(message)
            received += len(rawpeers.read(server, len(message))) == len(message)
        recorder.wait_for(
            f"nothing can be recorded: {why}. Traffic goes on, keeping up to (4|64) MiB in memory, and then waits"
        )
        began = time.monotonic()
        outcome = recorder.stop()
        assert time.monotonic() - began < END_S + SLACK_S
    assert outcome.code == 3
    assert f"→ {path}" in outcome.err
    recorder.wait_for(
        rf"\d+ records \(.*\) could not be written: {why}\. They are in {path}-unwritten;"
        rf" .*wsreplay record -o {path} UPSTREAM recovers them"
    )
    again = record(f"ws://127.0.0.1:{listener.port}", "-l", "0", "-o", path)
    assert again.url
    assert again.stop().code == 0
    recorded = checked(path)
    assert [frame.payload for frame in recorded.stream(1, 0).frames] == [b"%d" % number for number in range(received)]
    assert recorded.gaps == []
    assert received == 6
    assert [file.name for file in tmp_path.iterdir()] == ["a.db"]


@HINDRANCES
def test_the_second_ctrl_c_ends_at_once_and_the_next_run_leaves_a_gap_where_something_is_lost(
    hinder: type[AbstractContextManager[str]], listener: rawpeers.Listener, record: type[Recorder], talk: Talk, tmp_path: Path
) -> None:
    path = tmp_path / "a.db"
    recorder = record(f"ws://127.0.0.1:{listener.port}", "-l", "0", "-o", path)
    client, server = talk(recorder, path)
    with hinder(recorder, path) as why:
        client.sendall(rawpeers.frame(1, b"1"))
        rawpeers.read(server, len(rawpeers.frame(1, b"1")))
        recorder.wait_for(f"nothing can be recorded: {why}")
        wait_for(unwritten.path_of(path).exists, "it is noted that something may be missing")
        port = int(recorder.url.rpartition(":")[2])
        recorder.process.send_signal(signal.SIGINT)
        wait_for(lambda: not listens(port), "it takes this for the first one, and has seconds to go")
        assert recorder.process.poll() is None
        recorder.process.send_signal(signal.SIGINT)
        assert recorder.process.wait(30) == 130, "an end in order has another code"

    def taken_in() -> bool:
        again = record(f"ws://127.0.0.1:{listener.port}", "-l", "0", "-o", path)
        wait_for(lambda: again.process.poll() is not None or "recording ws" in "".join(again.lines), "it records or has ended")
        return again.stop().code == 0

    wait_for(taken_in, "the first one's recorder has let go of the file")
    recorded = checked(path)
    payloads = [frame.payload for frame in recorded.stream(1, 0).frames]
    assert payloads == [b"0", b"1"] or (payloads == [b"0"] and recorded.gaps)
    assert not unwritten.path_of(path).exists()


@pytest.mark.campaign
def test_a_verdict_that_is_not_ready_in_time_does_not_hold_up_the_end(
    listener: rawpeers.Listener, record: type[Recorder], talk: Talk, tmp_path: Path
) -> None:
    path = tmp_path / "a.db"
    recorder = record(f"ws://127.0.0.1:{listener.port}", "-l", "0", "-o", path, "-c", "agent-chat")
    talk(recorder, path)
    (follower,) = (pid for pid, command in children(recorder).items() if " validate " in command)
    os.kill(follower, signal.SIGSTOP)
    began = time.monotonic()
    outcome = recorder.stop()
    assert time.monotonic() - began < END_S + SLACK_S
    assert outcome.code == 3
    said = f"the verdict on {path} is not ready; run `"
    (line,) = (line for line in outcome.err.splitlines() if said in line)
    assert line.endswith(f" validate -c agent-chat {path}`")
    assert not alive(follower)
    assert len(checked(path).stream(1, 0).frames) == 1


def test_at_the_limit_of_descriptors_a_recorder_that_dies_comes_back(
    listener: rawpeers.Listener, record: type[Recorder], talk: Talk, tmp_path: Path
) -> None:
    """The limit is lowered below what is open, as an administrator may do it."""
    path = tmp_path / "a.db"
    recorder = record(f"ws://127.0.0.1:{listener.port}", "-l", "0", "-o", path)
    client, server = talk(recorder, path)
    pid = recorder.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (4, before[1]))
    os.kill(child(recorder), signal.SIGKILL)
    recorder.wait_for(r"nothing can be recorded: the recorder cannot be started: \[Errno 24\] Too many open files")
    client.sendall(rawpeers.frame(1, b"1"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    assert rawpeers.read(server, len(rawpeers.frame(1, b"1"))) == rawpeers.frame(1, b"1")
    recorder.wait_for("recording continues")
    assert recorder.stop().code == 0
    assert [frame.payload for frame in checked(path).stream(1, 0).frames] == [b"0", b"1"]
