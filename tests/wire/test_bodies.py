from __future__ import annotations

from collections.abc import Callable

import pytest

from wsreplay.wire.bodies import BodyError, Chunked, Counted, UntilClose, request_framing, response_framing


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


@pytest.mark.parametrize(
    "wire",
    [
        *(b"\r\n", b"x\r\n", b"-5\r\n", b"0x5\r\n", b"11112222333344445\r\n", b"5\r\nhello6\r\n"),
        # Lines that one reader ends where another reads on.
        *(b"5\nhello\r\n", b"5;a\rb\r\n", b"5\r\nhello\n0\r\n\r\n", b"0\r\nX: y\n\r\n", b"0\r\nX: \ry\r\n", b"0\r\n\n"),
    ],
)
def test_a_bad_chunk_is_an_error(wire: bytes):
    with pytest.raises(BodyError):
        Chunked().measure(wire)


@pytest.mark.parametrize(
    ("fields", "request_", "response"),
    [
        (b"", 0, None),
        (b"Host: a\r\nContent-Length: 12\r\n\r\n", 12, 12),
        (b"content-LENGTH:007\n\n", 7, 7),
        (b"Content-Length: 5, 5\r\nContent-Length: 5\r\n\r\n", 5, 5),
        (b"Transfer-Encoding: chunked\r\n\r\n", "chunked", "chunked"),
        (b"Transfer-Encoding: gzip\r\ntransfer-encoding:Chunked\r\n\r\n", "chunked", "chunked"),
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "unclear", "chunked"),
    ],
)
def test_headers_frame_a_body(fields: bytes, request_: int | str, response: int | str | None):
    assert framing_of(request_framing, fields) == request_
    assert framing_of(response_framing, fields) == response


@pytest.mark.parametrize(
    "fields",
    [
        *(b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", b"Content-Length: 5, 6\r\n\r\n", b"Content-Length:\r\n\r\n"),
        *(b"Content-Length: +5\r\n\r\n", b"Content-Length: 0x5\r\n\r\n", b"Content-Length: -1\r\n\r\n"),
        *(b"Content-Length: 1_0\r\n\r\n", b"Content-Length: 5 5\r\n\r\n", b"Content-Length: " + b"9" * 19 + b"\r\n\r\n"),
        *(b"Content-Length : 5\r\n\r\n", b" Content-Length: 5\r\n\r\n", b"X: a\r\n Content-Length: 5\r\n\r\n"),
        *(b"X: a\rContent-Length: 5\r\n\r\n", b"Content-Length:\r\n 5\r\n\r\n", b"Content-Length: 5\r\n 6\r\n\r\n"),
        *(b"\x0bContent-Length: 5\r\n\r\n", b"Content-Length\0: 5\r\n\r\n", b"\xa0Content-Length: 5\r\n\r\n"),
        *(b"Content-Length: 5\0\r\n\r\n", b"Content-Length: 5\rX: y\r\n\r\n"),
        *(b"Transfer-Encoding: identity\r\n\r\n", b"Transfer-Encoding: chunked, gzip\r\n\r\n", b"Transfer-Encoding:\r\n\r\n"),
        *(b"Transfer-Encoding: chunked, chunked\r\n\r\n", b"Transfer-Encoding: xchunked\r\n\r\n"),
        *(b"Transfer-Encoding: \x0bchunked\r\n\r\n", b"Transfer-Encoding : chunked\r\n\r\n"),
        *(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",),
    ],
)
def test_where_peers_could_disagree_on_the_end_nothing_is_guessed(fields: bytes):
    assert framing_of(request_framing, fields) == "unclear"
    assert framing_of(response_framing, fields) == "unclear"


CHUNKS = "Transfer-Encoding: chunked\r\n\r\n"
ODD = "a Content-Length or Transfer-Encoding that is oddly written"
NUMBER = "a Content-Length that is not one number"
CODING = "a Transfer-Encoding that does not end in chunked"
LINE = "a chunk size that is not a number, or a line of it that does not end in CR LF"


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b"x\r\n", LINE), (b"5\nhello\r\n", LINE), (b"5\r\nhello6\r\n", "a chunk that is longer than its size"),
        (b"0\r\nX: y\n\r\n", "a trailer that does not end in CR LF"),
        (b"5;" + b"x" * 70_000, "a line of more than 64 KiB in a chunked body"),
    ],
)  # fmt: skip
def test_why_a_chunk_is_bad_is_said(wire: bytes, reason: str):
    with pytest.raises(BodyError) as caught:
        Chunked().measure(wire)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("fields", "version", "reason"),
    [
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", b"HTTP/1.1",
         "both Content-Length and Transfer-Encoding in a request"),
        (b"Content-Length : 5\r\n\r\n", b"HTTP/1.1", ODD), (b"Content-Length: 5\rX: y\r\n\r\n", b"HTTP/1.1", ODD),
        (b"Content-Length: 5, 6\r\n\r\n", b"HTTP/1.1", NUMBER), (b"Content-Length: -1\r\n\r\n", b"HTTP/1.1", NUMBER),
        (b"Transfer-Encoding: chunked, gzip\r\n\r\n", b"HTTP/1.1", CODING),
        (CHUNKS.encode(), b"HTTP/1.0", "a Transfer-Encoding in HTTP/1.0"),
    ],
)  # fmt: skip
def test_why_the_end_of_a_body_is_not_known_is_said(fields: bytes, version: bytes, reason: str):
    with pytest.raises(BodyError) as caught:
        request_framing(fields, version)
    assert str(caught.value) == reason


def test_there_are_no_chunks_before_http_1_1():
    with pytest.raises(BodyError):
        request_framing(b"Transfer-Encoding: chunked\r\n\r\n", b"HTTP/1.0")


def framing_of(decide: Callable[[bytes, bytes], Counted | Chunked | UntilClose], fields: bytes) -> int | str | None:
    """The length of the body; `chunked`, `unclear`; None where it goes on until the end."""
    try:
        body = decide(fields, b"HTTP/1.1")
    except BodyError:
        return "unclear"
    if isinstance(body, Chunked):
        return "chunked"
    return None if isinstance(body, UntilClose) else body.measure(bytes(100))
