"""Frames as the RFCs show them, and what decodes them."""

from __future__ import annotations

from wsreplay.wire.assembly import DecodedFrame
from wsreplay.wire.frames import StreamDecoder

# The examples of RFC 6455, section 5.7.
HELLO = b"\x81\x05\x48\x65\x6c\x6c\x6f"
MASKED_HELLO = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
HEL, LO = b"\x01\x03\x48\x65\x6c", b"\x80\x02\x6c\x6f"
PING_HELLO = b"\x89\x05\x48\x65\x6c\x6c\x6f"
MASKED_PONG_HELLO = b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
# And of RFC 7692, section 7.2.3: compressed, again over the same window, in fragments, not compressed, with BFINAL.
DEFLATED_HELLO = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"
DEFLATED_HELLO_AGAIN = b"\xc1\x05\xf2\x00\x11\x00\x00"
DEFLATED_HEL, DEFLATED_LO = b"\x41\x03\xf2\x48\xcd", b"\x80\x04\xc9\xc9\x07\x00"
STORED_HELLO = b"\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"
FINAL_HELLO = b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00"
TWO_BLOCKS_HELLO = b"\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"

SERVER, CLIENT = 1, 0


def decode(wire: bytes, **options: object) -> tuple[list[DecodedFrame], StreamDecoder]:
    decoder = StreamDecoder(**options)  # type: ignore[arg-type]
    return decoder.feed(wire, 7), decoder


def assert_clean(decoder: StreamDecoder) -> None:
    assert (decoder.malformed, decoder.protocol_error, decoder.undecodable) == (None, None, None)
    assert decoder.frontier == decoder.received


def assert_contiguous(frames: list[DecodedFrame], start: int) -> None:
    for frame in frames:
        assert frame.offset == start
        start += frame.wire_length
