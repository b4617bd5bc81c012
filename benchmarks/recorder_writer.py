"""The recorder's batches, written by sqlite3 in its one thread, or by aiosqlite in another while it reads on.

    python -m benchmarks.recorder_writer [--frames N] [--rounds N]

The recorder is the real one, and so are the records that it is fed with; only the socket is left out. Both ways write the same
statements into files of the same form. They take turns; a ratio is speed to speed, within a round.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiosqlite
import msgspec

from benchmarks import load
from benchmarks.scenarios import Rounds
from benchmarks.table import Table, count
from wsreplay.recorder.process import COMMIT_ROWS
from wsreplay.recorder.protocol import Hello, Opening, Record, RecordKind
from wsreplay.recorder.recorder import Recorder
from wsreplay.store import writer as store

SIZES = (200, 4096)
CONNECTIONS = 20
_HEAD = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
Way = Callable[[Recorder, list[Record]], Awaitable[None]]


def records(frames: int, size: int) -> list[Record]:
    """What the relay would send: handshakes, and about a mebibyte of frames at a time of one connection after another."""
    opening = msgspec.json.encode(Opening("127.0.0.1:1", "/ws", ()))
    sent = [Record(RecordKind.OPENED, 0, number, 0, opening) for number in range(1, CONNECTIONS + 1)]
    sent += [Record(RecordKind.ACCEPT, 1, number, 0, _HEAD) for number in range(1, CONNECTIONS + 1)]
    block = load.block(size, masked=False)
    blocks = max(1, frames * load.frame_length(size, masked=False) // len(block))
    return sent + [Record(RecordKind.CHUNK, 1, 1 + number % CONNECTIONS, number * 1000, block) for number in range(blocks)]


async def in_its_thread(recorder: Recorder, sent: list[Record]) -> None:
    """As the recorder does it."""
    for _ in _batches(recorder, sent):
        recorder.writer.commit()


async def beside(recorder: Recorder, sent: list[Record]) -> None:
    """A batch is written by aiosqlite while the next one is read."""
    writer = recorder.writer
    async with aiosqlite.connect(writer.path, isolation_level=None) as db:
        await db.execute("PRAGMA synchronous = NORMAL")
        writing: asyncio.Task[None] | None = None
        for _ in _batches(recorder, sent):
            statements, frames = _take(writer)
            if writing is not None:
                await writing
            writing = asyncio.create_task(_write(db, statements, frames))
            await asyncio.sleep(0)
        if writing is not None:
            await writing


def _batches(recorder: Recorder, sent: list[Record]) -> Iterator[None]:
    """Stop at each full batch, as the recorder's process does."""
    for record in sent:
        full = recorder.apply(record)
        while full or recorder.writer.waiting >= COMMIT_ROWS:
            recorder.flush()
            yield
            full = recorder.go_on()
    recorder.flush()
    yield


def _take(writer: store.Writer) -> tuple[list[tuple[str, object]], list[store.FrameRow]]:
    taken = list(writer._statements), list(writer._frames)
    writer._statements.clear()
    writer._frames.clear()
    writer.inflated, writer.large = 0, False
    return taken


async def _write(db: aiosqlite.Connection, statements: list[tuple[str, object]], frames: list[store.FrameRow]) -> None:
    rows = store.ROWS_PER_STATEMENT
    whole = len(frames) - len(frames) % rows
    work = [db.execute("BEGIN IMMEDIATE"), *(db.execute(sql, parameters) for sql, parameters in statements)]
    hundreds = (frames[start : start + rows] for start in range(0, whole, rows))
    work += [db.execute(store._INSERT_FRAMES, tuple(itertools.chain.from_iterable(hundred))) for hundred in hundreds]
    await asyncio.gather(*work, db.executemany(store._INSERT_FRAME, frames[whole:]), db.execute("COMMIT"))


def seconds(way: Way, sent: list[Record]) -> tuple[float, int]:
    """How long it takes to write them, and how many frames are in the file then."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "a.db"))
        recorder = Recorder(Hello(path, "ws://a", "b", "2026-11-20T10:00:00Z", "1", "00" * 32))
        began = time.perf_counter()
        asyncio.run(way(recorder, sent))
        took = time.perf_counter() - began
        (written,) = recorder.writer.query("SELECT count(*) FROM frame")[0]
        recorder.writer.abandon()
    return took, written


def measure(frames: int, rounds: int) -> Table:
    table = Table("Who writes the recorder's batches, frames/s", ["", "sqlite3", "aiosqlite", "aiosqlite to sqlite3"])
    for size in SIZES:
        sent, figures = records(frames * SIZES[0] // size, size), Rounds()
        for number in range(rounds):
            ways = [("sqlite3", in_its_thread), ("aiosqlite", beside)]
            written = set()
            for name, way in ways if number % 2 else ways[::-1]:
                took, frames_written = seconds(way, sent)
                figures.add(name, frames_written / took)
                written.add(frames_written)
            assert len(written) == 1, "both write every frame"
        spread = figures.spread("aiosqlite", "sqlite3")
        table.rows.append([f"{size} B", count(figures.median("sqlite3")), count(figures.median("aiosqlite")), spread])
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=400_000, help="of 200 bytes; of larger ones as many bytes")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    print(measure(given.frames, given.rounds).text())


if __name__ == "__main__":
    main()
