"""One measurement of one alternative."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import load, memory, streams
from benchmarks.alternatives import Alternative, Running, process, python
from benchmarks.processor import cpu_s

# The backend's turns on a connection: big ones where there is one connection to be filled.
BULK = 2**18


@dataclass(frozen=True)
class Load:
    """What is sent: `frames` in all, spread over the connections, in turns of `burst` bytes."""

    frames: int
    size: int
    connections: int = 1
    burst: int = BULK
    from_client: bool = False

    @property
    def each(self) -> int:
        return self.frames // self.connections

    @property
    def rows(self) -> int:
        """Frames that a recording holds: a backend that swallows frames says `done` on each connection."""
        return self.each * self.connections + (self.connections if self.from_client else 0)


@dataclass(frozen=True)
class Flood:
    per_second: float  # messages; recorded ones, where the alternative records
    memory: memory.Watch | None = None


def flood(alternative: Alternative, load_: Load, *, watch: bool = False) -> Flood:
    """Send as fast as it goes; from before the last handshake until all is received, and recorded."""
    mode = "sink" if load_.from_client else "stream"
    with _between(alternative, mode, load_) as running:
        socks = [connect(running.port) for _ in range(load_.connections - 1)]
        time.sleep(0.3)
        if watch and running.pid is not None:
            with memory.Watch(running.pid) as seen:
                took = _timed_flood(running, socks, load_)
            return Flood(load_.rows / took, seen)
        return Flood(load_.rows / _timed_flood(running, socks, load_))


def _timed_flood(running: Running, socks: list[socket.socket], load_: Load) -> float:
    begin = time.perf_counter()
    socks.append(connect(running.port))
    if load_.from_client:
        length = load.frame_length(load_.size, masked=True)
        streams.pump(socks, load.block(load_.size, masked=True), load_.each * length, load_.burst)
        end = streams.drain(socks, load.frame_length(4, masked=False))
    else:
        end = streams.drain(socks, load_.each * load.frame_length(load_.size, masked=False))
    if running.records_at_close:
        _close(socks)
    if running.await_recorded is not None:
        running.await_recorded(load_.rows, load_.rows * load_.size)
        end = time.perf_counter()
    if not running.records_at_close:
        _close(socks)
    return end - begin


@dataclass(frozen=True)
class Echo:
    """`times` of round trips in microseconds, sorted; `cpu_us` is what the proxy's own process used for one, without those that
    it starts (0 where there is none)."""

    times: list[float]
    cpu_us: float


def echo(alternative: Alternative, size: int, trips: int) -> list[float]:
    """Round trips one after the other, in microseconds, sorted."""
    return echo_and_cpu(alternative, size, trips).times


def echo_and_cpu(alternative: Alternative, size: int, trips: int) -> Echo:
    """The same, with the processor time of the proxy. A fifth more are made first, to warm up."""
    with _between(alternative, "echo", Load(trips, size)) as running:
        sock = connect(running.port)
        question = load.frame(load.event(0, size), masked=True)
        wanted = load.frame_length(size, masked=False)
        times: list[float] = []
        before = 0.0
        for number in range(trips + trips // 5):
            if number == trips // 5 and running.pid is not None:
                before = cpu_s(running.pid)
            begin = time.perf_counter_ns()
            sock.sendall(question)
            got = 0
            while got < wanted:
                got += len(sock.recv(65536))
            times.append((time.perf_counter_ns() - begin) / 1000)
        used = cpu_s(running.pid) - before if running.pid is not None else 0.0
        _close([sock])
    return Echo(sorted(times[trips // 5 :]), used / trips * 1e6)


def insert(load_: Load) -> float:
    """Rows per second of a bare `executemany`."""
    with tempfile.TemporaryDirectory(prefix="wsreplay-bench-") as folder:
        command = python("inserts", Path(folder) / "rows.db", load_.frames, load_.size, load_.connections)
        seconds = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    memory.settle()
    return load_.frames / seconds


def connect(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=60)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    load.ask_for_websocket(sock)
    return sock


@contextmanager
def _between(alternative: Alternative, mode: str, load_: Load) -> Iterator[Running]:
    """A backend, and the alternative before it."""
    arguments = (mode, load_.connections, load_.each, load_.size, load_.burst)
    with (
        tempfile.TemporaryDirectory(prefix="wsreplay-bench-") as folder,
        process(python("backend", *arguments)) as (_, port),
        alternative.running(port, Path(folder)) as running,
    ):
        yield running
    memory.settle()


def _close(socks: list[socket.socket]) -> None:
    for sock in socks:
        sock.sendall(load.CLOSE_FRAME)
    for sock in socks:
        sock.shutdown(socket.SHUT_WR)
    for sock in socks:
        sock.close()
