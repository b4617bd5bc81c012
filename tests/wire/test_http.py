from __future__ import annotations

import pytest
from http_examples import CHUNKED, FRAME, GET, OK, POST, SWITCH, UPGRADE, fed, kinds, raw, responses, steps

from wsreplay.wire.http import Body, MessageEnd, Opaque, RequestHead, RequestStream, ResponseHead, ResponseStream

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
    assert (stream.opaque, stream.no_websocket) == ("a head that ends halfway", True)


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
    for stream in (responses(), ResponseStream()):
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
