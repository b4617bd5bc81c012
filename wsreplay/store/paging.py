"""What a view that scrolls asks of a recording: small pages by id, places by time, the ids of a session in pieces.

No query here counts or skips rows: each is a lookup by key, or one stretch of a key, so that it takes as long at ten million
frames as at ten.
"""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, cast

from wsreplay.model import FIN, Frame
from wsreplay.store import schema
from wsreplay.store.condition import Condition, of_connections
from wsreplay.store.reader import Recording
from wsreplay.store.verify import FRAME_DAMAGE, damaged_frame

PREVIEW_BYTES = 640
_HEAD_COLUMNS = (
    "id, connection_id, seq, t_ns, direction, opcode, flags, wire_length, type, length(payload),"
    f" substr(payload, 1, {PREVIEW_BYTES}), {FRAME_DAMAGE}"
)
_FRAME_COLUMNS = ", ".join(Frame._fields)

BY_RANGE = f"SELECT {_HEAD_COLUMNS} FROM frame WHERE id BETWEEN ? AND ? ORDER BY id"
TIME_OF = "SELECT t_ns FROM frame WHERE id <= ? ORDER BY id DESC LIMIT 1"
FIRST_OF = "SELECT id, seq FROM frame WHERE connection_id = ? ORDER BY seq LIMIT 1"
LAST_OF = "SELECT id, seq FROM frame WHERE connection_id = ? ORDER BY seq DESC LIMIT 1"
COUNT_EACH = "SELECT connection_id, count(*) FROM frame GROUP BY connection_id"
# Frames of a connection that are looked through for each message that is asked for: heartbeats lie between.
_LOOKED_THROUGH = 4
_MESSAGES = "SELECT connection_id, direction, opcode, payload FROM frame"
_WHOLE = f"opcode BETWEEN 1 AND 2 AND flags & {FIN} AND length(payload) <= ? AND seq <= ?"
FIRST_MESSAGES = f"{_MESSAGES} WHERE id > ? AND id <= ? AND {_WHOLE} ORDER BY id"
# The plus signs keep SQLite from going through all ids.
FIRST_MESSAGES_OF = f"{_MESSAGES} WHERE +id > ? AND +id <= ? AND {_WHOLE} AND connection_id = ? ORDER BY seq"
PIECE_OF = "SELECT id FROM frame WHERE connection_id = ? AND seq BETWEEN ? AND ? ORDER BY seq"


class Head(NamedTuple):
    """A frame as a list shows it: all but its payload, of which `preview` holds the first bytes and `size` the length.

    `events` is how many events it holds, as far as somebody has read it.
    """

    id: int
    connection_id: int
    seq: int
    t_ns: int
    direction: int
    opcode: int
    flags: int
    wire_length: int
    type: str | None
    size: int
    preview: bytes
    events: int = 1


def by_ids(count: int) -> str:
    """The statement for a page of frames that do not lie side by side."""
    return f"SELECT {_HEAD_COLUMNS} FROM frame WHERE id IN ({','.join('?' * count)}) ORDER BY id"


def heads(recording: Recording, ids: Sequence[int]) -> list[Head]:
    """The frames with these ascending ids; those that the recording does not hold are left out. Raises CorruptRecording."""
    if not ids:
        return []
    if ids[-1] - ids[0] == len(ids) - 1:
        rows = recording.query(BY_RANGE, (ids[0], ids[-1]))
    else:
        rows = recording.query(by_ids(len(ids)), tuple(ids))
    return [_head(recording, row) for row in rows]


def _head(recording: Recording, row: tuple[Any, ...]) -> Head:
    *values, size, preview, damaged = row
    if damaged:
        raise damaged_frame(str(recording.path), values[0])
    return Head._make((*values, size or 0, preview or b"", 1))


def bounds(recording: Recording) -> tuple[int, int]:
    """The first and the last frame's id; (1, 0) where there is none."""
    first = next(recording.query("SELECT min(id) FROM frame"))[0]
    last = next(recording.query("SELECT max(id) FROM frame"))[0]
    return (first, last) if first is not None else (1, 0)


def time_of(recording: Recording, frame_id: int) -> int:
    """The time of a frame, or of the one before it where the recording does not hold it; ns."""
    row = next(recording.query(TIME_OF, (frame_id,)), None)
    return row[0] if row else 0


def first_at(recording: Recording, t_ns: int) -> int:
    """The id of the first frame that came at `t_ns` or later; one past the last where there is none."""
    low, high = bounds(recording)
    high += 1
    while low < high:
        middle = (low + high) // 2
        if time_of(recording, middle) < t_ns:
            low = middle + 1
        else:
            high = middle
    return low


def is_indexed(recording: Recording) -> bool:
    """Whether the frames of one connection can be found without reading all: not before the recording is closed."""
    return any(recording.query("SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = ?", (schema.FRAME_INDEX,)))


def frame_counts(recording: Recording, connections: Iterable[int]) -> dict[int, int]:
    """How many frames each connection has. Where an index tells it by its ends, what was lost between them counts too."""
    if not is_indexed(recording):
        return dict(cast("Iterator[tuple[int, int]]", recording.query(COUNT_EACH)))
    pages = {}
    for connection in connections:
        first, last = (next(recording.query(sql, (connection,)), None) for sql in (FIRST_OF, LAST_OF))
        pages[connection] = last[1] - first[1] + 1 if first and last else 0
    return pages


def first_messages(
    recording: Recording, connections: Sequence[int], count: int, longest: int, after_id: int, last_id: int
) -> dict[int, list[tuple[int, int, bytes]]]:
    """(direction, opcode, payload) of the first unfragmented text and binary messages of some connections, `count` at most.

    Looked for among the frames after `after_id` up to `last_id`; payloads of more than `longest` bytes are left out. Of a
    recording that has no index yet the connections' first frames are found in one pass.
    """
    if not connections:
        return {}
    if not is_indexed(recording):
        wanted = set(connections)
        rows = recording.query(FIRST_MESSAGES, (after_id, last_id, longest, _LOOKED_THROUGH * count))
        return _by_connection((row for row in rows if row[0] in wanted), count)
    return _by_connection(
        (
            row
            for id in connections
            for row in islice(
                recording.query(FIRST_MESSAGES_OF, (after_id, last_id, longest, _LOOKED_THROUGH * count, id)), count
            )
        ),
        count,
    )


def _by_connection(rows: Iterable[tuple[Any, ...]], count: int) -> dict[int, list[tuple[int, int, bytes]]]:
    messages: dict[int, list[tuple[int, int, bytes]]] = {}
    for connection, direction, opcode, payload in rows:
        of_connection = messages.setdefault(connection, [])
        if len(of_connection) < count:
            of_connection.append((direction, opcode, payload))
    return messages


def last_seq(recording: Recording, connection_id: int) -> int:
    """The number, within its connection, of a connection's last frame; 0 where it has none."""
    last = next(recording.query(LAST_OF, (connection_id,)), None)
    return last[1] if last else 0


def dense_range(recording: Recording, connection_id: int) -> range | None:
    """The ids of a connection's frames where no other connection's lie between them, without reading them.

    None where they do, and where there is no index to tell.
    """
    if not is_indexed(recording):
        return None
    first, last = (next(recording.query(sql, (connection_id,)), None) for sql in (FIRST_OF, LAST_OF))
    if first is None or last is None:
        return range(0)
    return range(first[0], last[0] + 1) if last[0] - first[0] == last[1] - first[1] else None


def ids_in_pieces(
    recording: Recording, connections: Sequence[int], *, after_id: int = 0, step: int = 50_000
) -> "Iterator[array[int]]":
    """The ids of a session's frames, ascending, a piece at a time; its connections follow each other in time."""
    if not is_indexed(recording):
        yield from _scanned(recording, connections, after_id, step)
        return
    for connection in connections:
        for start in range(1, last_seq(recording, connection) + 1, step):
            rows = recording.query(PIECE_OF, (connection, start, start + step - 1))
            yield array("Q", (id for (id,) in rows if id > after_id))


def _scanned(recording: Recording, connections: Sequence[int], after_id: int, step: int) -> "Iterator[array[int]]":
    first, last = bounds(recording)
    for start in range(max(first, after_id + 1), last + 1, step):
        yield ids_between(recording, start, min(last, start + step - 1), connections)


def ids_between(recording: Recording, first: int, last: int, connections: Sequence[int]) -> "array[int]":
    """The ids between `first` and `last`, both included, of some connections; read in the order of ids, index or not."""
    condition = of_connections(connections)
    sql = f"SELECT id FROM frame WHERE id BETWEEN ? AND ? AND {condition.text} ORDER BY id"
    return array("Q", (id for (id,) in recording.query(sql, (first, last, *condition.parameters))))


def frames_where(recording: Recording, first: int, last: int, condition: Condition) -> Iterator[Frame]:
    """The frames between `first` and `last`, both included, that fulfil a condition."""
    return map(Frame._make, recording.query(*frames_query(first, last, condition)))


def frames_query(first: int, last: int, condition: Condition) -> tuple[str, tuple[object, ...]]:
    """The statement that finds these frames, whose columns are those of a Frame, and its parameters."""
    sql = f"SELECT {_FRAME_COLUMNS} FROM frame WHERE id BETWEEN ? AND ? AND ({condition.text}) ORDER BY id"
    return sql, (first, last, *condition.parameters)


def connections_where(recording: Recording, condition: Condition) -> set[int]:
    """The connections that have a frame which fulfils a condition."""
    sql = f"SELECT DISTINCT connection_id FROM frame WHERE {condition.text}"
    return {row[0] for row in recording.query(sql, condition.parameters)}


def next_of_types(
    recording: Recording, after_id: int, connection_id: int, types: Sequence[str], within: int = 2000
) -> Iterator[Frame]:
    """The frames of some types on a connection that follow a frame, not further than `within` ids away."""
    marks = ",".join("?" * len(types))
    condition = Condition(f"+connection_id = ? AND type IN ({marks})", (connection_id, *types))
    return frames_where(recording, after_id + 1, after_id + within, condition)


def sample(recording: Recording, count: int = 2000) -> list[tuple[int, int]]:
    """(connection, time in ns) of frames evenly spread over the recording, at most `count`: enough for a sketch of it."""
    first, last = bounds(recording)
    step = max(1, (last - first + 1) // count)
    ids = range(first, last + 1, step)
    rows: list[tuple[int, int]] = []
    for start in range(0, len(ids), 500):
        chunk = ids[start : start + 500]
        sql = f"SELECT connection_id, t_ns FROM frame WHERE id IN ({','.join('?' * len(chunk))})"
        rows.extend((connection, t_ns) for connection, t_ns in recording.query(sql, tuple(chunk)))
    return rows
