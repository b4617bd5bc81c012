"""Answers that a proxy gives by itself, read by h11 and by hyper-h2's rules for frames."""

from __future__ import annotations

import h11
import pytest

from wsreplay.wire.answers import http2_goaway, text_answer


@pytest.mark.parametrize(
    ("status", "reason", "text", "headers", "shown"),
    [
        (502, None, "no upstream\n", [("Retry-After", "1")], b"Bad Gateway"),
        (403, "Keep Out", "nein: ü\n", [], b"Keep Out"),
        (799, None, "", [], b"Refused"),
    ],
)
def test_an_answer_is_http_with_its_text(
    status: int, reason: str | None, text: str, headers: list[tuple[str, str]], shown: bytes
) -> None:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    head, body = text_answer(status, text, headers, reason)
    assert head.endswith(b"\r\n\r\n") and head.count(b"\r\n\r\n") == 1
    client.receive_data(head + body)
    response = client.next_event()
    assert isinstance(response, h11.Response)
    assert (response.status_code, response.reason) == (status, shown)
    assert dict(response.headers) == {
        b"content-type": b"text/plain; charset=utf-8", b"content-length": str(len(body)).encode(), b"connection": b"close",
        **{name.lower().encode(): value.encode() for name, value in headers},
    }  # fmt: skip
    data = b""
    while isinstance(event := client.next_event(), h11.Data):
        data += event.data
    assert (data.decode(), type(event)) == (text, h11.EndOfMessage)
    assert client.their_state is h11.MUST_CLOSE


def test_an_http_2_client_is_sent_back_to_http_1_1() -> None:
    """RFC 9113: the header of a frame is a length (24 bits), a type, flags, a stream (32 bits)."""
    wire, frames = http2_goaway("speak HTTP/1.1"), []
    while wire:
        size = int.from_bytes(wire[:3], "big")
        frames.append((wire[3], wire[4], int.from_bytes(wire[5:9], "big"), wire[9 : 9 + size]))
        wire = wire[9 + size :]
    assert frames == [(4, 0, 0, b""), (7, 0, 0, bytes(4) + b"\0\0\0\x0d" + b"speak HTTP/1.1")]
