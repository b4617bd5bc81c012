"""What must hold for every recording, whatever happened to its recorder."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wsreplay.model import FIN, Connection, Ending, Frame, Opcode
from wsreplay.store.creation import new_recording
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer
from wsreplay.trace.events import event_type


@contextlib.contextmanager
def write_locked(path: Path) -> Iterator[None]:
    """Another program holds the write lock of a recording's SQLite file."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield


@dataclass
class Stream:
    """One direction of one connection, as recorded."""

    frames: list[Frame] = field(default_factory=list)
    end: int = 0  # the offset behind the last frame
    tail: bytes = b""  # the raw bytes behind that


@dataclass
class Recorded:
    connections: list[Connection]
    streams: dict[tuple[int, int], Stream]
    gaps: list[Any]
    frames: int

    def by_path(self) -> dict[str, Connection]:
        return {connection.path: connection for connection in self.connections}

    def stream(self, connection_id: int, direction: int) -> Stream:
        return self.streams.get((connection_id, direction), Stream())


def checked(path: Path) -> Recorded:
    """Read a recording whole, and check that it is sound: no frame lost, doubled or out of order."""
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()
    streams: dict[tuple[int, int], Stream] = defaultdict(Stream)
    seqs: dict[int, int] = defaultdict(int)
    with Recording.open(path) as recording:
        count = last_id = 0
        for frame in recording.frames():
            count += 1
            assert frame.id == last_id + 1, "the ids of the frames have a hole"
            last_id = frame.id
            seqs[frame.connection_id] += 1
            assert frame.seq == seqs[frame.connection_id], "seq is dense in each connection"
            stream = streams[frame.connection_id, frame.direction]
            assert frame.offset == stream.end, "each frame begins where the one before it ends"
            stream.end = frame.offset + frame.wire_length
            stream.frames.append(frame)
        for connection_id, direction, offset, _, data in recording.tails():
            stream = streams[connection_id, direction]
            at = stream.end + len(stream.tail)
            assert offset <= at or not data, "a tail has no hole"
            stream.tail += data[at - offset :]
        return Recorded(recording.connections(), dict(streams), recording.gaps(), count)


def begin_run(writer: Writer) -> int:
    """Insert a run of which nothing is known but its start; its id."""
    return writer.insert_run(started_at="2026-11-20T10:00:00Z", start_ns=0, upstream="", listen="", version="0", options={})


def small(path: Path) -> None:
    """A recording of one run in which nothing happened."""
    with new_recording(path) as writer:
        begin_run(writer)


def write_messages(
    path: Path, messages: Iterable[tuple[int, int, bytes]], *, user: str | None = None, path_asked: str = "/ws"
) -> None:
    """A recording of one connection: (direction, opcode, payload), a millisecond apart."""
    with new_recording(path) as writer:
        writer.insert_connection(Connection(1, begin_run(writer), 0, path=path_asked, user=user, ending=Ending.OPEN))
        offsets = [0, 0]
        for seq, (direction, opcode, payload) in enumerate(messages, 1):
            type_, size = event_type(payload) if opcode == Opcode.TEXT else None, len(payload) + 2
            row = (1, seq, seq * 1_000_000, direction, opcode, FIN, size, offsets[direction], type_, payload)
            writer.add_frames([row])
            offsets[direction] += size
