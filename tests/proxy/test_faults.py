"""Each fault as the peers see it, over real sockets, and as the recording tells of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.errors import UsageError, WsreplayError
from wsreplay.model import Ending, Fault
from wsreplay.proxy.faultspec import KINDS, FaultSpec
from wsreplay.proxy.proxy import Options, RecordingProxy
from wsreplay.store.reader import Recording
from wsreplay.units import SECOND, parse_duration
from wsreplay.wire.encode import accept_key, frame_bytes

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
TEXT = b'{"type":"agent_thinking","payload":{"content":"' + b"x" * 150 + b'"}}'
FRAME = frame_bytes(1, TEXT)
PATIENCE_S = 60.0


@dataclass
class End:
    """One peer, at the level of bytes: reads whatever comes, with its time."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    chunks: list[tuple[float, bytes]] = field(default_factory=list)
    how: str | None = None  # it ended: eof or reset
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def data(self) -> bytes:
        return b"".join(chunk for _, chunk in self.chunks)

    async def read_on(self) -> None:
        try:
            while data := await self.reader.read(65536):
                self.chunks.append((time.monotonic(), data))
                self.changed.set()
            self.how = "eof"
        except ConnectionError:
            self.how = "reset"
        self.changed.set()

    async def until(self, condition: Callable[[End], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition(self):
                self.changed.clear()
                await self.changed.wait()

    def say(self, data: bytes) -> None:
        self.writer.write(data)


@dataclass
class Wire:
    client: End
    server: End
    path: Path
    finish: Callable[[], Awaitable[None]]
    begun: float  # before the proxy was connected to, from when its faults count

    async def recording(self) -> tuple[bytes, bytes, list[Fault], Ending]:
        """Bytes of both directions that the recording holds, its faults, and how the connection ended."""
        await self.finish()
        with Recording.open(self.path) as recording:
            (connection,) = recording.connections()
            sides = [b"", b""]
            for frame in recording.frames():
                sides[frame.direction] += frame_bytes(frame.opcode, frame.payload)
            for _, direction, _, _, data in recording.tails():
                sides[direction] += data
            return sides[0], sides[1], recording.faults(), connection.ending


@asynccontextmanager
async def through(tmp_path: Path, *faults: str, seed: int = 0) -> AsyncIterator[Wire]:
    """A client and a server with a faulty proxy between them, past the handshake."""
    met: asyncio.Future[End] = asyncio.get_running_loop().create_future()
    tasks: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        writer.write(head + accept_key(KEY) + b"\r\n\r\n")
        met.set_result(End(reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    path = tmp_path / "faulty.db"
    options = Options(faults=[FaultSpec.parse(fault) for fault in faults], seed=seed)
    proxy = RecordingProxy(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", path, options)
    await proxy.start()
    begun = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 b"Sec-WebSocket-Key: " + KEY + b"\r\n\r\n")  # fmt: skip
    await reader.readuntil(b"\r\n\r\n")
    wire = Wire(End(reader, writer), await met, path, lambda: _stop(proxy), begun)
    tasks += [asyncio.create_task(end.read_on()) for end in (wire.client, wire.server)]
    try:
        yield wire
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for end in (wire.client, wire.server):
            end.writer.transport.abort()
        server.close()
        await server.wait_closed()
        await proxy.stop()


async def _stop(proxy: RecordingProxy) -> None:
    await proxy.stop()


async def test_latency_holds_bytes_back_and_keeps_their_order(tmp_path: Path) -> None:
    # So late that the other direction comes first on any machine.
    async with through(tmp_path, "latency=1s,jitter=20ms,dir=s2c") as wire:
        begun = time.monotonic()
        for number in range(5):
            wire.server.say(frame_bytes(1, b'{"type":"n","n":%d}' % number))
            await asyncio.sleep(0.01)
        wire.client.say(FRAME)
        await wire.server.until(lambda end: end.data == FRAME)
        there = wire.server.chunks[-1][0]
        await wire.client.until(lambda end: end.data.count(b'"n":') == 5)
        assert wire.client.chunks[0][0] - begun >= 0.95
        assert there < wire.client.chunks[0][0]  # the other direction was not held back
        _, said, faults, _ = await wire.recording()
        assert said == wire.client.data
        assert {(fault.kind, fault.direction) for fault in faults} == {("latency", 1)}
        assert all(0.98 * SECOND <= parse_duration(fault.detail) <= 1.02 * SECOND for fault in faults)


async def test_the_recording_has_the_time_at_which_the_peer_got_it(tmp_path: Path) -> None:
    async with through(tmp_path, "latency=200ms,dir=s2c") as wire:
        wire.client.say(FRAME)
        await wire.server.until(lambda end: end.data == FRAME)
        wire.server.say(FRAME)
        await wire.client.until(lambda end: end.data == FRAME)
        await wire.recording()
        with Recording.open(wire.path) as recording:
            first, second = recording.frames()
            assert second.t_ns - first.t_ns >= 190_000_000


async def test_bandwidth_stretches_a_transfer(tmp_path: Path) -> None:
    async with through(tmp_path, "bandwidth=20kB,dir=s2c") as wire:
        begun = time.monotonic()
        wire.server.say(FRAME * 50)  # 10 kB
        await wire.client.until(lambda end: len(end.data) == 50 * len(FRAME))
        assert time.monotonic() - begun >= 0.8 * 50 * len(FRAME) / 20_000
        assert len(wire.client.chunks) > 1
        _, said, faults, _ = await wire.recording()
        assert said == FRAME * 50
        assert [fault.kind for fault in faults] == ["bandwidth"]


async def test_slices_are_small_and_lose_nothing(tmp_path: Path) -> None:
    # What is due while this process waits for its turn comes in one piece: the pauses are longer than such a wait.
    async with through(tmp_path, "slice=1-40,pause=20ms,dir=s2c") as wire:
        wire.server.say(FRAME * 5)
        await wire.client.until(lambda end: len(end.data) == 5 * len(FRAME))
        assert wire.client.data == FRAME * 5
        assert len(wire.client.chunks) > 2  # what is not read at once is joined
        assert min(len(data) for _, data in wire.client.chunks) <= 40
        _, said, _, _ = await wire.recording()
        assert said == FRAME * 5


@pytest.mark.parametrize(("kind", "end"), [("reset", "reset"), ("close", "eof")])
async def test_the_connection_ends_after_exactly_so_many_bytes(tmp_path: Path, kind: str, end: str) -> None:
    async with through(tmp_path, f"{kind},bytes=300,dir=s2c") as wire:
        wire.server.say(FRAME * 10)
        await wire.client.until(lambda peer: peer.how is not None)
        await wire.server.until(lambda peer: peer.how is not None)
        assert wire.client.how == end
        assert wire.client.data == (FRAME * 10)[:300]
        _, said, faults, ending = await wire.recording()
        assert said == (FRAME * 10)[:300]
        assert [(fault.kind, fault.direction) for fault in faults] == [(kind, 1)]
        assert ending is Ending.DROPPED


async def test_a_reset_comes_at_its_time(tmp_path: Path) -> None:
    async with through(tmp_path, "reset,from=1s") as wire:
        wire.server.say(FRAME)
        await wire.client.until(lambda end: end.how == "reset")
        assert time.monotonic() - wire.begun >= 0.95
        assert wire.client.data == FRAME


async def test_a_black_hole_swallows_bytes_and_the_end(tmp_path: Path) -> None:
    async with through(tmp_path, f"blackhole,bytes={len(FRAME)},dir=s2c") as wire:
        wire.server.say(FRAME * 3)
        await wire.client.until(lambda end: len(end.data) == len(FRAME))
        wire.client.say(FRAME)
        await wire.server.until(lambda end: end.data == FRAME)  # the other direction is whole
        wire.server.writer.write_eof()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                await wire.client.until(lambda end: end.how is not None or len(end.data) > len(FRAME))
        _, said, faults, _ = await wire.recording()
        assert said == FRAME
        assert [fault.kind for fault in faults] == ["blackhole"]


async def test_what_a_black_hole_held_comes_when_it_ends(tmp_path: Path) -> None:
    async with through(tmp_path, "blackhole,until=300ms") as wire:
        wire.server.say(FRAME * 3)
        wire.client.say(FRAME)
        await wire.client.until(lambda end: end.data == FRAME * 3)
        await wire.server.until(lambda end: end.data == FRAME)
        assert time.monotonic() - wire.begun >= 0.28


async def test_half_open_closes_the_server_and_tells_the_client_nothing(tmp_path: Path) -> None:
    async with through(tmp_path, "halfopen,from=100ms") as wire:
        await wire.server.until(lambda end: end.how is not None)
        wire.client.say(FRAME)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                await wire.client.until(lambda end: end.how is not None)
        asked, _, faults, _ = await wire.recording()
        assert asked == b""
        assert [fault.kind for fault in faults] == ["halfopen"]


async def test_a_window_bounds_a_fault(tmp_path: Path) -> None:
    async with through(tmp_path, "latency=1h,dir=s2c,from=1h") as wire:
        wire.server.say(FRAME)
        await wire.client.until(lambda end: end.data == FRAME)  # which waits for less than an hour
        assert (await wire.recording())[2] == []


async def test_no_chance_is_no_fault(tmp_path: Path) -> None:
    async with through(tmp_path, "reset,p=0", "latency=300ms,p=0", "blackhole,p=0") as wire:
        wire.server.say(FRAME)
        wire.client.say(FRAME)
        await wire.client.until(lambda end: end.data == FRAME)
        await wire.server.until(lambda end: end.data == FRAME)
        assert (await wire.recording())[2] == []


async def _delays(folder: Path, seed: int) -> list[str]:
    await asyncio.to_thread(folder.mkdir)
    async with through(folder, "latency=10ms,jitter=8ms,p=0.6,dir=s2c", seed=seed) as wire:
        for number in range(1, 13):
            wire.server.say(FRAME)
            await wire.client.until(lambda end, wanted=number: len(end.data) == wanted * len(FRAME))  # type: ignore[misc]
        return [fault.detail for fault in (await wire.recording())[2]]


async def test_the_same_seed_makes_the_same_faults(tmp_path: Path) -> None:
    first, again, other = [await _delays(tmp_path / name, seed) for name, seed in (("a", 7), ("b", 7), ("c", 8))]
    assert first == again
    assert 0 < len(first) < 12
    assert first != other


async def test_faults_add_up_and_lose_nothing(tmp_path: Path) -> None:
    async with through(tmp_path, "latency=20ms,jitter=15ms", "slice=1-400", "bandwidth=2MB") as wire:
        there, back = FRAME * 400, frame_bytes(2, bytes(range(256)) * 200)
        wire.server.say(there)
        wire.client.say(back)
        await wire.client.until(lambda end: len(end.data) == len(there))
        await wire.server.until(lambda end: len(end.data) == len(back))
        assert (wire.client.data, wire.server.data) == (there, back)
        wire.server.writer.close()
        await wire.client.until(lambda end: end.how == "eof")
        asked, said, _, _ = await wire.recording()
        assert (asked, said) == (back, there)


async def test_an_end_waits_behind_the_bytes_before_it(tmp_path: Path) -> None:
    async with through(tmp_path, "latency=150ms,dir=s2c") as wire:
        wire.server.say(FRAME)
        wire.server.writer.close()
        await wire.client.until(lambda end: end.how is not None)
        assert wire.client.data == FRAME


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("lag=1s", "unknown fault 'lag'"),
        ("latency", "latency=200ms"),
        ("reset=5", "write it like reset"),
        ("latency=soon", "not a duration"),
        ("latency=1s,dir=up", "dir must be c2s, s2c or both"),
        ("halfopen,dir=both", "dir must be c2s, s2c"),
        ("slice=20-1", "smallest"),
        ("bandwidth=0", "more than 0"),
        ("reset,p=2", "from 0 to 1"),
        ("latency=1s,bytes=3", "unknown option"),
        ("latency=1s,from=3s,until=2s", "until must be later than from"),
    ],
)
def test_a_bad_specification_says_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        FaultSpec.parse(text)


@given(st.text(max_size=40) | st.builds("{}={},{}={}".format, st.sampled_from(KINDS), st.text(max_size=5),
                                          st.sampled_from(["dir", "p", "from", "bytes"]), st.text(max_size=5)))
def test_any_text_is_a_fault_or_an_error(text: str) -> None:
    try:
        FaultSpec.parse(text)
    except WsreplayError:
        pass
