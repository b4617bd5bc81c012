"""What is recorded when processes are killed, disks are full and files are locked: real processes, up to 200 connections."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from relay import Relay, stopped
from traffic import EXTENSIONS, Traffic, kill_recorder

from recordings import checked, write_locked

Start = Callable[..., Relay]
# A campaign takes as long as its rounds do; each wait in it has a limit of its own.
campaign = (pytest.mark.campaign, pytest.mark.timeout(900))
MODES = [pytest.param(mode, marks=() if mode == "compressed" else pytest.mark.campaign) for mode in EXTENSIONS]


@pytest.mark.parametrize(
    ("loop", "connections", "rounds"),
    [("uvloop", 200, 1), pytest.param("uvloop", 200, 4, marks=campaign), pytest.param("asyncio", 200, 4, marks=campaign)],
)
async def test_every_byte_a_peer_received_is_recorded_when_the_relay_is_killed(
    relay: Start, tmp_path: Path, loop: str, connections: int, rounds: int
) -> None:
    rounds_before: list[Traffic] = []
    for number in range(rounds):
        traffic = Traffic(list(EXTENSIONS)[number % 4], label=f"r{number}-")
        await traffic.serve()
        proxy = await asyncio.to_thread(relay, traffic.port, loop=loop)
        await traffic.connect(proxy.port, connections)
        await traffic.flow(300_000)
        await asyncio.to_thread(proxy.kill)
        await traffic.end()
        rounds_before.append(traffic)
        for one in rounds_before:
            recorded = one.verify(proxy.path)
        assert {str(connection.ending) for connection in recorded.connections} == {"truncated"}
        assert len(recorded.connections) == connections * len(rounds_before)
        print("\nrelay killed:", traffic.figures(recorded, kills=number + 1))
    assert _names(tmp_path) == ["a.db"], "the orphaned recorder leaves one plain file"


def _names(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("loop", "connections", "kills"), [("uvloop", 20, 3), pytest.param("asyncio", 200, 8, marks=campaign)]
)
async def test_no_frame_is_lost_or_doubled_when_the_recorder_is_killed(
    relay: Start, mode: str, loop: str, connections: int, kills: int
) -> None:
    traffic = Traffic(mode)
    await traffic.serve()
    proxy = await asyncio.to_thread(relay, traffic.port, loop=loop)
    await traffic.connect(proxy.port, connections)
    for _ in range(kills):
        await traffic.flow(50_000)
        await kill_recorder(proxy)
    await traffic.flow(50_000)
    await traffic.end()
    summary = await asyncio.to_thread(proxy.stop)
    recorded = traffic.verify(proxy.path)
    for (path, direction), speaker in traffic.speakers.items():
        stream = recorded.stream(recorded.by_path()[path].id, direction)
        assert (stream.end, stream.tail) == (len(speaker.sent), b""), "the whole stream is there"
    assert recorded.gaps == []
    assert summary["restarts"] == kills
    assert summary["frames"] == recorded.frames
    assert summary["events"] == sum(speaker.messages for speaker in traffic.speakers.values())
    print("\nrecorder killed:", traffic.figures(recorded, kills=kills))


@pytest.mark.parametrize("kills", [2, pytest.param(60, marks=campaign)])
async def test_a_recorder_may_die_at_any_moment_of_its_start_and_end(relay: Start, kills: int) -> None:
    random = Random(kills)
    traffic = Traffic("compressed")
    await traffic.serve()
    proxy = await asyncio.to_thread(relay, traffic.port)
    await traffic.connect(proxy.port, 10)
    killed = 0
    for _ in range(kills):
        with contextlib.suppress(ProcessLookupError):
            os.kill(await asyncio.to_thread(proxy.recorder), signal.SIGKILL)
            killed += 1
        await asyncio.sleep(random.uniform(0, 0.4))
    await traffic.flow(50_000)
    await traffic.end()
    stopping = asyncio.create_task(asyncio.to_thread(proxy.stop))
    for _ in range(2):
        await asyncio.sleep(random.uniform(0, 0.05))
        with contextlib.suppress(ProcessLookupError, IndexError):
            os.kill(proxy.children()[0], signal.SIGKILL)
    await stopping
    recorded = traffic.verify(proxy.path)
    assert recorded.gaps == []
    print("\nkilled at any moment:", traffic.figures(recorded, kills=killed))


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A file system of its own; skips where it cannot be mounted."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.campaign
@pytest.mark.timeout(900)
async def test_traffic_goes_on_while_the_disk_is_full(relay: Start, tmp_path: Path) -> None:
    # A full disk is noticed when the WAL must grow, at worst 32 MB later each time: what is recorded must fit in the end.
    with small_disk(tmp_path / "small", 256_000_000) as folder:
        traffic = Traffic("compressed", pause_s=0.005)
        await traffic.serve()
        proxy = await asyncio.to_thread(relay, traffic.port, folder / "a.db")
        await traffic.connect(proxy.port, 50)
        for number in range(1, 4):
            filler = folder / "filler"
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(65536))
            await traffic.until(lambda wanted=number: proxy.count("stalled") >= wanted, "it says that it is stalled")
            await traffic.flow(20_000)
            filler.unlink()
            await traffic.until(lambda wanted=number: proxy.count("resumed") >= wanted, "it goes on")
            await traffic.flow(20_000)
        assert "full" in proxy.told("stalled")
        await traffic.end()
        await asyncio.to_thread(proxy.stop)
        recorded = traffic.verify(proxy.path)
        assert recorded.gaps == []
        print("\ndisk full:", traffic.figures(recorded, stalls=proxy.count("stalled"), bytes_on_disk=proxy.path.stat().st_size))


async def test_traffic_goes_on_while_the_file_cannot_grow(relay: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # it would be cut
    traffic = Traffic("fragmented")
    await traffic.serve()
    proxy = await asyncio.to_thread(relay, traffic.port)
    await traffic.connect(proxy.port, 20)
    recorder = await asyncio.to_thread(proxy.recorder)
    soft, hard = resource.prlimit(recorder, resource.RLIMIT_FSIZE)
    resource.prlimit(recorder, resource.RLIMIT_FSIZE, (16_384, hard))
    await traffic.until(lambda: proxy.count("stalled"), "it says that it is stalled")
    await traffic.flow(20_000)
    resource.prlimit(recorder, resource.RLIMIT_FSIZE, (soft, hard))
    await traffic.until(lambda: proxy.count("resumed"), "it goes on")
    await traffic.flow(20_000)
    await traffic.end()
    await asyncio.to_thread(proxy.stop)
    recorded = traffic.verify(proxy.path)
    assert recorded.gaps == []
    print("\nfile cannot grow:", traffic.figures(recorded, stalls=proxy.count("stalled")))


async def test_traffic_goes_on_while_another_program_locks_the_recording(relay: Start) -> None:
    traffic = Traffic("compressed")
    await traffic.serve()
    proxy = await asyncio.to_thread(relay, traffic.port)
    await traffic.connect(proxy.port, 20)
    with write_locked(proxy.path):
        await traffic.until(lambda: proxy.count("stalled"), "it says that it is stalled")
        await traffic.flow(20_000)
    await traffic.until(lambda: proxy.count("resumed"), "it goes on")
    await traffic.flow(20_000)
    await traffic.end()
    await asyncio.to_thread(proxy.stop)
    recorded = traffic.verify(proxy.path)
    assert "locked" in proxy.told("stalled")
    assert recorded.gaps == []
    print("\nlocked:", traffic.figures(recorded, stalls=proxy.count("stalled")))


@pytest.mark.parametrize("mode", MODES)
async def test_only_what_was_not_acknowledged_is_lost_when_both_are_killed(relay: Start, mode: str) -> None:
    traffic = Traffic(mode, label="first-")
    await traffic.serve()
    proxy = await asyncio.to_thread(relay, traffic.port)
    await traffic.connect(proxy.port, 20)
    await traffic.flow(100_000)
    await traffic.until(lambda: _frames(proxy.path), "something is committed")
    both = (proxy.process.pid, await asyncio.to_thread(proxy.recorder))
    for pid in both:
        os.kill(pid, signal.SIGSTOP)
    await traffic.until(lambda: all(map(stopped, both)), "both stand still")
    committed = _reached(proxy.path)
    for pid in both:
        os.kill(pid, signal.SIGKILL)
    await traffic.end()
    proxy.end()
    again = Traffic("plain", label="second-")
    await again.serve()
    next_proxy = await asyncio.to_thread(relay, again.port)
    await again.connect(next_proxy.port, 2)
    await again.end()
    await asyncio.to_thread(next_proxy.stop)
    recorded = traffic.verify(proxy.path, all_received=False)
    again.verify(proxy.path)
    by_path = recorded.by_path()
    kept = _reached(proxy.path)
    for place, end in committed.items():
        assert kept[place] >= end, f"{place}: what was committed is lost"
    # `verify` has seen that what each stream holds is the beginning of what was sent: what is lost is its end.
    lost = 0
    for place, speaker in traffic.speakers.items():
        lost += max(0, len(speaker.received) - kept.get(place, 0))
        if place[0] in by_path:
            assert str(by_path[place[0]].ending) == "truncated"
    later = [connection.opened_ns for path, connection in by_path.items() if path.startswith("second-")]
    earlier = [connection.closed_ns for path, connection in by_path.items() if path.startswith("first-")]
    assert all(opened >= closed for opened in later for closed in earlier), "a later run does not reach into an earlier one"
    print("\nboth killed:", traffic.figures(recorded, unacknowledged_bytes=lost))


def _frames(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT count(*) FROM frame").fetchone()[0])


def _reached(path: Path) -> dict[tuple[str, int], int]:
    """How far the recording holds each direction of each path, in bytes."""
    recorded = checked(path)
    reached = {}
    for connection in recorded.connections:
        for direction in (0, 1):
            stream = recorded.stream(connection.id, direction)
            reached[connection.path, direction] = stream.end + len(stream.tail)
    return reached


async def test_memory_stays_bounded_while_the_recorder_hangs(relay: Start) -> None:
    traffic = Traffic("plain", pause_s=0)
    await traffic.serve()
    proxy = await asyncio.to_thread(relay, traffic.port)
    await traffic.connect(proxy.port, 10)
    recorder = await asyncio.to_thread(proxy.recorder)
    os.kill(recorder, signal.SIGSTOP)
    await traffic.flow(20_000)
    assert _memory(proxy.process.pid) < 250 * 2**20
    os.kill(recorder, signal.SIGCONT)
    await traffic.flow(1_000_000)
    await traffic.end()
    await asyncio.to_thread(proxy.stop)
    recorded = traffic.verify(proxy.path)
    print("\nrecorder hung:", traffic.figures(recorded))


def _memory(pid: int) -> int:
    """Resident bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


async def test_stopping_waits_until_what_was_received_can_be_written(relay: Start) -> None:
    traffic = Traffic("fragmented")
    await traffic.serve()
    proxy = await asyncio.to_thread(relay, traffic.port)
    await traffic.connect(proxy.port, 10)
    with write_locked(proxy.path):
        await traffic.until(lambda: proxy.count("stalled"), "it says that it is stalled")
        stopping = asyncio.create_task(asyncio.to_thread(proxy.stop))
        await asyncio.sleep(0.3)
        assert not stopping.done()
    await stopping
    await traffic.end()
    recorded = traffic.verify(proxy.path)
    assert {str(connection.ending) for connection in recorded.connections} == {"truncated"}
