"""Any bytes: whatever comes passes as it came, and is framed as h11 frames it."""

from __future__ import annotations

from itertools import pairwise

import h11
from http_examples import CHUNKED, GET, OK, POST, SWITCH, UPGRADE, fed, raw, responses
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.wire.http import Body, MessageEnd, Piece, RequestHead, RequestStream, ResponseHead

parts = st.lists(
    st.sampled_from(
        [
            *(GET, POST, CHUNKED, UPGRADE, OK, SWITCH, b"\r\n", b"\n", b"HTTP/1.1 ", b"GET ", b" HTTP/1.1\r\n", b"0\r\n\r\n"),
            *(b"Transfer-Encoding: chunked\r\n", b"Content-Length: 3\r\n", b"Host: a\r\n", b"abc", b"5\r\nhello\r\n"),
        ]
    )
    | st.binary(max_size=6),
    max_size=12,
).map(b"".join)


@given(wire=parts, at=st.lists(st.integers(0, 600), max_size=12), side=st.booleans())
def test_the_pieces_are_the_input_however_it_is_cut(wire: bytes, at: list[int], side: bool):
    marks = sorted({0, *(cut for cut in at if cut < len(wire)), len(wire)})

    def run(cuts: list[int]) -> list[Piece]:
        stream = RequestStream() if side else responses((b"GET", False), (b"HEAD", False), (b"GET", True))
        pieces: list[Piece] = []
        for start, stop in pairwise(cuts):
            pieces += stream.feed(wire[start:stop])
            while isinstance(stream, RequestStream) and stream.paused:
                pieces += stream.resume()
            assert len(raw(pieces)) + stream.held == stop
        pieces += stream.finish()
        assert raw(pieces) + stream.take_rest() == wire
        return [piece for piece in pieces if isinstance(piece, RequestHead | ResponseHead | MessageEnd)]

    whole = run([0, len(wire)])
    assert run(marks) == whole
    assert run(list(range(len(wire) + 1))) == whole


heads = st.lists(
    st.sampled_from(
        [
            *(b"Host: a\r\n", b"Content-Length: 3\r\n", b"Content-Length: 4\r\n"),
            *(b"Transfer-Encoding: chunked\r\n", b"transfer-encoding:Chunked \r\n", b"Transfer-Encoding: gzip\r\n"),
            *(b"X: y\r\n", b" folded\r\n", b"\tTransfer-Encoding: chunked\r\n", b"Connection: Upgrade\r\n"), b"Upgrade: x\r\n",
            *(b"X-Y : z\r\n", b"Content-Length : 3\r\n", b"X: \xfc\r\n", b"X: \x01\r\n", b"X: a\rb\r\n", b"no colon\r\n"),
        ]
    ),
    max_size=6,
).map(b"".join)


@given(line=st.sampled_from([b"GET / HTTP/1.1\r\n", b"POST /a HTTP/1.0\r\n", b"GET /  HTTP/1.1\r\n"]), fields=heads)
def test_what_h11_takes_is_taken_alike_or_given_up(line: bytes, fields: bytes):
    """h11 is stricter with heads; what it frames, nothing here may frame otherwise."""
    raw_head = line + fields + b"\r\n"
    server = h11.Connection(h11.SERVER)
    server.receive_data(raw_head)
    try:
        request = server.next_event()
        body = server.next_event()
    except h11.RemoteProtocolError:
        return
    assert isinstance(request, h11.Request)
    stream = RequestStream()
    head, *rest = stream.feed(raw_head)
    if stream.opaque:
        names = {name for name, _ in request.headers}
        both = {b"content-length", b"transfer-encoding"} <= names
        folded = b"\tTransfer-Encoding" in fields
        assert both or folded or (b"transfer-encoding" in names and request.http_version == b"1.0")
        return
    assert isinstance(head, RequestHead)
    assert {(name.lower(), value.lower()) for name, value in head.headers} == {
        (name, value.lower()) for name, value in request.headers
    }
    assert bool(rest) == isinstance(body, h11.EndOfMessage)


@given(
    bodies=st.lists(st.binary(max_size=300), min_size=1, max_size=4),
    chunked=st.booleans(),
    trailers=st.booleans(),
    cut=st.integers(1, 50),
)
def test_h11s_requests_are_told_apart(bodies: list[bytes], chunked: bool, trailers: bool, cut: int):
    wire = b""
    expected = []
    for body in bodies:
        sender = h11.Connection(h11.CLIENT)
        framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body)))
        wire += sender.send(h11.Request(method="POST", target="/", headers=[("Host", "x"), framing])) or b""
        start = len(wire)
        for at in range(0, len(body), 70):
            wire += sender.send(h11.Data(data=body[at : at + 70])) or b""
        wire += sender.send(h11.EndOfMessage(headers=[("X", "y")] if chunked and trailers else [])) or b""
        expected.append(wire[start:])
    found: list[bytes] = []
    for piece in fed(RequestStream(), wire, cut):
        if isinstance(piece, RequestHead):
            found.append(b"")
        elif isinstance(piece, Body):
            found[-1] += piece.raw
    assert found == expected
