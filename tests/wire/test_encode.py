from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.model import FIN, MASKED
from wsreplay.wire.encode import accept_key, frame_bytes, upgrade_request
from wsreplay.wire.frames import StreamDecoder


def test_the_answer_to_the_key_of_the_rfc() -> None:
    assert accept_key(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455, section 1.3


@pytest.mark.parametrize(
    ("size", "head"),
    [(125, b"\x82\x7d"), (126, b"\x82\x7e\x00\x7e"), (65_536, b"\x82\x7f" + (65_536).to_bytes(8, "big"))],
)
def test_a_length_takes_as_few_bytes_as_it_can(size: int, head: bytes) -> None:
    assert frame_bytes(2, bytes(size)) == head + bytes(size)


@given(st.sampled_from([1, 2]), st.binary(max_size=300), st.booleans(), st.binary(max_size=300))
def test_what_is_encoded_decodes_to_the_same(opcode: int, begin: bytes, masked: bool, rest: bytes) -> None:
    decoder = StreamDecoder(direction=0 if masked else 1)
    frames = list(decoder.feed(frame_bytes(opcode, begin, False, masked) + frame_bytes(0, rest, True, masked), 0))
    assert [(frame.opcode, frame.payload) for frame in frames] == [(opcode, begin), (0, rest)]
    assert [(bool(frame.flags & FIN), bool(frame.flags & MASKED)) for frame in frames] == [(False, masked), (True, masked)]


def test_an_opening_handshake_is_a_request_with_a_key_of_its_own() -> None:
    texts = [upgrade_request("/ws?a=1", "localhost:80", [("Cookie", "s=1")]) for _ in range(2)]
    assert texts[0] != texts[1]
    server = h11.Connection(h11.SERVER)
    server.receive_data(texts[0])
    request = server.next_event()
    assert isinstance(request, h11.Request)
    assert (request.method, request.target) == (b"GET", b"/ws?a=1")
    headers = dict(request.headers)
    assert headers[b"host"] == b"localhost:80" and headers[b"upgrade"] == b"websocket" and headers[b"cookie"] == b"s=1"
    assert len(headers[b"sec-websocket-key"]) == 24
