"""What the relay and the recorder say to each other over their socket.

Relay to recorder: records, each a head of 18 bytes and a body. They are numbered from 1 in the order they were sent; the
recorder keeps the number of the last one whose effects are committed in the same transaction as those effects. After a crash
of the recorder the relay sends again what comes after that number: nothing is lost, nothing is doubled.

Recorder to relay: lines of JSON, the `Report`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from enum import IntEnum
from functools import partial
from typing import Any, NamedTuple

import msgspec

_HEAD = struct.Struct("<IBBIq")
HEAD_LENGTH = _HEAD.size
_unpack = _HEAD.unpack_from


class RecordKind(IntEnum):
    """The kinds of record, with their bodies."""

    HELLO = 1  # Hello, as JSON
    OPEN = 2  # the peer's address, a line feed, the raw head of the upgrade request
    ACCEPT = 3  # the raw head of the answer to the upgrade request
    CHUNK = 4  # bytes of one direction
    CLOSE = 5  # Closing, as JSON
    HEARTBEAT = 6  # nothing
    MARK = 7  # the note
    HOLD = 8  # 8 bytes: when it began; the record's time is when it ended
    FAULT = 9  # FaultNote, as JSON
    BYE = 10  # nothing: commit, close the file, say so
    UNREAD = 11  # why the bytes of one direction are passed and not read from here on; chunks say how many
    SKIPPED = 12  # Skipped, as JSON, in place of a record that recorders die at; a line feed, and that record's body or nothing
    OPENED = 13  # Opening, as JSON: OPEN without its secrets


class Record(NamedTuple):
    """One record as it is sent: what `kind` means, and what its body is, says RecordKind."""

    kind: int
    direction: int
    connection: int
    t_ns: int  # since the start of the run
    body: bytes


# A NamedTuple's own constructor takes twice as long.
_record: Callable[[tuple[int, int, int, int, bytes]], Record] = partial(tuple.__new__, Record)


class Hello(msgspec.Struct, frozen=True):
    """The first record: what to write, and where."""

    path: str
    upstream: str
    listen: str
    started_at: str
    version: str
    key: str  # of the redactor, hexadecimal
    run_id: int | None = None  # of the run to go on with, after a crash of the recorder
    redact: list[str] = []
    users: list[str] = []  # where connections name their users, as `identity.parse_user_source` reads it
    max_payload: int = 64 * 2**20
    durability: str = "normal"
    careful: int = 0  # up to this record commit each one for itself, and say before which one it is
    first: int = 1  # the number of the first record that follows: those before it were committed
    damaged: str = ""  # the file that turned out to be damaged while it was written: what can be read of it is to be in `path`
    options: dict[str, Any] = {}


class Closing(msgspec.Struct, frozen=True):
    """How a connection ended: who ended it first (client, server or proxy), and an error where there was one."""

    by: str | None = None
    error: str | None = None


class FaultNote(msgspec.Struct, frozen=True):
    """What was done to the traffic on purpose."""

    kind: str
    detail: str = ""


class Skipped(msgspec.Struct, frozen=True):
    """A record that cannot be recorded: its kind, the length of its body in bytes, and what became of those who tried.

    `again`: they failed as well at what stood in its place.
    """

    kind: int
    size: int
    reason: str
    again: bool = False


class Opening(msgspec.Struct, frozen=True):
    """A connection's request as a recording shows it: without secrets."""

    peer: str
    path: str
    headers: tuple[tuple[str, str], ...]
    user: str | None = None


class ConnectionOpened(msgspec.Struct, frozen=True):
    """A connection as the console tells of it: without secrets."""

    id: int
    path: str
    peer: str
    user: str | None = None


class ConnectionEnded(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a connection ended, as the console tells of it."""

    id: int
    path: str
    ending: str
    seconds: float
    frames: int = 0
    user: str | None = None
    status: int | None = None
    by: str | None = None
    code: int | None = None
    reason: str | None = None
    error: str | None = None


class Report(msgspec.Struct, omit_defaults=True):
    """What the recorder says. `ready` and `committed` are record numbers."""

    ready: int | None = None
    run_id: int = 0
    start_ns: int = 0
    first_connection: int = 1
    committed: int | None = None
    frames: int = 0
    events: int = 0
    stalled: str | None = None  # why nothing can be written at the moment
    applying: int | None = None  # the record that is being applied, while the recorder is careful
    failed: str | None = None  # the recorder ends: an error that nobody expects, and where
    error: str | None = None  # why this recording cannot be written at all
    damaged: bool = False  # because it is not as a recorder has written it
    exit_code: int = 3
    closed: bool = False
    opened: list[ConnectionOpened] = []
    ended: list[ConnectionEnded] = []


def head(kind: int, length: int, t_ns: int, connection: int = 0, direction: int = 0) -> bytes:
    """The head of a record whose body has this length."""
    return _HEAD.pack(length, kind, direction, connection, t_ns)


class RecordReader:
    """Bytes of the socket become records."""

    def __init__(self) -> None:
        # The bytes of a record that is not whole, how many there are, and how many it needs to be looked at.
        self._parts: list[bytes] = []
        self._held = 0
        self._wanted = HEAD_LENGTH

    def feed(self, data: bytes) -> Iterator[Record]:
        """The records that these bytes complete."""
        self._parts.append(data)
        self._held += len(data)
        if self._held < self._wanted:
            return
        if len(self._parts) > 1:
            data = b"".join(self._parts)
        position, end = 0, len(data)
        while True:
            self._wanted = HEAD_LENGTH
            if end - position < HEAD_LENGTH:
                break
            length, kind, direction, connection, t_ns = _unpack(data, position)
            stop = position + HEAD_LENGTH + length
            if stop > end:
                self._wanted = stop - position
                break
            yield _record((kind, direction, connection, t_ns, data[position + HEAD_LENGTH : stop]))
            position = stop
        self._held = end - position
        self._parts = [data[position:]] if self._held else []
