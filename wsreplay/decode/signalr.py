"""ASP.NET Core SignalR's hub protocol (https://github.com/dotnet/aspnetcore/blob/main/src/SignalR/docs/specs/HubProtocol.md).

JSON records, each ended by the byte 0x1E, or MessagePack arrays, each after its length. `$` is the record; of MessagePack the
object that JSON would have. An invocation is named by its `target`, its completion after it: `Send:result`, `Send:error`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from wsreplay.decode import values
from wsreplay.decode.part import TEXT, CannotEncode, Heartbeat, Part, Role, Shortcut

END = b"\x1e"
_MOST_RECORDS = 10_000
_INVOCATION, _STREAM_ITEM, _COMPLETION, _STREAM_INVOCATION, _CANCEL, _PING, _CLOSE, _ACK, _SEQUENCE = range(1, 10)
_NAMES = {_CANCEL: "cancel", _PING: "ping", _CLOSE: "close", _ACK: "ack", _SEQUENCE: "sequence"}
# What a MessagePack array holds behind the type, by type.
_LAYOUT = {
    _INVOCATION: ("headers", "invocationId", "target", "arguments", "streamIds"),
    _STREAM_ITEM: ("headers", "invocationId", "item"),
    _COMPLETION: ("headers", "invocationId", "kind", "result"),
    _STREAM_INVOCATION: ("headers", "invocationId", "target", "arguments", "streamIds"),
    _CANCEL: ("headers", "invocationId"),
    _PING: (),
    _CLOSE: ("error", "allowReconnect"),
    _ACK: ("sequenceId",),
    _SEQUENCE: ("sequenceId",),
}  # fmt: skip
_FAILED, _EMPTY = 1, 2  # kinds of a completion in MessagePack


def _only_record(payload: bytes) -> tuple[None, bytes] | None:
    return (None, payload[:-1]) if payload.find(END) == len(payload) - 1 else None


class SignalrDecoder:
    """Hub messages in both encodings, and the handshake before them."""

    name = "signalr"
    answer = "{request}:{role}"
    ids = (("invocationId",),)
    shortcut = Shortcut(("target",), without=("invocationId",), body=_only_record)

    def parse(self, direction: int, opcode: int, payload: bytes) -> list[Part]:
        if not payload.endswith(END):
            return [] if opcode == TEXT else _message_pack(payload)
        records = payload[:-1].split(END, _MOST_RECORDS)
        read = [values.read(record) for record in records]
        parts = [_part(value.value, value.warning) for value in read if value is not None]
        return [part for part in parts if part is not None] if len(parts) == len(records) and None not in parts else []

    def heartbeat(self, direction: int, payload: bytes) -> Heartbeat | None:
        """Both sides ping as they like; nobody answers."""
        return Heartbeat() if payload in (b'{"type":6}\x1e', b"\x02\x91\x06") else None

    def encode(self, direction: int, opcode: int, payload: bytes, documents: Sequence[Any]) -> bytes:
        if not payload.endswith(END) or payload.count(END) != len(documents):
            raise CannotEncode("MessagePack, or another number of records")
        try:
            return b"".join(values.write(document) + END for document in documents)
        except ValueError as error:
            raise CannotEncode(str(error)) from error


def _part(record: Any, warning: str | None = None) -> Part | None:
    if not isinstance(record, dict):
        return None
    if "type" not in record:
        if "protocol" in record:
            return Part("handshake", record, Role.CONTROL, warning=warning)
        failed = isinstance(record.get("error"), str)
        return Part("handshake:error" if failed else "handshake:result", record, Role.CONTROL, warning=warning)
    kind, id = record["type"], values.text_of(record.get("invocationId"))
    if kind in (_INVOCATION, _STREAM_INVOCATION) and isinstance(record.get("target"), str):
        return Part(record["target"], record, Role.EVENT if id is None else Role.REQUEST, id, warning=warning)
    if kind == _STREAM_ITEM and id is not None:
        return Part("stream_item", record, Role.EVENT, id, warning=warning)
    if kind == _COMPLETION and id is not None:
        return Part(None, record, Role.ERROR if record.get("error") is not None else Role.RESULT, id, warning=warning)
    if isinstance(kind, int) and kind in _NAMES:
        return Part(_NAMES[kind], record, Role.CONTROL, id, warning=warning)
    return None


def _message_pack(payload: bytes) -> list[Part]:
    parts: list[Part] = []
    while payload and len(parts) < _MOST_RECORDS:
        length, at = _length(payload)
        if not 0 < length <= len(payload) - at:
            return []
        try:
            record = _record(msgspec.msgpack.decode(payload[at : at + length]))
        except (msgspec.DecodeError, ValueError, RecursionError):
            return []
        part = _part(record)
        if part is None:
            return []
        parts.append(part)
        payload = payload[at + length :]
    return [] if payload else parts


def _length(payload: bytes) -> tuple[int, int]:
    """A length in seven bits a byte, the lowest first, and where it ends; (0, 0) where there is none."""
    length = 0
    for at in range(min(5, len(payload))):
        length |= (payload[at] & 0x7F) << (7 * at)
        if payload[at] < 0x80:
            return length, at + 1
    return 0, 0


def _record(array: Any) -> dict[str, Any] | None:
    if not isinstance(array, list) or not array or not isinstance(array[0], int) or array[0] not in _LAYOUT:
        return None
    record: dict[str, Any] = {"type": array[0], **dict(zip(_LAYOUT[array[0]], array[1:], strict=False))}
    if array[0] == _COMPLETION:
        kind = record.pop("kind", _EMPTY)
        if kind == _FAILED:
            record["error"] = record.pop("result", "")
        elif kind == _EMPTY:
            record.pop("result", None)
    return record
