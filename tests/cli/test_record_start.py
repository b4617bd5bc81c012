"""`wsreplay record` where system calls of its start or of a restart fail: each failure ends in recovery, or in a said end."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import rawpeers
from commandline import WSREPLAY
from relay import Relay, wait_for

from wsreplay.cli.record import LOOP_SOCKET_PAIRS

TRACER = shutil.which("strace")
pytestmark = pytest.mark.skipif(TRACER is None, reason="strace is not installed")

# The calls that fail, the exit code, what is said. Python forks where it cannot vfork.
# The event loop has the first socket pairs.
STARTS = {
    "event loop": (
        ["socketpair:error=EMFILE"], 2,
        "cannot start an event loop: too many open files; raise the limit with `ulimit -n`",
    ),
    "socket pair": (
        [f"socketpair:error=EMFILE:when={LOOP_SOCKET_PAIRS + 2}"], 3,
        "the recorder cannot be started: [Errno 24] Too many open files",
    ),
    "process": (
        ["vfork:error=EAGAIN", "clone:error=EAGAIN"], 3,
        "the recorder cannot be started: [Errno 11] Resource temporarily unavailable",
    ),
    "bind": (["bind:error=EACCES"], 2, "cannot listen on 127.0.0.1:0: permission denied (choose another with -l HOST:PORT)"),
    "listen": (["listen:error=EADDRINUSE"], 2, "cannot listen on 127.0.0.1:0: "),
    "lock": (["flock:error=ENOLCK"], 2, "a.db cannot be written: No locks available"),
    "disk": (["pwrite64:error=ENOSPC"], 3, "a.db cannot be written: the disk is full"),
}  # fmt: skip


def tracer(*inject: str, about: Path | None = None) -> list[str]:
    """What runs a program in which calls fail, where they are about a file."""
    assert TRACER is not None
    calls = ",".join(term.partition(":")[0] for term in inject)
    terms = [argument for term in inject for argument in ("-e", f"inject={term}")]
    path = [] if about is None else ["-P", str(about)]
    return [TRACER, "-D", "-f", "--seccomp-bpf", "-o", os.devnull, *path, "-e", f"trace={calls}", *terms]


# The file whose opening fails, how, and what is said.
OPENS = {
    "a.db": ("EACCES", "Permission denied"),
    "a.db-lock": ("EMFILE", "Too many open files"),
    "a.db-wal": ("EIO", "unable to open database file"),
}


@pytest.mark.parametrize("name", OPENS)
def test_a_start_that_cannot_open_its_files_says_why(name: str, tmp_path: Path) -> None:
    error, said = OPENS[name]
    inject = tracer(f"openat:error={error}", about=tmp_path / name)
    fails(inject, tmp_path / "a.db", (2, 3), f"a.db cannot be written: {said}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("call", STARTS)
def test_a_start_that_fails_says_why(call: str, tmp_path: Path) -> None:
    inject, code, said = STARTS[call]
    fails(tracer(*inject), tmp_path / "a.db", (code,), said)


def fails(under: list[str], path: Path, codes: tuple[int, ...], said: str) -> None:
    """`record` ends with one of these codes and one line."""
    command = [*under, *WSREPLAY, "record", "ws://127.0.0.1:9", "-l", "127.0.0.1:0", "-o", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in codes and done.stdout == "", done.stderr
    assert done.stderr.startswith("wsreplay: ") and said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@contextlib.contextmanager
def failing(pid: int, inject: str, path: Path | None) -> Iterator[None]:
    """Meanwhile a system call of a running process and of its children fails, where it is about this file."""
    call = inject.partition(":")[0]
    about = [] if path is None else ["-P", str(path)]
    # A recorder that dies must be free to: strace follows it into its end.
    command = [str(TRACER), "-f", "-p", str(pid), "-o", os.devnull, *about, "-e", f"trace={call}", "-e", f"inject={inject}"]
    tracer = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: f"TracerPid:\t{tracer.pid}\n" in Path(f"/proc/{pid}/status").read_text(), "strace is at work")
        yield
    finally:
        tracer.terminate()  # it lets go of them
        tracer.wait(30)


@pytest.fixture(scope="module")
def listener() -> Iterator[rawpeers.Listener]:
    listener = rawpeers.Listener()
    yield listener
    listener.close()


@pytest.fixture(scope="module")
def relay(listener: rawpeers.Listener, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    relay = Relay(f"ws://127.0.0.1:{listener.port}", tmp_path_factory.mktemp("restarts") / "a.db")
    yield relay
    relay.end()


def payloads(path: Path, connection_path: str) -> list[bytes]:
    sql = "SELECT payload FROM frame WHERE connection_id = (SELECT id FROM connection WHERE path = ?) ORDER BY id"
    with contextlib.closing(sqlite3.connect(path)) as db:
        return [payload for (payload,) in db.execute(sql, (connection_path,))]


# The call that fails, whether it is about the recording or a file beside it, and what is said.
RESTARTS = {
    "socket pair": ("socketpair:error=EMFILE", None, r"the recorder cannot be started: \[Errno 24\] Too many open files"),
    "process": ("vfork,clone:error=EAGAIN", None, r"the recorder cannot be started: \[Errno 11\] Resource temporarily"),
    "exec": ("execve:error=ENOENT", None, r"the recorder cannot be started: \[Errno 2\] No such file"),
    "open": ("openat:error=EACCES", "", "a.db cannot be written: Permission denied"),
    "open beside it": ("openat:error=EIO", "-wal", "a.db cannot be written: unable to open database file"),
    "lock": ("fcntl:error=ENOLCK", "-shm", "a.db (is locked|cannot be written)"),
    "read": ("pread64:error=EIO", "", "a.db cannot be written: disk I/O error"),
    "write": ("pwrite64:error=ENOSPC", "-wal", "database or disk is full"),
}


@pytest.mark.parametrize("call", RESTARTS)
def test_a_restart_that_fails_is_said_and_tried_again(call: str, relay: Relay, listener: rawpeers.Listener) -> None:
    inject, suffix, said = RESTARTS[call]
    frame = rawpeers.frame(1, b"while it fails")
    client, server = rawpeers.upgraded(listener, relay.port, path=f"/{call.replace(' ', '-')}")
    before, resumed = len(relay.says), relay.count("resumed")
    with client, server:
        with failing(relay.process.pid, inject, None if suffix is None else Path(f"{relay.path}{suffix}")):
            os.kill(relay.recorder(), signal.SIGKILL)
            wait_for(lambda: any(re.search(said, line.get("stalled", "")) for line in relay.says[before:]), f"it says {said}")
            client.sendall(frame)
        assert rawpeers.read(server, len(frame)) == frame
        wait_for(lambda: relay.count("resumed") > resumed, "recording goes on")
        wait_for(lambda: payloads(relay.path, f"/{call.replace(' ', '-')}") == [b"while it fails"], "it is recorded")


# What keeps the relay from its upstream.
DIALS = {"socket": "socket:error=EMFILE", "connect": "connect:error=EADDRNOTAVAIL"}


@pytest.mark.parametrize("call", DIALS)
def test_a_call_that_fails_on_the_way_to_the_upstream_is_answered_for(
    call: str, relay: Relay, listener: rawpeers.Listener
) -> None:
    with failing(relay.process.pid, DIALS[call], None), rawpeers.connect(relay.port) as client:
        client.sendall(rawpeers.request("/fails"))
        head = rawpeers.read_head(client)
    assert head.startswith(b"HTTP/1.1 502 "), head
    client, server = rawpeers.upgraded(listener, relay.port, path="/works")
    client.close()
    server.close()
