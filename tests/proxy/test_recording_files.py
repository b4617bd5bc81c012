"""A recording whose files are moved, removed or replaced while it is written: nothing is lost, nothing is twice."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from relay import Relay, wait_for
from traffic import Traffic

from wsreplay.store import lock
from wsreplay.store.annotations import change_mark
from wsreplay.store.reader import Recording

Start = Callable[..., Relay]


class Talk:
    """Ten connections through a relay that records into `folder/a.db`."""

    def __init__(self, relay: Start, folder: Path) -> None:
        self._start = relay
        self.path = folder / "a.db"
        self.traffic = Traffic("compressed", label="old-")

    async def begin(self) -> None:
        await self.traffic.serve()
        self.relay = await asyncio.to_thread(self._start, f"ws://127.0.0.1:{self.traffic.port}", self.path)
        await self.traffic.connect(self.relay.port, 10)
        await self.traffic.flow(30_000)

    async def said(self, key: str) -> object:
        """What the relay says under a key, with traffic on the way all the same."""
        await self.traffic.until(lambda: self.relay.told(key), f"it says {key}")
        await self.traffic.flow(30_000)
        return self.relay.told(key)

    async def end(self, *files: Path) -> None:
        """All is stopped: these files hold everything, and nothing else is left in their folders."""
        await self.traffic.end()
        await asyncio.to_thread(self.relay.stop)
        recorded = self.traffic.verify(files[0])
        assert recorded.gaps == []
        for (path, direction), speaker in self.traffic.speakers.items():
            stream = recorded.stream(recorded.by_path()[path].id, direction)
            assert (stream.end, stream.tail) == (len(speaker.sent), b""), "the whole stream is there"
        assert not any(lock.is_held(file) for file in files)


@pytest.fixture
async def talk(relay: Start, tmp_path: Path) -> AsyncIterator[Talk]:
    folder = tmp_path / "recordings"
    folder.mkdir()
    talk = Talk(relay, folder)
    try:
        await talk.begin()
        yield talk
    finally:
        await talk.traffic.close()


def _names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.mark.parametrize("recorder", ["lives", "is killed", "starts"])
async def test_a_removed_recording_is_saved_and_gone_on_with(talk: Talk, recorder: str) -> None:
    killed = talk.relay.recorder()
    if recorder != "lives":
        os.kill(killed, 9)
    if recorder == "starts":  # it was started with all in place, and opens the files when they are gone
        await asyncio.to_thread(wait_for, lambda: set(talk.relay.children()) - {killed}, "another recorder starts")
    for name in _names(talk.path.parent):
        (talk.path.parent / name).unlink()
    new = talk.path.with_name("a-2.db")
    assert await talk.said("relocated") == [str(talk.path), str(new), True]
    assert lock.is_held(new)
    await talk.end(new)
    assert _names(new.parent) == ["a-2.db"]
    assert new.stat().st_mode & 0o777 == 0o600


async def test_a_recording_whose_folder_is_removed_is_saved(talk: Talk) -> None:
    shutil.rmtree(talk.path.parent)
    new = talk.path.with_name("a-2.db")
    assert await talk.said("relocated") == [str(talk.path), str(new), True]
    await talk.end(new)
    assert _names(new.parent) == ["a-2.db"]


async def test_a_replaced_recording_is_saved_and_the_other_file_left_alone(talk: Talk, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    before = other.read_bytes()
    other.replace(talk.path)
    new = talk.path.with_name("a-2.db")
    assert await talk.said("relocated") == [str(talk.path), str(new), True]
    await talk.end(new)
    assert talk.path.read_bytes() == before
    assert _names(new.parent) == ["a-2.db", "a.db"]


@pytest.mark.parametrize("killed", [False, True])
async def test_a_moved_recording_keeps_its_connections_and_new_ones_go_into_a_new_file(talk: Talk, killed: bool) -> None:
    if killed:
        os.kill(talk.relay.recorder(), 9)
    moved, new = talk.path.with_name("moved.db"), talk.path.with_name("a-2.db")
    talk.path.rename(moved)
    assert await talk.said("relocated") == [str(talk.path), str(moved), False]
    assert lock.is_held(moved)
    with Recording.open(moved) as recording:  # whole, with its -wal, while it is written
        assert len(recording.connections()) == 10
    change_mark(moved, None, 1, "beside its recorder")
    assert await talk.said("rotated") == str(new)
    paths = [f"/new-{number}" for number in range(3)]
    code = (
        "import sys; sys.path[:0] = sys.argv[2:3]; import rawpeers\n"
        "for path in sys.argv[3:]:\n"
        "    sock = rawpeers.connect(int(sys.argv[1])); sock.sendall(rawpeers.request(path)); sock.close()"
    )
    support = str(Path(__file__).parents[1] / "support")
    command = [sys.executable, "-c", code, str(talk.relay.port), support, *paths]
    await asyncio.to_thread(subprocess.run, command, check=True)
    await talk.traffic.until(lambda: _paths(new) == paths, "the new connections are recorded in the new file")
    await talk.end(moved)
    assert _names(new.parent) == ["a-2.db", "moved.db"]


def _paths(path: Path) -> list[str]:
    with Recording.open(path) as recording:
        return sorted(connection.path for connection in recording.connections())


async def test_a_recording_is_found_in_its_renamed_folder(talk: Talk, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    talk.path.parent.rename(moved)
    assert await talk.said("relocated") == [str(talk.path), str(moved / "a.db"), False]
    assert await talk.said("rotated") == str(moved / "a-2.db")
    await talk.end(moved / "a.db")
    assert _names(moved) == ["a-2.db", "a.db"]


@pytest.mark.parametrize("suffixes", [("-wal",), ("-shm",), ("-wal", "-shm")], ids="".join)
async def test_files_beside_a_recording_come_back(talk: Talk, suffixes: tuple[str, ...]) -> None:
    for suffix in suffixes:
        talk.path.with_name(f"{talk.path.name}{suffix}").unlink()
    assert await talk.said("mended") == str(talk.path)
    with Recording.open(talk.path) as recording:
        assert len(recording.connections()) == 10
    await talk.end(talk.path)
    assert _names(talk.path.parent) == ["a.db"]


async def test_a_recording_that_is_removed_in_the_last_moment_is_saved(talk: Talk) -> None:
    await talk.traffic.end()
    talk.path.unlink()
    await asyncio.to_thread(talk.relay.stop)
    new = talk.path.with_name("a-2.db")
    talk.traffic.verify(new)
    assert _names(new.parent) == ["a-2.db"]
