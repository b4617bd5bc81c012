from __future__ import annotations

import tracemalloc
import zlib

import pytest
from frame_examples import (
    CLIENT,
    DEFLATED_HELLO,
    HEL,
    HELLO,
    LO,
    MASKED_HELLO,
    MASKED_PONG_HELLO,
    PING_HELLO,
    SERVER,
    assert_clean,
    assert_contiguous,
    decode,
)

from wsreplay.model import FIN, MASKED, RSV1, RSV2
from wsreplay.wire.assembly import DecodedFrame, make_frame
from wsreplay.wire.deflate import Inflate
from wsreplay.wire.frames import StreamDecoder


def test_a_text_frame():
    frames, decoder = decode(HELLO)
    assert frames == [
        DecodedFrame(
            t_ns=7,
            opcode=1,
            flags=FIN,
            wire_length=7,
            offset=0,
            payload=b"Hello",
            missing=0,
            message=b"Hello",
            message_opcode=1,
        )
    ]
    assert_clean(decoder)


def test_a_masked_frame():
    (frame,), decoder = decode(MASKED_HELLO, direction=CLIENT)
    assert (frame.payload, frame.flags, frame.wire_length) == (b"Hello", FIN | MASKED, 11)
    assert_clean(decoder)


def test_the_message_of_a_single_frame_is_its_payload():
    (frame,), _ = decode(HELLO)
    assert frame.message is frame.payload


@pytest.mark.parametrize(
    ("wire", "opcode", "payload"),
    [
        (b"\x82\x00", 2, b""),
        (b"\x82\x7e\x01\x00" + b"\xff" * 256, 2, b"\xff" * 256),
        (b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + b"\xff" * 65536, 2, b"\xff" * 65536),
        (PING_HELLO, 9, b"Hello"),
        (MASKED_PONG_HELLO, 10, b"Hello"),
        (b"\x88\x00", 8, b""),
        (b"\x88\x05\x03\xe8bye", 8, b"\x03\xe8bye"),
    ],
)
def test_lengths_and_opcodes(wire: bytes, opcode: int, payload: bytes):
    (frame,), decoder = decode(wire)
    assert (frame.opcode, frame.payload, frame.wire_length, frame.message_opcode) == (opcode, payload, len(wire), opcode)
    assert_clean(decoder)


def test_a_message_in_fragments_is_returned_when_it_is_complete():
    decoder = StreamDecoder()
    assert decoder.feed(HEL, 1) == []
    assert decoder.frontier == 0
    assert decoder.feed(LO, 2) == [
        DecodedFrame(1, 1, 0, 5, 0, b"Hel", 0, None, 0),
        DecodedFrame(2, 0, FIN, 4, 5, b"lo", 0, b"Hello", 1),
    ]
    assert_clean(decoder)


def test_control_frames_inside_a_message_come_with_it_in_wire_order():
    decoder = StreamDecoder()
    assert decoder.feed(HEL + PING_HELLO, 1) == []
    assert decoder.frontier == 0
    assert [frame.opcode for frame in decoder.feed(LO + PING_HELLO, 2)] == [1, 9, 0, 9]
    assert_clean(decoder)


def test_a_peer_is_given_control_frames_inside_a_message_as_they_come():
    decoder = StreamDecoder(prompt=True)
    assert [frame.opcode for frame in decoder.feed(HEL + PING_HELLO, 1)] == [9]
    frames = decoder.feed(LO + PING_HELLO, 2)
    assert [(frame.opcode, frame.message) for frame in frames] == [(1, None), (0, b"Hello"), (9, None)]
    assert_clean(decoder)


def test_a_frame_has_the_time_of_the_chunk_with_its_last_byte():
    decoder = StreamDecoder()
    assert decoder.feed(HELLO + HELLO[:3], 1)[0].t_ns == 1
    assert decoder.frontier == len(HELLO)
    assert decoder.feed(HELLO[3:6], 2) == []
    assert decoder.feed(HELLO[6:] + HELLO, 3) == [
        DecodedFrame(3, 1, FIN, 7, 7, b"Hello", 0, b"Hello", 1),
        DecodedFrame(3, 1, FIN, 7, 14, b"Hello", 0, b"Hello", 1),
    ]


def test_offsets_count_from_where_the_decoder_was_started():
    frames, decoder = decode(HELLO + HELLO, offset=1000)
    assert [frame.offset for frame in frames] == [1000, 1007]
    assert (decoder.frontier, decoder.received) == (1014, 1014)


def test_the_end_in_a_frame_leaves_its_bytes_over():
    decoder = StreamDecoder()
    decoder.feed(HELLO + HELLO[:4], 1)
    assert decoder.finish() == ([], 4)


def test_the_end_in_a_message_returns_its_complete_frames():
    decoder = StreamDecoder()
    decoder.feed(HEL + PING_HELLO + LO[:1], 1)
    frames, left_over = decoder.finish()
    assert [(frame.opcode, frame.payload, frame.message) for frame in frames] == [(1, b"Hel", None), (9, b"Hello", None)]
    assert left_over == 1
    assert decoder.frontier == len(HEL + PING_HELLO)


# What a peer does wrong, where frames can still be told apart.


@pytest.mark.parametrize(
    ("wire", "options", "error"),
    [
        (b"\x83\x00", {}, "the frame at byte 7: the reserved opcode 3 (RFC 6455, section 5.2)"),
        (b"\x8b\x00", {}, "the frame at byte 7: the reserved opcode 11 (RFC 6455, section 5.2)"),
        (b"\xc1\x00", {}, "the frame at byte 7: a reserved bit without an extension that defines it (RFC 6455, section 5.2)"),
        (b"\xa1\x00", {}, "the frame at byte 7: a reserved bit without an extension that defines it (RFC 6455, section 5.2)"),
        (b"\x89\x7e\x00\x7e" + b"x" * 126, {}, "the frame at byte 7: a control frame of 126 bytes (RFC 6455, section 5.5)"),
        (b"\x09\x00", {}, "the frame at byte 7: a fragmented control frame (RFC 6455, section 5.5)"),
        (b"\x80\x00", {}, "the frame at byte 7: it continues a message that never began (RFC 6455, section 5.4)"),
        (HEL + HELLO, {}, "the frame at byte 12: a message begins inside another (RFC 6455, section 5.4)"),
        (
            b"\x81\x7e\x00\x01x",
            {},
            "the frame at byte 7: its length is not written in the shortest form (RFC 6455, section 5.2)",
        ),
        (b"\x88\x01x", {}, "the frame at byte 7: a close frame of one byte (RFC 6455, section 5.5.1)"),
        (b"\x88\x02\x03\xed", {}, "the frame at byte 7: the close code 1005 must not be sent (RFC 6455, section 7.4)"),
        (b"\x88\x03\x03\xe8\xff", {}, "the frame at byte 7: a close reason that is not UTF-8 (RFC 6455, section 5.5.1)"),
        (b"\x88\x00\x89\x00", {}, "the frame at byte 9: it comes after a close frame (RFC 6455, section 5.5.1)"),
        (b"\x88\x00\x81\x00", {}, "the frame at byte 9: it comes after a close frame (RFC 6455, section 5.5.1)"),
        (MASKED_HELLO, {"direction": SERVER}, "the frame at byte 7: a server's frame with a mask (RFC 6455, section 5.1)"),
    ],
)
def test_a_protocol_error_is_noted_and_scanning_goes_on(wire: bytes, options: dict[str, object], error: str):
    frames, decoder = decode(HELLO + wire + HELLO, **options)
    assert decoder.protocol_error == error
    assert decoder.malformed is None
    assert sum(frame.wire_length for frame in frames) == len(HELLO + wire + HELLO)
    assert frames[-1].message == b"Hello"
    assert_contiguous(frames, 0)


def test_a_clients_frame_without_a_mask_is_noted():
    _, decoder = decode(HELLO, direction=CLIENT)
    assert decoder.protocol_error == "the frame at byte 0: a client's frame without a mask (RFC 6455, section 5.1)"


def test_the_first_protocol_error_is_kept():
    _, decoder = decode(b"\x83\x00\x84\x00")
    assert decoder.protocol_error == "the frame at byte 0: the reserved opcode 3 (RFC 6455, section 5.2)"


def test_reserved_bits_stay_in_the_flags():
    (frame,), _ = decode(b"\xe1\x05Hello")
    assert (frame.flags, frame.payload) == (FIN | RSV1 | RSV2, b"Hello")


def test_reserved_bits_and_opcodes_are_another_extensions_business():
    frames, decoder = decode(b"\xa1\x05Hello\x83\x00", extended=True)
    assert [frame.payload for frame in frames] == [b"Hello", b""]
    assert_clean(decoder)


def test_the_frames_of_a_message_that_another_interrupts_are_returned_without_a_message():
    frames, _ = decode(HEL + HELLO)
    assert [(frame.payload, frame.message, frame.message_opcode) for frame in frames] == [
        (b"Hel", None, 0),
        (b"Hello", b"Hello", 1),
    ]


def test_a_continuation_of_nothing_is_no_message():
    (frame,), _ = decode(LO)
    assert (frame.payload, frame.message, frame.message_opcode) == (b"lo", None, 0)


# Where frames can no longer be told apart.


def test_a_length_of_64_bits_ends_the_decoding():
    frames, decoder = decode(HELLO + HEL + b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00" + HELLO)
    assert [frame.payload for frame in frames] == [b"Hello", b"Hel"]
    assert decoder.malformed == "the frame at byte 12 has a length of 64 bits (RFC 6455, section 5.2)"
    assert decoder.frontier == 12
    assert decoder.feed(HELLO, 8) == []
    assert decoder.received == 36
    assert decoder.finish() == ([], 24)


# Bounded memory


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize("key", [None, b"\x01\x02\x03\x04"])
def test_of_a_frame_over_max_payload_the_head_is_kept(frame, key: bytes | None, step: int):
    payload = bytes(at % 251 for at in range(1000))
    wire = frame(2, payload, key=key) + frame(1, b"after", key=key)
    decoder = StreamDecoder(max_payload=300)
    frames = [got for at in range(0, len(wire), step) for got in decoder.feed(wire[at : at + step], at)]
    assert [(got.payload, got.missing, got.message, got.message_opcode) for got in frames] == [
        (payload[:300], 700, None, 2),
        (b"after", 0, b"after", 1),
    ]
    assert_clean(decoder)


def test_a_frame_over_max_payload_that_continues_nothing_is_noted(frame):
    frames, decoder = decode(HELLO + frame(0, b"x" * 1000), max_payload=300)
    assert [(len(got.payload), got.missing, got.message) for got in frames] == [(5, 0, b"Hello"), (300, 700, None)]
    error = "the frame at byte 7: it continues a message that never began (RFC 6455, section 5.4)"
    assert decoder.protocol_error == error


def test_a_frame_of_exactly_max_payload_is_whole(frame):
    (got,), _ = decode(frame(2, b"x" * 300), max_payload=300)
    assert got.message == b"x" * 300


def test_a_message_over_max_payload_is_cut_where_it_outgrows_it(frame):
    wire = frame(1, b"a" * 200, fin=False) + frame(9, b"!") + frame(0, b"b" * 200, fin=False) + frame(0, b"c" * 10)
    frames, decoder = decode(wire + HELLO, max_payload=300)
    assert [(got.payload, got.missing, got.message, got.message_opcode) for got in frames] == [
        (b"a" * 200, 0, None, 0),
        (b"!", 0, None, 9),
        (b"b" * 100, 100, None, 0),
        (b"", 10, None, 1),
        (b"Hello", 0, b"Hello", 1),
    ]
    assert_clean(decoder)


def test_the_frames_of_a_cut_message_are_returned_as_they_come(frame):
    decoder = StreamDecoder(max_payload=300)
    assert decoder.feed(frame(1, b"a" * 200, fin=False), 1) == []
    assert len(decoder.feed(frame(0, b"b" * 200, fin=False), 2)) == 2
    assert decoder.frontier == decoder.received
    assert len(decoder.feed(frame(9), 3)) == 1
    assert [got.message_opcode for got in decoder.feed(frame(0, b"c"), 4)] == [1]


def test_control_frames_are_whole_however_small_max_payload_is(frame):
    (got,), decoder = decode(frame(8, b"\x03\xe8" + b"x" * 123), max_payload=10)
    assert (len(got.payload), got.missing) == (125, 0)
    assert_clean(decoder)


@pytest.mark.parametrize("step", [7, 10**6])
def test_a_huge_control_frame_is_cut_too(frame, step: int):
    wire = frame(9, b"x" * 1000) + HELLO
    decoder = StreamDecoder(max_payload=300)
    frames = [got for at in range(0, len(wire), step) for got in decoder.feed(wire[at : at + step], at)]
    assert [(len(got.payload), got.missing, got.message_opcode) for got in frames] == [(300, 700, 9), (5, 0, 1)]
    assert decoder.protocol_error == "the frame at byte 0: a control frame of 1000 bytes (RFC 6455, section 5.5)"


@pytest.mark.parametrize("step", [1, 10**6])
def test_a_compressed_message_over_max_payload_keeps_the_window(frame, deflater, step: int):
    sender = deflater()
    long, short = b"".join(b"%d, " % at for at in range(2000)), b"1996, 1997, 1998, "
    wire = frame(1, sender.message(long), rsv=4) + frame(1, sender.message(short), rsv=4)
    decoder = StreamDecoder(deflate=Inflate(), max_payload=1000)
    frames = [got for at in range(0, len(wire), step) for got in decoder.feed(wire[at : at + step], at)]
    assert [(got.payload, got.missing, got.message) for got in frames] == [
        (long[:1000], len(long) - 1000, None),
        (short, 0, short),
    ]
    assert_clean(decoder)


def bomb(size: int) -> bytes:
    z = zlib.compressobj(9, wbits=-15)
    return (b"".join(z.compress(bytes(2**20)) for _ in range(size >> 20)) + z.flush(zlib.Z_SYNC_FLUSH))[:-4]


def test_a_compression_bomb_is_given_up_in_bounded_memory(frame):
    wire = frame(2, bomb(200 * 2**20), rsv=4) + DEFLATED_HELLO + HELLO
    tracemalloc.start()
    frames, decoder = decode(wire, deflate=Inflate(), max_payload=2**20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(len(got.payload), got.missing > 0, got.message) for got in frames] == [
        (2**20, True, None),
        (0, True, None),
        (5, False, b"Hello"),
    ]
    assert decoder.undecodable == "it expands to over 64 MiB more than is kept of a message"
    assert peak < 8 * 2**20


def test_a_huge_frame_is_skipped_in_bounded_memory():
    decoder = StreamDecoder(max_payload=2**16)
    chunk = bytes(2**16)
    tracemalloc.start()
    decoder.feed(b"\x82\x7f" + (2**40).to_bytes(8, "big"), 0)
    for _ in range(1000):
        assert decoder.feed(chunk, 1) == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20
    assert decoder.finish() == ([], 10 + 1000 * 2**16)


def test_a_large_frame_in_small_chunks_is_joined_once():
    """Joined at each chunk, this would copy 300 GB."""
    decoder = StreamDecoder()
    decoder.feed(b"\x82\x7f" + (24 * 2**20).to_bytes(8, "big"), 0)
    chunk = bytes(1024)
    (frame,) = [frame for _ in range(24 * 2**10) for frame in decoder.feed(chunk, 1)]
    assert frame.message == bytes(24 * 2**20)


@pytest.mark.parametrize("after", range(1, 6))
def test_a_message_that_is_let_go_loses_no_frame(frame, after: int):
    begun = [frame(1, b"a", fin=False), frame(0, b"bc", fin=False), frame(9, b"ping"), frame(0, b"def", fin=False)]
    pieces = [*begun, frame(0, b"g")]
    decoder, frames = StreamDecoder(), []
    for number, piece in enumerate(pieces, 1):
        frames += decoder.feed(piece, 0)
        if number == after:
            frames += map(make_frame, decoder.let_go())
            assert decoder.frontier == decoder.received
    assert [found.payload for found in frames] == [b"a", b"bc", b"ping", b"def", b"g"]
    assert_contiguous(frames, 0)
    assert [found.message for found in frames if found.opcode < 8][-1] == (b"abcdefg" if after == 5 else None)
    assert decoder.let_go() == [] and decoder.frontier == decoder.received


def test_an_endless_message_of_tiny_fragments_is_let_go(frame):
    decoder = StreamDecoder()
    returned = decoder.feed(frame(1, b"x", fin=False) + frame(0, b"x", fin=False) * 100_000, 1)
    assert len(returned) == 100_001
    (last,) = decoder.feed(frame(0, b"x"), 2)
    assert (last.message, last.message_opcode, last.missing) == (None, 1, 0)
