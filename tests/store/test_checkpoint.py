"""What stands beside a recording once nobody has it open any more."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sample_chat import C2S, Script

from wsreplay.store import lock
from wsreplay.store.async_reader import AsyncRecording
from wsreplay.store.checkpoint import settle, settle_ended
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer

SECOND = 1_000_000_000


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def grow(path: Path) -> Writer:
    """A recorder at work on a file that holds one frame, with another one that waits."""
    script = Script(path)
    script.open(1, 0)
    script.say(1, 10, C2S, "chat")
    writer = Writer(script.write(100, close=False))
    writer.add_frames([(1, 2, 20, C2S, 1, 1, 0, 0, "chat", b"{}")])
    return writer


def end(writer: Writer) -> None:
    """As a recorder does that was told to."""
    writer.update_run(1, ended_ns=SECOND, reached_ns=SECOND)
    writer.close()


def test_the_last_reader_leaves_one_file_where_the_recorder_could_not(tmp_path: Path) -> None:
    writer = grow(tmp_path / "a.db")
    first, second = Recording.open(tmp_path / "a.db"), Recording.open(tmp_path / "a.db")
    end(writer)
    assert files_in(tmp_path) == ["a.db", "a.db-shm", "a.db-wal"]
    first.close()
    assert "a.db-wal" in files_in(tmp_path)
    assert second.last_id() == 2
    second.close()
    second.close()
    assert files_in(tmp_path) == ["a.db"]
    with Recording.open(tmp_path / "a.db") as recording:
        assert (recording.last_id(), recording.warning) == (2, None)


async def test_so_does_one_of_an_event_loop(tmp_path: Path) -> None:
    writer = grow(tmp_path / "a.db")
    async with await AsyncRecording.open(tmp_path / "a.db"):
        end(writer)
    assert files_in(tmp_path) == ["a.db"]


def test_what_a_killed_reader_left_goes_with_the_next_one(tmp_path: Path) -> None:
    writer = grow(tmp_path / "a.db")
    reader = Recording.open(tmp_path / "a.db")
    end(writer)
    reader.database.close()  # all that the system does for it
    assert "a.db-wal" in files_in(tmp_path)
    with Recording.open(tmp_path / "a.db") as recording:
        assert recording.last_id() == 2
    assert files_in(tmp_path) == ["a.db"]


def test_of_a_killed_recorder_nothing_is_changed(tmp_path: Path) -> None:
    writer = grow(tmp_path / "a.db")
    reader = Recording.open(tmp_path / "a.db")
    writer.commit()
    writer.abandon()
    wal = (tmp_path / "a.db-wal").read_bytes()
    reader.close()
    assert len(wal) > 0 and (tmp_path / "a.db-wal").read_bytes() == wal
    settle_ended(tmp_path / "a.db")
    assert (tmp_path / "a.db-wal").read_bytes() == wal
    assert settle(tmp_path / "a.db")
    assert files_in(tmp_path) == ["a.db"]


def test_while_it_is_recorded_nothing_is_changed(tmp_path: Path) -> None:
    writer = grow(tmp_path / "a.db")
    reader = Recording.open(tmp_path / "a.db")
    end(writer)
    with lock.held(tmp_path / "a.db"):
        reader.close()
        assert "a.db-wal" in files_in(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_in_a_folder_that_cannot_be_written_it_is_read_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "medium"
    folder.mkdir()
    writer = grow(folder / "a.db")
    reader = Recording.open(folder / "a.db")
    end(writer)
    reader.database.close()
    before = files_in(folder)
    folder.chmod(0o500)
    try:
        with Recording.open(folder / "a.db") as recording:
            assert recording.last_id() == 2
        assert files_in(folder) == before
    finally:
        folder.chmod(0o700)
