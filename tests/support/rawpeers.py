"""Peers that speak bytes: raw sockets that connect, accept, send and say exactly what came, in which order."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

from websockets.utils import accept_key

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MASK = b"\x37\xfa\x21\x3d"
TIMEOUT_S = 60.0


def request(path: str = "/ws", *lines: str, host: str = "example.org") -> bytes:
    """An opening handshake."""
    head = (f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
            f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13", *lines)  # fmt: skip
    return "\r\n".join((*head, "", "")).encode()


def accept(*lines: str) -> bytes:
    """The answer to `request`."""
    head = ("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept_key(KEY)}", *lines)  # fmt: skip
    return "\r\n".join((*head, "", "")).encode()


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bytes | None = MASK) -> bytes:
    """One frame; `rsv` is the three reserved bits as a number, `mask` is None for a server's."""
    size = len(payload)
    short = size if size < 126 else 126 if size < 65536 else 127
    length = b"" if size < 126 else struct.pack("!H", size) if size < 65536 else struct.pack("!Q", size)
    head = bytes([fin << 7 | rsv << 4 | opcode, (mask is not None) << 7 | short]) + length
    if mask is None:
        return head + payload
    key = (mask * (size // 4 + 1))[:size]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")
    return head + mask + masked


class Frame(NamedTuple):
    opcode: int
    fin: bool
    payload: bytes


def parse(data: bytes) -> tuple[list[Frame], bytes]:
    """The whole frames of a stream of valid frames, unmasked but not inflated, and what is left behind them."""
    frames = []
    at = 0
    while at + 2 <= len(data):
        length, body = data[at + 1] & 0x7F, at + 2
        if length > 125:
            size = 2 if length == 126 else 8
            length, body = int.from_bytes(data[body : body + size], "big"), body + size
        mask = data[body : body + 4] if data[at + 1] & 0x80 else b""
        body += len(mask)
        if (data[at + 1] & 0x80 and len(mask) < 4) or body + length > len(data):
            break
        payload = data[body : body + length]
        if mask:
            key = (mask * (length // 4 + 1))[:length]
            payload = (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big")
        frames.append(Frame(data[at] & 0x0F, bool(data[at] & 0x80), payload))
        at = body + length
    return frames, data[at:]


def connect(port: int, host: str = "127.0.0.1", receive_buffer: int = 0) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(TIMEOUT_S)
    sock.connect((host, port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


class Listener:
    """A server socket; `take` is the next connection."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.sock = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=512)
        self.sock.settimeout(TIMEOUT_S)
        self.port: int = self.sock.getsockname()[1]

    def take(self) -> socket.socket:
        sock, _ = self.sock.accept()
        sock.settimeout(TIMEOUT_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def close(self) -> None:
        self.sock.close()


def read(sock: socket.socket, size: int) -> bytes:
    """Exactly so many bytes, or fewer where the stream ends."""
    parts = []
    while size and (data := sock.recv(min(size, 2**20))):
        parts.append(data)
        size -= len(data)
    return b"".join(parts)


def read_head(sock: socket.socket) -> bytes:
    """Up to the empty line behind a head, and not a byte more."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        data = sock.recv(1)
        if not data:
            break
        head += data
    return head


def read_end(sock: socket.socket) -> tuple[bytes, str]:
    """All bytes until the end of the stream, and whether that was an `eof` or a `reset`."""
    parts = []
    try:
        while data := sock.recv(2**20):
            parts.append(data)
    except ConnectionError:
        return b"".join(parts), "reset"
    return b"".join(parts), "eof"


def reset(sock: socket.socket) -> None:
    """Close with a TCP reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def upgraded(
    listener: Listener, port: int, *lines: str, path: str = "/ws", answer: tuple[str, ...] = ()
) -> tuple[socket.socket, socket.socket]:
    """A client and the server's end of its connection, both behind the handshake."""
    client = connect(port)
    client.sendall(request(path, *lines))
    server = listener.take()
    read_head(server)
    server.sendall(accept(*answer))
    assert read_head(client).startswith(b"HTTP/1.1 101")
    return client, server
