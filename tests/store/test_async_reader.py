"""A recording read from an event loop: by page, and by functions, over one connection."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from wsreplay.errors import NotARecording, RecordingClosed, RecordingError
from wsreplay.model import FIN, Connection
from wsreplay.store.async_reader import AsyncRecording
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer

SMALL, ROWS = 200, 600  # those behind the small ones are large
LARGE = 2**15
IDS = "SELECT id, payload FROM frame ORDER BY id"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    writer = Writer(tmp_path / "a.db")
    run = writer.insert_run(started_at="2026-11-20T10:00:00Z", start_ns=0, upstream="", listen="", version="1", options={})
    writer.insert_connection(Connection(1, run, 0, path="/ws", status=101))
    writer.add_frames(
        (1, number, number, 1, 2, FIN, 1, 0, None, b"x" * (1 if number <= SMALL else LARGE)) for number in range(1, ROWS + 1)
    )
    writer.close()
    return writer.path


async def test_pages_hold_every_row_once_and_few_where_they_are_large(path: Path) -> None:
    async with await AsyncRecording.open(path) as recording:
        assert recording.path == path
        pages = [page async for page in recording.pages(IDS)]
    assert [id for page in pages for id, _ in page] == list(range(1, ROWS + 1))
    assert max(map(len, pages)) > 100 and all(len(page) <= 2**20 // LARGE for page in pages[-5:])


async def test_functions_and_pages_take_turns_on_one_connection(path: Path) -> None:
    def count(recording: Recording) -> int:
        with recording.snapshot():
            return len(recording.frame_ids())

    async with await AsyncRecording.open(path) as recording:
        ids: list[int] = []
        async for page in recording.pages(IDS):
            ids += [id for id, _ in page]
            assert await recording.call(count) == ROWS
        assert ids == list(range(1, ROWS + 1))


async def test_a_function_that_nobody_waits_for_is_broken_off_and_ends_before_another_begins(path: Path) -> None:
    ended = threading.Event()

    def read_long(recording: Recording) -> None:
        try:
            sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
            next(recording.query(sql))
        finally:
            time.sleep(0.05)
            ended.set()

    async with await AsyncRecording.open(path) as recording:
        task = asyncio.ensure_future(recording.call(read_long))
        while not task.done():
            await asyncio.sleep(0.01)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await recording.call(lambda _: ended.is_set())


async def test_what_is_closed_says_so(path: Path) -> None:
    recording = await AsyncRecording.open(path)
    pages = recording.pages(IDS)
    await anext(pages)
    await recording.close()
    await recording.close()
    with pytest.raises(RecordingClosed, match=r"a\.db was closed"):
        await anext(pages)
    with pytest.raises(RecordingClosed):
        await recording.call(Recording.last_id)


async def test_errors_are_those_of_recordings(path: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("not a recording")
    with pytest.raises(NotARecording):
        await AsyncRecording.open(tmp_path / "notes.db")
    async with await AsyncRecording.open(path) as recording:
        db = sqlite3.connect(path)
        db.execute("DROP TABLE gap")
        db.close()
        with pytest.raises(RecordingError, match=r"a\.db"):
            await anext(recording.pages("SELECT * FROM gap"))
        with pytest.raises(RecordingError, match=r"a\.db"):
            await recording.call(Recording.gaps)
