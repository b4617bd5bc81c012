"""JSON messages (RFC 8259): an object with a `type`, or several: an array, one a line, a list in an object.

`$` is the object. UTF-8 JSON in binary messages is read as that in text messages. Where the type stands, and in which members
of an object a list of events, is what a contract may say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from wsreplay.decode import values
from wsreplay.decode.part import CannotEncode, Part

MOST_PARTS = 10_000  # of one message


Find = Callable[[Any], Any]
"""What stands at some place of a document; None where nothing does."""


def _top_type(document: Any) -> Any:
    return document.get("type") if document.__class__ is dict else None


class JsonDecoder:
    """Events are objects whose type is a string; a message that holds none but is JSON is one part without a type.

    `find_type` finds the type of an object, which may be a whole number where `numbers` says so; each of `unpack` a list of
    events within a message.
    """

    name = "json"
    answer = ""

    def __init__(self, find_type: Find = _top_type, unpack: Sequence[Find] = (), *, numbers: bool = False) -> None:
        self._find_type, self._unpack, self._numbers = find_type, tuple(unpack), numbers

    def parse(self, direction: int, opcode: int, payload: bytes) -> list[Part]:
        read = values.read(payload)
        if read is None:
            lines = split_lines(payload)
            return [Part(self.type_of(line.value), line.value, warning=line.warning) for line in lines]
        items = self._events_in(read.value)
        if items is None:
            items = [read.value]
        return [Part(self.type_of(item), item, warning=read.warning) for item in items]

    def encode(self, direction: int, opcode: int, payload: bytes, documents: Sequence[Any]) -> bytes:
        parts = self.parse(direction, opcode, payload)
        if not parts or len(parts) != len(documents):
            raise CannotEncode(f"{len(documents)} documents for {len(parts)} parts")
        try:
            read = values.read(payload)
            if read is None:
                return b"".join(values.write(document) + b"\n" for document in documents)
            items = self._events_in(read.value)
            if items is None:
                return values.write(documents[0])
            items[:] = documents
            return values.write(read.value)
        except ValueError as error:
            raise CannotEncode(str(error)) from error

    def type_of(self, document: Any) -> str | None:
        """The type of an object, None where it has none."""
        kind = self._find_type(document)
        return values.text_of(kind) if self._numbers or isinstance(kind, str) else None

    def _events_in(self, value: Any) -> list[Any] | None:
        """The list of events that a message is, or holds; None where it is one event, or none."""
        for items in (value, *(find(value) for find in self._unpack)):
            if self.is_batch(items):
                return cast("list[Any]", items)
        return None

    def is_batch(self, value: Any) -> bool:
        """Whether an array is several events: objects, each with a type."""
        return (
            isinstance(value, list)
            and 0 < len(value) <= MOST_PARTS
            and all(isinstance(item, dict) and self.type_of(item) is not None for item in value)
        )


def may_be_lines(payload: bytes) -> bool:
    """Whether a message that begins with one event may hold more, a line each."""
    return b"\n{" in payload


def split_lines(payload: bytes) -> list[values.JsonValue]:
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
