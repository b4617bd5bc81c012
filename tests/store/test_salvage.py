"""What is copied of a file with damaged pages."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from wsreplay.errors import CorruptRecording
from wsreplay.model import Connection, Ending
from wsreplay.store.reader import Recording
from wsreplay.store.salvage import Hole, Salvaged, copy_readable, note_losses
from wsreplay.store.writer import Writer

FRAMES = 2000
PAGE = 32768


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A recording as its recorder leaves it when it is killed, all of it in one file."""
    path = tmp_path / "a.db"
    writer = Writer(path)
    writer.insert_run(started_at="2026-11-20T10:00:00Z", start_ns=0, upstream="u", listen="l", version="1", options={})
    writer.insert_connection(Connection(1, 1, 0, path="/", ending=Ending.OPEN))
    writer.insert_connection(Connection(2, 1, 0, path="/quiet", ending=Ending.OPEN))
    writer.add_frames([(1, n, n, 0, 1, 1, 110, 110 * n, None, b"%0100d" % n) for n in range(1, FRAMES + 1)])
    writer.update_run(1, reached_ns=FRAMES)
    writer.commit()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    writer.abandon()
    return path


def salvaged(path: Path, tmp_path: Path) -> tuple[Salvaged, list[int]]:
    """What is lost, and the ids of the frames that are there."""
    writer = Writer(tmp_path / "new.db")
    found = copy_readable(path, writer)
    note_losses(writer, 1, found, "lost", "passed unread: lost")
    writer.commit()
    writer.abandon()
    with Recording.open(tmp_path / "new.db") as recording:
        assert all(int(frame.payload) == frame.id for frame in recording.frames())
        return found, [frame.id for frame in recording.frames()]


def overwrite(path: Path, at: int, size: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xa5" * size)


@pytest.mark.parametrize("size", [0, 16, 100, PAGE])
def test_a_header_that_is_gone_costs_nothing(path: Path, tmp_path: Path, size: int) -> None:
    overwrite(path, 0, size)
    before = path.read_bytes()
    found, ids = salvaged(path, tmp_path)
    assert (found.tables, found.holes, found.runs, ids) == (set(), [], {1}, list(range(1, FRAMES + 1)))
    assert path.read_bytes() == before
    with Recording.open(tmp_path / "new.db") as recording:
        assert recording.gaps() == []
        assert len(recording.connections()) == 2


def leaves(path: Path) -> list[int]:
    """The pages that hold frames, in order."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'frame'").fetchone()
    page = path.read_bytes()[(root - 1) * PAGE : root * PAGE]
    cells = int.from_bytes(page[3:5], "big")
    starts = [int.from_bytes(page[12 + 2 * cell :][:2], "big") for cell in range(cells)]
    return [*(int.from_bytes(page[start : start + 4], "big") for start in starts), int.from_bytes(page[8:12], "big")]


@pytest.mark.parametrize("which", [0, 2, -1])
def test_of_frames_only_those_on_damaged_pages_are_lost(path: Path, tmp_path: Path, which: int) -> None:
    overwrite(path, (leaves(path)[which] - 1) * PAGE, PAGE)
    found, ids = salvaged(path, tmp_path)
    assert found.tables == {"frame"}
    missing = sorted(set(range(1, FRAMES + 1)) - set(ids))
    assert missing == list(range(missing[0], missing[-1] + 1)) and len(missing) < FRAMES / 4
    (hole,) = found.holes
    assert hole == Hole(missing[0] - 1, None if which == -1 else missing[-1] + 1)
    with Recording.open(tmp_path / "new.db") as recording:
        lost = {(gap.connection_id, gap.direction) for gap in recording.gaps() if gap.reason == "lost"}
        unread = {(gap.connection_id, gap.direction) for gap in recording.gaps() if gap.reason != "lost"}
    assert lost == {(1, 0), (1, 1), (2, 0), (2, 1)}
    assert unread == lost - ({(1, 0)} if which != -1 else set()), "only of what came behind it is it known how far it had come"


def test_damage_that_nobody_has_met_shows_at_the_end(path: Path) -> None:
    overwrite(path, (leaves(path)[2] - 1) * PAGE, PAGE)
    writer = Writer(path)
    with pytest.raises(CorruptRecording, match=r"a\.db is damaged: "):
        writer.close()


def test_of_a_file_that_holds_nothing_else_nothing_is_copied(path: Path, tmp_path: Path) -> None:
    overwrite(path, 0, path.stat().st_size)
    found, ids = salvaged(path, tmp_path)
    assert (found.tables >= {"frame", "recording", "connection"}, found.runs, ids) == (True, set(), [])
