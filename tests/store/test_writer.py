from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from recordings import write_locked
from wsreplay.errors import NewerSchema, NotARecording, UsageError
from wsreplay.store import schema
from wsreplay.store.writer import ROWS_PER_STATEMENT, Writer, WriteStalled

Make = Callable[..., Writer]


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    """What another program sees."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


def frame(number: int, connection: int = 1) -> tuple[object, ...]:
    return (connection, number, number, 0, 1, 1, 8, 8 * number, None, b"%d" % number)


def test_a_recording_is_only_its_owners_to_read(tmp_path: Path, make: Make) -> None:
    (tmp_path / "b.db").touch(0o644)
    for path in (tmp_path / "a.db", tmp_path / "b.db"):
        writer = make(path)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir() if file.name.startswith(path.name)}
        assert set(modes.values()) == {0o600}, modes
        assert len(modes) == 3
        writer.close()


def test_a_file_that_is_gone_is_not_made_anew_where_that_is_not_asked(tmp_path: Path, make: Make) -> None:
    with pytest.raises(UsageError, match=r"a\.db cannot be written: No such file"):
        Writer(tmp_path / "a.db", create=False)
    assert list(tmp_path.iterdir()) == []
    make(tmp_path / "a.db").close()
    Writer(tmp_path / "a.db", create=False).close()


@pytest.mark.parametrize("count", [1, ROWS_PER_STATEMENT - 1, ROWS_PER_STATEMENT, 3 * ROWS_PER_STATEMENT + 7])
def test_frames_are_written_in_their_order(tmp_path: Path, make: Make, count: int) -> None:
    writer = make(frames=0)
    writer.add_frames([frame(number) for number in range(count)])
    assert (writer.waiting, writer.last_frame_id) == (count, count)
    writer.commit()
    assert not writer.dirty
    assert rows(tmp_path / "a.db", "SELECT id, seq FROM frame") == [(number + 1, number) for number in range(count)]
    writer.close()


def test_a_batch_is_written_whole_or_kept_whole(tmp_path: Path, make: Make) -> None:
    writer = make()
    with write_locked(tmp_path / "a.db"):
        writer.add_mark(5, "while it was locked")
        writer.add_frames([frame(99)])
        for _ in range(3):
            with pytest.raises(WriteStalled, match="locked"):
                writer.commit()
        assert rows(tmp_path / "a.db", "SELECT count(*) FROM mark") == [(0,)]
    writer.commit()
    writer.commit()
    assert rows(tmp_path / "a.db", "SELECT note FROM mark") == [("while it was locked",)]
    assert rows(tmp_path / "a.db", "SELECT count(*), max(id) FROM frame") == [(11, 11)]
    writer.close()


def test_a_batch_that_fails_in_its_middle_leaves_nothing(tmp_path: Path, make: Make) -> None:
    writer = make()
    before = (tmp_path / "a.db-wal").stat().st_size
    writer.add_mark(1, "first")
    writer.add("INSERT INTO no_such_table VALUES (1)", ())
    with pytest.raises(WriteStalled):
        writer.commit()
    assert rows(tmp_path / "a.db", "SELECT count(*) FROM mark") == [(0,)]
    assert before
    writer.abandon()


def test_closing_leaves_one_plain_indexed_file(tmp_path: Path, make: Make) -> None:
    make().close()
    assert [file.name for file in tmp_path.iterdir()] == ["a.db"]
    assert rows(tmp_path / "a.db", "PRAGMA journal_mode") == [("delete",)]
    assert rows(tmp_path / "a.db", "SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite_%'") == [
        (schema.FRAME_INDEX,)
    ]


def test_a_reader_at_work_does_not_keep_it_from_closing(tmp_path: Path, make: Make) -> None:
    writer = make()
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM frame").fetchone() == (10,)
        writer.add_frames([frame(99)])
        writer.close()
    assert rows(tmp_path / "a.db", "SELECT count(*) FROM frame") == [(11,)]


def test_appending_goes_on_with_the_ids_and_without_the_index(tmp_path: Path, make: Make) -> None:
    make().close()
    writer = Writer(tmp_path / "a.db")
    assert writer.last_frame_id == 10
    assert rows(tmp_path / "a.db", "SELECT count(*) FROM sqlite_master WHERE name = 'frame_by_connection'") == [(0,)]
    assert writer.insert_run(started_at="x", start_ns=0, upstream="", listen="", version="", options={}) == 2
    writer.close()


def test_what_is_no_recording_is_left_alone(tmp_path: Path) -> None:
    text, other, newer = (tmp_path / name for name in ("text", "other.db", "newer.db"))
    text.write_text("dear diary " * 100)
    with closing(sqlite3.connect(other)) as db:
        db.execute("CREATE TABLE mine (x)")
        db.commit()
    Writer(newer).close()
    with closing(sqlite3.connect(newer)) as db:
        db.execute("PRAGMA user_version = 99")
    for path, error in ((text, NotARecording), (other, NotARecording), (newer, NewerSchema)):
        before = path.read_bytes()
        with pytest.raises(error, match=path.name):
            Writer(path)
        assert path.read_bytes() == before
    with pytest.raises(UsageError, match="cannot be written"):
        Writer(tmp_path / "no" / "folder.db")
    with pytest.raises(UsageError, match="cannot be written"):
        Writer(tmp_path)


def test_a_file_whose_first_migration_was_killed_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
    assert path.stat().st_size > 0
    Writer(path).close()
    assert rows(path, "PRAGMA application_id") == [(schema.APPLICATION_ID,)]


def test_a_tails_end_moves_and_what_is_behind_the_frontier_stays(tmp_path: Path, make: Make) -> None:
    writer = make()
    writer.add_tail(1, 0, 0, 1, b"abc")
    writer.add_tail(1, 0, 3, 2, b"def")
    writer.add_tail(1, 1, 0, 2, b"other")
    for offset in (100, 200):
        writer.move_tail_end(1, 0, offset, 3)
    writer.commit()
    assert rows(tmp_path / "a.db", "SELECT offset, bytes FROM tail WHERE direction = 0 ORDER BY 1") == [
        (0, b"abc"), (3, b"def"), (200, b"")
    ]  # fmt: skip
    writer.drop_tail(1, 0, before=4)
    writer.commit()
    assert rows(tmp_path / "a.db", "SELECT offset FROM tail WHERE direction = 0 ORDER BY 1") == [(3,), (200,)]
    writer.drop_tail(1, 0)
    writer.commit()
    assert rows(tmp_path / "a.db", "SELECT direction, bytes FROM tail") == [(1, b"other")]
    writer.close()


def test_durability_is_as_asked(tmp_path: Path) -> None:
    for durability, level in (("normal", 1), ("full", 2)):
        writer = Writer(tmp_path / f"{durability}.db", durability=durability)
        assert writer.query("PRAGMA synchronous") == [(level,)]
        writer.close()
    assert os.listdir(tmp_path)  # noqa: PTH208
