"""The bytes that are sent: opening handshakes, and blocks of frames built once (RFC 6455)."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct

from websockets.frames import Frame, Opcode

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = base64.b64encode(b"wsreplay benchmk")
# Frames that differ, so that nothing is measured that holds for equal ones only.
VARIETY = 64
_BLOCK = 2**20


def event(number: int, size: int) -> bytes:
    """An agent's event: a JSON text of exactly `size` bytes."""
    name = ("agent_thinking", "tool_executing", "token", "tool_completed")[number % 4]
    fields: dict[str, object] = {"type": name, "n": number}
    if size >= 150:
        fields |= {"thread_id": f"t{number % 7}", "run_id": f"run-{number % 11}", "agent": "planner"}
    bare = json.dumps(fields | {"text": ""}, separators=(",", ":")).encode()
    return bare[:-2] + b"x" * (size - len(bare)) + bare[-2:]


def frame(payload: bytes, *, masked: bool) -> bytes:
    return Frame(Opcode.TEXT, payload).serialize(mask=masked)


def frame_length(size: int, *, masked: bool) -> int:
    """Bytes on the wire of a frame with a payload of `size` bytes."""
    return size + (2 if size < 126 else 4 if size < 65536 else 10) + (4 if masked else 0)


def block(size: int, *, masked: bool) -> bytes:
    """About a mebibyte of frames, to be sent again and again."""
    variety = b"".join(frame(event(number, size), masked=masked) for number in range(VARIETY))
    return variety * max(1, _BLOCK // len(variety))


CLOSE_FRAME = Frame(Opcode.CLOSE, struct.pack("!H", 1000)).serialize(mask=True)


def ask_for_websocket(sock: socket.socket) -> None:
    """Make the client's opening handshake. Raises ConnectionError where it is refused."""
    sock.sendall(
        b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: %b\r\nSec-WebSocket-Version: 13\r\n\r\n" % _KEY
    )
    head = _read_head(sock)
    if not head.startswith(b"HTTP/1.1 101"):
        raise ConnectionError(f"no WebSocket: {head[:200]!r}")


def grant_websocket(sock: socket.socket) -> None:
    """Make the server's opening handshake."""
    key = next(line.split(b":")[1].strip() for line in _read_head(sock).split(b"\r\n") if b"-key:" in line.lower())
    sock.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n\r\n"
        % base64.b64encode(hashlib.sha1(key + _GUID).digest())
    )


def _read_head(sock: socket.socket) -> bytes:
    """Read up to the empty line, and not a byte of what follows it."""
    head = b""
    while b"\r\n\r\n" not in head:
        seen = sock.recv(65536, socket.MSG_PEEK)
        if not seen:
            raise ConnectionError("closed during the handshake")
        end = (head + seen).find(b"\r\n\r\n")
        head += sock.recv(len(seen) if end < 0 else end + 4 - len(head))
    return head
