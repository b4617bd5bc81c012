"""The values every layer speaks. Frozen, without I/O and without a clock.

Times are integers in nanoseconds since the start of the recording's first run; durations never come from the wall clock.

    recording    a file; it holds one run for each time `record` wrote into it
    connection   one WebSocket, from its upgrade request to its end
    session      a connection with its reconnects
    frame        as in RFC 6455, unmasked and inflated
    message      as in RFC 6455: one or more frames
    event        a message with a type, or a part of one: what a decoder makes of messages
"""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple, Self


class Direction(IntEnum):
    """Who sent it. The values are those stored in a recording."""

    CLIENT_TO_SERVER = 0
    SERVER_TO_CLIENT = 1

    @property
    def short(self) -> str:
        """`c2s` or `s2c`, as filters, contracts and the exchange format write it."""
        return "s2c" if self else "c2s"


class Opcode(IntEnum):
    """RFC 6455, section 5.2."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


CLOSE = int(Opcode.CLOSE)  # for hot paths: a member of an enumeration takes five times as long to look up
OPCODE_NAMES: dict[int, str] = {opcode.value: opcode.name.lower() for opcode in Opcode}

# The bits of a frame's `flags`.
FIN = 1
RSV1 = 2
RSV2 = 4
RSV3 = 8
MASKED = 16


class Ending(StrEnum):
    """How a connection ended."""

    CLEAN = "clean"  # close frames were exchanged
    DROPPED = "dropped"  # the TCP connection ended without a close frame
    REFUSED = "refused"  # never became a WebSocket: no upstream, or an answer other than 101
    MALFORMED = "malformed"  # a peer sent what is not RFC 6455
    TRUNCATED = "truncated"  # the recording ends before the connection does
    OPEN = "open"  # still open, in a recording that grows


Row = tuple[int, int, int, bytes]
"""A frame for readers of millions: id, time in ns, lane, payload."""

UNFINISHED = 16


class EventNumber(int):
    """Which event: as a number the id of the frame that completes it, and `place`, its place among that frame's events.

    Ordered by frame, then by place; the first event of a frame is equal to the frame's id.
    """

    place: int

    def __new__(cls, frame: int, place: int = 0) -> Self:
        number = int.__new__(cls, frame)  # half the time that `super()` takes
        number.place = place
        return number

    @property
    def frame(self) -> int:
        """The id of the frame that completes the event."""
        return int(self)

    def _parts(self) -> tuple[int, int]:
        return int(self), self.place

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and self._parts() == _parts(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = int.__hash__

    def __lt__(self, other: int) -> bool:
        return self._parts() < _parts(other)

    def __le__(self, other: int) -> bool:
        return self._parts() <= _parts(other)

    def __gt__(self, other: int) -> bool:
        return self._parts() > _parts(other)

    def __ge__(self, other: int) -> bool:
        return self._parts() >= _parts(other)

    def __repr__(self) -> str:
        return f"EventNumber({int(self)}, {self.place})"

    __str__ = int.__repr__  # what a user reads is the frame

    def __reduce__(self) -> "tuple[type[EventNumber], tuple[int, int]]":
        return EventNumber, self._parts()


def _parts(number: int) -> tuple[int, int]:
    return int(number), number.place if isinstance(number, EventNumber) else 0


CONNECTION_SHIFT = 6  # of a lane's bits: above them stands the connection


def lane_of(connection_id: int, direction: int, opcode: int, flags: int = FIN) -> int:
    """Connection, direction and opcode in one number, so that one look-up finds all that a frame's kind has to do with.

    The lowest four bits are the opcode, then come `UNFINISHED` where FIN is not set, the direction, and the connection.
    """
    return connection_id << CONNECTION_SHIFT | direction << 5 | (0 if flags & FIN else UNFINISHED) | opcode


NO_CONTRACT = "none"
"""The name of the contract that demands nothing: it shows what was said, and is what judges where no other fits."""

NO_FIT = "no contract fits"
"""The verdict of that contract, in words."""

NO_RULES = "no rules"
"""The verdict of a contract that has none, in words."""

NO_DEMANDS = "the contract has no rules: it names types and requires nothing"

Headers = tuple[tuple[str, str], ...]


_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def start_of(text: str) -> datetime:
    """A run's `started_at`; one without a zone is in UTC. Raises ValueError where it is not a time from 1970 to 2100."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if not _EARLIEST <= moment < _LATEST:
        raise ValueError(f"{text!r} is not between 1970 and 2100")
    return moment


class Run(NamedTuple):
    """One run of `record`. `start_ns` places it on the recording's time axis; `reached_ns` is how far it is known to reach."""

    id: int
    started_at: str  # ISO 8601, UTC: the run's one wall-clock anchor
    start_ns: int
    reached_ns: int
    ended_ns: int | None
    upstream: str
    listen: str
    version: str
    options: dict[str, Any]


def start_ns_of(run: Run) -> int:
    """The wall-clock time (ns since 1970) at which a recording's time axis begins, by one run's anchor."""
    return (start_of(run.started_at) - _EARLIEST) // timedelta(microseconds=1) * 1_000 - run.start_ns


def moment_at(runs: Sequence[Run], t_ns: int) -> datetime | None:
    """When a time of a recording was, in UTC, by the anchor of its run. None where a calendar has no such day."""
    run = next((run for run in reversed(runs) if run.start_ns <= t_ns), runs[0] if runs else None)
    try:
        return None if run is None else _EARLIEST + timedelta(microseconds=(start_ns_of(run) + t_ns) // 1_000)
    except OverflowError:
        return None


class Connection(NamedTuple):
    """One WebSocket connection. `status` is None until the server answered the upgrade request."""

    id: int
    recording_id: int
    opened_ns: int
    closed_ns: int | None = None
    peer: str | None = None
    path: str = "/"
    subprotocol: str | None = None
    extensions: str | None = None
    request_headers: Headers = ()
    status: int | None = None
    response_headers: Headers = ()
    user: str | None = None
    ending: Ending = Ending.OPEN
    closed_by: str | None = None  # "client", "server"
    close_code: int | None = None
    close_reason: str | None = None
    error: str | None = None


class Frame(NamedTuple):
    """One frame as stored; the order of the fields is that of the table's columns.

    `id` is the arrival order over the whole recording, `seq` is dense within its connection. `offset` is where the frame
    begins in its direction's byte stream after the handshake, `wire_length` its length there, head included. `type` is the
    event type, on the last frame of a JSON text message.
    """

    id: int
    connection_id: int
    seq: int
    t_ns: int
    direction: int
    opcode: int
    flags: int
    wire_length: int
    offset: int
    type: str | None
    payload: bytes

    @property
    def fin(self) -> bool:
        """Whether it is the last frame of its message."""
        return bool(self.flags & FIN)


class Message(NamedTuple):
    """One whole message or control frame. `id`, `seq` and `t_ns` are those of its last frame, `first_id` that of its first."""

    id: int
    connection_id: int
    seq: int
    t_ns: int
    direction: int
    opcode: int  # TEXT, BINARY, PING, PONG or CLOSE
    type: str | None
    payload: bytes
    first_id: int

    def row(self) -> Row:
        """The same as a list row has it: id, time (ns), lane, payload."""
        return self.id, self.t_ns, lane_of(self.connection_id, self.direction, self.opcode), self.payload


class Gap(NamedTuple):
    """Bytes of one direction that the recording does not hold as frames, and why."""

    connection_id: int
    direction: int
    after_frame_id: int
    reason: str
    bytes: int


class Mark(NamedTuple):
    """A note that a person left at a time, or on a frame."""

    id: int
    t_ns: int
    frame_id: int | None
    note: str


class Hold(NamedTuple):
    """A span of time in which the recorder held traffic back: bounds within it judge the recorder, not the peers."""

    start_ns: int
    end_ns: int


class Fault(NamedTuple):
    """Something wsreplay did to the traffic on purpose."""

    id: int
    t_ns: int
    connection_id: int | None
    direction: int | None
    frame_id: int | None
    kind: str
    detail: str

    @property
    def said(self) -> str:
        """Kind and detail in words; a detail that names its kind is not told twice. Not escaped."""
        return self.detail if self.detail.startswith(self.kind) else f"{self.kind} {self.detail}".rstrip()


class Session(NamedTuple):
    """A connection with its reconnects; `id` counts from 1 in order of the first connection."""

    id: int
    connections: tuple[Connection, ...]

    @property
    def user(self) -> str | None:
        """The user of its first connection, as are path and beginning."""
        return self.connections[0].user

    @property
    def path(self) -> str:
        """The path of its first connection, as recorded."""
        return self.connections[0].path

    @property
    def opened_ns(self) -> int:
        """When its first connection opened."""
        return self.connections[0].opened_ns

    @property
    def closed_ns(self) -> int | None:
        """When its last connection ended; None while that is open."""
        return self.connections[-1].closed_ns

    @property
    def ending(self) -> Ending:
        """How its last connection ended."""
        return self.connections[-1].ending
