"""STOMP 1.2 over WebSocket (https://stomp.github.io/stomp-specification-1.2.html): a command, headers, a body.

`$` is `{command, headers, body}`, the body read where it is JSON. The type is the command in lower case; what a body of JSON
calls itself in `type` goes before it. A RECEIPT answers the frame that asked for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from wsreplay.decode import values
from wsreplay.decode.part import CannotEncode, Heartbeat, Part, Role

_COMMAND = re.compile(rb"[A-Z]{3,11}")
_HEAD_END = re.compile(rb"\n\r?\n")
_ESCAPES = {"\\r": "\r", "\\n": "\n", "\\c": ":", "\\\\": "\\"}
_ESCAPE = re.compile(r"\\[rnc\\]")
_ESCAPED = {character: escape for escape, character in _ESCAPES.items()}
_UNESCAPED = (b"CONNECT", b"CONNECTED")  # as in STOMP 1.0 (section "Value Encoding")
_SPECIAL = re.compile(r"[\r\n:\\]")
_CONTROL = frozenset(("CONNECT", "STOMP", "CONNECTED", "DISCONNECT", "SUBSCRIBE", "UNSUBSCRIBE", "ACK", "NACK"))


class _Frame(NamedTuple):
    command: bytes
    headers: list[bytes]  # lines
    body: bytes


class StompDecoder:
    """Frames, and the line feed that is a heartbeat."""

    name = "stomp"
    answer = "{request}:receipt"
    ids = (("headers", "receipt"), ("headers", "receipt-id"))

    def parse(self, direction: int, opcode: int, payload: bytes) -> list[Part]:
        if payload in (b"\n", b"\r\n"):
            return [Part("heartbeat", None, Role.CONTROL)]
        frame = _frame(payload)
        if frame is None:
            return []
        command, headers = frame.command.decode(), _headers(frame)
        read = values.read(frame.body) if frame.body else None
        body = read.value if read else frame.body.decode("utf-8", "replace")
        document = {"command": command, "headers": headers, "body": body}
        warning = read.warning if read else None
        if command == "RECEIPT" and "receipt-id" in headers:
            return [Part(None, document, Role.RESULT, headers["receipt-id"], warning=warning)]
        named = body.get("type") if isinstance(body, dict) else None
        kind = named if isinstance(named, str) else command.lower()
        receipt = headers.get("receipt")
        role = Role.REQUEST if receipt else Role.CONTROL if command in _CONTROL else Role.EVENT
        return [Part(kind, document, role, receipt, warning=warning)]

    def heartbeat(self, direction: int, payload: bytes) -> Heartbeat | None:
        """A line end, by either side."""
        return Heartbeat() if payload in (b"\n", b"\r\n") else None

    def encode(self, direction: int, opcode: int, payload: bytes, documents: Sequence[Any]) -> bytes:
        frame = _frame(payload)
        if frame is None or len(documents) != 1 or not isinstance(documents[0], dict):
            raise CannotEncode("one frame is one document")
        body = documents[0].get("body")
        try:
            written = _written_headers(frame, documents[0].get("headers"))
            data = body.encode() if isinstance(body, str) and values.read(frame.body) is None else values.write(body)
        except ValueError as error:
            raise CannotEncode(str(error)) from error
        lines = [line for line in written if not line.lower().startswith(b"content-length:")]
        if len(lines) < len(written):
            lines.append(b"content-length:%d" % len(data))
        return b"\n".join([frame.command, *lines, b"", data + b"\x00"])


def _frame(payload: bytes) -> _Frame | None:
    end = _HEAD_END.search(payload)
    body = payload.rstrip(b"\r\n")
    if end is None or not body.endswith(b"\x00") or len(body) <= end.end():
        return None
    command, *headers = [line.rstrip(b"\r") for line in payload[: end.start()].split(b"\n")]
    return _Frame(command, headers, body[end.end() : -1]) if _COMMAND.fullmatch(command) else None


def _headers(frame: _Frame) -> dict[str, str]:
    """The first of a repeated header counts (section "Repeated Header Entries")."""
    headers: dict[str, str] = {}
    for line in frame.headers:
        name, _, value = line.decode("utf-8", "replace").partition(":")
        if frame.command not in _UNESCAPED:
            name, value = _unescape(name), _unescape(value)
        headers.setdefault(name, value)
    return headers


def _written_headers(frame: _Frame, headers: Any) -> list[bytes]:
    """The lines as they are where they say these headers, else others. Raises ValueError for what cannot stand in a line."""
    if headers == _headers(frame) or not isinstance(headers, dict):
        return frame.headers
    pairs = [(str(name), str(value)) for name, value in headers.items()]
    if frame.command in _UNESCAPED:
        if any("\n" in text for pair in pairs for text in pair):
            raise ValueError("a line end in a header that is not escaped")
    else:
        pairs = [(_escape(name), _escape(value)) for name, value in pairs]
    return [f"{name}:{value}".encode() for name, value in pairs]


def _escape(text: str) -> str:
    return _SPECIAL.sub(lambda match: _ESCAPED[match[0]], text)


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPES[match[0]], text)
