"""What stands between client and backend. Each is started anew for each measurement and writes into a folder of its own."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

_PATIENCE_S = 120
_END_S = 15
# What a buffered writer may still hold of its last kilobytes.
_BUFFERED = 64 * 2**10


@dataclass(frozen=True)
class Running:
    """A started alternative: the port to connect to, its process if it has one, and how to wait for what it records.

    `await_recorded(frames, payload_bytes)` returns once everything is in the file. Where `records_at_close`, that is not
    before the connections are closed.
    """

    port: int
    pid: int | None = None
    await_recorded: Callable[[int, int], None] | None = None
    records_at_close: bool = False


@dataclass(frozen=True)
class Alternative:
    name: str
    start: Callable[[int, Path], Iterator[Running]]

    @contextmanager
    def running(self, upstream: int, folder: Path) -> Iterator[Running]:
        yield from self.start(upstream, folder)


@contextmanager
def process(command: Sequence[str | Path]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that prints a port first; ended with SIGTERM if it does not end by itself."""
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield child, int(child.stdout.readline())
        finally:
            child.terminate()


def python(module: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]


def direct() -> Alternative:
    def start(upstream: int, folder: Path) -> Iterator[Running]:
        yield Running(upstream)

    return Alternative("direct", start)


def bare_relay() -> Alternative:
    def start(upstream: int, folder: Path) -> Iterator[Running]:
        with process(python("bare_relay", upstream)) as (child, port):
            yield Running(port, child.pid)

    return Alternative("bare relay", start)


def wsreplay(name: str = "wsreplay", *options: str, program: Sequence[str] = (sys.executable, "-m", "wsreplay")) -> Alternative:
    """`wsreplay record`, as a user starts it; of this environment where no other `program` is given."""

    def start(upstream: int, folder: Path) -> Iterator[Running]:
        file, port = folder / "wsreplay.db", free_port()
        command = [*program, "record", f"ws://127.0.0.1:{upstream}", "-l", f"127.0.0.1:{port}"]
        with listening([*command, "-o", file, "-q", *options], port) as child:
            yield Running(port, child.pid, lambda frames, size: _await_frames(file, frames))

    return Alternative(name, start)


def mitmproxy(program: Path) -> Alternative:
    """Reverse mode with `-w`, which writes a connection's flow when the connection ends."""

    def start(upstream: int, folder: Path) -> Iterator[Running]:
        file, port = folder / "flows", free_port()
        command = [program, "-q", "--mode", f"reverse:http://127.0.0.1:{upstream}", "-w", file, "-p", port]
        with listening([*command, "--listen-host", "127.0.0.1", "--set", f"confdir={folder / 'mitmproxy'}"], port) as child:
            yield Running(port, child.pid, lambda frames, size: _await_bytes(file, size), records_at_close=True)

    return Alternative("mitmproxy", start)


@contextmanager
def listening(command: Sequence[object], port: int, quiet: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """A process that listens on a port it is given; what a `quiet` one writes is not shown."""
    nowhere = subprocess.DEVNULL if quiet else None
    with subprocess.Popen(list(map(str, command)), stdout=nowhere, stderr=nowhere) as child:
        try:
            _await_listening(port)
            yield child
        finally:
            _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    """With SIGTERM, and where that is not heard (mitmproxy, behind a thousand connections) with SIGKILL."""
    child.terminate()
    try:
        child.wait(_END_S)
    except subprocess.TimeoutExpired:
        child.kill()


def _await_frames(file: Path, frames: int) -> None:
    """Until so many frames are committed; exactly so many."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        _await(lambda: db.execute("SELECT coalesce(max(id), 0) FROM frame").fetchone()[0] >= frames, f"{frames} frames")
        (found,) = db.execute("SELECT count(*) FROM frame").fetchone() if frames < 100_000 else (frames,)
        (last,) = db.execute("SELECT max(id) FROM frame").fetchone()
    if found != frames or last != frames:
        raise RuntimeError(f"{file.name} holds {found} frames up to {last}, {frames} were sent")


def _await_bytes(file: Path, size: int) -> None:
    _await(lambda: file.exists() and file.stat().st_size >= size - _BUFFERED, f"{size} bytes of flows")


def _await(reached: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + _PATIENCE_S
    while not reached():
        if time.monotonic() > give_up:
            raise TimeoutError(f"{what} were not recorded within {_PATIENCE_S} s")
        time.sleep(0.002)


def _await_listening(port: int) -> None:
    """Looks at the kernel's table, so that the alternative sees no connection that is not measured."""
    wanted = f"0100007F:{port:04X} 00000000:0000 0A"
    _await(lambda: wanted in Path("/proc/net/tcp").read_text(), f"a listener on port {port}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def environment() -> dict[str, str]:
    return {"python": sys.version.split()[0], "cores": str(os.cpu_count()), "sqlite": sqlite3.sqlite_version}
