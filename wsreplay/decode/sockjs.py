"""SockJS over its `/websocket` transport (https://github.com/sockjs/sockjs-protocol): frames around messages.

A server's message is a letter: `o` open, `h` heartbeat, `a["…"]` messages, `c[3000,"…"]` close; a client's is an array of
strings. Each string that holds JSON is read as a message of the decoder `json`. `$` is that message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wsreplay.decode import values
from wsreplay.decode.json import MOST_PARTS, JsonDecoder
from wsreplay.decode.part import TEXT, CannotEncode, Heartbeat, Part, Role

_inner = JsonDecoder()


class SockjsDecoder:
    """Messages in frames, and the frames' own signs."""

    name = "sockjs"
    answer = ""

    def parse(self, direction: int, opcode: int, payload: bytes) -> list[Part]:
        if opcode != TEXT:
            return []
        if payload in (b"o", b"h"):
            return [Part("sockjs.open" if payload == b"o" else "sockjs.heartbeat", None, Role.CONTROL)]
        if payload[:1] == b"c" and (read := values.read(payload[1:])) is not None:
            return [Part("sockjs.close", read.value, Role.CONTROL)]
        return [part for message in _messages(payload) or () for part in _parts(direction, message)]

    def heartbeat(self, direction: int, payload: bytes) -> Heartbeat | None:
        """The server's, which nobody answers."""
        return Heartbeat() if payload == b"h" else None

    def encode(self, direction: int, opcode: int, payload: bytes, documents: Sequence[Any]) -> bytes:
        messages = _messages(payload) if opcode == TEXT else None
        if messages is None or len(messages) != len(documents):
            raise CannotEncode("not one document a message")
        try:
            written = [
                _text(document) if _inner.parse(direction, TEXT, _bytes(message)) else str(document)
                for message, document in zip(messages, documents, strict=True)
            ]
            return (b"a" if payload[:1] == b"a" else b"") + values.write(written)
        except ValueError as error:
            raise CannotEncode(str(error)) from error


def _messages(payload: bytes) -> list[str] | None:
    read = values.read(payload[1:] if payload[:1] == b"a" else payload)
    if read is None or not isinstance(read.value, list) or not 0 < len(read.value) <= MOST_PARTS:
        return None
    return read.value if all(isinstance(message, str) for message in read.value) else None


def _parts(direction: int, message: str) -> list[Part]:
    return _inner.parse(direction, TEXT, _bytes(message)) or [Part(None, message)]


def _bytes(message: str) -> bytes:
    return message.encode("utf-8", "surrogatepass")


def _text(document: Any) -> str:
    return values.write(document).decode()
