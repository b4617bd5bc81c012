"""Many connections at once that stream numbered messages both ways, and remember every byte that was sent and received."""

from __future__ import annotations

import asyncio
import contextlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import rawpeers
from relay import PATIENCE_S, Relay

from recordings import Recorded, checked
from wsreplay.store.reader import Recording

EXTENSIONS = {
    "plain": "",
    "fragmented": "",
    "compressed": "permessage-deflate",
    "compressed, no context": "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
}


def message(seed: int, number: int) -> bytes:
    """The text of the message with this number."""
    random = Random(seed * 1_000_003 + number)
    words = " ".join(random.choices(("agent", "tool", "thinking", "search", "result"), k=random.choice((1, 20, 300))))
    return json.dumps({"type": f"event_{number % 7}", "n": number, "text": words}).encode()


@dataclass
class Speaker:
    """What one peer of one connection sends, and what its counterpart has received of it."""

    seed: int
    mode: str
    masked: bool
    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)
    messages: int = 0
    ends: list[int] = field(default_factory=list)  # where in `sent` each message ends

    def __post_init__(self) -> None:
        # A quarter of a megabyte, so only where and while it is needed.
        self._squeeze: zlib._Compress | None = None

    def next(self) -> bytes:
        """The frames of the next message."""
        payload = message(self.seed, self.messages)
        self.messages += 1
        compressed = self.mode.startswith("compressed")
        if compressed:
            if self._squeeze is None or "no context" in self.mode:
                self._squeeze = zlib.compressobj(wbits=-15)
            payload = (self._squeeze.compress(payload) + self._squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4]
        data = b"".join(self._frames(payload, compressed))
        self.sent += data
        self.ends.append(len(self.sent))
        return data

    def end(self) -> None:
        """There will be no other message."""
        self._squeeze = None

    def _frames(self, payload: bytes, compressed: bool) -> Iterator[bytes]:
        mask = rawpeers.MASK if self.masked else None
        rsv = 4 if compressed else 0
        if self.mode == "plain" or self.messages % 3 == 0:
            yield rawpeers.frame(1, payload, rsv=rsv, mask=mask)
            return
        third = len(payload) // 3 + 1
        yield rawpeers.frame(1, payload[:third], fin=False, rsv=rsv, mask=mask)
        yield rawpeers.frame(9, b"still here", mask=mask)
        yield rawpeers.frame(0, payload[third : 2 * third], fin=False, mask=mask)
        yield rawpeers.frame(0, payload[2 * third :], mask=mask)


class Traffic:
    """A server and its clients."""

    def __init__(self, mode: str = "plain", pause_s: float = 0.02, label: str = "c") -> None:
        self.mode, self.label = mode, label
        self.speakers: dict[tuple[str, int], Speaker] = {}
        self.port = 0
        self._pause_s = pause_s
        self._over = asyncio.Event()
        # Of the clients, in their order, and of the server's side of each connection.
        self._tasks: list[asyncio.Task[None]] = []
        self._answering: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server

    async def serve(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def connect(self, port: int, count: int) -> None:
        """Open connections through a relay, and let them talk."""
        for _ in range(count):
            number = len(self._tasks)
            path = f"/{self.label}{number}"
            for direction in (0, 1):
                self.speakers[path, direction] = Speaker(2 * number + direction, self.mode, masked=direction == 0)
            self._tasks.append(asyncio.create_task(self._client(port, path)))
        await self.until(lambda: all(speaker.received for speaker in self.speakers.values()), "all connections talk")

    @property
    def received(self) -> int:
        return sum(len(speaker.received) for speaker in self.speakers.values())

    async def flow(self, size: int) -> None:
        """Until so many more bytes have arrived."""
        goal = self.received + size
        await self.until(lambda: self.received >= goal, f"{size} more bytes arrive")

    @staticmethod
    async def until(condition, what: str) -> None:  # type: ignore[no-untyped-def]
        loop = asyncio.get_running_loop()
        give_up = loop.time() + PATIENCE_S
        while not condition():
            assert loop.time() < give_up, f"in vain: {what}"
            await asyncio.sleep(0.02)

    async def end(self) -> None:
        """Everybody stops talking, and what was sent arrives."""
        self._over.set()
        done, late = await asyncio.wait(self._tasks, timeout=PATIENCE_S)
        assert not late, f"{len(late)} connections did not end"
        for task in done:
            task.result()
        self._server.close()

    async def close(self) -> None:
        """Whatever state it is in: it leaves nothing open."""
        self._server.close()
        tasks = [*self._tasks, *self._answering]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the sockets are closed

    async def _client(self, port: int, path: str) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            extensions = EXTENSIONS[self.mode]
            lines = [f"Sec-WebSocket-Extensions: {extensions}"] if extensions else []
            writer.write(rawpeers.request(path, *lines))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101"), head
        except (OSError, asyncio.IncompleteReadError):
            return
        await self._talk(reader, writer, self.speakers[path, 0], self.speakers[path, 1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._answering.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError):
            writer.close()
            return
        path = head.split(b" ")[1].decode()
        extensions = EXTENSIONS[self.mode]
        writer.write(rawpeers.accept(*([f"Sec-WebSocket-Extensions: {extensions}"] if extensions else [])))
        with contextlib.suppress(asyncio.CancelledError):  # by `close`; asyncio before 3.12 complains of it
            await self._talk(reader, writer, self.speakers[path, 1], self.speakers[path, 0])

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, speaks: Speaker, hears: Speaker
    ) -> None:
        hearing = asyncio.create_task(self._hear(reader, hears))
        try:
            with contextlib.suppress(OSError):
                while not self._over.is_set() and not hearing.done():
                    writer.write(speaks.next())
                    await writer.drain()
                    await asyncio.sleep(self._pause_s)
                if not hearing.done():
                    writer.write_eof()
            await hearing
        finally:
            hearing.cancel()
            writer.close()

    async def _hear(self, reader: asyncio.StreamReader, hears: Speaker) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                hears.received += data

    # What must hold.

    def verify(self, path, *, all_received: bool = True) -> Recorded:  # type: ignore[no-untyped-def]
        """The recording holds every byte that any peer received, each message once, none that was not sent."""
        recorded = checked(path)
        numbers = {(connection.path, direction): (connection.id, direction)
                   for connection in recorded.connections for direction in (0, 1)}  # fmt: skip
        texts: dict[tuple[int, int], list[bytes]] = {}
        with Recording.open(path) as recording:
            for one in recording.messages():
                if one.opcode == 1:
                    texts.setdefault((one.connection_id, one.direction), []).append(one.payload)
        for place, speaker in self.speakers.items():
            assert speaker.sent.startswith(speaker.received), "nobody receives what nobody sent"
            if place not in numbers:
                assert not speaker.received, f"{place} received bytes and is not recorded"
                continue
            stream = recorded.stream(*numbers[place])
            if all_received:
                assert stream.end + len(stream.tail) >= len(speaker.received), f"{place}: forwarded, not recorded"
            assert stream.tail == speaker.sent[stream.end : stream.end + len(stream.tail)]
            heard = texts.get(numbers[place], [])
            assert heard == [message(speaker.seed, number) for number in range(len(heard))], f"{place}: lost or doubled"
        return recorded

    def figures(self, recorded: Recorded, **more: object) -> str:
        facts = {"mode": self.mode, "connections": len(self.speakers) // 2, "frames": recorded.frames,
                 "received_bytes": self.received, **more, "lost": 0, "doubled": 0}  # fmt: skip
        return "  ".join(f"{name}={value}" for name, value in facts.items())


async def kill_recorder(relay: Relay) -> None:
    await asyncio.to_thread(relay.kill_recorder)
