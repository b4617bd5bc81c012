"""Answers that a proxy or server gives by itself."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

# An empty SETTINGS frame, and GOAWAY with HTTP_1_1_REQUIRED (RFC 9113, sections 6.5, 6.8 and 7).
_SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_HTTP_1_1_REQUIRED = 0xD


def text_answer(
    status: int, text: str, headers: Sequence[tuple[str, str]] = (), reason: str | None = None
) -> tuple[bytes, bytes]:
    """Head and body of a plain text answer after which the connection is closed."""
    if reason is None:
        reason = next((known.phrase for known in HTTPStatus if known == status), "Refused")
    body = text.encode()
    lines = [f"HTTP/1.1 {status} {reason}", "Content-Type: text/plain; charset=utf-8"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace"), body


def http2_goaway(text: str) -> bytes:
    """What sends an HTTP/2 client back to HTTP/1.1."""
    payload = bytes(4) + _HTTP_1_1_REQUIRED.to_bytes(4, "big") + text.encode()
    return _SETTINGS + len(payload).to_bytes(3, "big") + bytes((7, 0, 0, 0, 0, 0)) + payload
