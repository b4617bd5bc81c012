from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.wire.heads import RequestHead, parse_head, rewrite_request
from wsreplay.wire.http import RequestStream

HEAD = (
    b"GET /ws?a=/b HTTP/1.1\r\n"
    b"user-AGENT:odd \t\r\n"
    b"HOST:   old.example:80  \r\n"
    b"Cookie: a=1\r\n"
    b"X-Folded: one\r\n\ttwo\r\n"
    b"Cookie: b=2\r\n"
    b"\r\n"
)


def head_of(raw: bytes) -> RequestHead:
    head = RequestStream().feed(raw)[0]
    assert isinstance(head, RequestHead)
    return head


def test_with_nothing_to_change_not_a_byte_changes():
    assert rewrite_request(head_of(HEAD)) == HEAD


def test_only_the_value_of_host_changes():
    assert rewrite_request(head_of(HEAD), host="new:9") == HEAD.replace(b"old.example:80", b"new:9")


@pytest.mark.parametrize("prefix", ["/base", "/base/"])
def test_a_prefix_stands_before_the_path(prefix: str):
    assert rewrite_request(head_of(HEAD), prefix=prefix) == HEAD.replace(b"GET /ws", b"GET /base/ws")


@pytest.mark.parametrize("target", [b"*", b"http://example.com/ws"])
def test_a_target_that_is_no_path_has_no_prefix(target: bytes):
    raw = b"OPTIONS " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    assert rewrite_request(head_of(raw), prefix="/base") == raw


def test_a_header_is_replaced_where_it_stood_and_its_repetitions_go():
    assert rewrite_request(head_of(HEAD), set_headers=[("cookie", "new")]) == HEAD.replace(
        b"Cookie: a=1", b"Cookie: new"
    ).replace(b"Cookie: b=2\r\n", b"")


def test_a_folded_header_is_replaced_whole():
    assert rewrite_request(head_of(HEAD), set_headers=[("X-Folded", "new")]) == HEAD.replace(b"one\r\n\ttwo", b"new")


def test_a_header_that_was_not_there_is_added_behind_the_others():
    assert rewrite_request(head_of(HEAD), set_headers=[("X-New", "ä")]) == HEAD[:-2] + "X-New: ä\r\n\r\n".encode()


def test_a_header_can_be_given_several_times():
    assert rewrite_request(head_of(HEAD), set_headers=[("X-New", "1"), ("Cookie", "c"), ("x-new", "2"), ("Cookie", "d")]) == (
        HEAD[:-2].replace(b"Cookie: a=1", b"Cookie: c\r\nCookie: d").replace(b"Cookie: b=2\r\n", b"")
        + b"X-New: 1\r\nx-new: 2\r\n\r\n"
    )


def test_a_host_among_the_headers_wins():
    assert b"HOST:   mine  \r\n" in rewrite_request(head_of(HEAD), host="new", set_headers=[("Host", "mine")])


def test_a_missing_host_is_not_added():
    raw = b"GET / HTTP/1.0\r\n\r\n"
    assert rewrite_request(head_of(raw), host="new") == raw


def test_bare_line_feeds_and_leading_empty_lines_stay():
    raw = b"\r\n\nGET / HTTP/1.1\nHost: a\n\n"
    assert rewrite_request(head_of(raw), host="b", prefix="/p", set_headers=[("X", "1")]) == (
        b"\r\n\nGET /p/ HTTP/1.1\nHost: b\nX: 1\n\n"
    )


names, spaces = st.sampled_from(["A", "b", "Host2", "X-Y"]), st.sampled_from(["", " ", "\t "])


@given(st.lists(st.tuples(names, spaces, st.text("abc:=é", max_size=5)), max_size=6))
def test_headers_that_are_not_named_stay_byte_for_byte(fields: list[tuple[str, str, str]]):
    lines = [f"{name}:{space}{value}\r\n".encode() for name, space, value in fields]
    raw = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(lines) + b"\r\n"
    assert rewrite_request(head_of(raw), host="b") == raw.replace(b"Host: a\r\n", b"Host: b\r\n", 1)
    assert parse_head(raw)[1][1:] == [(name, value.encode().decode("latin-1")) for name, _, value in fields]


@pytest.mark.parametrize(
    ("raw", "upgrade"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: a\r\nconnection: close ,UPGRADE\r\nupgrade: h2c, WebSocket\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: a\r\nCONNECTION: upgrade\r\nUpgrade: websocket\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\n\tUpgrade : websocket/13\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nX: a\r\n Upgrade: websocket\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nX: a\rUpgrade: websocket\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nUpgrade:\r\n h2c,\r\n\twebsocket\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", False),
        (b"GET /websocket HTTP/1.1\r\nX-Upgrade: websocket\r\n websocket\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nUpgrade: h2c\r\nX: websocket\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nSec-WebSocket-Key: x\r\n\r\n", True),
        (b"CONNECT a:1 HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", False),
    ],
)
def test_what_asks_for_a_websocket(raw: bytes, upgrade: bool):
    assert head_of(raw).upgrade is upgrade


def test_a_request_head_is_read():
    assert parse_head(HEAD) == (
        ("GET", "/ws?a=/b", "HTTP/1.1"),
        [
            ("user-AGENT", "odd"),
            ("HOST", "old.example:80"),
            ("Cookie", "a=1"),
            ("X-Folded", "one two"),
            ("Cookie", "b=2"),
        ],
    )


@pytest.mark.parametrize(
    ("raw", "first"),
    [
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", ("HTTP/1.1", "101", "Switching Protocols")),
        (b"HTTP/1.1 200\r\n\r\n", ("HTTP/1.1", "200", "")),
        (b"HTTP/1.1 500 \xe4\n\n", ("HTTP/1.1", "500", "ä")),
        (b"HTTP/1.1  404   Not  Found \r\n", ("HTTP/1.1", "404", "Not  Found ")),
        (b"GET  /a b?c\td HTTP/1.1 \r\n\r\n", ("GET", "/a b?c\td", "HTTP/1.1")),
        (b"GET /a\x0b HTTP/1.1\r\n\r\n", ("GET", "/a\x0b", "HTTP/1.1")),
        (b"GET /a\r\n\r\n", ("GET", "/a", "")),
        (b"\r\nGET", ("GET", "", "")),
        (b"", ("", "", "")),
    ],
)
def test_a_first_line_is_read(raw: bytes, first: tuple[str, str, str]):
    assert parse_head(raw) == (first, [])


@given(st.binary(max_size=200))
def test_any_bytes_are_read_as_a_head_without_raising(raw: bytes):
    parse_head(raw)
