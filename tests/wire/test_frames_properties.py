"""What holds of the frame scanner for any stream, with `websockets` and `wsproto` as oracles."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from example_count import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame
from websockets.streams import StreamReader
from wsproto.extensions import PerMessageDeflate as WsprotoDeflate
from wsproto.frame_protocol import FrameProtocol

from wsreplay.model import FIN, RSV1
from wsreplay.wire.assembly import DecodedFrame
from wsreplay.wire.deflate import WINDOW
from wsreplay.wire.frames import StreamDecoder

cuts = st.lists(st.integers(0, 4000), max_size=12)


def chunks(wire: bytes, at: list[int]) -> list[bytes]:
    marks = sorted({0, *(cut for cut in at if cut < len(wire)), len(wire)})
    return [wire[start:stop] for start, stop in pairwise(marks)]


def decode(decoder: StreamDecoder, pieces: list[bytes]) -> list[DecodedFrame]:
    return [frame for piece in pieces for frame in decoder.feed(piece, 0)]


def takeover(extensions: str) -> bool:
    return "no_context_takeover" not in extensions


def inflated(frames: list[DecodedFrame]) -> bytes:
    """What the compressed messages among these frames held; the first frame of a message says whether it was compressed."""
    out, compressed = b"", False
    for frame in frames:
        if frame.opcode in (1, 2):
            compressed = bool(frame.flags & RSV1)
        if compressed and frame.opcode <= 2:
            out += frame.payload
    return out


def parsed_by_websockets(sent: Any) -> list[tuple[int, int, bytes]]:
    reader = StreamReader()
    reader.feed_data(bytes(sent.wire))
    reader.feed_eof()
    extensions = []
    if sent.extensions:
        bits = int(sent.extensions.split("bits=")[1].split(";")[0])
        extensions.append(PerMessageDeflate(not takeover(sent.extensions), not takeover(sent.extensions), bits, bits))
    frames = []
    for _ in sent.ends:
        steps = Frame.parse(reader.read_exact, mask=sent.direction == 0, extensions=extensions)
        try:
            while True:
                next(steps)
        except StopIteration as done:
            frame = done.value
            frames.append((int(frame.opcode), FIN if frame.fin else 0, bytes(frame.data)))
    return frames


def parsed_by_wsproto(sent: Any) -> list[tuple[int, bytes]]:
    extensions = []
    if sent.extensions:
        extensions.append(WsprotoDeflate())
        extensions[0].finalize(sent.extensions)
    protocol = FrameProtocol(client=sent.direction == 1, extensions=extensions)
    protocol.receive_bytes(bytes(sent.wire))
    messages: list[tuple[int, bytes]] = []
    parts: list[bytes] = []
    control: list[bytes] = []
    for frame in protocol.received_frames():
        held = control if frame.opcode > 2 else parts
        held.append(frame.payload.encode() if isinstance(frame.payload, str) else bytes(frame.payload))
        if frame.message_finished:
            messages.append((int(frame.opcode), b"".join(held)))
            held.clear()
    return messages


@given(data=st.data())
def test_valid_streams_are_decoded_as_websockets_and_wsproto_decode_them(valid_streams, data: st.DataObject):
    sent = data.draw(valid_streams)
    decoder = StreamDecoder.from_extensions(sent.extensions, sent.direction)
    frames = decode(decoder, [bytes(sent.wire)])
    assert [(frame.opcode, frame.flags & FIN, frame.payload) for frame in frames] == parsed_by_websockets(sent)
    messages = [
        (frame.message_opcode, frame.payload if frame.message is None else frame.message)
        for frame in frames
        if frame.message_opcode
    ]
    assert messages == sent.messages
    # A control frame makes wsproto 1.3 forget that the message around it is compressed.
    assert sent.interleaved or messages == parsed_by_wsproto(sent)
    assert [frame.offset + frame.wire_length for frame in frames] == sent.ends
    assert (decoder.malformed, decoder.protocol_error, decoder.undecodable) == (None, None, None)
    assert decoder.finish() == ([], 0)


@given(data=st.data(), at=cuts)
def test_a_stream_is_the_same_whole_byte_by_byte_and_cut_anywhere(valid_streams, data: st.DataObject, at: list[int]):
    sent = data.draw(valid_streams)
    wire = bytes(sent.wire)
    limit = data.draw(st.sampled_from([125, 300, 2**20]))

    def decoded(pieces: list[bytes]) -> tuple[list[DecodedFrame], int, str | None]:
        decoder = StreamDecoder.from_extensions(sent.extensions, sent.direction, max_payload=limit)
        return decode(decoder, pieces), decoder.frontier, decoder.protocol_error

    whole = decoded([wire])
    assert decoded([wire[at : at + 1] for at in range(len(wire))]) == whole
    assert decoded(chunks(wire, at)) == whole


@given(data=st.data())
def test_a_restart_at_any_frontier_continues_as_if_nothing_had_happened(valid_streams, data: st.DataObject):
    sent = data.draw(valid_streams)
    wire = bytes(sent.wire)
    whole = decode(StreamDecoder.from_extensions(sent.extensions, sent.direction), [wire])
    decoder = StreamDecoder.from_extensions(sent.extensions, sent.direction)
    before = decode(decoder, [wire[: data.draw(st.integers(0, len(wire)))]])
    again = StreamDecoder.from_extensions(
        sent.extensions, sent.direction, offset=decoder.frontier, window=inflated(before)[-WINDOW:]
    )
    assert before + decode(again, [wire[decoder.frontier :]]) == whole
    assert again.protocol_error is None


def assert_nothing_is_lost(decoder: StreamDecoder, wire: bytes, at: list[int]) -> None:
    position = 0
    for piece in chunks(wire, at):
        for frame in decoder.feed(piece, 0):
            assert frame.offset == position
            position += frame.wire_length
        assert decoder.frontier == position <= decoder.received
    rest, left_over = decoder.finish()
    for frame in rest:
        assert frame.offset == position
        position += frame.wire_length
    assert position + left_over == decoder.received == len(wire)


extensions = st.sampled_from([None, "permessage-deflate", "permessage-deflate; client_no_context_takeover", "x-unknown"])


@given(wire=st.binary(max_size=400), at=cuts, extensions=extensions, limit=st.sampled_from([125, 2**20]))
def test_random_bytes_never_raise_and_never_lose_a_byte(wire: bytes, at: list[int], extensions: str | None, limit: int):
    assert_nothing_is_lost(StreamDecoder.from_extensions(extensions, 0, max_payload=limit), wire, at)


@given(
    heads=st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=30)), max_size=20),
    at=cuts,
    extensions=extensions,
)
def test_short_frames_with_any_head_never_raise_and_never_lose_a_byte(
    heads: list[tuple[int, int, bytes]], at: list[int], extensions: str | None
):
    wire = b"".join(bytes([head, mask & 0x80 | len(body)]) + b"abcd"[: mask >> 7 << 2] + body for head, mask, body in heads)
    decoder = StreamDecoder.from_extensions(extensions, 0)
    assert_nothing_is_lost(decoder, wire, at)
    assert decoder.malformed is None
    assert decoder.frontier == len(wire)


@given(data=st.data(), at=cuts)
@settings(max_examples=examples(100))
def test_mutated_streams_never_raise_and_never_lose_a_byte(valid_streams, data: st.DataObject, at: list[int]):
    sent = data.draw(valid_streams)
    wire = sent.wire
    for place, byte in data.draw(st.lists(st.tuples(st.integers(0, max(0, len(wire) - 1)), st.integers(0, 255)), max_size=5)):
        wire[place : place + 1] = bytes([byte])
    limit = data.draw(st.sampled_from([125, 2**20]))
    decoder = StreamDecoder.from_extensions(sent.extensions, sent.direction, max_payload=limit)
    assert_nothing_is_lost(decoder, bytes(wire), at)


@given(data=st.data())
def test_the_flags_tell_which_messages_were_compressed(valid_streams, data: st.DataObject):
    sent = data.draw(valid_streams)
    frames = decode(StreamDecoder.from_extensions(sent.extensions, sent.direction), [bytes(sent.wire)])
    assert [bool(frame.flags & RSV1) for frame in frames] == [bool(sent.wire[frame.offset] & 0x40) for frame in frames]
