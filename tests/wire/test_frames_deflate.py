"""Frames of permessage-deflate (RFC 7692)."""

from __future__ import annotations

import pytest
from frame_examples import (
    DEFLATED_HEL,
    DEFLATED_HELLO,
    DEFLATED_HELLO_AGAIN,
    DEFLATED_LO,
    FINAL_HELLO,
    HELLO,
    MASKED_HELLO,
    PING_HELLO,
    SERVER,
    STORED_HELLO,
    TWO_BLOCKS_HELLO,
    assert_clean,
    decode,
)

from wsreplay.model import FIN, RSV1
from wsreplay.wire.deflate import Inflate
from wsreplay.wire.frames import StreamDecoder


@pytest.mark.parametrize("wire", [DEFLATED_HELLO, STORED_HELLO, FINAL_HELLO, TWO_BLOCKS_HELLO])
def test_a_compressed_message(wire: bytes):
    (frame,), decoder = decode(wire, deflate=Inflate())
    assert (frame.payload, frame.message, frame.flags, frame.wire_length) == (b"Hello", b"Hello", FIN | RSV1, len(wire))
    assert_clean(decoder)


def test_a_compressed_message_that_refers_to_the_one_before():
    frames, decoder = decode(DEFLATED_HELLO + DEFLATED_HELLO_AGAIN, deflate=Inflate())
    assert [frame.message for frame in frames] == [b"Hello", b"Hello"]
    assert_clean(decoder)


@pytest.mark.parametrize("wire", [DEFLATED_HELLO, STORED_HELLO, FINAL_HELLO, TWO_BLOCKS_HELLO])
def test_after_any_kind_of_block_the_window_goes_on(wire: bytes):
    frames, decoder = decode(wire + HELLO + DEFLATED_HELLO_AGAIN, deflate=Inflate())
    assert [frame.message for frame in frames] == [b"Hello"] * 3
    assert_clean(decoder)


def test_a_compressed_message_in_fragments_with_a_ping_inside():
    frames, decoder = decode(DEFLATED_HEL + PING_HELLO + DEFLATED_LO, deflate=Inflate())
    assert [frame.opcode for frame in frames] == [1, 9, 0]
    assert (frames[0].payload + frames[2].payload, frames[2].message) == (b"Hello", b"Hello")
    assert_clean(decoder)


def test_broken_compressed_data_withholds_the_payload_and_those_that_follow():
    frames, decoder = decode(b"\xc1\x03\xff\xff\xff" + DEFLATED_HELLO + HELLO, deflate=Inflate())
    assert [(frame.payload, frame.missing, frame.message, frame.message_opcode) for frame in frames] == [
        (b"", 3, None, 1),
        (b"", 7, None, 1),
        (b"Hello", 0, b"Hello", 1),
    ]
    assert decoder.undecodable and "the compressed data is broken" in decoder.undecodable
    assert decoder.protocol_error and decoder.undecodable in decoder.protocol_error
    assert decoder.malformed is None
    assert decoder.frontier == decoder.received


def test_without_context_takeover_broken_data_harms_one_message_only():
    frames, decoder = decode(b"\xc1\x03\xff\xff\xff" + DEFLATED_HELLO, deflate=Inflate(context_takeover=False))
    assert [(frame.missing, frame.message) for frame in frames] == [(3, None), (0, b"Hello")]
    assert decoder.undecodable is None
    assert decoder.protocol_error is not None


@pytest.mark.parametrize("most", [1, 5, 6, 12])
def test_how_much_is_inflated_at_once_changes_no_frame(most: int):
    wire = DEFLATED_HELLO + HELLO + DEFLATED_HELLO_AGAIN * 3 + PING_HELLO + DEFLATED_HELLO
    frames, decoder = decode(wire, deflate=Inflate(), max_inflated=most)
    assert frames == decode(wire, deflate=Inflate())[0]
    assert_clean(decoder)


def test_a_decoder_can_begin_where_the_window_is_lost():
    frames, decoder = decode(DEFLATED_HELLO_AGAIN + HELLO, deflate=Inflate(), undecodable="the window is lost")
    assert [(frame.payload, frame.missing, frame.message) for frame in frames] == [(b"", 5, None), (b"Hello", 0, b"Hello")]
    assert decoder.protocol_error is None


def test_a_fragment_after_broken_data_is_withheld_too():
    frames, _ = decode(b"\x41\x03\xff\xff\xff" + DEFLATED_LO + HELLO, deflate=Inflate())
    assert [(frame.payload, frame.missing, frame.message) for frame in frames] == [
        (b"", 3, None),
        (b"", 4, None),
        (b"Hello", 0, b"Hello"),
    ]


def test_from_extensions_knows_the_direction_and_the_extensions():
    decoder = StreamDecoder.from_extensions("permessage-deflate; server_no_context_takeover", SERVER)
    assert [frame.message for frame in decoder.feed(DEFLATED_HELLO * 2, 1)] == [b"Hello"] * 2
    assert_clean(decoder)
    decoder = StreamDecoder.from_extensions("x-unknown", SERVER)
    assert decoder.feed(b"\xa1\x00", 1)
    assert_clean(decoder)
    decoder = StreamDecoder.from_extensions(None, SERVER)
    decoder.feed(MASKED_HELLO, 1)
    assert decoder.protocol_error is not None
