"""The one writer of a recording.

Rows are gathered in a batch and written in one transaction. `commit` either writes the whole batch or leaves it as it was, so
that a full disk or a locked file is waited out without losing or doubling a row.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from wsreplay.errors import CorruptRecording, RecordingError, UsageError
from wsreplay.files import OWNER_ONLY
from wsreplay.model import Connection, Headers
from wsreplay.store import schema
from wsreplay.store.errors import is_damage, readable
from wsreplay.store.paths import database_uri
from wsreplay.store.verify import verify

# Frames by the hundred in one statement: a third faster than a statement a row, and far below SQLite's limit on parameters.
ROWS_PER_STATEMENT = 100
# Of 4 kB messages a page of 8 KiB holds one; of these it holds seven. A checkpoint, with its fsync, comes every 32 MB.
PAGE_SIZE = 32768
SMALL_PAGE = 4096
REPACK_BELOW = 4 * 2**20  # bytes
# A payload over this is written piece by piece: handed over whole, SQLite would copy it twice.
LARGE = 2**20

INSERT_MARK = "INSERT INTO mark (t_ns, frame_id, note) VALUES (?,?,?)"
INSERT_FINDING = "INSERT INTO finding (contract, contract_digest, body) VALUES (?,?,?)"

FrameRow = tuple[int, int, int, int, int, int, int, int, "str | None", bytes]
"""(connection_id, seq, t_ns, direction, opcode, flags, wire_length, offset, type, payload): a Frame without its id."""

_FRAME_COLUMNS = "connection_id, seq, t_ns, direction, opcode, flags, wire_length, offset, type, payload"
_ONE_ROW = "(?,?,?,?,?,?,?,?,?,?)"
_INSERT_FRAME = f"INSERT INTO frame ({_FRAME_COLUMNS}) VALUES {_ONE_ROW}"
_INSERT_LARGE = f"INSERT INTO frame ({_FRAME_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,zeroblob(?))"
_INSERT_FRAMES = _INSERT_FRAME + f",{_ONE_ROW}" * (ROWS_PER_STATEMENT - 1)


class WriteStalled(RecordingError):
    """The batch could not be written now (disk full, file locked); it is kept, and `commit` may be called again."""


class RowRefused(CorruptRecording):
    """The file does not take a row of the batch: it has another in its place. The batch cannot be written as it is."""


def headers_json(headers: Headers | None) -> str | None:
    """Headers as they are stored: a JSON list of pairs; None where the handshake has not come so far."""
    return None if headers is None else orjson.dumps([list(pair) for pair in headers]).decode()


class Writer:
    """Writes one recording. Not thread-safe; the caller holds the recording's lock."""

    def __init__(
        self, path: str | Path, *, durability: str = "normal", page_size: int = PAGE_SIZE, shown: Path | None = None,
        create: bool = True,
    ) -> None:  # fmt: skip
        """Open or (unless not to `create`) make `path` (mode 0600); where a new file cannot be made whole, none is left.

        `durability` is `normal`, or `full` to survive a power loss at each commit. Errors name the file as `shown`, by default
        as `path`. Raises UsageError, or an error of the RecordingError family.
        """
        self.path = Path(path)
        self._shown = shown or self.path
        size, is_new = self._make(os.O_CREAT if create else 0)
        uri = database_uri(self.path, "mode=rw")  # never made by SQLite, should somebody remove it in this moment
        try:
            self._db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=0.25, cached_statements=64)
        except sqlite3.Error as error:
            raise readable(error, self._shown, "written") from error
        try:
            if schema.is_blank(self._db):
                self._db.execute(f"PRAGMA page_size = {page_size}")
            else:
                verify(self._db, str(self._shown))
            self._db.execute("PRAGMA journal_mode = WAL").fetchall()  # that it failed is known behind its last row
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
            schema.migrate(self._db)
            (self.last_frame_id,) = self._db.execute("SELECT coalesce(max(id), 0) FROM frame").fetchone()
            self._last_run_id: int = self._db.execute("SELECT coalesce(max(id), 0) FROM recording").fetchone()[0]
            self._db.execute(f"DROP INDEX IF EXISTS {schema.FRAME_INDEX}")
        except (sqlite3.Error, RecordingError) as error:
            self._db.close()
            if size == 0:
                self._take_back(is_new)
            if isinstance(error, sqlite3.Error):
                raise readable(error, self._shown, "written") from error
            raise
        # Of the batch: how many payload bytes were inflated, and whether a payload may be over LARGE. Told by who adds frames.
        self.inflated = 0
        self.large = False
        # Of the batch: rows of frames, and what else is to be written, in order.
        self._frames: list[FrameRow] = []
        self._statements: list[tuple[str, Sequence[Any]]] = []

    def grow(self, inflated: int, large: bool) -> None:
        """The batch holds so many more inflated bytes; `large`: one of its payloads may be over LARGE."""
        self.inflated += inflated
        self.large = self.large or large

    def _make(self, create: int) -> tuple[int, bool]:
        """Make the file where there is none, if so asked; how many bytes it holds, and whether it is new."""
        flags = os.O_RDWR | os.O_CLOEXEC | create
        try:
            with suppress(FileExistsError):
                if create:
                    os.close(os.open(self.path, flags | os.O_EXCL, OWNER_ONLY))
                    return 0, True
            descriptor = os.open(self.path, flags, OWNER_ONLY)
            size = os.fstat(descriptor).st_size
            if size == 0:
                os.fchmod(descriptor, OWNER_ONLY)
            os.close(descriptor)
        except OSError as error:
            raise UsageError(f"{self._shown} cannot be written: {error.strerror}") from error
        return size, False

    def _take_back(self, is_new: bool) -> None:
        """Leave a file that held nothing as it was, or none where there was none."""
        for part in ("-wal", "-shm", "-journal"):
            Path(f"{self.path}{part}").unlink(missing_ok=True)
        if is_new:
            self.path.unlink(missing_ok=True)
        else:
            os.truncate(self.path, 0)

    # What a batch gathers.

    def add_frames(self, rows: Iterable[FrameRow]) -> None:
        """Add frames in arrival order; their ids follow `last_frame_id`."""
        before = len(self._frames)
        self._frames.extend(rows)
        self.last_frame_id += len(self._frames) - before

    def add(self, sql: str, parameters: Sequence[Any]) -> None:
        """Add a statement to the batch. They run in their order, before the frames of the batch are written."""
        self._statements.append((sql, parameters))

    def insert_connection(self, connection: Connection) -> None:
        """Add a connection, whose id the caller has chosen. Its times are in ns since the start of the recording."""
        self.add(
            "INSERT INTO connection (id, recording_id, opened_ns, closed_ns, peer, path, subprotocol, extensions,"
            " request_headers, status, response_headers, user, ending, closed_by, close_code, close_reason, error)"
            " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                connection.id, connection.recording_id, connection.opened_ns, connection.closed_ns, connection.peer,
                connection.path, connection.subprotocol, connection.extensions, headers_json(connection.request_headers),
                connection.status, headers_json(connection.response_headers), connection.user, str(connection.ending),
                connection.closed_by, connection.close_code, connection.close_reason, connection.error,
            ),
        )  # fmt: skip

    def update_connection(self, connection_id: int, **columns: Any) -> None:
        """Set columns of a connection's row, by their names in the schema."""
        assignments = ", ".join(f"{name} = ?" for name in columns)
        self.add(f"UPDATE connection SET {assignments} WHERE id = ?", (*columns.values(), connection_id))

    def update_run(self, run_id: int, **columns: Any) -> None:
        """Set columns of a run's row, by their names in the schema."""
        assignments = ", ".join(f"{name} = ?" for name in columns)
        self.add(f"UPDATE recording SET {assignments} WHERE id = ?", (*columns.values(), run_id))

    def insert_run(
        self, *, started_at: str, start_ns: int, upstream: str, listen: str, version: str, options: dict[str, Any],
        ended_ns: int | None = None, run_id: int | None = None,
    ) -> int:  # fmt: skip
        """Add a run and return its id. Raises orjson.JSONEncodeError where `options` cannot be JSON: nested too deep."""
        body = orjson.dumps(options, default=float).decode()  # an import reads long numbers as Decimal
        self._last_run_id = run_id or self._last_run_id + 1
        self.add(
            "INSERT INTO recording (id, started_at, start_ns, reached_ns, ended_ns, upstream, listen, version, options)"
            " VALUES (?,?,?,?,?,?,?,?,?)",
            (self._last_run_id, started_at, start_ns, start_ns, ended_ns, upstream, listen, version, body),
        )
        return self._last_run_id

    def add_tail(self, connection_id: int, direction: int, offset: int, t_ns: int, data: bytes) -> None:
        """Keep bytes of a message that is not complete; `offset` is where they begin in the byte stream of their direction."""
        # What is kept again behind bytes that are not takes the place of the note where they end.
        self.add("INSERT OR REPLACE INTO tail VALUES (?,?,?,?,?)", (connection_id, direction, offset, t_ns, data))

    def move_tail_end(self, connection_id: int, direction: int, offset: int, t_ns: int) -> None:
        """Note how far a direction came, behind bytes that are not kept: an empty tail there, in place of the one before."""
        self.add(
            "DELETE FROM tail WHERE connection_id = ? AND direction = ? AND length(bytes) = 0", (connection_id, direction)
        )
        self.add_tail(connection_id, direction, offset, t_ns, b"")

    def drop_tail(self, connection_id: int, direction: int, before: int | None = None) -> None:
        """Forget the tail of a direction, or what of it ends at an offset or before."""
        sql = "DELETE FROM tail WHERE connection_id = ? AND direction = ?"
        if before is None:
            self.add(sql, (connection_id, direction))
        else:
            self.add(f"{sql} AND offset + length(bytes) <= ?", (connection_id, direction, before))

    def add_gap(self, connection_id: int, direction: int, after_frame_id: int, reason: str, size: int) -> None:
        """Note that behind a frame (0: before the first) `size` bytes of a direction are missing, and why."""
        self.add("INSERT INTO gap VALUES (?,?,?,?,?)", (connection_id, direction, after_frame_id, reason, size))

    def set_gap_size(self, connection_id: int, direction: int, reason: str, size: int) -> None:
        """Correct how many bytes are missing for this reason."""
        sql = "UPDATE gap SET bytes = ? WHERE connection_id = ? AND direction = ? AND reason = ?"
        self.add(sql, (size, connection_id, direction, reason))

    def add_hold(self, start_ns: int, end_ns: int) -> None:
        """Note that traffic was held back between these times (ns)."""
        self.add("INSERT INTO hold VALUES (?,?)", (start_ns, end_ns))

    def add_mark(self, t_ns: int, note: str, frame_id: int | None = None) -> None:
        """Keep a remark at a time (ns), and at a frame if it is of one."""
        self.add(INSERT_MARK, (t_ns, frame_id, note))

    def add_finding(self, contract: str, contract_digest: str, body: str) -> None:
        """Keep a result, as JSON."""
        self.add(INSERT_FINDING, (contract, contract_digest, body))

    def add_fault(
        self, t_ns: int, kind: str, detail: str, connection_id: int | None, direction: int | None, frame_id: int | None = None
    ) -> None:
        """Note what was done on purpose to a connection or a direction of it, or to all traffic (None), at a time (ns)."""
        self.add(
            "INSERT INTO fault (t_ns, connection_id, direction, frame_id, kind, detail) VALUES (?,?,?,?,?,?)",
            (t_ns, connection_id, direction, frame_id, kind, detail),
        )

    # The transaction.

    @property
    def waiting(self) -> int:
        """Frames gathered and not committed."""
        return len(self._frames)

    @property
    def dirty(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self._frames or self._statements)

    def commit(self) -> None:
        """Write the batch in one transaction. Raises WriteStalled with the batch kept, RowRefused, or CorruptRecording."""
        if not self.dirty:
            return
        db = self._db
        try:
            db.execute("BEGIN IMMEDIATE")
            for sql, parameters in self._statements:
                db.execute(sql, parameters)
            self._write_frames(db)
            db.execute("COMMIT")
        except (sqlite3.OperationalError, sqlite3.InternalError) as error:
            if db.in_transaction:
                db.rollback()
            raise WriteStalled(str(error)) from error
        except (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError) as error:
            raise RowRefused(f"{self._shown}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise CorruptRecording(f"{self._shown}: {error}") from error
        self._frames.clear()
        self._statements.clear()
        self.inflated, self.large = 0, False

    def _write_frames(self, db: sqlite3.Connection) -> None:
        frames = self._frames
        if self.large:
            for row in frames:
                _write_by_pieces(db, row) if len(row[9]) > LARGE else db.execute(_INSERT_FRAME, row)
            return
        whole = len(frames) - len(frames) % ROWS_PER_STATEMENT
        flatten = itertools.chain.from_iterable
        for start in range(0, whole, ROWS_PER_STATEMENT):
            db.execute(_INSERT_FRAMES, tuple(flatten(frames[start : start + ROWS_PER_STATEMENT])))
        if whole < len(frames):
            db.executemany(_INSERT_FRAME, frames[whole:])

    # What a writer must know of what is there already.

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query on what is committed."""
        return self._db.execute(sql, parameters).fetchall()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """As `query`, read while they are asked for. No commit meanwhile."""
        return iter(self._db.execute(sql, parameters))

    def close(self) -> None:
        """Commit, build the index, and leave one plain file behind. Raises WriteStalled, or NotARecording, CorruptRecording."""
        self.commit()
        for sql in (
            schema.CREATE_FRAME_INDEX,
            "PRAGMA wal_checkpoint(TRUNCATE)",
            "PRAGMA journal_mode = DELETE",
            *self._repacking(),
        ):
            try:
                self._db.execute(sql)
            except sqlite3.Error as error:
                # A reader is at it, or the disk is full: the file is whole all the same, readers do without index and WAL
                # removal. But the index is made of all frames: pages that somebody has damaged show.
                if is_damage(error):
                    self._db.close()
                    raise readable(error, self._shown, "written") from error
        self._db.close()

    def _repacking(self) -> tuple[str, ...]:
        """Large pages are for writing fast; a short chat is to be a small file."""
        if not self.path.exists() or self.path.stat().st_size > REPACK_BELOW:  # somebody may have removed it
            return ()
        return (f"PRAGMA page_size = {SMALL_PAGE}", "VACUUM")

    def abandon(self) -> None:
        """Close without committing what waits."""
        self._db.close()


def _write_by_pieces(db: sqlite3.Connection, row: FrameRow) -> None:
    payload = memoryview(row[9])
    frame_id = db.execute(_INSERT_LARGE, (*row[:9], len(payload))).lastrowid
    assert frame_id is not None
    with db.blobopen("frame", "payload", frame_id) as blob:
        for start in range(0, len(payload), LARGE):
            blob.write(payload[start : start + LARGE])
