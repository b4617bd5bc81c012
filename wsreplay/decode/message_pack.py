"""MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md): an object with a `type` in a binary message.

`$` is the object; bytes in it stay bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from wsreplay.decode.part import BINARY, CannotEncode, Part


class MessagePackDecoder:
    """One object a message; what is not an object is not an event."""

    name = "msgpack"
    answer = ""

    def parse(self, direction: int, opcode: int, payload: bytes) -> list[Part]:
        if opcode != BINARY:
            return []
        try:
            value = msgspec.msgpack.decode(payload)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return []
        if not isinstance(value, dict):
            return []
        kind = value.get("type")
        return [Part(kind if isinstance(kind, str) else None, value)]

    def encode(self, direction: int, opcode: int, payload: bytes, documents: Sequence[Any]) -> bytes:
        if opcode != BINARY or len(documents) != 1:
            raise CannotEncode("one message is one document")
        try:
            return msgspec.msgpack.encode(documents[0])
        except (msgspec.EncodeError, TypeError, RecursionError, OverflowError, ValueError) as error:
            raise CannotEncode(str(error)) from error
