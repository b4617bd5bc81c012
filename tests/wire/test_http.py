from __future__ import annotations

from itertools import pairwise

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.wire.http import Body, MessageEnd, Opaque, Piece, RequestHead, RequestStream, ResponseHead, ResponseStream

GET = b"GET /health HTTP/1.1\r\nHost: example.com\r\n\r\n"
POST = b"POST /login HTTP/1.1\r\nhost: example.com\r\nCONTENT-LENGTH: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /upload HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'5;name="value"\r\nhello\r\n00A\r\n0123456789\r\n0\r\nX-Trailer: 1\r\nX-Other: 2\r\n\r\n'
)
UPGRADE = (
    b"GET /ws?token=1 HTTP/1.1\r\nHost: example.com\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FRAME = b"\x81\x05Hello"


def fed(stream: RequestStream | ResponseStream, wire: bytes, step: int = 0) -> list[Piece]:
    """Feed `wire` in pieces of `step` bytes; neighbouring bodies and opaque bytes are joined."""
    joined: list[Piece] = []
    for at in range(0, len(wire), step or len(wire)):
        for piece in stream.feed(wire[at : at + (step or len(wire))]):
            if joined and isinstance(piece, Body | Opaque) and type(joined[-1]) is type(piece):
                joined[-1] = type(piece)(joined[-1].raw + piece.raw)
            else:
                joined.append(piece)
    return joined


def raw(pieces: list[Piece]) -> bytes:
    return b"".join(piece.raw for piece in pieces)


def kinds(pieces: list[Piece]) -> list[type]:
    return [type(piece) for piece in pieces]


def responses(*requests: tuple[bytes, bool]) -> ResponseStream:
    stream = ResponseStream()
    for method, upgrade in requests or [(b"GET", False)]:
        stream.expect(method, upgrade)
    return stream


steps = pytest.mark.parametrize("step", [0, 1, 3])


# The client's side


@steps
def test_a_request(step: int):
    head = RequestHead(GET, b"GET", b"/health", [(b"Host", b"example.com")], False)
    assert fed(RequestStream(), GET, step) == [head, MessageEnd()]


@steps
def test_a_request_with_a_body(step: int):
    headers = [(b"host", b"example.com"), (b"CONTENT-LENGTH", b"5")]
    head = RequestHead(POST[:-5], b"POST", b"/login", headers, upgrade=False, has_body=True)
    assert fed(RequestStream(), POST, step) == [head, Body(b"hello"), MessageEnd()]


@steps
def test_a_chunked_request_keeps_its_chunks_and_trailers(step: int):
    stream = RequestStream()
    pieces = fed(stream, CHUNKED, step)
    assert kinds(pieces) == [RequestHead, Body, MessageEnd]
    assert raw(pieces) == CHUNKED
    assert stream.held == 0


@steps
def test_requests_on_a_kept_alive_connection(step: int):
    wire = POST + GET + CHUNKED + b"\r\n" + GET
    pieces = fed(RequestStream(), wire, step)
    with_body, without = [RequestHead, Body, MessageEnd], [RequestHead, MessageEnd]
    assert kinds(pieces) == [*with_body, *without, *with_body, *without]
    assert raw(pieces) == wire


def test_body_bytes_pass_as_they_come():
    stream = RequestStream()
    assert stream.feed(POST[:-3])[1:] == [Body(b"he")]
    assert stream.feed(b"ll") == [Body(b"ll")]
    assert stream.feed(b"o") == [Body(b"o"), MessageEnd()]


def test_a_body_announced_by_expect_comes_when_it_comes():
    stream = RequestStream()
    head = POST[:-5].replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    assert kinds(stream.feed(head)) == [RequestHead]
    assert stream.feed(b"hello") == [Body(b"hello"), MessageEnd()]


def test_a_large_cookie_passes():
    head = GET[:-2] + b"Cookie: " + b"x" * 200_000 + b"\r\n\r\n"
    assert kinds(fed(RequestStream(), head, 10_000)) == [RequestHead, MessageEnd]


@steps
def test_after_an_upgrade_it_pauses_and_holds_the_rest(step: int):
    stream = RequestStream()
    pieces = fed(stream, GET + UPGRADE + FRAME, step)
    assert kinds(pieces) == [RequestHead, MessageEnd, RequestHead, MessageEnd]
    assert isinstance(pieces[2], RequestHead) and pieces[2].upgrade
    assert stream.paused
    assert stream.finish() == []
    assert (stream.held, stream.take_rest(), stream.held) == (len(FRAME), FRAME, 0)


def test_an_upgrade_that_is_not_granted_goes_on_with_http():
    stream = RequestStream()
    stream.feed(UPGRADE + POST)
    assert kinds(stream.resume()) == [RequestHead, Body, MessageEnd]
    assert not stream.paused


def test_an_upgrade_with_a_body_pauses_behind_it():
    stream = RequestStream()
    assert kinds(stream.feed(UPGRADE[:-2] + b"Content-Length: 2\r\n\r\nhi" + FRAME)) == [RequestHead, Body, MessageEnd]
    assert stream.take_rest() == FRAME


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b"\x16\x03\x01\x02\x00", "bytes that are not HTTP/1.x"),
        (b"hello\n", "bytes that are not HTTP/1.x"),
        (b" GET / HTTP/1.1\r\n\r\n", "bytes that are not HTTP/1.x"),
        (b"GET /\r\n\r\n", "bytes that are not HTTP/1.x"),
        (b"GET HTTP/1.1\r\n\r\n", "bytes that are not HTTP/1.x"),
        (b"GET / HTTP/1.1\rX: y\n\r\n", "bytes that are not HTTP/1.x"),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
            "a Transfer-Encoding that does not end in chunked",
        ),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "a Content-Length that is not one number",
        ),
        (b"GET /" + b"x" * 300_000, "a head of more than 256 KiB"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 300_000 + b"\r\n\r\n", "a head of more than 256 KiB"),
    ],
)
def test_what_is_no_http_passes_unread(wire: bytes, reason: str):
    stream = RequestStream()
    pieces = fed(stream, GET + wire + GET, 1000)
    assert kinds(pieces) == [RequestHead, MessageEnd, Opaque]
    assert raw(pieces) == GET + wire + GET
    assert stream.opaque == reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"xyz\r\n", "a chunk size that is not a number, or a line of it that does not end in CR LF"),
        (b"5\r\nhello!\r\n", "a chunk that is longer than its size"),
        (b"5\r\nhello\r!\n", "a chunk that is longer than its size"),
        (b"5;" + b"x" * 70_000, "a line of more than 64 KiB in a chunked body"),
        (b"0\r\nX: " + b"x" * 70_000, "a line of more than 64 KiB in a chunked body"),
    ],
)
@steps
def test_a_body_that_breaks_its_framing_passes_unread(body: bytes, reason: str, step: int):
    wire = CHUNKED[: CHUNKED.index(b"5;")] + body + GET
    stream = RequestStream()
    pieces = fed(stream, wire, step and step * 500)
    assert raw(pieces) == wire
    assert stream.opaque == reason
    assert MessageEnd() not in pieces


def test_no_secret_of_a_bad_head_stands_in_the_reason():
    stream = RequestStream()
    stream.feed(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: secret\r\nAuthorization Bearer secret\r\n\r\n")
    assert stream.opaque and "secret" not in stream.opaque


def test_behind_connect_nothing_is_read():
    stream = RequestStream()
    assert kinds(stream.feed(b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n" + GET)) == [RequestHead, Opaque]


def test_a_target_may_hold_any_bytes():
    (head, _) = RequestStream().feed(GET.replace(b"/health", "/grüße".encode()))
    assert isinstance(head, RequestHead) and head.target == "/grüße".encode()


def test_at_the_end_the_beginning_of_a_head_is_handed_out():
    stream = RequestStream()
    stream.feed(GET + GET[:10])
    assert stream.finish() == [Opaque(GET[:10])]


# The server's side


@steps
def test_a_response(step: int):
    head = OK[:-2]
    answer = ResponseHead(head, 200, [(b"Content-Length", b"2")], False)
    assert fed(responses(), OK, step) == [answer, Body(b"ok"), MessageEnd()]


@steps
def test_the_101_of_an_upgrade_switches_and_holds_the_first_frames(step: int):
    stream = responses((b"GET", True))
    (head,) = fed(stream, SWITCH + FRAME, step)
    assert isinstance(head, ResponseHead) and head.switched
    assert stream.switched
    assert stream.finish() == []
    assert stream.take_rest() == FRAME


def test_a_refused_upgrade_is_a_response():
    stream = responses((b"GET", True), (b"GET", False))
    assert kinds(fed(stream, OK + OK)) == [ResponseHead, Body, MessageEnd] * 2
    assert not stream.switched


def test_a_101_that_nobody_asked_for_passes_what_follows_unread():
    stream = responses()
    assert kinds(fed(stream, SWITCH.replace(b"websocket", b"h2c") + FRAME)) == [ResponseHead, Opaque]
    assert stream.opaque == "a switch to another protocol"
    assert stream.no_websocket


def test_a_101_to_a_websocket_switches_also_where_nobody_was_seen_to_ask():
    stream = responses()
    (head,) = fed(stream, SWITCH + FRAME)
    assert isinstance(head, ResponseHead) and head.switched
    assert stream.take_rest() == FRAME


@pytest.mark.parametrize(
    "head",
    [
        SWITCH.replace(b"HTTP/1.1 101 Switching Protocols", b"http/1.0  101"),
        SWITCH.replace(b"\r\n", b"\n"),
        SWITCH[:-2] + b"X-Foo Bar: 1\r\n\r\n",
        SWITCH[:-2] + b"no colon\r\nX: a\r\n b\r\nX: \x01\x7f\r\n\r\n",
        SWITCH[:-2] + b"Content-Length: 0\r\nTransfer-Encoding: identity\r\n\r\n",
        b"HTTP/2 101 \xe4\r\n\r\n",
    ],
)
@steps
def test_a_101_may_be_written_oddly(head: bytes, step: int):
    stream = responses((b"GET", True))
    pieces = fed(stream, head + FRAME, step)
    assert kinds(pieces) == [ResponseHead] and pieces[0].raw == head
    assert stream.switched
    assert stream.take_rest() == FRAME


@pytest.mark.parametrize(
    "raw",
    [
        UPGRADE.replace(b"GET", b"POST"),
        UPGRADE.replace(b"HTTP/1.1", b"HTTP/2.0"),
        UPGRADE.replace(b"HTTP/1.1", b"HTTP/0.9"),
        UPGRADE.replace(b"HTTP/1.1", b"ICE/1.0"),
        UPGRADE.replace(b"GET ", b"GET \t ").replace(b" HTTP", b"  HTTP"),
        UPGRADE.replace(b"token=1", b"token=a b|\xfc{}"),
        UPGRADE.replace(b"Host: example.com\r\n", b""),
        UPGRADE.replace(b"Host:", b"Host: other\r\nHost:"),
        UPGRADE.replace(b"Host:", b"X Bad: 1\r\nX-Bad : 1\r\n: empty\r\ngarbage\r\nX: \x00\r\nHost:"),
        UPGRADE.replace(b"Upgrade: WebSocket", b"upgrade :\r\n\twebsocket/13"),
        UPGRADE.replace(b"\r\n", b"\n"),
        b"\r\n\n" + UPGRADE,
    ],
)
@steps
def test_an_upgrade_may_be_written_oddly(raw: bytes, step: int):
    stream = RequestStream()
    head, end = fed(stream, raw + FRAME, step)
    assert isinstance(head, RequestHead) and head.upgrade and isinstance(end, MessageEnd)
    assert head.raw == raw
    assert stream.take_rest() == FRAME


@pytest.mark.parametrize("head", [GET, UPGRADE])
def test_a_stream_that_is_given_up_hands_out_what_it_holds(head: bytes):
    stream = RequestStream()
    stream.feed(head + b"GE")
    assert stream.give_up("because") == [Opaque(b"GE")]
    assert stream.opaque == "because"
    assert stream.feed(GET) == [Opaque(GET)]


def test_a_head_that_is_not_whole_is_waited_for():
    stream = RequestStream()
    assert not stream.in_head
    stream.feed(b"\r\n")
    assert not stream.in_head
    stream.feed(GET[:5])
    assert stream.in_head
    stream.feed(GET[5:])
    assert not stream.in_head
    stream.feed(UPGRADE + FRAME)
    assert not stream.in_head


@steps
def test_informational_responses_come_before_the_final_one(step: int):
    wire = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK
    assert kinds(fed(responses(), wire, step)) == [ResponseHead, ResponseHead, ResponseHead, Body, MessageEnd]


@pytest.mark.parametrize(
    ("method", "head"),
    [
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"),
        (b"GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n"),
        (b"GET", b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"),
    ],
)
@steps
def test_responses_without_a_body(method: bytes, head: bytes, step: int):
    stream = responses((method, False), (b"GET", False))
    assert kinds(fed(stream, head + OK, step)) == [ResponseHead, MessageEnd, ResponseHead, Body, MessageEnd]


@steps
def test_a_chunked_response(step: int):
    wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n" + CHUNKED[CHUNKED.index(b"5;") :] + OK
    pieces = fed(responses((b"GET", False), (b"GET", False)), wire, step)
    assert kinds(pieces) == [ResponseHead, Body, MessageEnd, ResponseHead, Body, MessageEnd]
    assert raw(pieces) == wire


@steps
def test_a_response_until_the_connection_closes(step: int):
    stream = responses()
    assert fed(stream, b"HTTP/1.0 200 OK\r\n\r\n" + OK, step)[1:] == [Body(OK)]
    assert stream.finish() == [MessageEnd()]


def test_an_answer_to_no_request_is_a_response():
    answer = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
    assert kinds(fed(ResponseStream(), answer)) == [ResponseHead, MessageEnd]


def test_a_tunnel_passes_unread():
    assert kinds(fed(responses((b"CONNECT", False)), b"HTTP/1.1 200 OK\r\n\r\n" + FRAME)) == [ResponseHead, Opaque]


@pytest.mark.parametrize("wire", [b"hello", b"HTTP/x 200\r\n\r\n", b"\x15\x03\x03\x00\x02", b"HTTP/1.1 2000 OK\r\n"])
def test_what_is_no_response_passes_unread(wire: bytes):
    stream = responses((b"GET", False), (b"GET", False))
    assert kinds(fed(stream, OK + wire)) == [ResponseHead, Body, MessageEnd, Opaque]
    assert stream.opaque == "bytes that are not HTTP/1.x"


# Any bytes

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
