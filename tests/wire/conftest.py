"""Builds the wire bytes that a peer would send, frame by frame."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import strategies as st

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, key: bytes | None = None) -> bytes:
    """One frame; `rsv` holds the reserved bits as 4 (RSV1), 2 (RSV2), 1 (RSV3)."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    masked = 0x80 if key is not None else 0
    size = len(payload)
    if size < 126:
        head += bytes([masked | size])
    elif size < 65536:
        head += struct.pack("!BH", masked | 126, size)
    else:
        head += struct.pack("!BQ", masked | 127, size)
    if key is None:
        return head + payload
    return head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


@dataclass
class Deflater:
    """A sender's side of permessage-deflate."""

    context_takeover: bool = True
    bits: int = 15
    _z: zlib._Compress | None = None

    def fragments(self, pieces: list[bytes]) -> list[bytes]:
        """Compress a message that is sent in these pieces."""
        if self._z is None or not self.context_takeover:
            self._z = zlib.compressobj(wbits=-self.bits)
        compressed = [self._z.compress(piece) for piece in pieces]
        compressed[-1] += self._z.flush(zlib.Z_SYNC_FLUSH)
        assert compressed[-1].endswith(b"\x00\x00\xff\xff")
        compressed[-1] = compressed[-1][:-4]
        return compressed

    def message(self, payload: bytes) -> bytes:
        return self.fragments([payload])[0]


@dataclass
class Sent:
    """What a peer sends in one direction: its bytes, where its frames end, and its messages."""

    direction: int
    extensions: str | None
    wire: bytearray = field(default_factory=bytearray)
    ends: list[int] = field(default_factory=list)
    messages: list[tuple[int, bytes]] = field(default_factory=list)
    interleaved: bool = False  # a control frame stands inside a compressed message

    def add(self, wire: bytes) -> None:
        self.wire += wire
        self.ends.append(len(self.wire))


_words = st.sampled_from([b"agent_started ", b"tool ", b"\xc3\xa4", b"{}", b"x" * 200, b"thinking " * 40])
_payloads = st.lists(_words, max_size=8).map(b"".join)


@st.composite
def valid_streams(draw: st.DrawFn) -> Sent:
    """Valid streams: masked or not, fragmented, with control frames in between, compressed with any parameters."""
    direction = draw(st.sampled_from([0, 1]))
    compressed = draw(st.booleans())
    takeover = draw(st.booleans())
    bits = draw(st.integers(9, 15))
    side = ("client", "server")[direction]
    extensions = f"permessage-deflate; {side}_max_window_bits={bits}" if compressed else None
    if extensions and not takeover:
        extensions += f"; {side}_no_context_takeover"
    deflater = Deflater(takeover, bits)
    sent = Sent(direction, extensions)

    def key() -> bytes | None:
        return draw(st.binary(min_size=4, max_size=4)) if direction == 0 else None

    def control() -> None:
        payload = draw(st.binary(max_size=20))
        opcode = draw(st.sampled_from([PING, PONG]))
        sent.add(frame(opcode, payload, key=key()))
        sent.messages.append((opcode, payload))

    for _ in range(draw(st.integers(0, 6))):
        if draw(st.integers(0, 4)) == 0:
            control()
            continue
        pieces = draw(st.lists(_payloads, min_size=1, max_size=4))
        opcode = draw(st.sampled_from([TEXT, BINARY]))
        squeeze = compressed and draw(st.booleans())
        for at, piece in enumerate(deflater.fragments(pieces) if squeeze else pieces):
            if at and draw(st.booleans()):
                control()
                sent.interleaved |= squeeze
            first, last = at == 0, at == len(pieces) - 1
            sent.add(frame(opcode if first else 0, piece, fin=last, rsv=4 if squeeze and first else 0, key=key()))
        sent.messages.append((opcode, b"".join(pieces)))
    return sent


# Fixtures of the session, so that hypothesis accepts them.
@pytest.fixture(name="frame", scope="session")
def frame_builder() -> Callable[..., bytes]:
    return frame


@pytest.fixture(name="deflater", scope="session")
def deflater_class() -> type[Deflater]:
    return Deflater


@pytest.fixture(name="valid_streams", scope="session")
def valid_streams_strategy() -> st.SearchStrategy[Sent]:
    return valid_streams()
