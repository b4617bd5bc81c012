"""What the backend remembers of one user's conversation, so that it survives a lost connection."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any
from uuid import uuid4

import orjson
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from wsreplay.testing.client import reset

Event = dict[str, Any]

HISTORY = 1000  # events that can be resent; those before are forgotten


def new_id(prefix: str) -> str:
    """Unique over all backends, since recordings of several may be appended to each other."""
    return f"{prefix}-{uuid4().hex[:12]}"


class Conversation:
    """One user's events in order, the connection they go to, if there is one now, and the runs that make them.

    Sequence numbers count from 1 and are given once, in the order of sending; the timestamp, in seconds since the epoch, is
    that of the first sending. What is made while no connection is attached waits in the history.
    """

    def __init__(self, user: str | None) -> None:
        self.user = user
        # None while the client is away
        self.connection: ServerConnection | None = None
        self.expiry: asyncio.TimerHandle | None = None  # when it is forgotten, while no connection is attached
        # all threads that began here, and the runs that go on
        self.threads: set[str] = set()
        self.runs: set[asyncio.Task[None]] = set()
        # the last events, and the number of the last one
        self.history: deque[Event] = deque(maxlen=HISTORY)
        self._seq = 0
        self._sending = asyncio.Lock()

    def skip_number(self) -> None:
        """Leave a number of the sequence out, as if an event were lost."""
        self._seq += 1

    def number(self, event: Event) -> Event:
        """Give an event its place in the sequence and in the history."""
        self._seq += 1
        event["seq"] = self._seq
        self.history.append(event)
        return event

    async def emit(self, event: Event, held: float = 0.0) -> None:
        """Number an event, and send it `held` seconds after it was stamped."""
        async with self._sending:
            self.number(event)
            if held:
                event["timestamp"] = time.time()
                await asyncio.sleep(held)
            await self._send_event(event)

    async def resend(self, event: Event) -> None:
        """Send an event that has its number already."""
        async with self._sending:
            await self._send_event(event)

    async def send_text(self, text: str) -> None:
        """Send a message that takes no part in the sequence."""
        if self.connection is None:
            return
        try:
            await self.connection.send(text)
        except ConnectionClosed:
            self.connection = None

    async def send_control(self, kind: str, **payload: Any) -> None:
        """Send an acknowledgement or a pong: they have no number, since they tell nothing of a run."""
        event: Event = {"type": kind, "timestamp": time.time(), "message_id": new_id("m")}
        if self.user is not None:
            event["user_id"] = self.user
        await self.send_text(orjson.dumps(event | {"payload": payload}).decode())

    async def resume(self, connection: ServerConnection, last_seq: int) -> None:
        """Go on over a new connection: first acknowledge, then resend what came after `last_seq`, then what is new."""
        async with self._sending:
            self.connection = connection
            missed = [event for event in self.history if event["seq"] > last_seq]
            await self.send_control("connection_ack", resumed=True, missed=len(missed))
            for event in missed:
                await self._send_event(event)

    async def _send_event(self, event: Event) -> None:
        if self.connection is not None:
            if event["timestamp"] is None:
                event["timestamp"] = time.time()
            await self.send_text(orjson.dumps(event).decode())

    def drop(self) -> None:
        """Reset the TCP connection: the peer reads ECONNRESET, and no close frame was sent."""
        if self.connection is not None:
            reset(self.connection)
            self.connection = None
