from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from wsreplay.errors import CorruptRecording, NewerSchema, NotARecording
from wsreplay.store import schema


def test_steps_are_numbered_in_order_and_named() -> None:
    assert [step.version for step in schema.STEPS] == list(range(1, len(schema.STEPS) + 1))
    assert all(step.name for step in schema.STEPS)


def test_migrating_makes_all_tables_once() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        assert schema.is_blank(db)
        schema.migrate(db)
        schema.migrate(db)
        assert schema.version_of(db, "it") == schema.NEWEST
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert tables == set(schema.TABLES)
        assert not schema.is_blank(db)


def test_a_step_is_taken_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = schema.SchemaStep(schema.NEWEST + 1, "broken", "CREATE TABLE half (x); CREATE TABLE half (x)")
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        schema.migrate(db)
        monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, broken))
        with pytest.raises(sqlite3.OperationalError):
            schema.migrate(db)
        db.rollback()
        assert schema.version_of(db, "it") == schema.NEWEST
        assert db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone() == (0,)


@pytest.mark.parametrize(
    ("application_id", "version", "error"),
    [
        (1, 1, NotARecording),
        (schema.APPLICATION_ID, schema.NEWEST + 1, NewerSchema),
        (schema.APPLICATION_ID, 0, CorruptRecording),
    ],
)
def test_what_is_no_recording_of_ours_is_told_apart(application_id: int, version: int, error: type[Exception]) -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute(f"PRAGMA application_id = {application_id}")
        db.execute(f"PRAGMA user_version = {version}")
        with pytest.raises(error, match="it"):
            schema.version_of(db, "it")
