"""How exactly, and how fast, a recording is played: `python -m benchmarks.replay`.

At speed 1: by how much each message goes out after it is due. At `max`: messages a second of one connection, counted by a
client in another process that only reads. And how long `diff` takes over 100,000 against 100,000 events.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from math import inf
from pathlib import Path
from random import Random
from typing import NamedTuple

import orjson
import uvloop

from benchmarks import load
from benchmarks.alternatives import environment
from benchmarks.options import parser_for
from benchmarks.table import FIGURES, Table, publish
from wsreplay.contract import load as load_contract
from wsreplay.contract.model import Contract
from wsreplay.diff.diff import DiffOptions, diff
from wsreplay.model import FIN, Connection, Ending
from wsreplay.replay.client import ClientOptions, ReplayClient
from wsreplay.replay.latencies import percentile
from wsreplay.replay.player import Pace
from wsreplay.replay.server import ReplayServer, ServerOptions
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer

GOAL_P99_MS, GOAL_PER_SECOND, GOAL_DIFF_S, GOAL_DIFF_MB = 5.0, 50_000, 5.0, 250.0


RUN_LENGTH = 100


def write(path: Path, messages: int, gap_ns: int, *, tag: str = "a", without: frozenset[int] = frozenset()) -> None:
    """A recording of one connection on which only the server speaks: runs of an agent, one after the other."""
    chance = Random(tag)
    writer = Writer(path)
    writer.insert_run(
        started_at="2026-11-20T10:00:00Z", start_ns=0, upstream="ws://u", listen="ws://l", version="0", options={}
    )  # fmt: skip
    writer.commit()
    end = (messages + 1) * gap_ns
    writer.insert_connection(Connection(1, 1, 0, end, path="/ws", status=101, ending=Ending.DROPPED, closed_by="server"))
    offset = seq = 0
    for number in range(messages):
        if number in without:
            continue
        place = number % RUN_LENGTH
        kind = {0: "agent_started", 1: "agent_thinking", RUN_LENGTH - 1: "agent_completed"}.get(place, "partial_result")
        event = {
            "type": kind, "timestamp": 1.7e9 + number / 1000, "seq": number + 1, "message_id": f"m-{chance.getrandbits(48):x}",
            "thread_id": f"thread-{tag}", "run_id": f"run-{tag}-{number // RUN_LENGTH}",
            "payload": {"content": f"word {number % 97} " * 4},
        }  # fmt: skip
        payload, seq = orjson.dumps(event), seq + 1
        writer.add_frames([(1, seq, (number + 1) * gap_ns, 1, 1, FIN, len(payload) + 4, offset, kind, payload)])
        offset += len(payload) + 4
    writer.update_run(1, reached_ns=end, ended_ns=end)
    writer.close()


async def timing(path: Path, connections: int) -> list[float]:
    """Lateness of every message at speed 1, in milliseconds, sorted."""
    options = ServerOptions(pace=Pace(1.0), keep_lateness=True)
    async with ReplayServer(path, None, options) as server:
        readers = [asyncio.create_task(_swallow(server.port)) for _ in range(connections)]
        await server.wait_played(connections)
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        return sorted(late * 1000 for played in server.played for late in played.late_s)


async def _swallow(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: eHg=\r\n\r\n")
    while await reader.read(2**18):
        pass
    writer.close()


async def flood(path: Path, messages: int) -> float:
    """Messages a second at `max`, from the first byte to the last."""
    async with ReplayServer(path, None, ServerOptions(pace=Pace(inf))) as server:
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=_count, args=(server.port, theirs))
        process.start()
        await server.wait_played(1)
        seconds = await asyncio.to_thread(ours.recv)
        await asyncio.to_thread(process.join)
    return messages / float(seconds)


def _count(port: int, pipe: multiprocessing.connection.Connection) -> None:
    with socket.create_connection(("127.0.0.1", port)) as sock:
        load.ask_for_websocket(sock)
        begin = time.perf_counter()
        while sock.recv(2**18):
            pass
        pipe.send(time.perf_counter() - begin)


async def both(path: Path, folder: Path, messages: int) -> float:
    """Messages a second at `max`, played by the server, matched by the client, and recorded."""
    pace = Pace(inf, timeout_s=30.0)
    contract = load_contract("agent-chat")
    async with (
        ReplayServer(path, contract, ServerOptions(pace=pace)) as server,
        ReplayClient(path, server.url, folder / "again.db", contract, ClientOptions(pace=pace)) as client,
    ):
        result = await client.run()
    assert not result.mismatches, result.mismatches[:3]
    return messages / result.seconds


class Compared(NamedTuple):
    """A diff in a process of its own: seconds of clock and of processor, the differences it finds, and its peak memory."""

    seconds: float
    cpu_s: float
    found: int
    memory_mb: float


def comparing(folder: Path) -> Compared:
    """100,000 against 100,000 events."""
    contract = load_contract("agent-chat")
    write(folder / "a.db", 100_000, 1_000_000, tag="a")
    write(folder / "b.db", 100_000, 1_000_000, tag="b", without=frozenset((777, 50_050, 99_990)))
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_compare, folder, contract).result()


def _compare(folder: Path, contract: Contract) -> Compared:
    clock, cpu = time.perf_counter(), time.process_time()
    with Recording.open(folder / "a.db") as a, Recording.open(folder / "b.db") as b:
        found = diff(a, b, contract, DiffOptions())
    # Not ru_maxrss, which a process has of the one that started it.
    status = Path("/proc/self/status").read_text()
    memory_mb = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    return Compared(time.perf_counter() - clock, time.process_time() - cpu, found.count, memory_mb)


def main() -> None:
    parser = parser_for("benchmarks.replay", __doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the messages")
    arguments = parser.parse_args()
    scale = 10 if arguments.quick else 1
    table = Table("Replaying and comparing", ["what", "p50 / median", "p99 / worst", "goal"])
    with tempfile.TemporaryDirectory(prefix="wsreplay-bench-") as name:
        folder = Path(name)
        for connections in (1, 20):
            path = folder / f"timed-{connections}.db"
            write(path, 3000 // scale, 3_000_000)
            late = uvloop.run(timing(path, connections))
            p50, p99 = percentile(late, 50), percentile(late, 99)
            told = f"p99 ≤ {GOAL_P99_MS:g} ms: {'yes' if p99 <= GOAL_P99_MS else 'NO'}"
            table.rows.append([f"speed 1, {connections} connections: late by", f"{p50:.2f} ms", f"{p99:.2f} ms", told])
        messages = 500_000 // scale
        path = folder / "flood.db"
        write(path, messages, 1000)
        rates = sorted(uvloop.run(flood(path, messages)) for _ in range(3))
        told = f"≥ {GOAL_PER_SECOND:,}: {'yes' if rates[1] >= GOAL_PER_SECOND else 'NO'}"
        table.rows.append(["max: messages a second", f"{rates[1]:,.0f}", f"{rates[0]:,.0f}", told])
        write(folder / "both.db", messages // 5, 1000)
        rate = uvloop.run(both(folder / "both.db", folder, messages // 5))
        table.rows.append(["max, matched and recorded", f"{rate:,.0f}", "–", ""])
        compared = comparing(folder)
        told = f"< {GOAL_DIFF_S:g} s: {'yes' if compared.seconds < GOAL_DIFF_S else 'NO'}"
        what = f"diff of 100,000 × 100,000 ({compared.found} found)"
        table.rows.append([what, f"{compared.seconds:.2f} s", f"{compared.cpu_s:.2f} s of processor", told])
        told = f"≤ {GOAL_DIFF_MB:g} MB: {'yes' if compared.memory_mb <= GOAL_DIFF_MB else 'NO'}"
        table.rows.append(["memory of that diff", f"{compared.memory_mb:,.0f} MB", "–", told])
    print(table.text())
    if arguments.publish:
        publish(FIGURES, "replay", [table], environment())


if __name__ == "__main__":
    main()
