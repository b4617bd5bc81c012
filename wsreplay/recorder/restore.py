"""Going on after a crash: what the file says about connections that were open when their recorder died."""

from __future__ import annotations

from datetime import datetime

import orjson

from wsreplay.model import RSV1, Ending
from wsreplay.recorder.connection import LiveConnection, Rules
from wsreplay.recorder.protocol import Opened
from wsreplay.recorder.tail import TailCodec
from wsreplay.store.writer import Writer
from wsreplay.trace.redaction import Redactor
from wsreplay.wire.deflate import WINDOW, Extensions

_FAR = 2**62


def last_connection_id(writer: Writer) -> int:
    return int(writer.query("SELECT coalesce(max(id), 0) FROM connection")[0][0])


def next_start(writer: Writer, started_at: str) -> int:
    """Where a new run stands on the time axis: at its wall-clock distance from the first, never before the last one's end."""
    rows = writer.query("SELECT started_at, start_ns, max(reached_ns, coalesce(ended_ns, 0)) FROM recording ORDER BY id")
    if not rows:
        return 0
    distance = datetime.fromisoformat(started_at) - datetime.fromisoformat(rows[0][0])
    return max([int(distance.total_seconds() * 1e9), *(int(row[2]) for row in rows)])


def open_connections(writer: Writer, run_id: int, rules: Rules) -> dict[int, LiveConnection]:
    """The connections of a run that have not ended, ready to be fed what comes next."""
    rows = writer.query(
        "SELECT id, status, extensions, path, peer, user, opened_ns FROM connection WHERE recording_id = ? AND ending = 'open'",
        (run_id,),
    )
    if not rows:
        return {}
    places = _places(writer, {row[0] for row in rows})
    restored = {}
    for id, status, extensions, path, peer, user, opened_ns in rows:
        connection = restored[id] = _restored(writer, rules, id, status, extensions, places)
        connection.opened, connection.opened_ns, connection.status = Opened(id, path, peer, user), opened_ns, status
    return restored


def close_crashed_runs(writer: Writer) -> None:
    """End the connections of runs whose relay and recorder both died: they are truncated."""
    for run_id, reached, options in writer.query("SELECT id, reached_ns, options FROM recording WHERE ended_ns IS NULL"):
        sealed = bool(orjson.loads(options).get("redact"))
        if sealed:
            _drop_sealed_tails(writer, run_id)
        rules = Rules(Redactor(), TailCodec(None), 64 * 2**20, 0)
        for connection in open_connections(writer, run_id, rules).values():
            connection.finish()
            writer.update_connection(
                connection.id, closed_ns=reached, ending=str(Ending.TRUNCATED), closed_by=connection.closed_by,
                close_code=connection.close_code, close_reason=connection.close_reason,
            )  # fmt: skip


def _drop_sealed_tails(writer: Writer, run_id: int) -> None:
    """Nobody has the key any more."""
    rows = writer.query(
        "SELECT connection_id, direction, sum(length(bytes)) FROM tail JOIN connection ON connection.id = connection_id"
        " WHERE recording_id = ? GROUP BY 1, 2",
        (run_id,),
    )
    for connection_id, direction, size in rows:
        writer.add_gap(connection_id, direction, writer.last_frame_id, "withheld: unfinished, and its key is gone", size)
        writer.drop_tail(connection_id, direction)
    writer.commit()


def _places(writer: Writer, connections: set[int]) -> dict[tuple[int, int], tuple[int, int]]:
    """Per connection and direction: the highest seq, and the offset behind its last frame. One pass over the frames."""
    marks = ",".join("?" * len(connections))
    rows = writer.query(
        "SELECT connection_id, direction, max(seq), max(offset + wire_length) FROM frame"
        f" WHERE connection_id IN ({marks}) GROUP BY 1, 2",
        tuple(connections),
    )
    return {(connection, direction): (seq, offset) for connection, direction, seq, offset in rows}


def _restored(
    writer: Writer, rules: Rules, connection_id: int, status: int | None, extensions: str | None,
    places: dict[tuple[int, int], tuple[int, int]],
) -> LiveConnection:  # fmt: skip
    connection = LiveConnection(connection_id, writer, rules)
    if status != 101:
        return connection
    seqs = [places.get((connection_id, direction), (0, 0))[0] for direction in (0, 1)]
    connection.seq = max(seqs)
    negotiated = Extensions.parse(extensions)
    for direction in (0, 1):
        offset = places.get((connection_id, direction), (0, 0))[1]
        window, lost = b"", None
        if negotiated.deflate and negotiated.context_takeover[direction]:
            window, lost = _window(writer, rules, connection_id, direction)
        connection.restore(direction, extensions, offset, window, lost)
    _resume_closing(writer, connection)
    for direction in (0, 1):
        _feed_tail(writer, rules, connection, direction)
    return connection


def _feed_tail(writer: Writer, rules: Rules, connection: LiveConnection, direction: int) -> None:
    assert connection.streams is not None
    stream = connection.streams[direction]
    tails = writer.query(
        "SELECT offset, t_ns, bytes FROM tail WHERE connection_id = ? AND direction = ? ORDER BY offset",
        (connection.id, direction),
    )
    for offset, t_ns, data in tails:
        raw = rules.tails(data, connection.id, direction, offset)[max(0, stream.decoder.received - offset) :]
        if raw:
            connection.feed(direction, t_ns, raw)
    stream.chunks.clear()
    stream.kept = stream.decoder.received
    stream.has_tail = bool(tails)


def _resume_closing(writer: Writer, connection: LiveConnection) -> None:
    """Close frames that are rows already."""
    rows = writer.query(
        "SELECT direction, payload FROM frame WHERE connection_id = ? AND opcode = 8 ORDER BY id", (connection.id,)
    )
    for direction, payload in rows:
        connection.saw_close(direction, payload)


def _window(writer: Writer, rules: Rules, connection_id: int, direction: int) -> tuple[bytes, str | None]:
    """The last 32 KiB that this direction inflated, or why they are not known any more."""
    if rules.redactor.fields:
        return b"", "redacted payloads do not hold the compression window"
    gaps = writer.query(
        "SELECT 1 FROM gap WHERE connection_id = ? AND direction = ? AND"
        " (reason LIKE 'payload cut%' OR reason LIKE 'cannot be inflated%') LIMIT 1",
        (connection_id, direction),
    )
    if gaps:
        return b"", "cut payloads do not hold the compression window"
    pieces: list[bytes] = []
    size, before = 0, _FAR
    held: list[bytes] = []
    while size < WINDOW:
        rows = writer.query(
            "SELECT id, opcode, flags, payload FROM frame WHERE id < ? AND connection_id = ? AND direction = ? AND opcode < 3"
            " ORDER BY id DESC LIMIT 200",
            (before, connection_id, direction),
        )
        if not rows:
            break
        for frame_id, opcode, flags, payload in rows:
            before = frame_id
            held.append(payload)
            if opcode:  # the first frame of a message says whether it was compressed
                if flags & RSV1:
                    pieces += held
                    size += sum(map(len, held))
                held = []
    return b"".join(reversed(pieces))[-WINDOW:], None
