"""A WebSocket conformance suite in raw bytes, in the order of Autobahn's sections, with and without the proxy."""

from __future__ import annotations

import asyncio
import socket
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from loops import LOOPS
from rawpeers import KEY, connect, frame, parse, read_end, read_head, request
from relay import Relay
from websockets.asyncio.server import ServerConnection, serve

from recordings import checked

CLOSE = frame(8, b"\x03\xe8")
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"


def fragments(payload: bytes, size: int, opcode: int = 1) -> bytes:
    pieces = [payload[at : at + size] for at in range(0, len(payload), size)]
    return b"".join(
        frame(0 if number else opcode, piece, fin=number == len(pieces) - 1) for number, piece in enumerate(pieces)
    )


def squeezed(*texts: bytes, takeover: bool = True, bits: int = 15, level: int = 6) -> bytes:
    """Compressed messages, one frame each."""
    out = b""
    squeeze = zlib.compressobj(level, zlib.DEFLATED, -bits)
    for text in texts:
        if not takeover:
            squeeze = zlib.compressobj(level, zlib.DEFLATED, -bits)
        out += frame(1, (squeeze.compress(text) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4], rsv=4)
    return out


def final_block(text: bytes) -> bytes:
    """A message whose last block has BFINAL set (RFC 7692, section 7.2.3.4)."""
    squeeze = zlib.compressobj(wbits=-15)
    return frame(1, squeeze.compress(text) + squeeze.flush() + b"\x00", rsv=4)


GREEK = "Hello-µ@ßöäüàá-UTF-8!!".encode()
BAD_UTF8 = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"
JSON = b'{"type": "agent_thinking", "text": "' + b"I need to think about this. " * 40 + b'"}'

CASES: dict[str, list[bytes]] = {
    **{f"1.1 text of {size}": [frame(1, b"*" * size), CLOSE] for size in (0, 125, 126, 127, 128, 65535, 65536)},
    **{f"1.2 binary of {size}": [frame(2, b"\xfe" * size), CLOSE] for size in (0, 125, 126, 127, 128, 65535, 65536)},
    "2.1 ping": [frame(9), CLOSE],
    "2.3 ping with bytes": [frame(9, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), CLOSE],
    "2.4 ping of 125": [frame(9, b"\xfe" * 125), CLOSE],
    "2.5 ping of 126": [frame(9, b"\xfe" * 126)],
    "2.6 ping by byte": [bytes([byte]) for byte in frame(9, b"\xfe" * 12)] + [CLOSE],
    "2.7 pong that nobody asked for": [frame(10, b"unasked"), frame(9, b"x"), CLOSE],
    "2.10 ten pings": [b"".join(frame(9, b"payload-%d" % number) for number in range(10)), CLOSE],
    **{f"3.{bits} reserved bits {bits:03b}": [frame(1, GREEK), frame(1, GREEK, rsv=bits), frame(9)] for bits in range(1, 8)},
    **{f"4.1.{opcode} reserved opcode {opcode}": [frame(opcode, b"reserved"), frame(9)] for opcode in range(3, 8)},
    **{f"4.2.{opcode} reserved control opcode {opcode}": [frame(1, GREEK), frame(opcode)] for opcode in range(11, 16)},
    "5.1 ping in fragments": [frame(9, b"frag", fin=False) + frame(0, b"ment")],
    "5.3 text in fragments": [frame(1, b"frag", fin=False), frame(0, b"ment"), CLOSE],
    "5.6 ping between fragments": [frame(1, b"frag", fin=False), frame(9, b"!"), frame(0, b"ment"), CLOSE],
    "5.9 continuation of nothing": [frame(0, b"non-continuation"), frame(1, b"x")],
    "5.15 continuation behind a message": [fragments(b"fragments", 5), frame(0, b"more", fin=False)],
    "5.18 text inside a text": [frame(1, b"one", fin=False) + frame(1, b"two")],
    "5.19 pings between five fragments": [
        frame(1, b"1", fin=False) + frame(0, b"2", fin=False) + frame(9, b"p1"), frame(0, b"3", fin=False) + frame(9, b"p2"),
        frame(0, b"4", fin=False) + frame(0, b"5"), CLOSE,
    ],
    "6.1 empty fragments": [frame(1, fin=False) + frame(0, b"middle", fin=False) + frame(0), CLOSE],
    "6.2 UTF-8 in fragments": [fragments(GREEK, 5), CLOSE],
    "6.2 UTF-8 by byte": [fragments(GREEK, 1), CLOSE],
    "6.3 invalid UTF-8": [frame(1, BAD_UTF8)],
    "6.3 invalid UTF-8 in fragments": [fragments(BAD_UTF8, 3)],
    "6.5 highest code point": [frame(1, "\U0010ffff".encode()), CLOSE],
    "6.6 beyond the highest code point": [frame(1, b"\xf4\x90\x80\x80")],
    "7.1 close twice": [CLOSE + CLOSE],
    "7.1 ping behind close": [CLOSE + frame(9, b"late")],
    "7.1 text behind close": [frame(1, fin=False) + CLOSE + frame(0, b"late")],
    "7.3 empty close": [frame(8)],
    "7.3 close of one byte": [frame(8, b"a")],
    "7.3 close with a reason": [frame(8, b"\x03\xe8Hello World!")],
    "7.3 close of 125": [frame(8, b"\x03\xe8" + b"*" * 123)],
    "7.3 close of 126": [frame(8, b"\x03\xe8" + b"*" * 124)],
    "7.5 close with invalid UTF-8": [frame(8, b"\x03\xe8" + BAD_UTF8)],
    **{f"7.7 close with {code}": [frame(8, code.to_bytes(2, "big"))] for code in (1000, 1001, 1003, 1007, 1011, 3000, 4999)},
    **{f"7.9 close with {code}": [frame(8, code.to_bytes(2, "big"))] for code in (0, 999, 1004, 1005, 1006, 1016, 2999, 65535)},
    "9.1 a megabyte of text": [frame(1, b"*" * 2**20), CLOSE],
    "9.2 a megabyte of bytes": [frame(2, Random(9).randbytes(2**20)), CLOSE],
    "9.3 a megabyte in fragments": [fragments(b"*" * 2**20, 4096), CLOSE],
    "9.5 a message in small packets": [frame(1, b"*" * 20_000)[at : at + 997] for at in range(0, 20_008, 997)] + [CLOSE],
    "10.1 a message as it was fragmented by nobody": [fragments(b"*" * 65536, 1300), CLOSE],
    "no mask": [frame(1, b"naked", mask=None)],
    "length of 64 bits": [b"\x82\xff" + b"\xff" * 8 + b"\0\0\0\0"],
    "length in a long form": [b"\x81\xfe\x00\x01\0\0\0\0x", CLOSE],
    "nonsense": [b"\x00\x01\x02\x03 nonsense"],
    "ends without close": [frame(1, b"x")],
    "12.1 compressed": [squeezed(*[JSON] * 20), CLOSE],
    "12.2 compressed in fragments": [
        frame(1, squeezed(JSON)[6:20], fin=False, rsv=4) + frame(1, b"x"), CLOSE
    ],
    "12.3 stored blocks": [squeezed(Random(1).randbytes(3000).hex().encode(), level=0), CLOSE],
    "12.4 empty and compressed": [frame(1, b"\x00", rsv=4), frame(1, b"", rsv=4), CLOSE],
    "12.5 compressed, and not": [squeezed(JSON) + frame(1, b"as it is"), frame(9), CLOSE],
    "12.6 final block": [final_block(b"the end"), CLOSE],
    "13.1 no context": [squeezed(*[JSON] * 5, takeover=False), CLOSE],
    "13.3 small window": [squeezed(*[JSON] * 5, bits=9), CLOSE],
    "13.5 broken": [frame(1, b"\xff\xff\xff\xff", rsv=4)],
    "13.6 reserved bit in a continuation": [frame(1, b"\x00", fin=False, rsv=4) + frame(0, b"", rsv=4)],
}


async def _echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    """The port of a WebSocket server that others wrote."""
    ready: list[int] = []
    started, over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        async with serve(_echo, "127.0.0.1", 0, max_size=2**24, ping_interval=None) as listening:
            ready.append(next(iter(listening.sockets)).getsockname()[1])
            started.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    started.wait()
    yield ready[0]
    loop.call_soon_threadsafe(over.set)
    thread.join()
    loop.close()


@pytest.fixture(scope="module", params=LOOPS)
def relay(request: pytest.FixtureRequest, server: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    relay = Relay(f"ws://127.0.0.1:{server}", tmp_path_factory.mktemp("conformance") / "a.db", request.param, forked=True)
    yield relay
    relay.end()


def behaviour(port: int, name: str) -> tuple[bytes, bytes]:
    """What the server answers: its handshake without the date, and all its bytes until it has closed."""
    with connect(port) as client:
        client.sendall(request("/case", *([DEFLATE] if name[:2] in ("12", "13") else [])))
        head = read_head(client)
        sent = answer = b""
        try:
            for data in CASES[name]:
                # What the server sends first when it has two things to say is left to it: each echo is awaited.
                answer += _echoes(client, answer, _messages(sent))
                client.sendall(data)
                sent += data
            if name == "ends without close":
                answer += _echoes(client, answer, _messages(sent))
                client.shutdown(1)
        except ConnectionError:
            pass  # it has closed before all was sent
        answer += read_end(client)[0]
    return b"\r\n".join(line for line in head.split(b"\r\n") if not line.startswith(b"Date:")), answer


def _messages(data: bytes) -> int:
    return sum(one.fin and one.opcode < 3 for one in parse(data)[0])


def _echoes(client: socket.socket, before: bytes, count: int) -> bytes:
    """What comes until there are so many messages, or the end."""
    got = b""
    while _messages(before + got) < count and (data := client.recv(2**16)):
        got += data
    return got


@pytest.mark.parametrize("name", CASES)
def test_the_server_behaves_as_without_the_proxy(name: str, server: int, relay: Relay) -> None:
    direct = behaviour(server, name)
    assert behaviour(relay.port, name) == direct
    assert KEY.encode() not in direct[0]
    assert direct[1], "each case has an answer, if only a close frame"


@pytest.mark.parametrize("loop", LOOPS)
def test_every_case_is_recorded(server: int, tmp_path: Path, loop: str) -> None:
    proxy = Relay(f"ws://127.0.0.1:{server}", tmp_path / "a.db", loop, forked=True)
    try:
        for name in CASES:
            behaviour(proxy.port, name)
        proxy.stop()
    finally:
        proxy.end()
    recorded = checked(proxy.path)
    assert len(recorded.connections) == len(CASES)
    for connection, (name, sent) in zip(recorded.connections, CASES.items(), strict=True):
        stream = recorded.stream(connection.id, 0)
        whole = b"".join(sent)
        assert stream.end + len(stream.tail) <= len(whole), name
        if name[:2] in ("1.", "2.", "5.", "6.", "9."):
            frames = [(one.opcode, one.fin, one.payload) for one in stream.frames]
            assert frames == [tuple(one) for one in parse(whole)[0]][: len(frames)], name
