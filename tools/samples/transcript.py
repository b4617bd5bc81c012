"""Conversations written down line by line, and two peers that hold them over a real WebSocket.

    lines = (client(type="ping"), server(type="pong"), close())

Each peer says its own lines once it has heard those that stand before them, so the order of a transcript is the order on
the wire.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import serve
from websockets.typing import Subprotocol

from wsreplay.model import Direction
from wsreplay.proxy.proxy import RecordingProxy
from wsreplay.testing.client import reset

GAP = 0.01  # seconds before a line is said
PATIENCE = 20.0  # seconds that a conversation may take beyond its waits
CLIENT, SERVER = Direction.CLIENT_TO_SERVER, Direction.SERVER_TO_CLIENT


@dataclass(frozen=True, slots=True)
class Says:
    """A JSON text message."""

    by: Direction
    message: dict[str, Any]

    @property
    def text(self) -> str:
        return orjson.dumps(self.message).decode()


@dataclass(frozen=True, slots=True)
class Closes:
    """A closing handshake; RFC 6455, section 7.1.2."""

    by: Direction
    code: int
    reason: str


class Resets:
    """The server resets the TCP connection, without a close frame."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Nobody says anything, for some seconds."""

    seconds: float


Line = Says | Closes | Resets | Waits


def client(**message: Any) -> Says:
    return Says(CLIENT, message)


def server(**message: Any) -> Says:
    return Says(SERVER, message)


def close(code: int = 1000, reason: str = "", by: Direction = CLIENT) -> Closes:
    return Closes(by, code, reason)


@dataclass(frozen=True, slots=True)
class Transcript:
    """A conversation in a protocol, and what the contract of that protocol must make of it.

    `violates` are the rules that must be found violated, and no others but as a result of these; none means a clean verdict.
    """

    contract: str
    name: str
    description: str
    lines: tuple[Line, ...]
    path: str = "/"
    subprotocol: str | None = None
    violates: frozenset[str] = frozenset()

    @property
    def seconds(self) -> float:
        """About how long it takes."""
        return sum(line.seconds if isinstance(line, Waits) else GAP for line in self.lines)


async def record(transcript: Transcript, path: Path) -> None:
    """Let a client and a server hold the conversation through a proxy that records it into a new file at `path`.

    Raises ValueError, ConnectionClosed or TimeoutError where one of them did not hear what the transcript says.
    """
    offered = [Subprotocol(transcript.subprotocol)] if transcript.subprotocol else None
    answer = partial(hold, lines=transcript.lines, side=SERVER)
    async with serve(answer, "127.0.0.1", 0, subprotocols=offered, compression=None) as listening:
        port = listening.sockets[0].getsockname()[1]
        async with (
            RecordingProxy(f"ws://127.0.0.1:{port}", path) as proxy,
            asyncio.timeout(transcript.seconds + PATIENCE),
            connect(f"{proxy.url}{transcript.path}", subprotocols=offered, compression=None, proxy=None) as connection,
        ):
            await hold(connection, transcript.lines, CLIENT)


async def hold(connection: Connection, lines: tuple[Line, ...], side: Direction) -> None:
    """Be one side of a conversation, from its first line to its last; raises ValueError where something else was heard."""
    for line in lines:
        match line:
            case Waits():
                await asyncio.sleep(line.seconds)
            case Says() if line.by is side:
                await asyncio.sleep(GAP)
                await connection.send(line.text)
            case Says():
                if await connection.recv() != line.text:
                    raise ValueError(f"something else was heard than {line.text}")
            case Closes() if line.by is side:
                await connection.close(line.code, line.reason)
            case Resets() if side is SERVER:
                reset(connection)
            case _:
                await connection.wait_closed()
