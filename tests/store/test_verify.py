"""Recordings made to do harm: refused by whoever reads or writes them, before anything in them is used."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from wsreplay.errors import CorruptRecording
from wsreplay.store import annotations, checkpoint
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer

Make = Callable[..., Writer]

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
CONNECTION_COLUMNS = "1, x, 0, 0, '', '/', '', '', '[]', 101, '[]', '', 'clean', '', 1000, '', ''"

# What a stranger does to a recording, and what is said of it.
SCHEMES = {
    "a view in place of a table": (
        "DROP TABLE gap; CREATE VIEW gap AS SELECT 1 connection_id, 0 direction, 1 after_frame_id, '' reason, 1 bytes",
        "gap is a view that wsreplay does not create",
    ),
    "a view that never ends": (
        f"DROP TABLE connection; CREATE VIEW connection AS {ENDLESS} SELECT {CONNECTION_COLUMNS} FROM n",
        "connection is a view that wsreplay does not create",
    ),
    "a view in other letters": (
        f"DROP TABLE recording; CREATE VIEW Recording AS {ENDLESS} SELECT x FROM n", "recording is a view that",
    ),
    "a trigger on what a recorder writes": (
        "CREATE TRIGGER t AFTER INSERT ON connection BEGIN DELETE FROM frame; END",
        "it has a trigger on connection that wsreplay does not create",
    ),
    "a trigger on marks": ("CREATE TRIGGER t BEFORE INSERT ON mark BEGIN SELECT raise(IGNORE); END", "a trigger on mark"),
    "a generated column": (
        "ALTER TABLE frame ADD COLUMN more GENERATED ALWAYS AS (zeroblob(1000000000)) VIRTUAL", "frame is a table that",
    ),
    "one column more": ("ALTER TABLE tail ADD COLUMN more", "tail is a table that wsreplay does not create"),
    "a column of another name": ("ALTER TABLE mark RENAME COLUMN note TO text", "mark is a table that"),
    "a table that checks": (
        "DROP TABLE hold; CREATE TABLE hold (start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL CHECK (hex(zeroblob(1e9))))",
        "hold is a table that",
    ),
    "a virtual table": ("DROP TABLE gap; CREATE VIRTUAL TABLE gap USING fts5(reason)", "gap is a table that"),
    "an index over a function": ("CREATE INDEX i ON frame (abs(id))", "an index on frame that"),
    "an index of some rows": ("CREATE INDEX i ON frame (id) WHERE hex(payload) > ''", "an index on frame that"),
    "an index that forbids": ("CREATE UNIQUE INDEX i ON frame (seq, connection_id)", "an index on frame that"),
    "our index over something else": (
        "DROP INDEX frame_by_connection; CREATE INDEX frame_by_connection ON frame (payload)",
        "frame_by_connection is an index that",
    ),
    "two tables in one place": (
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage ="
        " (SELECT rootpage FROM sqlite_master WHERE name = 'frame') WHERE name = 'mark'",
        "shares its rows with another table",
    ),
    "no table": ("DROP TABLE mark", "it has no table mark"),
}
VALUES = {
    "UPDATE recording SET started_at = 'soon'": "a row of recording: ",
    "UPDATE recording SET started_at = '0001-01-01T00:00:00Z'": "is not between 1970 and 2100",
    "UPDATE recording SET started_at = '9999-12-31T23:59:59-23:59'": "a row of recording: ",
    "UPDATE recording SET options = '[]'": "options are not an object",
    "UPDATE recording SET start_ns = -1": "row 1 of recording",
    "UPDATE recording SET reached_ns = 9223372036854775807": "row 1 of recording",
    "UPDATE recording SET processed = 1.5": "row 1 of recording",
    "UPDATE connection SET id = 0 WHERE id = 1": "row 0 of connection",
    "UPDATE connection SET id = 4294967296 WHERE id = 1": "row 4294967296 of connection",
    "UPDATE connection SET opened_ns = 'x'": "row 1 of connection",
    "UPDATE connection SET path = x'00'": "row 1 of connection",
    "INSERT INTO gap VALUES (1, 7, 1, '', 1)": "row 1 of gap",
    "INSERT INTO fault VALUES (1, -5, NULL, NULL, NULL, '', '')": "row 1 of fault",
    "INSERT INTO hold VALUES (0, 9223372036854775807)": "row 1 of hold",
    "INSERT INTO tail VALUES (1, 0, 0, 0, 'text')": "row 1 of tail",
    "UPDATE frame SET id = 9223372036854775807 WHERE id = 10": "a frame has the number 9223372036854775807",
    "UPDATE frame SET id = -1 WHERE id = 10": "a frame has the number -1",
}


def hostile(path: Path, script: str) -> bytes:
    """Do something to a recording; its bytes after it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(script)
    return path.read_bytes()


def ways_in(path: Path) -> dict[str, Callable[[], object]]:
    """All that opens a recording."""
    return {
        "reader": lambda: Recording.open(path),
        "writer": lambda: Writer(path),
        "mark": lambda: annotations.change_mark(path, None, 1, "note"),
        "findings": lambda: annotations.save_findings(path, "c", "d", []),
    }


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_acts_on_the_tables_is_refused(tmp_path: Path, make: Make, scheme: str) -> None:
    make().close()
    script, said = SCHEMES[scheme]
    before = hostile(tmp_path / "a.db", script)
    for way_in in ways_in(tmp_path / "a.db").values():
        begun = time.process_time()
        with pytest.raises(CorruptRecording, match=said) as raised:
            way_in()
        assert time.process_time() - begun < 5
        assert str(tmp_path / "a.db") in str(raised.value)
    assert (tmp_path / "a.db").read_bytes() == before


@pytest.mark.parametrize("change", VALUES)
def test_values_out_of_range_are_refused(tmp_path: Path, make: Make, change: str) -> None:
    make().close()
    before = hostile(tmp_path / "a.db", change)
    for way_in in ways_in(tmp_path / "a.db").values():
        with pytest.raises(CorruptRecording, match=VALUES[change]):
            way_in()
    assert (tmp_path / "a.db").read_bytes() == before


def test_folding_the_wal_in_leaves_a_hostile_file_alone(tmp_path: Path, make: Make) -> None:
    make().close()
    hostile(tmp_path / "a.db", SCHEMES["a trigger on marks"][0])
    before = (tmp_path / "a.db").read_bytes()
    (tmp_path / "a.db-wal").touch()
    assert not checkpoint.settle(tmp_path / "a.db")
    assert (tmp_path / "a.db").read_bytes() == before


def test_what_somebody_added_beside_the_tables_does_no_harm(tmp_path: Path, make: Make) -> None:
    make().close()
    hostile(
        tmp_path / "a.db",
        "CREATE TABLE mine (x); CREATE TRIGGER t AFTER INSERT ON mine BEGIN DELETE FROM mine; END;"
        " CREATE VIEW mine_too AS SELECT type FROM frame; CREATE INDEX i ON frame (type, t_ns DESC); ANALYZE",
    )
    with Recording.open(tmp_path / "a.db") as recording:
        assert len(list(recording.frames())) == 10
    Writer(tmp_path / "a.db").close()
    annotations.change_mark(tmp_path / "a.db", None, 1, "note")


@pytest.mark.parametrize(
    "column",
    ["t_ns = 'soon'", "t_ns = -1", "opcode = 99", "direction = 7", "payload = 'text'", "payload = 5", "type = x'01'"],
)
def test_a_frame_that_no_recorder_writes_is_named_where_it_is_met(tmp_path: Path, make: Make, column: str) -> None:
    make().close()
    hostile(tmp_path / "a.db", f"UPDATE frame SET {column} WHERE id = 7")
    with Recording.open(tmp_path / "a.db") as recording, pytest.raises(CorruptRecording, match="frame 7 contains"):
        recording.frame(7)
    with pytest.raises(CorruptRecording, match="frame 7 contains") as raised, Recording.open(tmp_path / "a.db"):
        raise TypeError("whatever came of it")
    assert isinstance(raised.value.__cause__, TypeError)


def test_a_mistake_of_ours_is_not_blamed_on_the_recording(tmp_path: Path, make: Make) -> None:
    make().close()
    with pytest.raises(TypeError, match="ours"), Recording.open(tmp_path / "a.db"):
        raise TypeError("ours")
