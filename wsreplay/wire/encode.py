"""Frames and opening handshakes as bytes (RFC 6455)."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import struct
from collections.abc import Sequence

from wsreplay.wire.masking import apply_mask

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


def frame_bytes(opcode: int, payload: bytes, fin: bool = True, masked: bool = False) -> bytes:
    """One frame (RFC 6455, section 5.2)."""
    first, size, mask = opcode | (0x80 if fin else 0), len(payload), 0x80 if masked else 0
    if size < 126:
        head = bytes((first, mask | size))
    elif size < 65536:
        head = struct.pack("!BBH", first, mask | 126, size)
    else:
        head = struct.pack("!BBQ", first, mask | 127, size)
    if not masked:
        return head + payload
    key = random.getrandbits(32).to_bytes(4, "big")
    return head + key + apply_mask(payload, key)


def accept_key(key: bytes) -> bytes:
    """The answer to a `Sec-WebSocket-Key` (RFC 6455, section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())


def upgrade_request(target: str, host: str, headers: Sequence[tuple[str, str]]) -> bytes:
    """An opening handshake (RFC 6455, section 4.1) with these further headers."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
             "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]  # fmt: skip
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")
