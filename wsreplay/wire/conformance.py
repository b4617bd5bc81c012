"""What RFC 6455 forbids a peer to send, where the frame can still be told apart from the next one.

Each function returns what is wrong with a frame and the section that says so, or None.
"""

from __future__ import annotations

from wsreplay.model import Opcode

_KNOWN = frozenset(Opcode)
_UNSENDABLE = frozenset({1004, 1005, 1006})


def head_error(
    head: int, has_mask: bool, length: int, *, expect_mask: bool | None, deflate: bool, extended: bool
) -> tuple[str, str] | None:
    """Judge a frame's first byte, its mask and its length.

    `expect_mask` is None where the sender is unknown; `deflate` says that permessage-deflate is in force, `extended` that
    another extension is, which may use reserved bits and opcodes.
    """
    opcode = head & 0x0F
    if expect_mask is not None and has_mask is not expect_mask:
        return ("a client's frame without a mask" if expect_mask else "a server's frame with a mask"), "5.1"
    if opcode >= Opcode.CLOSE and not head & 0x80:
        return "a fragmented control frame", "5.5"
    if opcode >= Opcode.CLOSE and length > 125:
        return f"a control frame of {length} bytes", "5.5"
    if extended:
        return None
    if opcode not in _KNOWN:
        return f"the reserved opcode {opcode}", "5.2"
    compressible = deflate and opcode in (Opcode.TEXT, Opcode.BINARY)
    if head & (0x30 if compressible else 0x70):
        return "a reserved bit without an extension that defines it", "5.2"
    return None


def close_error(payload: bytes) -> tuple[str, str] | None:
    """Judge a close frame's body."""
    if not payload:
        return None
    if len(payload) == 1:
        return "a close frame of one byte", "5.5.1"
    code = int.from_bytes(payload[:2], "big")
    if not (1000 <= code <= 1014 or 3000 <= code <= 4999) or code in _UNSENDABLE:
        return f"the close code {code} must not be sent", "7.4"
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        return "a close reason that is not UTF-8", "5.5.1"
    return None
