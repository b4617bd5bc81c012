"""HTTP messages, and what reads them piece by piece."""

from __future__ import annotations

import pytest

from wsreplay.wire.http import Body, Opaque, Piece, RequestStream, ResponseStream

GET = b"GET /health HTTP/1.1\r\nHost: example.com\r\n\r\n"
POST = b"POST /login HTTP/1.1\r\nhost: example.com\r\nCONTENT-LENGTH: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /upload HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'5;name="value"\r\nhello\r\n00A\r\n0123456789\r\n0\r\nX-Trailer: 1\r\nX-Other: 2\r\n\r\n'
)
UPGRADE = (
    b"GET /ws?token=1 HTTP/1.1\r\nHost: example.com\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FRAME = b"\x81\x05Hello"


def fed(stream: RequestStream | ResponseStream, wire: bytes, step: int = 0) -> list[Piece]:
    """Feed `wire` in pieces of `step` bytes; neighbouring bodies and opaque bytes are joined."""
    joined: list[Piece] = []
    for at in range(0, len(wire), step or len(wire)):
        for piece in stream.feed(wire[at : at + (step or len(wire))]):
            if joined and isinstance(piece, Body | Opaque) and type(joined[-1]) is type(piece):
                joined[-1] = type(piece)(joined[-1].raw + piece.raw)
            else:
                joined.append(piece)
    return joined


def raw(pieces: list[Piece]) -> bytes:
    return b"".join(piece.raw for piece in pieces)


def kinds(pieces: list[Piece]) -> list[type]:
    return [type(piece) for piece in pieces]


def responses(*requests: tuple[bytes, bool]) -> ResponseStream:
    stream = ResponseStream()
    for method, upgrade in requests or [(b"GET", False)]:
        stream.expect(method, upgrade)
    return stream


steps = pytest.mark.parametrize("step", [0, 1, 3])
