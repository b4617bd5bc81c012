"""Recorded clients, played to a real backend."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import inf
from pathlib import Path
from typing import Any

import orjson
import pytest

from wsreplay.contract.model import Contract
from wsreplay.demo.backend import Backend
from wsreplay.demo.tokens import make_token
from wsreplay.diff.diff import DiffOptions, diff
from wsreplay.errors import UsageError
from wsreplay.replay.client import ClientOptions, Load, ReplayClient, Result
from wsreplay.replay.credentials import HandshakeOverrides, read_users
from wsreplay.replay.player import Pace
from wsreplay.replay.server import ReplayServer, ServerOptions
from wsreplay.store.reader import Recording
from wsreplay.validator.findings import Verdict
from wsreplay.validator.judge import judge

Record = Callable[[str], Awaitable[Path]]
Write = Callable[..., Path]
PACE = Pace(inf, timeout_s=5.0)


async def play(path: Path, url: str, contract: Contract, **options: Any) -> tuple[Result, Path]:
    out = path.with_suffix(".again.db")
    async with ReplayClient(path, url, out, contract, ClientOptions(**{"pace": PACE, **options})) as client:
        result = await client.run()
    return result, out


def sent(path: Path) -> list[dict[str, Any]]:
    with Recording.open(path) as recording:
        return [orjson.loads(one.payload) for one in recording.messages() if one.opcode == 1 and not one.direction]


def bearer(user: str) -> HandshakeOverrides:
    return HandshakeOverrides(headers=(("Authorization", f"Bearer {make_token(user)}"),))


@pytest.mark.parametrize("scenario", ["healthy", "parallel-tools", "sub-agent", "dropped-connection", "broken-json"])
async def test_a_backend_that_behaves_shows_no_difference(record: Record, contract: Contract, scenario: str) -> None:
    path = await record(scenario)
    async with Backend(pace=0.3) as backend:
        # At the recorded speed: what is missed while the client is away depends on how long it is.
        result, out = await play(path, backend.url, contract, presented=bearer("alice"), pace=Pace(1.0, timeout_s=5.0))
    assert [str(one) for one in result.mismatches] == []
    with Recording.open(path) as a, Recording.open(out) as b:
        assert diff(a, b, contract, DiffOptions(timeless=True)).same
    before, after = sent(path), sent(out)
    assert [one["type"] for one in before] == [one["type"] for one in after]
    assert before[0]["thread_id"] != after[0]["thread_id"]
    assert len({one["thread_id"] for one in after}) == 1


async def test_a_backend_that_misbehaves_is_found_out(record: Record, contract: Contract) -> None:
    path = await record("healthy")
    presented = HandshakeOverrides(bearer("alice").headers, values=(("$.scenario", "missing-event"),))
    async with Backend(pace=0.3) as backend:
        result, out = await play(path, backend.url, contract, presented=presented, pace=Pace(inf, timeout_s=3.0))
    assert [one.expected for one in result.mismatches] == ["tool_completed"]
    with Recording.open(path) as a, Recording.open(out) as b:
        (session,) = diff(a, b, contract).sessions
    assert "tool" in {finding.rule for finding in session.findings_b}


async def test_values_are_set_and_ids_kept_where_that_is_asked_for(record: Record, contract: Contract) -> None:
    path = await record("healthy")
    presented = HandshakeOverrides(bearer("alice").headers, values=(("$.message", "of {user}"), ("$.nowhere", "1")))
    async with Backend(pace=0.3) as backend:
        _, out = await play(path, backend.url, contract, presented=presented, fresh_ids=False)
    assert sent(out) == [sent(path)[0] | {"message": "of alice"}]


async def test_without_credentials_the_backend_refuses_and_that_is_told(record: Record, contract: Contract) -> None:
    path = await record("healthy")
    async with Backend() as backend:
        result, _ = await play(path, backend.url, contract)
    assert [str(one) for one in result.mismatches] == ["session 1: expected to be accepted, refused with 401"]
    assert len(result.lost) == 1


async def test_ids_that_the_server_chose_are_sent_back_as_it_chooses_them_now(write: Write, contract: Contract) -> None:
    """The run's id comes from the server, so the message that approves it names the new one."""
    run = {"type": "agent_started", "thread_id": "t1", "run_id": "r-old"}
    approve = {"type": "approve", "thread_id": "t1", "run_id": "r-old"}
    lines = [(1, "c2s", {"type": "chat", "thread_id": "t1"}), (2, "s2c", run), (3, "c2s", approve)]
    now = {"run_id": "r-new"}
    other = write("other.db", [(1, "c2s", lines[0][2]), (2, "s2c", run | now), (3, "c2s", approve | now)])
    async with ReplayServer(other, contract, ServerOptions(pace=Pace(inf))) as server:
        result, out = await play(write("a.db", lines), server.url, contract)
        assert server.mismatches == result.mismatches == []
    chat, approval = sent(out)
    assert approval["run_id"] == "r-new"
    assert approval["thread_id"] == chat["thread_id"] != "t1"


async def test_a_recording_that_exists_is_not_overwritten(record: Record, contract: Contract) -> None:
    path = await record("healthy")
    with pytest.raises(UsageError, match="exists"):
        async with ReplayClient(path, "ws://127.0.0.1:1", path, contract):
            pass


async def test_an_unknown_placeholder_is_an_error(record: Record, contract: Contract) -> None:
    path = await record("healthy")
    with pytest.raises(UsageError, match=r"unknown placeholder \{tokn\}; there are \{n\}, \{user\}, \{id\}"):
        presented = HandshakeOverrides((("Authorization", "{tokn}"),))
        ReplayClient(path, "ws://x", path, contract, ClientOptions(presented=presented))


def test_users_are_read_from_csv_and_from_json_lines(tmp_path: Path) -> None:
    wanted = [{"user": "ann", "token": "a,b"}, {"user": "bob", "token": "c"}]
    (tmp_path / "a.csv").write_text('user,Token\nann,"a,b"\nbob,c\n')
    (tmp_path / "a.jsonl").write_text('{"user":"ann","token":"a,b"}\n{"user":"bob","Token":"c"}\n')
    assert read_users(tmp_path / "a.csv") == read_users(tmp_path / "a.jsonl") == wanted


async def load(path: Path, contract: Contract, users: int, repeat: int, ramp_s: float) -> tuple[Result, Path]:
    rows = [{"user": f"user-{number}", "token": make_token(f"user-{number}")} for number in range(users)]
    presented = HandshakeOverrides(headers=(("Authorization", "Bearer {token}"),))
    async with Backend(pace=0.5) as backend:
        plan, pace = Load(users, ramp_s, repeat, rows), Pace(inf, timeout_s=60.0)
        return await play(path, backend.url, contract, presented=presented, load=plan, pace=pace)


async def test_many_users_each_with_their_own_ids_and_credentials(record: Record, contract: Contract) -> None:
    path = await record("parallel-tools")
    result, out = await load(path, contract, users=20, repeat=2, ramp_s=0.1)
    assert [str(one) for one in result.mismatches] == []
    assert len(result.played) == 40
    with Recording.open(out) as recording:
        assert {one.user for one in recording.connections()} == {f"user-{number}" for number in range(20)}
        assert len({one["thread_id"] for one in sent(out)}) == 40
        judgement = judge(recording, contract)
    # On a busy machine we hear late ourselves: the bound on latency is left undecided then, and nothing else is.
    assert {(one.rule, one.verdict) for one in judgement.findings} <= {("latency", Verdict.INCONCLUSIVE)}
    rows = {row.name: row for row in result.latencies.rows()}
    assert rows["connect"].times == rows["chat → agent_completed"].times == 40
    assert 0 < rows["chat → agent_started"].p50 <= rows["chat → agent_completed"].p99


@pytest.mark.campaign
@pytest.mark.timeout(300)
async def test_five_hundred_users_lose_no_session(record: Record, contract: Contract) -> None:
    path = await record("healthy")
    result, out = await load(path, contract, users=500, repeat=1, ramp_s=3.0)
    assert result.lost == []
    with Recording.open(out) as recording:
        assert len(recording.connections()) == 500
    for row in result.latencies.rows():
        print(f"{row.name:<32}{row.times:>6}", *(f"{1000 * time:8.1f} ms" for time in (row.p50, row.p99, row.max)))
