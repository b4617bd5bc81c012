"""What the client of a session said, and what it had heard by then: the material of programs that say it again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from wsreplay.decode import PLAIN
from wsreplay.display import user_text, visible
from wsreplay.model import Connection, Direction, Ending, Opcode, Session
from wsreplay.store.reader import Recording
from wsreplay.trace.reading import MessageReading

_ANYWHERE = "ws://localhost:8000"
_FAILURES = frozenset(range(1001, 1016)) - {1005}  # RFC 6455, 7.4.1: going away, errors, no close frame


class Heard(NamedTuple):
    """One event of the server's, at `t_ns`. `type` is None where it has none; copies of a message have the same `digest`."""

    t_ns: int
    type: str | None
    digest: int = 0


@dataclass(frozen=True, slots=True)
class ClientTurn:
    """One message of the client, at `t_ns`. `heard` is what the server said since the client's message before."""

    t_ns: int
    payload: str | bytes
    heard: tuple[Heard, ...] = ()
    type: str | None = None


@dataclass(frozen=True, slots=True)
class ClientSide:
    """One connection: what its client said, and what it `heard` after that until `ended_ns`. `decoder`: None for plain JSON."""

    connection: Connection
    turns: tuple[ClientTurn, ...]
    heard: tuple[Heard, ...]
    ended_ns: int
    decoder: str | None = None

    @property
    def server_ended(self) -> bool:
        """Whether the server was the first to end the connection."""
        return self.connection.closed_by == "server"

    @property
    def server_failed(self) -> bool:
        """Whether the server ended it as none does that is well: without a close frame, or with a code such as 1011."""
        connection = self.connection
        return self.server_ended and (connection.ending is Ending.DROPPED or connection.close_code in _FAILURES)

    @property
    def client_dropped(self) -> bool:
        """Whether the client went away without a close frame."""
        return self.connection.ending is Ending.DROPPED and not self.server_ended


def client_sides(recording: Recording, session: Session, reading: MessageReading | None = None) -> Iterator[ClientSide]:
    """The connections of a session that became WebSockets, in order. Heartbeats of a protocol are left out.

    `reading` says of which types the events are; by default those that they show to have.
    """
    reading = MessageReading(recording) if reading is None else reading
    for connection in session.connections:
        if connection.ending is not Ending.REFUSED:
            name = reading.decoder_name(connection.id)
            yield _side(recording, reading, connection, None if name == PLAIN else name)


def _side(recording: Recording, reading: MessageReading, connection: Connection, decoder: str | None) -> ClientSide:
    heard_before: dict[int, tuple[Heard, ...]] = {}
    types: dict[int, str | None] = {}
    heard: list[Heard] = []
    ended_ns = connection.opened_ns
    for event in reading.messages([connection.id], heartbeats=False):
        if event.opcode > Opcode.BINARY:
            continue
        ended_ns = event.t_ns
        if event.direction == Direction.SERVER_TO_CLIENT:
            heard.append(Heard(event.t_ns, event.type, hash(event.payload)))
        elif int(event.id) not in heard_before:
            heard_before[int(event.id)], types[int(event.id)] = tuple(heard), event.type
            heard = []
    messages = (message for message in recording.messages(connections=[connection.id]) if message.id in heard_before)
    turns = tuple(
        ClientTurn(message.t_ns, _text_or_bytes(message.opcode, message.payload), heard_before[message.id], types[message.id])
        for message in messages
    )
    closed_ns = connection.closed_ns
    return ClientSide(connection, turns, tuple(heard), ended_ns if closed_ns is None else closed_ns, decoder)


def _text_or_bytes(opcode: int, payload: bytes) -> str | bytes:
    return payload.decode("utf-8", "replace") if opcode == Opcode.TEXT else payload


def title_of(recording: Recording, session: Session) -> str:
    """`session 2 of chat.db (bob, /ws)`, made harmless."""
    return visible(f"session {session.id} of {recording.path.name} ({user_text(session.user)}, {session.path})")


def backend_of(recording: Recording, session: Session) -> str:
    """The URL that the session's client would have had without the proxy."""
    runs = {run.id: run for run in recording.runs()}
    connection = session.connections[0]
    upstream = urlsplit(runs[connection.recording_id].upstream if connection.recording_id in runs else "")
    host = upstream.netloc.rpartition("@")[2]
    base = f"{upstream.scheme}://{host}" if upstream.scheme in ("ws", "wss") and host else _ANYWHERE
    return base + connection.path
