"""Phoenix channels (https://hexdocs.pm/phoenix/writing_a_channels_client.html; serializers V1 and V2).

V2 is the array `[join_ref, ref, topic, event, payload]`, V1 the object of the same names; V2's binary messages carry bytes:
a kind (0 push, 1 reply, 2 broadcast), the lengths of the names, the names, the payload.

`$` is the message as it came, the array or the object; of a binary message the array. The type is the event; a `phx_reply`
answers the push of its `ref`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wsreplay.decode import values
from wsreplay.decode.part import TEXT, CannotEncode, Heartbeat, Part, Role, Shortcut

_NAMES = ("join_ref", "ref", "topic", "event", "payload")
REPLY = "phx_reply"
_PUSH, _REPLY, _BROADCAST = range(3)


class PhoenixDecoder:
    """Both serializers, told apart message by message."""

    name = "phoenix"
    answer = ""
    ids = ((0,), (1,), ("join_ref",), ("ref",))
    shortcut = Shortcut(("event",), needed=("topic",))

    def parse(self, direction: int, opcode: int, payload: bytes) -> list[Part]:
        if opcode != TEXT:
            message = _binary(direction, payload)
            return [] if message is None else [_part(message, [message.get(name) for name in _NAMES])]
        read = values.read(payload)
        message = _fields(read.value) if read is not None else None
        return [] if read is None or message is None else [_part(message, read.value, read.warning)]

    def heartbeat(self, direction: int, payload: bytes) -> Heartbeat | None:
        """The client's on the topic `phoenix`, and the reply to it."""
        read = values.read(payload) if b'"phoenix"' in payload else None
        message = _fields(read.value) if read is not None else None
        if read is None or message is None or message["topic"] != "phoenix":
            return None
        if message["event"] != "heartbeat":
            return Heartbeat(is_answer=True)
        reply = {**message, "event": REPLY, "payload": {"status": "ok", "response": {}}}
        document = [reply.get(name) for name in _NAMES] if isinstance(read.value, list) else reply
        return Heartbeat(values.write(document))

    def encode(self, direction: int, opcode: int, payload: bytes, documents: Sequence[Any]) -> bytes:
        if opcode != TEXT or len(documents) != 1:
            raise CannotEncode("bytes in a channel, or more than one document")
        try:
            return values.write(documents[0])
        except ValueError as error:
            raise CannotEncode(str(error)) from error


def _fields(value: Any) -> dict[str, Any] | None:
    if isinstance(value, list) and len(value) == len(_NAMES):
        value = dict(zip(_NAMES, value, strict=True))
    if not isinstance(value, dict) or not isinstance(value.get("topic"), str) or not isinstance(value.get("event"), str):
        return None
    return value


def _part(message: dict[str, Any], document: Any, warning: str | None = None) -> Part:
    event, ref = message["event"], values.text_of(message.get("ref"))
    if event == REPLY:
        return Part(event, document, Role.RESULT, ref, warning=warning)
    role = Role.CONTROL if event == "heartbeat" else Role.EVENT if ref is None else Role.REQUEST
    return Part(event, document, role, ref, warning=warning)


def _binary(direction: int, payload: bytes) -> dict[str, Any] | None:
    kind = payload[0] if payload else None
    if kind == _REPLY:
        message = _named(payload, ("join_ref", "ref", "topic", "status"))
        if message is not None:
            message |= {"event": REPLY, "payload": {"status": message["status"], "response": message["payload"]}}
    elif kind == _BROADCAST:
        message = _named(payload, ("topic", "event"))
    elif kind == _PUSH:
        # A server's push answers nothing and has no ref.
        message = _named(payload, ("join_ref", "topic", "event") if direction else ("join_ref", "ref", "topic", "event"))
    else:
        message = None
    return message if message is not None and message["topic"] and message["event"] else None


def _named(payload: bytes, names: tuple[str, ...]) -> dict[str, Any] | None:
    at = 1 + len(names)
    if len(payload) < at:
        return None
    fields: dict[str, Any] = {}
    for name, length in zip(names, payload[1:at], strict=True):
        piece = payload[at : at + length]
        at += length
        try:
            fields[name] = piece.decode()
        except UnicodeDecodeError:
            return None
        if len(piece) < length:
            return None
    fields["payload"] = payload[at:]
    return fields
