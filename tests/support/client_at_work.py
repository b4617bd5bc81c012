"""A recorder's client at work in this process, with a recorder of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rawpeers

from recordings import checked
from wsreplay.proxy.callbacks import Callbacks
from wsreplay.proxy.recorder_client import RecorderClient
from wsreplay.proxy.spawned_recorder import COMMAND
from wsreplay.recorder.protocol import Hello, RecordKind

Run = Callable[[Awaitable[None]], None]
PATIENCE_S = 60.0


@dataclass
class Told:
    """What the user was told, in order."""

    lines: list[str] = field(default_factory=list)

    def callbacks(self) -> Callbacks:
        say = self.lines.append
        return Callbacks(
            stalled=lambda reason, keeps: say(f"stalled: {reason} ({keeps >> 20} MiB)"),
            waiting=lambda: say("waiting"),
            resumed=lambda: say("resumed"),
            restarted=lambda reason: say(f"restarted: {reason}"),
            left_out=lambda what: say(f"left out: {what}"),
            relocated=lambda relocated: say(f"{relocated.was.name} is now {relocated.now.name}"),
        )

    def count(self, word: str) -> int:
        return sum(word in line for line in self.lines)


@contextlib.asynccontextmanager
async def recording(
    path: Path, told: Told, command: Sequence[str] = COMMAND, **changes: Any
) -> AsyncIterator[RecorderClient]:
    """A client at work, with a connection open: 1 in a new file."""
    hello = Hello(str(path), "ws://u", "ws://l", "2026-11-20T10:00:00Z", "1", "00" * 32, **changes)
    client = RecorderClient(hello, told.callbacks(), command)
    report = await client.start()
    open_connection(client, report.first_connection)
    yield client
    if client._closed is None:
        await asyncio.wait_for(client.close(), PATIENCE_S)


def open_connection(client: RecorderClient, connection: int, *answer: str) -> None:
    client.record(RecordKind.OPEN, b"127.0.0.1:2\n" + rawpeers.request(f"/{connection}"), connection)
    client.record(RecordKind.ACCEPT, rawpeers.accept(*answer), connection)


async def until(condition: Callable[[], Any], what: str = "condition") -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def recorder_pid(client: RecorderClient) -> int:
    assert client._spawned is not None
    return client._spawned.pid


def payloads(path: Path, connection: int = 1) -> list[bytes]:
    return [frame.payload for frame in checked(path).stream(connection, 0).frames]
