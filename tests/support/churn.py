"""Connections that come and go through a relay that may die at any moment, and what each of their peers has received.

Each peer sends numbered messages. What a receiver got and the recording has not is lost; what the recording has twice is
doubled.
"""

from __future__ import annotations

import asyncio
import bisect
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import rawpeers
from traffic import EXTENSIONS, Speaker, message

from recordings import Stream, checked
from wsreplay.store.reader import Recording

PROBE = "/probe"
BEGIN_TIMEOUT_S = 10.0
# What ends a conversation: a close frame, the end of the stream, a reset.
ENDINGS = ("close", "end", "reset")


@dataclass
class Conversation:
    """One connection: what its client (0) and its server (1) have sent, and what the other has received of it."""

    path: str
    mode: str
    speakers: tuple[Speaker, Speaker]
    open_peers: int = 0

    @property
    def received(self) -> int:
        """How many bytes have come, on both sides."""
        return sum(len(speaker.received) for speaker in self.speakers)

    @property
    def extensions(self) -> list[str]:
        return [f"Sec-WebSocket-Extensions: {EXTENSIONS[self.mode]}"] if EXTENSIONS[self.mode] else []


@dataclass
class Tally:
    """Messages that were received, and what recordings have of them."""

    messages: int = 0
    lost: int = 0
    doubled: int = 0
    unconfirmed: int = 0  # bytes that need not be there, and are not
    wrong: list[str] = field(default_factory=list)  # which place, and what is wrong there

    def add(self, other: Tally) -> None:
        self.messages += other.messages
        self.lost += other.lost
        self.doubled += other.doubled
        self.unconfirmed += other.unconfirmed
        self.wrong += other.wrong


class Churn:
    """A server, and clients that connect again and again through a port."""

    def __init__(self, random: Random, pause_s: float = 0.05) -> None:
        self.conversations: dict[str, Conversation] = {}
        self.port = 0  # the server's
        self.refused = 0  # connections that did not come to be
        self._random = random
        self._pause_s = pause_s
        self._over = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients: list[asyncio.Task[None]] = []
        self._server: asyncio.Server

    async def serve(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    def connect(self, port: int, clients: int) -> None:
        """So many clients from now on, those that are there among them, each with one connection at a time."""
        for _ in range(clients - len(self._clients)):
            self._clients.append(asyncio.create_task(self._client(port, Random(self._random.random()))))

    async def thin_out(self, clients: int) -> None:
        """So many clients leave."""
        leaving, self._clients = self._clients[:clients], self._clients[clients:]
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)

    async def end(self) -> None:
        self._over.set()
        tasks = [*self._clients, *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._server.close()

    def converse(self, path: str, mode: str) -> Conversation:
        number = len(self.conversations)
        speakers = Speaker(2 * number, mode, masked=True), Speaker(2 * number + 1, mode, masked=False)
        self.conversations[path] = conversation = Conversation(path, mode, speakers)
        return conversation

    def open_conversations(self) -> list[Conversation]:
        return [conversation for conversation in self.conversations.values() if conversation.open_peers]

    async def _client(self, port: int, random: Random) -> None:
        while not self._over.is_set():
            path = f"/c{len(self.conversations)}"
            conversation = self.converse(path, random.choice(list(EXTENSIONS)))
            if not await self._converse(port, conversation, random.randint(1, 60), random.choice(ENDINGS)):
                self.refused += 1
                await asyncio.sleep(random.uniform(0.05, 0.3))

    async def _converse(self, port: int, conversation: Conversation, messages: int, ending: str) -> bool:
        """Connect, talk, end; whether the connection came to be."""
        try:
            async with asyncio.timeout(BEGIN_TIMEOUT_S):  # wait_for may swallow a cancellation
                reader, writer = await self.open(port, conversation)
        except (OSError, EOFError, TimeoutError):
            return False
        await self._talk(reader, writer, conversation, 0, messages, ending)
        return True

    @staticmethod
    async def open(port: int, conversation: Conversation) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A client's connection behind its handshake. Raises OSError or EOFError."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(rawpeers.request(conversation.path, *conversation.extensions))
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 101"):
                raise ConnectionRefusedError(head)
        except BaseException:
            writer.transport.abort()
            raise
        return reader, writer

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            conversation = self.conversations[head.split(b" ")[1].decode()]
            writer.write(rawpeers.accept(*conversation.extensions))
            if conversation.path.startswith(PROBE):
                await self._echo(reader, writer, conversation)
            else:
                await self._talk(reader, writer, conversation, 1, 1_000_000, "end")
        except (OSError, EOFError):
            writer.transport.abort()
        except asyncio.CancelledError:  # asyncio's streams would report it
            writer.transport.abort()
        finally:
            self._tasks.discard(task)

    async def _echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, conversation: Conversation) -> None:
        """Answer each arrival of bytes with a message."""
        hears, speaks = conversation.speakers
        while data := await reader.read(65536):
            hears.received += data
            writer.write(speaks.next())
        writer.close()

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, conversation: Conversation, direction: int,
        messages: int, ending: str,
    ) -> None:  # fmt: skip
        """Send messages and hear what comes, until either has ended."""
        speaks, hears = conversation.speakers[direction], conversation.speakers[1 - direction]
        conversation.open_peers += 1
        hearing = asyncio.create_task(self._hear(reader, hears))
        try:
            while messages and not hearing.done():
                messages -= 1
                writer.write(speaks.next())
                await writer.drain()
                await asyncio.sleep(self._pause_s)
            if ending == "close":
                speaks.sent += (close := rawpeers.frame(8, b"\x03\xe8", mask=rawpeers.MASK if speaks.masked else None))
                writer.write(close)
            if ending != "reset" and not hearing.done():
                writer.write_eof()
                await asyncio.wait([hearing], timeout=BEGIN_TIMEOUT_S)
        except OSError:
            pass
        finally:
            hearing.cancel()
            speaks.end()
            writer.transport.abort() if ending == "reset" else writer.close()
            conversation.open_peers -= 1

    @staticmethod
    async def _hear(reader: asyncio.StreamReader, hears: Speaker) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                hears.received += data

    # What must hold.

    def verify(self, files: Iterable[Path], floors: Mapping[tuple[str, int], int]) -> Tally:
        """Compare recordings with what was received. `floors`: of these paths and directions, so many bytes must be there."""
        tally = Tally()
        places = self._recorded(files)
        for path, conversation in self.conversations.items():
            for direction, speaker in enumerate(conversation.speakers):
                parts = places.get((path, direction), [])
                floor = min(len(speaker.received), floors.get((path, direction), len(speaker.received)))
                tally.add(_compare(f"{path} direction {direction}", speaker, parts, floor))
        return tally

    @staticmethod
    def _recorded(files: Iterable[Path]) -> dict[tuple[str, int], list[tuple[Stream, list[bytes]]]]:
        """Per path and direction, each stream that is recorded for it and the texts of its messages."""
        places: dict[tuple[str, int], list[tuple[Stream, list[bytes]]]] = {}
        for file in files:
            recorded = checked(file)
            texts: dict[tuple[int, int], list[bytes]] = {}
            with Recording.open(file) as recording:
                for one in recording.messages():
                    if one.opcode == 1:
                        texts.setdefault((one.connection_id, one.direction), []).append(one.payload)
            for connection in recorded.connections:
                for direction in (0, 1):
                    stream = recorded.stream(connection.id, direction)
                    part = stream, texts.get((connection.id, direction), [])
                    places.setdefault((connection.path, direction), []).append(part)
        return places


def _compare(place: str, speaker: Speaker, parts: list[tuple[Stream, list[bytes]]], floor: int) -> Tally:
    """What recordings have of one direction. `floor` is how many bytes of it they must have."""
    tally = Tally(messages=bisect.bisect_right(speaker.ends, len(speaker.received)))
    if not speaker.sent.startswith(speaker.received):
        tally.wrong.append(f"{place}: received what nobody sent")
    numbers = {message(speaker.seed, number): number for number in range(speaker.messages)}
    seen: list[int] = []
    for _, texts in parts:
        for text in texts:
            if text in numbers:
                seen.append(numbers[text])
            else:
                tally.wrong.append(f"{place}: recorded what nobody sent: {text[:80]!r}")
    due = range(bisect.bisect_right(speaker.ends, floor))
    missing = set(due).difference(seen)
    tally.lost = len(missing)
    tally.doubled = len(seen) - len(set(seen))
    if missing or tally.doubled:
        which = f"{sorted(missing)[:5]} of {len(due)}"
        tally.wrong.append(f"{place}: {len(missing)} lost ({which}), {tally.doubled} doubled")
    elif seen != sorted(seen):
        tally.wrong.append(f"{place}: recorded out of order")
    kept = max((stream.end + len(stream.tail) for stream, _ in parts), default=0)
    tally.unconfirmed = max(0, len(speaker.received) - max(kept, floor))
    if kept < floor and not missing:
        tally.lost += 1
        tally.wrong.append(f"{place}: {floor - kept} of {floor} bytes of an unfinished message lost")
    return tally
