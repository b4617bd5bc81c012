"""What a recorder that goes on reads of the file: its runs, what was open, and where each direction's rows end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from wsreplay.model import Ending, Gap
from wsreplay.store.verify import FRAME_DAMAGE, damaged_frame
from wsreplay.store.writer import Writer

_OPEN_CONNECTIONS = f"SELECT id FROM connection WHERE recording_id = ? AND ending = '{Ending.OPEN}'"


class RunState(NamedTuple):
    """How far a run came: `processed` counts its records, `reached_ns` is on the recording's time axis."""

    start_ns: int
    processed: int
    reached_ns: int


class UnendedRun(NamedTuple):
    """A run that nobody ended; `options` is JSON."""

    id: int
    reached_ns: int
    options: str


class OpenConnection(NamedTuple):
    """A connection that has not ended, and how its peers said that it would."""

    id: int
    status: int | None
    extensions: str | None
    path: str
    peer: str | None
    user: str | None
    opened_ns: int
    error: str | None
    closed_by: str | None
    close_code: int | None
    close_reason: str | None


class FrameEnd(NamedTuple):
    """A frame as the one who goes on behind it needs it: `end` is the wire offset behind it, `payload` its last bytes."""

    id: int
    connection_id: int
    direction: int
    seq: int
    opcode: int
    flags: int
    end: int
    size: int
    payload: bytes


def last_connection_id(writer: Writer) -> int:
    """The highest id of a connection; 0 where there is none."""
    return int(writer.query("SELECT coalesce(max(id), 0) FROM connection")[0][0])


def has_connection(writer: Writer, connection_id: int) -> bool:
    """Whether there is a row of this connection."""
    return bool(writer.query("SELECT 1 FROM connection WHERE id = ?", (connection_id,)))


def run_reaches(writer: Writer) -> list[tuple[str, int]]:
    """Of each run when it started (ISO 8601) and how far it is known to reach, in ns on the recording's time axis."""
    return [
        (started_at, int(reached_ns))
        for started_at, reached_ns in writer.query(
            "SELECT started_at, max(reached_ns, coalesce(ended_ns, 0)) FROM recording ORDER BY id"
        )
    ]


def run_state(writer: Writer, run_id: int) -> RunState | None:
    """How far a run came; None where the file does not hold it."""
    rows = writer.query("SELECT start_ns, processed, reached_ns FROM recording WHERE id = ?", (run_id,))
    return RunState._make(rows[0]) if rows else None


def unended_runs(writer: Writer) -> list[UnendedRun]:
    """The runs whose relay and recorder both died, or that are at work."""
    rows = writer.query("SELECT id, reached_ns, options FROM recording WHERE ended_ns IS NULL")
    return [UnendedRun._make(row) for row in rows]


def count_events(writer: Writer, run_id: int) -> int:
    """The events of a run that are committed."""
    sql = "SELECT count(type) FROM frame WHERE connection_id IN (SELECT id FROM connection WHERE recording_id = ?)"
    return int(writer.query(sql, (run_id,))[0][0])


def open_connections(writer: Writer, run_id: int) -> list[OpenConnection]:
    """The connections of a run that have not ended."""
    columns = ", ".join(OpenConnection._fields)
    rows = writer.query(f"SELECT {columns} FROM connection WHERE id IN ({_OPEN_CONNECTIONS})", (run_id,))
    return [OpenConnection._make(row) for row in rows]


def tail_sizes(writer: Writer, run_id: int) -> list[tuple[int, int, int]]:
    """What is kept of unfinished messages on a run's open connections: (connection id, direction, bytes)."""
    sql = (
        "SELECT connection_id, direction, sum(length(bytes)) FROM tail"
        f" WHERE connection_id IN ({_OPEN_CONNECTIONS}) GROUP BY connection_id, direction"
    )
    return [(connection_id, direction, size) for connection_id, direction, size in writer.query(sql, (run_id,))]


def tail(writer: Writer, connection_id: int, direction: int) -> Iterator[tuple[int, int, bytes]]:
    """What is kept of a direction's unfinished message, in order: (wire offset, t_ns, bytes). No commit meanwhile."""
    rows = writer.rows(
        "SELECT offset, t_ns, bytes FROM tail WHERE connection_id = ? AND direction = ? ORDER BY offset",
        (connection_id, direction),
    )
    return ((offset, t_ns, data) for offset, t_ns, data in rows)


def frames_backwards(writer: Writer, run_id: int, window: int) -> Iterator[FrameEnd]:
    """The frames of a run's open connections, the last one first, each with the last `window` bytes of its payload.

    No commit meanwhile. Raises CorruptRecording.
    """
    rows = writer.rows(
        "SELECT id, connection_id, direction, seq, opcode, flags, offset + wire_length, length(payload),"
        f" coalesce(substr(payload, -?), x''), {FRAME_DAMAGE}"
        f" FROM frame WHERE connection_id IN ({_OPEN_CONNECTIONS}) ORDER BY id DESC",
        (window, run_id),
    )
    for *values, damaged in rows:
        if damaged:
            raise damaged_frame(str(writer.path), values[0])
        yield FrameEnd._make(values)


def gaps(writer: Writer, run_id: int) -> list[Gap]:
    """The gaps of a run's open connections, in the order they were written."""
    columns = ", ".join(Gap._fields)
    sql = f"SELECT {columns} FROM gap WHERE connection_id IN ({_OPEN_CONNECTIONS}) ORDER BY rowid"
    return [Gap._make(row) for row in writer.query(sql, (run_id,))]
