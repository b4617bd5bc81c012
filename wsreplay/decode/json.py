"""JSON messages (RFC 8259): an object with a `type`, an array of such objects, or one object a line.

`$` is the object. UTF-8 JSON in binary messages is read as that in text messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wsreplay.decode import values
from wsreplay.decode.part import CannotEncode, Part

MOST_PARTS = 10_000  # of one message


class JsonDecoder:
    """Events are objects whose `type` is a string; a message that holds none but is JSON is one part without a type."""

    name = "json"
    answer = ""

    def parse(self, direction: int, opcode: int, payload: bytes) -> list[Part]:
        read = values.read(payload)
        if read is not None:
            items = read.value if is_batch(read.value) else [read.value]
            return [Part(_type_of(item), item, warning=read.warning) for item in items]
        lines = split_lines(payload)
        return [Part(_type_of(line.value), line.value, warning=line.warning) for line in lines]

    def encode(self, direction: int, opcode: int, payload: bytes, documents: Sequence[Any]) -> bytes:
        parts = self.parse(direction, opcode, payload)
        if not parts or len(parts) != len(documents):
            raise CannotEncode(f"{len(documents)} documents for {len(parts)} parts")
        try:
            read = values.read(payload)
            if read is None:
                return b"".join(values.write(document) + b"\n" for document in documents)
            return values.write(list(documents) if is_batch(read.value) else documents[0])
        except ValueError as error:
            raise CannotEncode(str(error)) from error


def is_batch(value: Any) -> bool:
    """Whether an array is several events: objects, each with a type."""
    return (
        isinstance(value, list)
        and 0 < len(value) <= MOST_PARTS
        and all(isinstance(item, dict) and isinstance(item.get("type"), str) for item in value)
    )


def split_lines(payload: bytes) -> list[values.Value]:
    """JSON lines: two or more objects, one a line; empty where any line is something else."""
    lines = [line for line in payload.split(b"\n", MOST_PARTS + 1) if line.strip()]
    if not 1 < len(lines) <= MOST_PARTS:
        return []
    read = []
    for line in lines:
        value = values.read(line) if line.lstrip()[:1] == b"{" else None
        if value is None:
            return []
        read.append(value)
    return read


def _type_of(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else None
