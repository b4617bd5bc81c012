"""Reading a recording, also while it grows."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any, Self

import orjson

from wsreplay.errors import RecordingClosed, RecordingError, UsageError
from wsreplay.model import (
    FIN,
    UNFINISHED,
    Connection,
    Ending,
    Fault,
    Frame,
    Gap,
    Headers,
    Hold,
    Mark,
    Message,
    Row,
    Run,
    Session,
    lane_of,
)
from wsreplay.store import access, lock, verify
from wsreplay.store.checkpoint import settle_ended
from wsreplay.store.errors import readable, sound
from wsreplay.store.fragments import FragmentJoiner

_CONNECTION_COLUMNS = (
    "id, recording_id, opened_ns, closed_ns, peer, path, subprotocol, extensions, request_headers, status, response_headers,"
    " user, ending, closed_by, close_code, close_reason, error"
)
_FRAME_COLUMNS = "id, connection_id, seq, t_ns, direction, opcode, flags, wire_length, offset, type, payload"
_IDS_PER_STATEMENT = 500
_ROWS_PER_FETCH = 1000
_ROWS_PER_CHUNK = 256
_LARGE_PAYLOAD = 1 << 20  # large payloads are fetched one by one
_FEW_STRETCHES = 3
# What values of other types and ranges than declared lead to. To look at those of every frame takes longer than to read it.
_CONFUSIONS = (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError)
_FEW_CONNECTIONS = 16  # up to here an index finds their frames faster than a scan


class Recording:
    """A recording opened for reading. Not for two threads at once: open one a thread.

    `path` is the file the user named; `live` says whether a recorder was writing it when it was last asked. `warning` says
    why a part of it may be missing, where it may.
    """

    warning: str | None = None

    def __init__(self, path: str | Path, patience_s: float = access.PATIENCE_S) -> None:
        self.path = Path(path)
        # By `close`: to whoever still reads, SQLite's errors mean that.
        self._closed = False
        had_wal = access.has_wal(self.path)
        self._db, self._copy = access.connect(self.path, patience_s)
        if self._copy is not None:
            had_wal = had_wal or access.has_wal(self._copy.path / self.path.name)
        if not had_wal and access.is_without_wal(self._db) and not self.live:
            wal = f"{self.path.name}-wal"
            self.warning = (
                f"{self.path} was not closed, and there is no {wal} next to it. If it is a copy, its last part is missing:"
                f" copy the {wal} of the original too"
            )

    @classmethod
    def open(cls, path: str | Path, patience_s: float = access.PATIENCE_S) -> Self:
        """Open a recording, and wait so long, now and later, for a program that has locked the file.

        Raises UsageError where no such file, else an error of the RecordingError family.
        """
        return cls(path, patience_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Close. Raises CorruptRecording where what was read led to an error, and frames hold what no recorder writes."""
        try:
            if isinstance(error, _CONFUSIONS):
                with suppress(sqlite3.Error):
                    if damage := verify.explain(self._db, str(self.path)):
                        raise damage from error
        finally:
            self.close()

    def close(self) -> None:
        """Close the file; whoever still reads gets RecordingClosed. The last one leaves a plain file, as the recorder does."""
        if self._closed:
            return
        self._closed = True
        self._db.close()
        if self._copy is not None:
            self._copy.close()
        else:
            settle_ended(self.path)

    def wait_for_locks(self, seconds: float) -> None:
        """How long to wait, from now on, for a program that has locked the file; five seconds unless told."""
        self._db.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")

    def interrupt(self) -> None:
        """Make a query that runs in another thread stop with RecordingError."""
        self._db.interrupt()

    @property
    def live(self) -> bool:
        """Whether somebody writes the recording now."""
        return lock.is_held(self.path)

    # Queries: every SQLite error leaves here as one of ours.

    @property
    def database(self) -> sqlite3.Connection:
        """Its connection to SQLite, for whoever reads from another thread."""
        return self._db

    def explain(self, error: sqlite3.Error) -> RecordingError:
        """The error that says what SQLite's means for this file."""
        return RecordingClosed(f"{self.path} was closed") if self._closed else readable(error, self.path)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a query, fetched as they are asked for."""
        try:
            cursor = self._db.execute(sql, parameters)
            cursor.arraysize = _ROWS_PER_FETCH
            while rows := cursor.fetchmany():
                yield from rows
        except sqlite3.Error as error:
            raise self.explain(error) from error

    def _one(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        row = next(self.query(sql, parameters), None)
        return None if row is None else row[0]

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """One state of the file for several queries, whatever a recorder adds meanwhile."""
        try:
            self._db.execute("BEGIN")
            self._db.execute("SELECT 1 FROM recording LIMIT 1").fetchall()
        except sqlite3.Error as error:
            raise self.explain(error) from error
        try:
            yield
        finally:
            with suppress(sqlite3.ProgrammingError):  # closed meanwhile, and who reads in here is cleaned up only now
                self._db.rollback()

    # Runs and connections.

    def runs(self) -> list[Run]:
        """All runs of `record` that wrote into the file, by id."""
        columns = "id, started_at, start_ns, reached_ns, ended_ns, upstream, listen, version, options"
        rows = self.query(f"SELECT {columns} FROM recording ORDER BY id")
        with sound(self.path, "a row of recording"):
            return [_run(row) for row in rows]

    def reached_ns(self) -> int:
        """How far the trace is known to reach: the last heartbeat, or the last frame where that is later."""
        last = self._one("SELECT t_ns FROM frame ORDER BY id DESC LIMIT 1") or 0
        return max(last, self._one("SELECT max(coalesce(ended_ns, reached_ns)) FROM recording") or 0)

    def connections(self) -> list[Connection]:
        """All connections by id. One that is open in a file nobody writes is `truncated`."""
        live = self.live
        rows = self.query(f"SELECT {_CONNECTION_COLUMNS} FROM connection ORDER BY id")
        with sound(self.path, "a row of connection"):
            return [_connection(row, live) for row in rows]

    def changed_connections(self, known: Mapping[int, Connection]) -> list[Connection]:
        """Those that are not among the known ones yet, and those that were open and are another now."""
        live = self.live
        last = max(known, default=0)
        open_ids = [number for number, connection in known.items() if connection.ending in (Ending.OPEN, Ending.TRUNCATED)]
        connections = list(self.query(f"SELECT {_CONNECTION_COLUMNS} FROM connection WHERE id > ?", (last,)))
        for start in range(0, len(open_ids), _IDS_PER_STATEMENT):
            chunk = open_ids[start : start + _IDS_PER_STATEMENT]
            marks = ",".join("?" * len(chunk))
            connections += self.query(f"SELECT {_CONNECTION_COLUMNS} FROM connection WHERE id IN ({marks})", tuple(chunk))
        with sound(self.path, "a row of connection"):
            read = [_connection(row, live) for row in connections]
        return [connection for connection in read if known.get(connection.id) != connection]

    def connection(self, connection_id: int) -> Connection:
        """One connection. Raises UsageError."""
        row = next(self.query(f"SELECT {_CONNECTION_COLUMNS} FROM connection WHERE id = ?", (connection_id,)), None)
        if row is None:
            raise UsageError(f"{self.path} has no connection {connection_id}")
        with sound(self.path, "a row of connection"):
            return _connection(row, self.live)

    def end_ns(self, session: Session) -> int:
        """When a session ended. Of one that was never closed, how far a recording that is being written reaches; where its
        recorder is gone, the last frame that was seen."""
        if session.closed_ns is not None:
            return session.closed_ns
        if self.live:
            return self.reached_ns()
        marks = ",".join("?" * len(session.connections))
        ids = tuple(connection.id for connection in session.connections)
        last_ns = self._one(f"SELECT max(t_ns) FROM frame WHERE connection_id IN ({marks})", ids)
        return max(int(last_ns or 0), session.connections[-1].opened_ns)

    # Frames and messages.

    def last_id(self) -> int:
        """The id of the last frame; 0 where there is none."""
        return int(self._one("SELECT max(id) FROM frame") or 0)

    def frame_ids(self, connections: Collection[int] | None = None) -> array[int]:
        """The ids of the frames of some connections (all: None), ascending, as array('Q')."""
        if connections is None:
            return array("Q", (row[0] for row in self.query("SELECT id FROM frame ORDER BY id")))
        marks = ",".join("?" * len(connections))
        ids = (row[0] for row in self.query(f"SELECT id FROM frame WHERE connection_id IN ({marks})", tuple(connections)))
        return array("Q", sorted(ids))

    def frames(self, *, after_id: int = 0, connections: Collection[int] | None = None) -> Iterator[Frame]:
        """Frames in id order."""
        make = Frame._make
        if connections is None:
            yield from map(make, self.query(f"SELECT {_FRAME_COLUMNS} FROM frame WHERE id > ? ORDER BY id", (after_id,)))
            return
        ids = self.frame_ids(connections)
        yield from self.frames_by_id([i for i in ids if i > after_id] if after_id else ids)

    def frames_by_id(self, ids: Sequence[int]) -> Iterator[Frame]:
        """The frames with these ids, in id order; ids that do not exist are left out."""
        make = Frame._make
        for start in range(0, len(ids), _IDS_PER_STATEMENT):
            chunk = ids[start : start + _IDS_PER_STATEMENT]
            marks = ",".join("?" * len(chunk))
            rows = self.query(f"SELECT {_FRAME_COLUMNS} FROM frame WHERE id IN ({marks}) ORDER BY id", tuple(chunk))
            yield from map(make, rows)

    def frame(self, frame_id: int) -> Frame:
        """One frame. Raises UsageError, or CorruptRecording."""
        sql = f"SELECT {verify.FRAME_DAMAGE}, {_FRAME_COLUMNS} FROM frame WHERE id = ?"
        for damaged, *values in self.query(sql, (frame_id,)):
            if damaged:
                raise verify.damaged_frame(str(self.path), frame_id)
            return Frame._make(values)
        raise UsageError(f"{self.path} has no frame {frame_id}")

    def messages(self, *, after_id: int = 0, connections: Collection[int] | None = None) -> Iterator[Message]:
        """Messages and control frames in the order they became complete; their times never go back within a run.

        A message that was never finished is left out; its frames are still frames.
        """
        if connections is not None:
            return FragmentJoiner().join(self.frames(after_id=after_id, connections=connections))
        # Names for the fields of frames that nobody sees take as long as reading them.
        return FragmentJoiner().join(self.query(f"SELECT {_FRAME_COLUMNS} FROM frame WHERE id > ? ORDER BY id", (after_id,)))

    def rows(self, *, after_id: int = 0, connections: Collection[int] | None = None) -> Iterator[list[Row]]:
        """Frames in id order, as lists of plain tuples. Every column costs, so what is small shares one: `model.lane_of`."""
        if connections is not None and len(connections) <= _FEW_CONNECTIONS:
            frames = self.frames(after_id=after_id, connections=connections)
            yield from _chunks(
                (frame.id, frame.t_ns, lane_of(frame.connection_id, frame.direction, frame.opcode, frame.flags), frame.payload)
                for frame in frames
            )
            return
        lane = f"(connection_id << 6) + direction * 32 + (~flags & {FIN}) * {UNFINISHED} + opcode"
        some, wanted = ("1", ()) if connections is None else _among(sorted(connections))
        sql = f"SELECT id, t_ns, {lane}, payload FROM frame WHERE id > ? AND {some} ORDER BY id"
        try:
            cursor = self._db.execute(sql, (after_id, *wanted))
            size = _ROWS_PER_CHUNK
            while rows := cursor.fetchmany(size):
                yield rows
                size = _ROWS_PER_CHUNK if len(rows[-1][3]) < _LARGE_PAYLOAD else 1
        except sqlite3.Error as error:
            raise self.explain(error) from error

    def type_counts(self, connections: Collection[int] | None = None) -> dict[str, int]:
        """How often each event type occurs, most frequent first."""
        where = "" if connections is None else f" AND connection_id IN ({','.join('?' * len(connections))})"
        sql = f"SELECT type, count(*) FROM frame WHERE type IS NOT NULL{where} GROUP BY type ORDER BY 2 DESC, 1"
        counts: dict[str, int] = {}
        counts.update(self.query(sql, tuple(connections or ())))
        return counts

    def type_tallies(self) -> Iterator[tuple[int, int, str, int, int]]:
        """Per connection, direction and event type: (connection id, direction, type, how often, the first one's frame id)."""
        sql = (
            "SELECT connection_id, direction, type, count(*), min(id)"
            " FROM frame WHERE type IS NOT NULL GROUP BY connection_id, direction, type"
        )
        return ((connection, direction, type, number, id) for connection, direction, type, number, id in self.query(sql))

    def tallies(self) -> dict[int, tuple[int, int]]:
        """Per connection: frames, and bytes on the wire."""
        rows = self.query("SELECT connection_id, count(*), sum(wire_length) FROM frame GROUP BY connection_id")
        return {connection: (count, size) for connection, count, size in rows}

    # What stands beside the frames.

    def gaps(self, *, behind: int | None = None) -> list[Gap]:
        """What is missing in the byte streams, in the order of the frames that it comes behind, or behind one frame."""
        columns = "connection_id, direction, after_frame_id, reason, bytes"
        where, wanted = ("1", ()) if behind is None else ("after_frame_id = ?", (behind,))
        sql = f"SELECT {columns} FROM gap WHERE {where} ORDER BY after_frame_id, rowid"
        return [Gap(*row) for row in self.query(sql, wanted)]

    def holds(self) -> list[Hold]:
        """When traffic was held back, in the order of time."""
        return [Hold(*row) for row in self.query("SELECT start_ns, end_ns FROM hold ORDER BY start_ns")]

    def marks(self) -> list[Mark]:
        """The remarks of users, in the order of time."""
        return [Mark(*row) for row in self.query("SELECT id, t_ns, frame_id, note FROM mark ORDER BY t_ns, id")]

    def event_types(self, among: int) -> list[tuple[int, str]]:
        """Each (direction, type) that occurs among so many of the first frames that have a type."""
        first = "SELECT direction, type FROM frame WHERE type IS NOT NULL ORDER BY id LIMIT ?"
        return list(self.query(f"SELECT DISTINCT direction, type FROM ({first})", (among,)))

    def faults(self, after_id: int = 0, limit: int = -1) -> list[Fault]:
        """In the order of time, at most `limit` of them where it is not negative."""
        columns = "id, t_ns, connection_id, direction, frame_id, kind, detail"
        sql = f"SELECT {columns} FROM fault WHERE id > ? ORDER BY t_ns, id LIMIT ?"
        return [Fault(*row) for row in self.query(sql, (after_id, limit))]

    def counted_faults(self, after_id: int = 0) -> list[tuple[int | None, int, int]]:
        """For each connection with faults after an id: (connection id, how many, the last one's id)."""
        sql = "SELECT connection_id, count(*), max(id) FROM fault WHERE id > ? GROUP BY connection_id"
        return list(self.query(sql, (after_id,)))

    def tails(self) -> list[tuple[int, int, int, int, bytes]]:
        """Raw bytes that are no frames: of unfinished messages, and of malformed streams.

        Each is (connection id, direction, offset, t_ns, bytes).
        """
        columns = "connection_id, direction, offset, t_ns, bytes"
        return list(self.query(f"SELECT {columns} FROM tail ORDER BY connection_id, direction, offset"))

    def all_findings(self) -> list[tuple[str, str, dict[str, Any]]]:
        """All results kept by `validate --save`: contract, contract digest, finding."""
        rows = self.query("SELECT contract, contract_digest, body FROM finding ORDER BY id")
        with sound(self.path, "a row of finding"):
            return [(contract, digest, orjson.loads(body)) for contract, digest, body in rows]


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, 16)):
        yield chunk


def _among(connections: Sequence[int]) -> tuple[str, tuple[Any, ...]]:
    """A condition for the frames of some connections (ascending), which the index is not to be used for, and its values.

    Each row is asked: comparing with both ends of a stretch of numbers takes a third of looking into a set of them.
    """
    starts = [number for before, number in zip((None, *connections), connections, strict=False) if number - 1 != before]
    if len(starts) > _FEW_STRETCHES:
        return "+connection_id IN (SELECT value FROM json_each(?))", (orjson.dumps(connections).decode(),)
    ends = [number for number, after in zip(connections, (*connections[1:], None), strict=False) if number + 1 != after]
    condition = " OR ".join("+connection_id BETWEEN ? AND ?" for _ in starts)
    return f"({condition})", tuple(chain.from_iterable(zip(starts, ends, strict=True)))


def _headers(text: str | None) -> Headers:
    return tuple((name, value) for name, value in orjson.loads(text)) if text else ()


def _run(row: tuple[Any, ...]) -> Run:
    return Run(*[*row[:-1], orjson.loads(row[-1])])


def _connection(row: tuple[Any, ...], live: bool) -> Connection:
    values = list(row)
    values[8], values[10] = _headers(row[8]), _headers(row[10])
    ending = Ending(row[12])
    values[12] = Ending.TRUNCATED if ending is Ending.OPEN and not live else ending
    return Connection(*values)

