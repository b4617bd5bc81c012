"""Recordings read by programs with an event loop: what `wsreplay.open` gives, without holding the loop up."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Iterable
from pathlib import Path
from typing import TypeVar

import pytest

import wsreplay
from wsreplay import aio
from wsreplay.errors import ContractError, FilterError, RecordingClosed, UsageError, WsreplayError
from wsreplay.model import FIN, Connection
from wsreplay.replay.server import ReplayServer
from wsreplay.store import lock
from wsreplay.store.writer import Writer

SAMPLES = Path(__file__).parents[1] / "recordings" / "samples"
RECORDINGS = sorted(SAMPLES.rglob("*.db"))
FILTERS = ("", "type:tool_* | sev>=error", "dir:c2s", '"a"')
STARTED = b'{"type": "agent_started", "thread_id": "t1", "run_id": "r%d", "payload": {"agent_name": "a"}}'
MANY = 8_000
# A turn for each so many seconds of computing; what the loop's own thread may compute in one go: this part of it, or so long.
TURN_S = 0.05
STANDSTILL = 0.25
SHORT_S = 0.02
Item = TypeVar("Item")
Result = TypeVar("Result")


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: str(path.relative_to(SAMPLES).with_suffix("")))
async def test_it_gives_what_the_plain_library_gives(path: Path) -> None:
    with wsreplay.open(path) as plain:
        async with aio.open(path) as recording:
            assert await recording.connections() == plain.connections
            assert await recording.sessions() == plain.sessions
            assert not await recording.is_live() and recording.path == path
            assert await all_of(recording.messages()) == list(plain.messages())
            assert await all_of(recording.messages(1)) == list(plain.messages(1))
            for filter in FILTERS:
                assert await all_of(recording.frames(filter)) == list(plain.frames(filter))
                assert await all_of(recording.events(filter)) == list(plain.events(filter))
                assert await all_of(recording.follow(filter)) == list(plain.events(filter))
            assert await recording.spans() == plain.spans()
            assert await recording.findings() == plain.findings()
            followed = await all_of(recording.follow_findings())
            assert sorted(finding.id for finding in followed) == sorted(finding.id for finding in plain.findings())
    assert (await aio.validate(path)).verdict == wsreplay.validate(path).verdict


async def test_a_recording_is_followed_until_nobody_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "live.db"
    held = await asyncio.to_thread(lock.acquire, path)
    writer = begin(path, [STARTED % 1])
    writer.commit()
    async with aio.open(path) as recording:
        assert await recording.is_live()
        events, findings = recording.follow(), recording.follow_findings()
        assert (await anext(events)).document["run_id"] == "r1"
        late = asyncio.ensure_future(anext(findings))
        writer.add_frames([row(2, STARTED % 1)])
        writer.commit()
        assert (await anext(events)).frame == 2
        assert (await asyncio.wait_for(late, 20)).connection == 1
        writer.close()
        held.release()
        assert await all_of(events) == []
        assert {finding.rule for finding in await all_of(findings)} >= {"run"}


async def test_mistakes_are_the_packages_errors(tmp_path: Path) -> None:
    with pytest.raises(WsreplayError):
        async with aio.open(tmp_path / "nothing.db"):
            pass
    async with aio.open(SAMPLES / "missing-event.db") as recording:
        with pytest.raises(FilterError):
            await anext(recording.events("type>=("))
        with pytest.raises(ContractError):
            await recording.spans(contract="no-such-contract")
        with pytest.raises(ContractError):
            await anext(recording.follow_findings("no-such-contract"))
        frames = recording.frames()
        await anext(frames)
    with pytest.raises((RecordingClosed, UsageError)):
        await all_of(frames)
    with pytest.raises(UsageError, match="use `async with`"):
        await recording.connections()


async def test_reading_is_broken_off_with_the_task_that_reads(large: Path) -> None:
    async with aio.open(large) as recording:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await recording.validate("agent-chat")
        assert len(await recording.connections()) == 1  # and others go on


async def test_tasks_share_a_recording(large: Path) -> None:
    async with aio.open(large) as recording:
        verdict, frames, events = await asyncio.gather(
            recording.validate("agent-chat"), all_of(recording.frames()), all_of(recording.events("type:agent_started"))
        )
    assert len(frames) == len(events) == MANY and len(verdict.spans) == MANY


async def test_the_loop_is_not_held_up(large: Path) -> None:
    async with aio.open(large) as recording:
        await beside_a_clock(recording.validate("agent-chat"))
        await beside_a_clock(all_of(recording.events("sev>=error")))
        await beside_a_clock(all_of(recording.frames()))


async def test_nor_by_a_replayed_backend_that_reads_its_recording(large: Path) -> None:
    server = ReplayServer(large)
    await beside_a_clock(server.__aenter__())
    await server.__aexit__()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("aio") / "large.db"
    begin(path, [STARTED % number for number in range(MANY)]).close()
    return path


def begin(path: Path, payloads: Iterable[bytes]) -> Writer:
    writer = Writer(path)
    run = writer.insert_run(started_at="2026-11-20T10:00:00Z", start_ns=0, upstream="", listen="", version="1", options={})
    writer.insert_connection(Connection(1, run, 0, path="/ws", status=101))
    writer.add_frames([row(number, body) for number, body in enumerate(payloads, 1)])
    return writer


def row(number: int, body: bytes) -> tuple[int, int, int, int, int, int, int, int, str, bytes]:
    return 1, number, number, 1, 1, FIN, len(body), 0, "agent_started", body


async def all_of(items: AsyncIterator[Item]) -> list[Item]:
    return [item async for item in items]


async def beside_a_clock(work: Awaitable[Result]) -> Result:
    """Do something beside a task that only wants its turn every millisecond: it gets it, and at no time does the loop's own
    thread compute much of what is done."""
    turns: list[float] = []

    async def tick() -> None:
        before = time.thread_time()
        while True:
            await asyncio.sleep(0.001)
            turns.append(time.thread_time() - before)
            before = time.thread_time()

    gc.collect()
    gc.freeze()  # what else this process holds is not looked through meanwhile
    clock, began = asyncio.ensure_future(tick()), time.process_time()
    try:
        return await work
    finally:
        clock.cancel()
        took = time.process_time() - began
        gc.unfreeze()
        longest = max(turns, default=took)
        assert len(turns) >= took // TURN_S, f"{len(turns)} turns in {took:.3f} s"
        assert longest < max(SHORT_S, STANDSTILL * took), f"{longest:.3f} s of {took:.3f} s"
