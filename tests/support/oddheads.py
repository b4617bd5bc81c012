"""Request and response heads as no specification has them: what careless and hostile peers write."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
REQUEST = (
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: " + KEY + b"\r\n\r\n"
)
ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
_PLAIN = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
_SPACES = (b" ", b"  ", b"\t", b"", b"\r\n ", b"\x0b", b"\r", b"\0", b"\xa0")
_LINES = (
    b"Content-Length: 3", b"Content-Length: 0", b"Content-Length: 4", b"content-length:3", b"Content-Length : 3",
    b"Content-Length: 3, 3", b"Content-Length: +3", b"Content-Length: 03", b" Content-Length: 3", b"Content-Length:",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding:chunked", b"transfer-encoding: Chunked", b"Transfer-Encoding : chunked",
    b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding:\tchunked",
    b"\tTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked, chunked", b"X: y\rTransfer-Encoding: chunked", b"Host: b", b"Host:", b"X Y: 1", b"X-Y : 1",
    b": 1", b"garbage", b" folded", b"X: a\r\n b", b"X: \x01\x7f", b"X: \xfc", b"X\0: 1", b"Upgrade: h2c", b"upgrade:websocket",
    b"Upgrade: websocket/13", b"UPGRADE :\twebsocket", b"Connection: close", b"Connection: keep-alive, Upgrade",
    b"Expect: 100-continue",
)  # fmt: skip
_VERSIONS = (b"HTTP/1.0", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.2", b"http/1.1", b"HTTP/1", b"RTSP/1.0", b"ICE/1.0", b"HTTP/1.1 ")
_METHODS = (b"POST", b"PUT", b"get", b"SOURCE", b"OPTIONS", b"HEAD", b"CONNECT", b"PRI", b"G@T", b"")
_BODIES = (b"abc", b"3\r\nabc\r\n0\r\n\r\n", b"0\r\n\r\n", b"3\nabc\n0\n\n", b"3;x=\ny\r\nabc\r\n0\r\n\r\n", b"\r\n")


def odd_request(random: Random) -> bytes:
    """A head, perhaps a body and further requests: an opening handshake or not, with a few things wrong."""
    data = random.choice((REQUEST, REQUEST, REQUEST, _PLAIN))
    for _ in range(random.randint(1, 4)):
        data = random.choice(_REQUEST_CHANGES)(data, random)
    if random.random() < 0.4:
        data += random.choice(_BODIES)
    if random.random() < 0.4:
        data += random.choice((REQUEST, _PLAIN))
    return data


def odd_answer(random: Random) -> bytes:
    """The head of a 101 with a few things wrong."""
    data = ANSWER
    for _ in range(random.randint(1, 4)):
        data = random.choice(_CHANGES)(data, random)
    return data


def _add_line(data: bytes, random: Random) -> bytes:
    ends = [at for at in range(len(data)) if data[at : at + 1] == b"\n"] or [len(data)]
    at = random.choice(ends) + 1
    return data[:at] + random.choice(_LINES) + random.choice((b"\r\n", b"\r\n", b"\r\n", b"\n")) + data[at:]


def _change_byte(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + random.randbytes(1) + data[at + 1 :]


def _cut(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + data[at + random.randint(1, 20) :] or b"x"


def _change_space(data: bytes, random: Random) -> bytes:
    places = [at for at in range(len(data)) if data[at] == 0x20]
    if not places:
        return data
    at = random.choice(places)
    return data[:at] + random.choice(_SPACES) + data[at + 1 :]


def _change_line_ends(data: bytes, random: Random) -> bytes:
    return data.replace(b"\r\n", b"\n") if random.random() < 0.3 else data.replace(b"\r\n", b"\n", random.randint(1, 3))


def _change_version(data: bytes, random: Random) -> bytes:
    return data.replace(b"HTTP/1.1", random.choice(_VERSIONS), 1)


def _change_method(data: bytes, random: Random) -> bytes:
    _, space, rest = data.partition(b" ")
    return random.choice(_METHODS) + space + rest


def _lead(data: bytes, random: Random) -> bytes:
    return random.choice((b"\r\n", b"\n", b" ", b"\r\n\r\n", b"\0")) + data


_CHANGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    _add_line, _add_line, _add_line, _change_byte, _cut, _change_space, _change_line_ends, _change_version, _lead,
)  # fmt: skip
_REQUEST_CHANGES = (*_CHANGES, _change_method)
