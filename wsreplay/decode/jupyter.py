"""Jupyter's kernel messages over WebSocket (https://jupyter-server.readthedocs.io/en/latest/developers/websocket-protocols.html).

Without a subprotocol: JSON in text messages; with buffers a binary message, a big-endian 32-bit count and offsets before the
JSON and the buffers. `v1.kernel.websocket.jupyter.org`: a little-endian 64-bit count and offsets before the channel, header,
parent header, metadata, content and the buffers.

`$` is the message: `channel`, `header`, `parent_header`, `metadata`, `content`. The type is `$.header.msg_type`; what a kernel
says names its request's id in `$.parent_header.msg_id`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from wsreplay.decode import values
from wsreplay.decode.part import TEXT, CannotEncode, Part, Role, Shortcut

_FIELDS = ("header", "parent_header", "metadata", "content")
_MOST_SEGMENTS = 10_000


class JupyterDecoder:
    """All three forms, told apart message by message."""

    name = "jupyter"
    answer = ""
    ids = (("header", "msg_id"), ("parent_header", "msg_id"))
    shortcut = Shortcut(("header", "msg_type"))

    def parse(self, direction: int, opcode: int, payload: bytes) -> list[Part]:
        message, warning = _message(opcode, payload)
        header = message.get("header") if message is not None else None
        kind = header.get("msg_type") if isinstance(header, dict) else None
        if message is None or not isinstance(header, dict) or not isinstance(kind, str):
            return []
        parent = message.get("parent_header")
        answered = parent.get("msg_id") if isinstance(parent, dict) else None
        if kind.endswith("_reply") and isinstance(answered, str):
            return [Part(kind, message, Role.RESULT, answered, warning=warning)]
        id = header.get("msg_id")
        role = Role.REQUEST if kind.endswith("_request") else Role.EVENT
        return [Part(kind, message, role, id if isinstance(id, str) else None, warning=warning)]

    def encode(self, direction: int, opcode: int, payload: bytes, documents: Sequence[Any]) -> bytes:
        if len(documents) != 1 or not isinstance(documents[0], dict):
            raise CannotEncode("one message is one document")
        (document,) = documents
        try:
            if opcode == TEXT:
                return values.write(document)
            if (segments := _segments_v1(payload)) is not None:
                channel = str(document.get("channel", "")).encode()
                return _join_v1([channel, *(values.write(document.get(name, {})) for name in _FIELDS), *segments[5:]])
            if (segments := _segments_default(payload)) is not None:
                return _join_default([values.write(document), *segments[1:]])
        except ValueError as error:
            raise CannotEncode(str(error)) from error
        raise CannotEncode("neither form of a binary message")


def _message(opcode: int, payload: bytes) -> tuple[dict[str, Any] | None, str | None]:
    if opcode == TEXT:
        return _object(values.read(payload))
    if (segments := _segments_v1(payload)) is not None:
        read = [values.read(segment) for segment in segments[1:5]]
        if all(value is not None and isinstance(value.value, dict) for value in read):
            fields = {name: value.value for name, value in zip(_FIELDS, read, strict=True) if value is not None}
            warning = next((value.warning for value in read if value is not None and value.warning), None)
            return {"channel": segments[0].decode("utf-8", "replace"), **fields}, warning
    if (segments := _segments_default(payload)) is not None:
        return _object(values.read(segments[0]))
    return None, None


def _object(read: values.JsonValue | None) -> tuple[dict[str, Any] | None, str | None]:
    if read is None or not isinstance(read.value, dict):
        return None, None
    return read.value, read.warning


def _segments_v1(payload: bytes) -> list[bytes] | None:
    count = int.from_bytes(payload[:8], "little")
    if not 6 <= count <= _MOST_SEGMENTS or len(payload) < 8 * (count + 1):
        return None
    offsets = [int.from_bytes(payload[8 * at : 8 * at + 8], "little") for at in range(1, count + 1)]
    return _cut(payload, offsets, 8 * (count + 1))


def _segments_default(payload: bytes) -> list[bytes] | None:
    count = int.from_bytes(payload[:4], "big")
    if not 1 <= count <= _MOST_SEGMENTS or len(payload) < 4 * (count + 1):
        return None
    offsets = [int.from_bytes(payload[4 * at : 4 * at + 4], "big") for at in range(1, count + 1)]
    return _cut(payload, [*offsets, len(payload)], 4 * (count + 1))


def _cut(payload: bytes, offsets: list[int], first: int) -> list[bytes] | None:
    if offsets[0] != first or offsets[-1] != len(payload) or offsets != sorted(offsets):
        return None
    return [payload[start:end] for start, end in itertools.pairwise(offsets)]


def _join_v1(segments: list[bytes]) -> bytes:
    offsets = _offsets(segments, 8 * (len(segments) + 2))
    return b"".join(number.to_bytes(8, "little") for number in (len(offsets), *offsets)) + b"".join(segments)


def _join_default(segments: list[bytes]) -> bytes:
    offsets = _offsets(segments, 4 * (len(segments) + 1))[:-1]
    return b"".join(number.to_bytes(4, "big") for number in (len(offsets), *offsets)) + b"".join(segments)


def _offsets(segments: list[bytes], first: int) -> list[int]:
    offsets = [first]
    for segment in segments:
        offsets.append(offsets[-1] + len(segment))
    return offsets
