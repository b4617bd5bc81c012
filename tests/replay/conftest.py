"""Recordings made by hand or by the demo backend, and plays of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from math import inf
from pathlib import Path
from typing import Any

import orjson
import pytest

from recordings import begin_run
from wsreplay.contract import load
from wsreplay.contract.model import Contract
from wsreplay.demo.backend import Backend
from wsreplay.demo.run import play
from wsreplay.formats.jsonl_export import default_wire_length
from wsreplay.model import FIN, MASKED, Connection, Ending
from wsreplay.proxy.proxy import RecordingProxy
from wsreplay.replay.client import ClientOptions, ReplayClient, Result
from wsreplay.replay.player import Pace
from wsreplay.replay.server import ReplayServer, ServerOptions
from wsreplay.store.writer import Writer
from wsreplay.trace.events import event_type

MS = 1_000_000
Line = tuple[Any, ...]  # (ms, "c2s" or "s2c", what, [opcode, [fin]]); what: an event as a dict, or bytes


@pytest.fixture(scope="session")
def contract() -> Contract:
    return load("agent-chat")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a recording: `write(name, [lines of a connection], …, connection={…})`."""

    def write(name: str, *connections: Sequence[Line], facts: Sequence[dict[str, Any]] = ()) -> Path:
        path = tmp_path / name
        path.unlink(missing_ok=True)
        writer = Writer(path)
        begin_run(writer)
        writer.commit()
        rows = []
        for number, lines in enumerate(connections, 1):
            last = max((line[0] for line in lines), default=0) * MS
            given = {"path": "/ws", "status": 101, "ending": Ending.CLEAN, "closed_by": "client", "close_code": 1000,
                     "closed_ns": last, "opened_ns": 0} | (facts[number - 1] if number <= len(facts) else {})
            writer.insert_connection(Connection(id=number, recording_id=1, **given))
            offsets = [0, 0]
            for seq, (ms, side, what, *more) in enumerate(lines, 1):
                direction, payload = int(side == "s2c"), orjson.dumps(what) if isinstance(what, dict) else what
                opcode = more[0] if more else 1
                fin = more[1] if len(more) > 1 else True
                flags = (FIN if fin else 0) | (0 if direction else MASKED)
                length = default_wire_length(len(payload), not direction)
                kind = event_type(payload) if opcode == 1 and fin else None
                row = number, seq, ms * MS, direction, opcode, flags, length, offsets[direction], kind, payload
                rows.append((ms, number, row))
                offsets[direction] += length
        writer.add_frames([row for _, _, row in sorted(rows, key=lambda row: (row[0], row[1], row[2][1]))])
        writer.update_run(1, reached_ns=10**12, ended_ns=10**12)
        writer.close()
        return path

    return write


@pytest.fixture
def record(tmp_path: Path) -> Callable[[str], Awaitable[Path]]:
    """Records a scenario of the demo backend."""

    async def record(scenario: str) -> Path:
        path = tmp_path / f"{scenario}.db"
        async with Backend(pace=0.3) as backend, RecordingProxy(backend.url, path) as proxy:
            await play(scenario, f"{proxy.url}/ws")
        return path

    return record


@pytest.fixture
def play_again(tmp_path: Path) -> Callable[..., Awaitable[tuple[Path, Result, ReplayServer]]]:
    """Plays a recording's server and client against each other, into a new recording."""

    async def play_again(
        path: Path, speed: float = inf, timeout_s: float = 5.0, contract: Contract | None = None
    ) -> tuple[Path, Result, ReplayServer]:
        contract = contract or load("agent-chat")
        out = tmp_path / f"{path.stem}.again.db"
        async with (
            ReplayServer(path, contract, ServerOptions(pace=Pace(speed))) as server,
            ReplayClient(path, server.url, out, contract, ClientOptions(pace=Pace(speed, timeout_s=timeout_s))) as client,
        ):
            result = await client.run()
        return out, result, server

    return play_again
