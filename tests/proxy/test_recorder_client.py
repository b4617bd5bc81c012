"""The recorder as the relay keeps it: real processes, killed, stopped, kept from starting, from writing, from living on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

import fragile_recorder
import pytest
import rawpeers
import uvloop
from client_at_work import Run, Told, open_connection, payloads, recorder_pid, recording, until

from recordings import checked, write_locked
from wsreplay.proxy.recorder_client import RecorderClient
from wsreplay.proxy.spawned_recorder import DescriptorReserve
from wsreplay.recorder import unwritten
from wsreplay.recorder.protocol import Hello, RecordKind
from wsreplay.store import lock

FRAGILE = (sys.executable, fragile_recorder.__file__)


def test_a_report_before_the_end_of_the_socket_does_not_hide_the_end(tmp_path: Path, run: Run) -> None:
    """uvloop calls the reader once when the peer dies with unread bytes: for the report, and never for the end behind it."""

    async def main() -> None:
        told = Told()
        async with recording(tmp_path / "a.db", told) as client:
            for number in range(10):
                await until(lambda: not client.uncommitted)
                pid = recorder_pid(client)
                client.chunk(1, 0, rawpeers.frame(1, b"committed %d" % number))
                time.sleep(0.2)  # noqa: ASYNC251 -- the event loop is not to read the report
                os.kill(pid, signal.SIGSTOP)
                client.chunk(1, 0, rawpeers.frame(1, b"never read %d" % number))
                os.kill(pid, signal.SIGKILL)
                await until(lambda expected=number + 1: told.count("restarted") == expected, "it is started again")

    run(main())
    expected = [b"%s %d" % (word, number) for number in range(10) for word in (b"committed", b"never read")]
    assert payloads(tmp_path / "a.db") == expected


def test_a_stopped_recorder_is_told_of_within_seconds_and_goes_on_as_if_nothing_was(tmp_path: Path, run: Run) -> None:
    async def main() -> None:
        told = Told()
        async with recording(tmp_path / "a.db", told) as client:
            await until(lambda: not client.uncommitted)
            pid = recorder_pid(client)
            os.kill(pid, signal.SIGSTOP)
            client.chunk(1, 0, rawpeers.frame(1, b"meanwhile"))
            began = asyncio.get_running_loop().time()
            await until(lambda: told.count("is stopped"))
            assert asyncio.get_running_loop().time() - began < 10, "it is told after a second; the machine may be slow"
            assert unwritten.path_of(tmp_path / "a.db").exists(), "a kill now would leave a trace"
            while client.chunk(1, 0, rawpeers.frame(2, bytes(60_000))):
                pass
            await until(lambda: told.count("waiting"))
            os.kill(pid, signal.SIGCONT)
            await until(lambda: told.count("resumed"))
            assert recorder_pid(client) == pid
            assert not unwritten.path_of(tmp_path / "a.db").exists()
        assert told.lines == [
            f"stalled: the recorder (process {pid}) is stopped: kill -CONT {pid} continues it (4 MiB)", "waiting", "resumed",
        ]  # fmt: skip

    run(main())
    assert payloads(tmp_path / "a.db")[0] == b"meanwhile"


def test_traffic_goes_on_while_the_file_is_locked_up_to_64_mib_and_then_waits(tmp_path: Path, run: Run) -> None:
    size, made, sent = 100_000, 0, 0

    async def main() -> None:
        nonlocal made, sent
        told = Told()
        async with recording(tmp_path / "a.db", told) as client:
            await until(lambda: not client.uncommitted)
            with write_locked(tmp_path / "a.db"):
                while not client._kept_bytes > 64 * 2**20:
                    made += 1
                    if client.chunk(1, 0, rawpeers.frame(2, made.to_bytes(4, "big") * (size // 4))):
                        sent += 1
                    else:
                        client.on_sent(_count)
                        await until(lambda: not client._waiting or client._kept_bytes > 64 * 2**20)
                    await asyncio.sleep(0)
                passed = sent
                await until(lambda: told.count("waiting"))
                await asyncio.sleep(1)
                assert sent == passed, "traffic waits"
                assert 63 * 2**20 < passed * size < 66 * 2**20
            await until(lambda: told.count("resumed") and not client._waiting)
        assert told.lines == ["stalled: database is locked (64 MiB)", "waiting", "resumed"]

    def _count() -> None:
        nonlocal sent
        sent += 1

    run(main())
    assert [int.from_bytes(payload[:4], "big") for payload in payloads(tmp_path / "a.db")] == list(range(1, made + 1))
    assert sent == made
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as db:
        ((longest,),) = db.execute("SELECT max(end_ns - start_ns) FROM hold")
    assert longest >= 1_000_000_000, "how long traffic was held is noted"


@pytest.mark.parametrize("poison", [fragile_recorder.KILLS, fragile_recorder.RAISES])
def test_a_record_that_recorders_die_at_is_left_out_with_a_gap(tmp_path: Path, run: Run, poison: bytes) -> None:
    async def main() -> None:
        told = Told()
        async with recording(tmp_path / "a.db", told, FRAGILE) as client:
            open_connection(client, 2)
            for number in range(20):
                client.chunk(2, 0, rawpeers.frame(1, b"bystander %d" % number))
                if number == 10:
                    client.chunk(1, 0, rawpeers.frame(1, b"before") + rawpeers.frame(1, poison) + rawpeers.frame(9, b"ping"))
                    client.chunk(1, 0, rawpeers.frame(1, b"behind"))
            await until(lambda: told.count("left out") and not client.uncommitted)
            client.chunk(1, 0, rawpeers.frame(1, b"at last"))
        assert told.count("left out: the recorder failed 3 times at ") == 1
        assert "bytes of connection 1: left out, with a gap in the recording" in "".join(told.lines)
        assert 3 <= told.count("restarted") <= 6

    run(main())
    recorded = checked(tmp_path / "a.db")
    assert [frame.payload for frame in recorded.stream(2, 0).frames] == [b"bystander %d" % number for number in range(20)]
    assert payloads(tmp_path / "a.db") == [b"", b"", b"ping", b"behind", b"at last"]
    assert [(gap.reason, gap.bytes) for gap in recorded.gaps] == [
        ("payload cut: the recorder failed at it 3 times", len(b"before")),
        ("payload cut: the recorder failed at it 3 times", len(poison)),
    ]


def test_of_a_connection_whose_frames_cannot_be_told_apart_nothing_more_is_recorded(tmp_path: Path) -> None:
    async def main() -> None:
        told = Told()
        async with recording(tmp_path / "a.db", told, FRAGILE) as client:
            open_connection(client, 2)
            client.chunk(1, 0, rawpeers.frame(1, b"before"))
            client.chunk(1, 0, rawpeers.frame(1, fragile_recorder.KILLS_FRAMES, mask=None))
            client.chunk(1, 0, rawpeers.frame(1, b"behind"))
            client.chunk(2, 0, rawpeers.frame(1, b"bystander"))
            await until(lambda: not client.uncommitted)
            client.chunk(1, 0, rawpeers.frame(1, b"later"))
            client.record(RecordKind.CLOSE, b'{"by":"client"}', 1)
        assert told.count("left out") == 2

    uvloop.run(main())
    recorded = checked(tmp_path / "a.db")
    assert payloads(tmp_path / "a.db") == [b"before"]
    assert payloads(tmp_path / "a.db", 2) == [b"bystander"]
    assert [gap.reason for gap in recorded.gaps] == ["not recorded from here: the recorder failed at it 3 times"]
    assert str(recorded.connections[0].ending) == "truncated"


def test_a_record_that_the_file_refuses_is_left_out_like_any_other(tmp_path: Path, run: Run) -> None:
    """Somebody else has put a row in its place."""

    async def main() -> None:
        told = Told()
        async with recording(tmp_path / "a.db", told) as client:
            client.chunk(1, 0, rawpeers.frame(1, b"before"))
            await until(lambda: not client.uncommitted)
            with contextlib.closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as db:
                db.execute(
                    "INSERT INTO connection (id, recording_id, opened_ns, path, request_headers, ending)"
                    " VALUES (2, 1, 0, '/theirs', '[]', 'clean')"
                )
            open_connection(client, 2)
            client.record(RecordKind.UNREAD, b"odd", 2)
            client.chunk(2, 0, rawpeers.frame(1, b"not ours"))
            client.chunk(1, 0, rawpeers.frame(1, b"bystander"))
            client.record(RecordKind.CLOSE, b'{"by":"client"}', 2)
            await until(lambda: not client.uncommitted)
        assert told.count("left out: the recorder failed 3 times at a record OPEN: left out, with a gap") == 2
        assert told.count("IntegrityError in wsreplay/store/writer.py") == 1

    run(main())
    assert payloads(tmp_path / "a.db") == [b"before", b"bystander"]
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as db:
        assert db.execute("SELECT note FROM mark").fetchall() == [
            ("a OPEN record is missing: the recorder failed at it 3 times",)
        ]


@pytest.mark.skipif(sys.platform != "linux", reason="files are held by O_PATH")
@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize("size", [100, 0, -1], ids=["header", "truncated", "all"])
def test_a_recording_that_somebody_overwrites_is_left_and_gone_on_with_in_a_new_file(
    tmp_path: Path, size: int, dies: bool
) -> None:
    path, new = tmp_path / "a.db", tmp_path / "a-2.db"

    def damage() -> None:
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with path.open("r+b") as file:
            file.write(b"\xa5" * (size if size > 0 else path.stat().st_size if size < 0 else 0))
            if not size:
                file.truncate()

    async def main() -> None:
        told = Told()
        async with recording(path, told) as client:
            client.chunk(1, 0, rawpeers.frame(1, b"before"))
            await until(lambda: not client.uncommitted)
            if dies:
                os.kill(recorder_pid(client), signal.SIGSTOP)
            damage()
            client.chunk(1, 0, rawpeers.frame(1, b"after"))
            if dies:
                os.kill(recorder_pid(client), signal.SIGKILL)
            await until(lambda: not client.uncommitted and told.count("a.db is now a-2.db"))
            open_connection(client, 2)
            client.chunk(2, 0, rawpeers.frame(1, b"new"))
        assert told.count("is now") == 1

    asyncio.run(main())
    recorded = checked(new)
    if size > 0:
        assert payloads(new) == [b"before", b"after"]
        assert recorded.gaps == []
    else:
        counted = {gap.direction: gap.bytes for gap in recorded.gaps if gap.reason.startswith("passed unread")}
        assert counted == {0: len(rawpeers.frame(1, b"after")), 1: 0}, "what cannot be told apart is counted"
    assert payloads(new, 2) == [b"new"]
    assert path.exists() == bool(size) or dies, "it is left as it is, unless nothing is left in it"
    assert not lock.is_held(path) and not lock.is_held(new)


async def record_again(path: Path) -> None:
    """The next run, which takes in what the one before could not write."""
    async with recording(path, Told()):
        pass


def test_the_end_comes_in_time_and_what_is_left_is_taken_in_by_the_next_run(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "a.db"

    async def main() -> None:
        told = Told()
        async with recording(path, told) as client:
            client.chunk(1, 0, rawpeers.frame(1, b"committed"))
            await until(lambda: not client.uncommitted)
            with write_locked(path):
                client.chunk(1, 0, rawpeers.frame(1, b"kept"))
                client.record(RecordKind.OPEN, b"127.0.0.1:3\n" + rawpeers.request("/2", "Authorization: Bearer hush"), 2)
                client.record(RecordKind.ACCEPT, rawpeers.accept("Set-Cookie: hush"), 2)
                client.chunk(2, 1, rawpeers.frame(1, b"too", mask=None))
                await until(lambda: told.count("stalled"))
                closing = asyncio.ensure_future(client.close())
                began = asyncio.get_running_loop().time()
                await client.hurry(1.0)
                await closing
                assert asyncio.get_running_loop().time() - began < 10
            leftover = client.leftover
            assert leftover is not None
            assert (leftover.saved, leftover.records, leftover.reason) == (unwritten.path_of(path), 5, "database is locked")

    run(main())
    assert b"hush" not in unwritten.path_of(path).read_bytes()
    assert unwritten.path_of(path).stat().st_mode & 0o777 == 0o600

    run(record_again(path))
    recorded = checked(path)
    assert [frame.payload for frame in recorded.stream(1, 0).frames] == [b"committed", b"kept"]
    assert [frame.payload for frame in recorded.stream(2, 1).frames] == [b"too"]
    assert recorded.gaps == []
    assert not unwritten.path_of(path).exists()


def test_of_what_was_left_everything_before_a_record_that_the_file_refuses_is_taken_in(tmp_path: Path) -> None:
    path = tmp_path / "a.db"

    async def main() -> None:
        async with recording(path, Told()) as client:
            await until(lambda: not client.uncommitted)
            with write_locked(path):
                client.chunk(1, 0, rawpeers.frame(1, b"kept"))
                open_connection(client, 1)  # there is one already
                client.chunk(1, 0, rawpeers.frame(1, b"lost"))
                closing = asyncio.ensure_future(client.close())
                await client.hurry(0.5)
                await closing

    asyncio.run(main())
    assert unwritten.path_of(path).exists()
    asyncio.run(record_again(path))
    recorded = checked(path)
    assert payloads(path) == [b"kept"]
    assert {(gap.connection_id, gap.direction) for gap in recorded.gaps} == {(1, 0), (1, 1)}
    assert str(recorded.connections[0].ending) == "truncated"
    assert not unwritten.path_of(path).exists()


@pytest.mark.parametrize("redact", [[], ["$.password"]])
def test_what_a_kill_of_both_has_lost_is_a_gap(tmp_path: Path, redact: list[str]) -> None:
    path = tmp_path / "a.db"

    async def main() -> None:
        told = Told()
        client = RecorderClient(
            Hello(str(path), "ws://u", "ws://l", "2026-11-20T10:00:00Z", "1", "00" * 32, redact=redact), told.callbacks()
        )
        await client.start()
        open_connection(client, 1)
        await until(lambda: not client.uncommitted)
        with write_locked(path):
            client.chunk(1, 0, rawpeers.frame(1, b"lost"))
            await until(lambda: told.count("stalled"))
            os.kill(recorder_pid(client), signal.SIGKILL)
            os._exit(0)  # the relay

    pid = os.fork()
    if not pid:
        with contextlib.suppress(BaseException):
            asyncio.run(main())
        os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0

    asyncio.run(record_again(path))
    recorded = checked(path)
    assert {(gap.direction, gap.reason) for gap in recorded.gaps} == {
        (0, "lost from here: database is locked"), (1, "lost from here: database is locked"),
    }  # fmt: skip
    assert str(recorded.connections[0].ending) == "truncated"


def test_the_reserve_frees_what_a_start_takes() -> None:
    reserve = DescriptorReserve()
    before = len(list(Path("/proc/self/fd").iterdir()))
    reserve.fill()
    assert len(list(Path("/proc/self/fd").iterdir())) == before + 8
    reserve.release()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
