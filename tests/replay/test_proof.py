"""A recording's server and client, played against each other, give a recording that does not differ."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from math import inf
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from wsreplay.contract import load
from wsreplay.contract.model import Contract
from wsreplay.model import FIN, MASKED, Connection, Ending
from wsreplay.replay import diff_report
from wsreplay.replay.client import ClientOptions, ReplayClient
from wsreplay.replay.diff import DiffOptions, diff
from wsreplay.replay.player import Pace
from wsreplay.replay.server import ReplayServer, ServerOptions
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.trace.events import event_type

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"


def told(before: Path, after: Path, contract: Contract, **options: Any) -> list[str]:
    """The differences as text; empty where there are none."""
    with Recording.open(before) as a, Recording.open(after) as b:
        found = diff(a, b, contract, DiffOptions(**options))
    return [] if found.same else list(diff_report.text(found, before.name, after.name))


@pytest.mark.parametrize("name", sorted(str(path.relative_to(SAMPLES)) for path in SAMPLES.rglob("*.db")))
async def test_every_sample_is_the_same_again(name: str, play_again: Callable[..., Any]) -> None:
    path = SAMPLES / name
    contract = load(str(Path(name).parent) if "/" in name else "agent-chat")
    again, result, server = await play_again(path, contract=contract)
    assert [str(one) for one in result.departures + server.departures] == []
    assert not result.lost
    assert told(path, again, contract, timeless=True) == []


async def test_at_the_recorded_speed_the_findings_about_time_are_the_same_too(
    record: Callable[[str], Awaitable[Path]], play_again: Callable[..., Any], contract: Contract
) -> None:
    path = await record("slow-start")
    again, _, _ = await play_again(path, speed=1.0)
    assert told(path, again, contract, timing_ns=100_000_000) == []


# Sessions made up: any order of messages, control frames and fragments, any ending.

IDS = st.sampled_from(["t1", "t2", "run-1", "run-2", "7", 7, "ü", 'q"uote'])
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["chat", "agent_started", "agent_thinking", "tool_executing", "agent_completed"])},
    optional={
        "thread_id": IDS, "run_id": IDS, "tool_call_id": IDS, "message_id": st.integers(0, 9).map("m{}".format),
        "timestamp": st.floats(1e9, 2e9), "seq": st.integers(0, 50), "tool_name": st.sampled_from(["search", "read"]),
        "payload": st.fixed_dictionaries({}, optional={"content": st.text(max_size=20), "run_id": IDS}),
    },
)  # fmt: skip
PAYLOADS = st.one_of(
    EVENTS.map(lambda event: (1, orjson.dumps(event))),
    st.text(max_size=12).map(lambda text: (1, text.encode())),
    st.binary(max_size=200).map(lambda data: (2, data)),
    st.binary(max_size=125).map(lambda data: (9, data)),
)
MESSAGES = st.lists(st.tuples(st.integers(0, 1), PAYLOADS, st.integers(1, 3)), max_size=12)
ENDINGS = st.sampled_from(["client", "server", "client drops", "server drops", "server resets", "unknown"])
CONNECTIONS = st.lists(st.tuples(MESSAGES, ENDINGS, st.sampled_from([1000, 1001, 1011, 4000])), min_size=1, max_size=3)


def write_session(path: Path, connections: list[Any]) -> None:
    writer = Writer(path)
    writer.insert_run(
        started_at="2026-11-20T10:00:00Z", start_ns=0, upstream="ws://u", listen="ws://l", version="0", options={}
    )  # fmt: skip
    writer.commit()
    t_ns = 0
    for number, (messages, ending, code) in enumerate(connections, 1):
        opened, seq = t_ns, 0
        for side, (opcode, payload), parts in [*messages, *_closing(ending, code)]:
            cuts = [len(payload) * part // parts for part in range(parts + 1)] if opcode < 8 else [0, len(payload)]
            for index in range(len(cuts) - 1):
                t_ns, seq, last = t_ns + 1_000_000, seq + 1, index == len(cuts) - 2
                piece = payload[cuts[index] : cuts[index + 1]]
                kind = event_type(payload) if opcode == 1 and last else None
                flags = (FIN if last else 0) | (0 if side else MASKED)
                writer.add_frames([(number, seq, t_ns, side, 0 if index else opcode, flags, len(piece) + 6, 0, kind, piece)])
        t_ns += 1_000_000
        writer.insert_connection(_connection(number, opened, t_ns, ending, code))
    writer.update_run(1, reached_ns=t_ns, ended_ns=t_ns)
    writer.close()


def _closing(ending: str, code: int) -> list[Any]:
    if ending not in ("client", "server"):
        return []
    first = int(ending == "server")
    return [(first, (8, code.to_bytes(2, "big")), 1), (1 - first, (8, code.to_bytes(2, "big")), 1)]


def _connection(number: int, opened: int, closed: int, ending: str, code: int) -> Connection:
    common: dict[str, Any] = {"path": "/ws", "status": 101, "user": f"user-{number}"}
    who = ending.split()[0]
    if ending in ("client", "server"):
        return Connection(number, 1, opened, closed, ending=Ending.CLEAN, closed_by=who, close_code=code, **common)
    if ending == "unknown":
        return Connection(number, 1, opened, closed, ending=Ending.TRUNCATED, **common)
    error = f"{who}: Connection reset by peer" if "resets" in ending else None
    return Connection(number, 1, opened, closed, ending=Ending.DROPPED, closed_by=who, error=error, **common)


@settings(
    max_examples=30,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(CONNECTIONS)
def test_any_session_is_the_same_again(connections: list[Any]) -> None:
    contract = load("agent-chat")
    with tempfile.TemporaryDirectory() as folder:
        path, again = Path(folder) / "made.db", Path(folder) / "again.db"
        write_session(path, connections)
        departures = asyncio.run(_again(path, again, contract))
        assert departures == []
        # Where the end is not known the new recording knows more, and so does its verdict.
        known = all(ending != "unknown" for _, ending, _ in connections)
        assert told(path, again, contract, timeless=True, findings=known) == []


async def _again(path: Path, again: Path, contract: Contract) -> list[str]:
    async with (
        ReplayServer(path, contract, ServerOptions(pace=Pace(inf))) as server,
        ReplayClient(path, server.url, again, contract, ClientOptions(pace=Pace(inf, timeout_s=2.0))) as client,
    ):
        result = await client.run()
    return [str(one) for one in result.departures + server.departures]
