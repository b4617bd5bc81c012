"""A recording's server and client, played against each other, give a recording that does not differ."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import orjson
import pytest
from example_count import examples
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from recordings import begin_run
from wsreplay.contract import load
from wsreplay.contract.model import Contract
from wsreplay.diff import report as diff_report
from wsreplay.diff.diff import DiffOptions, diff
from wsreplay.model import FIN, MASKED, Connection, Ending
from wsreplay.replay.client import ClientOptions, ReplayClient
from wsreplay.replay.player import Pace
from wsreplay.replay.server import ReplayServer, ServerOptions
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.trace.events import event_type

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"
NAMES = sorted(str(path.relative_to(SAMPLES)) for path in SAMPLES.rglob("*.db"))
# One of each protocol, and of each way in which connections end, users meet and messages look; the others in the campaign.
TOLD_APART = {"broken-json", "dropped-connection", "healthy", "leak", "lost-connection", "parallel-tools", "unicode"}


def told(before: Path, after: Path, contract: Contract, **options: Any) -> list[str]:
    """The differences as text; empty where there are none."""
    with Recording.open(before) as a, Recording.open(after) as b:
        found = diff(a, b, contract, DiffOptions(**options))
    return [] if found.same else list(diff_report.text(found, before.name, after.name))


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=() if Path(name).stem in TOLD_APART or "/good" in name else pytest.mark.campaign) for name in NAMES
])  # fmt: skip
async def test_every_sample_is_the_same_again(name: str, play_again: Callable[..., Any]) -> None:
    path = SAMPLES / name
    contract = load(str(Path(name).parent) if "/" in name else "agent-chat")
    again, result, server = await play_again(path, contract=contract)
    assert [str(one) for one in result.mismatches + server.mismatches] == []
    assert not result.lost
    assert told(path, again, contract, timeless=True) == []


@pytest.mark.campaign
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
CODES = st.sampled_from([1000, 1001, 1011, 4000])
UNFINISHED = st.sampled_from([None, None, 0, 1])  # whose last message lacks its end, where the connection does too
CONNECTIONS = st.lists(st.tuples(MESSAGES, ENDINGS, CODES, UNFINISHED), min_size=1, max_size=3)
RUN_T2 = (1, (1, orjson.dumps({"type": "chat", "thread_id": "t1", "run_id": "t2"})), 1)
THREAD_T2 = (0, (1, orjson.dumps({"type": "chat", "thread_id": "t2"})), 1)
PING_0, PING_1 = ((side, (9, b"!"), 1) for side in (0, 1))
PACES = st.builds(Pace, st.sampled_from([inf, 1.0, 20.0]), st.sampled_from([inf, 0.0005]))


def write_session(path: Path, connections: list[Any]) -> None:
    writer = Writer(path)
    begin_run(writer)
    writer.commit()
    t_ns = 0
    for number, (messages, ending, code, unfinished) in enumerate(connections, 1):
        opened, seq = t_ns, 0
        for side, (opcode, payload), parts in [*messages, *_closing(ending, code)]:
            cuts = [len(payload) * part // parts for part in range(parts + 1)] if opcode < 8 else [0, len(payload)]
            for index in range(len(cuts) - 1):
                t_ns, seq, last = t_ns + 1_000_000, seq + 1, index == len(cuts) - 2
                piece = payload[cuts[index] : cuts[index + 1]]
                kind = event_type(payload) if opcode == 1 and last else None
                flags = (FIN if last else 0) | (0 if side else MASKED)
                writer.add_frames([(number, seq, t_ns, side, 0 if index else opcode, flags, len(piece) + 6, 0, kind, piece)])
        if unfinished is not None and ending not in ("client", "server"):
            t_ns, seq = t_ns + 1_000_000, seq + 1
            writer.add_frames([(number, seq, t_ns, unfinished, 2, 0 if unfinished else MASKED, 9, 0, None, b"hal")])
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


@settings(max_examples=examples(15), deadline=None, suppress_health_check=list(HealthCheck))
@given(CONNECTIONS, PACES)
# Users that are bound to one id, as the run of the one and the thread of the other.
@example([([RUN_T2], "client", 1000, None), ([THREAD_T2], "client", 1000, None)], Pace(inf))
# Pings, and half a message, behind what the side that ends the connection waits for.
@example([([PING_1] * 3, "client drops", 1000, 1), ([PING_0], "server drops", 1000, 0)], Pace(1.0, 0.0005))
# A client that is to say goodbye inside its own message.
@example([([], "unknown", 1000, 0)], Pace(inf))
def test_any_session_is_the_same_again(connections: list[Any], pace: Pace) -> None:
    contract = load("agent-chat")
    with tempfile.TemporaryDirectory() as folder:
        path, again = Path(folder) / "made.db", Path(folder) / "again.db"
        write_session(path, connections)
        mismatches = asyncio.run(_again(path, again, contract, pace))
        assert mismatches == []
        assert frames(again) == frames(path)
        # Where the end is not known the new recording knows more, and so does its verdict.
        known = all(ending != "unknown" for _, ending, _, _ in connections)
        assert told(path, again, contract, timeless=True, findings=known) == []


def frames(path: Path) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Opcode and FIN of what each side of each connection sent. Pongs are left out, which answer pings that had none, and
    close frames, since a client closes a connection of which the end is not known."""
    with Recording.open(path) as recording:
        found: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for frame in recording.frames():
            if frame.opcode not in (8, 10):
                found.setdefault((frame.connection_id, frame.direction), []).append((frame.opcode, frame.flags & FIN))
    return found


async def _again(path: Path, again: Path, contract: Contract, pace: Pace) -> list[str]:
    async with (
        ReplayServer(path, contract, ServerOptions(pace=pace)) as server,
        ReplayClient(path, server.url, again, contract, ClientOptions(pace=replace(pace, timeout_s=2.0))) as client,
    ):
        result = await client.run()
    assert not result.lost
    return [str(one) for one in result.mismatches + server.mismatches]
