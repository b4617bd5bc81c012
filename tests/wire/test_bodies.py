from __future__ import annotations

import pytest

from wsreplay.wire.bodies import BodyError, Chunked, Counted, UntilClose


def test_a_counted_body_ends_after_its_bytes():
    body = Counted(5)
    assert (body.measure(b"abc"), body.complete) == (3, False)
    assert (body.measure(b"defgh"), body.complete) == (2, True)


def test_an_empty_body_is_complete():
    assert Counted(0).complete


def test_a_body_until_close_is_never_complete():
    body = UntilClose()
    assert (body.measure(b"abc"), body.complete) == (3, False)


@pytest.mark.parametrize(
    "wire",
    [
        b"0\r\n\r\n",
        b"5\r\nhello\r\n0\r\n\r\n",
        b"5 ;a=b\r\nhello\r\nA;x\r\n0123456789\r\n00\r\nX: y\r\nZ: \r\n\r\n",
        b"5\nhello\n0\n\n",
    ],
)
def test_a_chunked_body_ends_behind_its_trailers(wire: bytes):
    body = Chunked()
    assert (body.measure(wire + b"GET /"), body.complete) == (len(wire), True)
    body = Chunked()
    for at in range(len(wire)):
        assert not body.complete
        assert body.measure(wire[at : at + 1]) == 1
    assert body.complete


@pytest.mark.parametrize("wire", [b"\r\n", b"x\r\n", b"-5\r\n", b"0x5\r\n", b"11112222333344445\r\n", b"5\r\nhello6\r\n"])
def test_a_bad_chunk_is_an_error(wire: bytes):
    with pytest.raises(BodyError):
        Chunked().measure(wire)
