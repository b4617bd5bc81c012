"""The recording's tables, and the steps from one version of them to the next.

A recording is an ordinary SQLite file: `PRAGMA application_id` says that it is one, `PRAGMA user_version` which steps it has
seen.
"""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

import sqlite3
from typing import NamedTuple

from wsreplay.errors import CorruptRecording, NewerSchema, NotARecording

APPLICATION_ID = 0x77737231  # "wsr1"


class SchemaStep(NamedTuple):
    """One migration. Steps are never edited once released: a new version is a new step."""

    version: int
    name: str
    sql: str


STEPS: tuple[SchemaStep, ...] = (
    SchemaStep(
        1,
        "first tables",
        """
        CREATE TABLE recording (          -- one row per run of `record`
            id INTEGER PRIMARY KEY,
            started_at TEXT NOT NULL,     -- ISO 8601, UTC
            start_ns INTEGER NOT NULL,    -- where this run stands on the recording's time axis
            reached_ns INTEGER NOT NULL,  -- how far it is known to reach: the last heartbeat
            ended_ns INTEGER,             -- NULL: still running, or it was killed
            upstream TEXT NOT NULL,
            listen TEXT NOT NULL,
            version TEXT NOT NULL,
            options TEXT NOT NULL,        -- JSON
            processed INTEGER NOT NULL DEFAULT 0  -- the last hand-over whose effects are committed
        );
        CREATE TABLE connection (
            id INTEGER PRIMARY KEY,
            recording_id INTEGER NOT NULL REFERENCES recording(id),
            opened_ns INTEGER NOT NULL,
            closed_ns INTEGER,
            peer TEXT,
            path TEXT NOT NULL,
            subprotocol TEXT,
            extensions TEXT,
            request_headers TEXT NOT NULL,   -- JSON list of pairs
            status INTEGER,                  -- of the answer to the upgrade request
            response_headers TEXT,           -- JSON list of pairs
            user TEXT,
            ending TEXT NOT NULL DEFAULT 'open',
            closed_by TEXT,
            close_code INTEGER,
            close_reason TEXT,
            error TEXT
        );
        CREATE TABLE frame (
            id INTEGER PRIMARY KEY,          -- the arrival order over the whole file
            connection_id INTEGER NOT NULL,
            seq INTEGER NOT NULL,            -- dense per connection, from 1
            t_ns INTEGER NOT NULL,
            direction INTEGER NOT NULL,      -- 0 client to server, 1 server to client
            opcode INTEGER NOT NULL,         -- RFC 6455
            flags INTEGER NOT NULL,          -- 1 fin, 2 rsv1, 4 rsv2, 8 rsv3, 16 masked
            wire_length INTEGER NOT NULL,    -- head and payload, as sent
            offset INTEGER NOT NULL,         -- in its direction's bytes after the handshake
            type TEXT,                       -- event type of a JSON text message
            payload BLOB                     -- unmasked and inflated
        );
        CREATE TABLE tail (                  -- the wire bytes of messages that are not complete yet
            connection_id INTEGER NOT NULL,
            direction INTEGER NOT NULL,
            offset INTEGER NOT NULL,
            t_ns INTEGER NOT NULL,
            bytes BLOB NOT NULL,
            PRIMARY KEY (connection_id, direction, offset)
        );
        CREATE TABLE gap (                   -- what is missing, and why
            connection_id INTEGER NOT NULL,
            direction INTEGER NOT NULL,
            after_frame_id INTEGER NOT NULL,
            reason TEXT NOT NULL,
            bytes INTEGER NOT NULL
        );
        CREATE TABLE hold (start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL);  -- the recorder held traffic back
        CREATE TABLE mark (id INTEGER PRIMARY KEY, t_ns INTEGER NOT NULL, frame_id INTEGER, note TEXT NOT NULL);
        CREATE TABLE fault (                 -- what wsreplay did to the traffic on purpose
            id INTEGER PRIMARY KEY, t_ns INTEGER NOT NULL, connection_id INTEGER, direction INTEGER, frame_id INTEGER,
            kind TEXT NOT NULL, detail TEXT NOT NULL
        );
        CREATE TABLE finding (               -- kept results, one set per contract digest
            id INTEGER PRIMARY KEY, contract TEXT NOT NULL, contract_digest TEXT NOT NULL, body TEXT NOT NULL
        );
        """,
    ),
)

NEWEST = STEPS[-1].version
TABLES = ("recording", "connection", "frame", "tail", "gap", "hold", "mark", "fault", "finding")
FRAME_INDEX = "frame_by_connection"
CREATE_FRAME_INDEX = f"CREATE INDEX IF NOT EXISTS {FRAME_INDEX} ON frame (connection_id, seq)"


def is_blank(db: sqlite3.Connection) -> bool:
    """Whether nothing was ever put into an open file, or its first migration did not come to its end."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (application_id,) = db.execute("PRAGMA application_id").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return not (version or application_id or tables)


def version_of(db: sqlite3.Connection, path: str) -> int:
    """The schema version of an open file. Raises NotARecording or NewerSchema."""
    (application_id,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID:
        if is_blank(db):
            raise NotARecording(
                f"{path} contains nothing. If it is a copy, copy {path}-wal of the original too"
            )
        raise NotARecording(f"{path} is an SQLite file of another program, not a recording")
    if version > NEWEST:
        raise NewerSchema(f"{path} was written by a newer wsreplay (schema {version}, this one knows {NEWEST}): upgrade it")
    if version < 1:
        raise CorruptRecording(f"{path} says it is a recording but holds none")
    return int(version)


def migrate(db: sqlite3.Connection, to: int | None = None) -> None:
    """Apply the steps the file has not seen, up to a version or all, each in a transaction with its own record."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    for step in STEPS:
        if step.version > version and (to is None or step.version <= to):
            db.executescript(
                f"BEGIN IMMEDIATE; {step.sql}; PRAGMA application_id = {APPLICATION_ID};"
                f" PRAGMA user_version = {step.version}; COMMIT;"
            )
