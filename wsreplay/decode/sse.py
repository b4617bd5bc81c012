"""Server-sent events, one a message, raw as they came (HTML standard, section 9.2), and what their client asked: a JSON body.

`$` is the event's data, read where it is JSON. The type is that of the data, as plain JSON has it; without one the event's own
name, which is `message` where it says none. A comment, as servers send them so that nobody hangs up, is housekeeping.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from wsreplay.decode import values
from wsreplay.decode.part import CannotEncode, Part, Role

_LINE_END = re.compile(rb"\r\n|\r|\n")
_FIELDS = frozenset((b"event", b"data", b"id", b"retry"))


class _Event(NamedTuple):
    name: str
    data: bytes
    has_data: bool


class SseDecoder:
    """Fields and comments of one event; plain JSON of the client."""

    name = "sse"
    answer = ""

    def parse(self, direction: int, opcode: int, payload: bytes) -> list[Part]:
        if direction == 0:
            read = values.read(payload)
            return [Part(_type_in(read.value), read.value, warning=read.warning)] if read is not None else []
        event = _event(payload)
        if event is None:
            return []
        if not event.has_data:
            return [Part(event.name or "comment", None, Role.CONTROL)]
        read = values.read(event.data)
        document = read.value if read is not None else event.data.decode("utf-8", "replace")
        return [Part(_type_in(document) or event.name or "message", document, warning=read.warning if read else None)]

    def encode(self, direction: int, opcode: int, payload: bytes, documents: Sequence[Any]) -> bytes:
        if len(documents) != 1:
            raise CannotEncode("one event is one document")
        event = _event(payload) if direction else None
        if direction and (event is None or not event.has_data):
            raise CannotEncode("an event without data")
        (document,) = documents
        try:
            is_text = event is not None and values.read(event.data) is None and isinstance(document, str)
            data = document.encode() if is_text else values.write(document)
        except ValueError as error:
            raise CannotEncode(str(error)) from error
        if event is None:
            return data
        return _with_data(payload, data)


def _type_in(document: Any) -> str | None:
    kind = document.get("type") if isinstance(document, dict) else None
    return kind if isinstance(kind, str) else None


def _event(payload: bytes) -> _Event | None:
    """The fields of an event; None where a line is neither a field nor a comment."""
    name, data = b"", []
    lines = [line for line in _LINE_END.split(payload) if line]
    for line in lines:
        field, _, value = line.partition(b":")
        if field and field not in _FIELDS:
            return None
        value = value.removeprefix(b" ")
        if field == b"event":
            name = value
        elif field == b"data":
            data.append(value)
    return _Event(name.decode("utf-8", "replace"), b"\n".join(data), bool(data)) if lines else None


def _with_data(payload: bytes, data: bytes) -> bytes:
    """The event with other data, its other lines as they are."""
    written, is_written = [], False
    for line in payload.splitlines(keepends=True):
        if not line.startswith(b"data"):
            written.append(line)
        elif not is_written:
            end = line[len(line.rstrip(b"\r\n")) :]
            written += [b"data: " + part + (end or b"\n") for part in data.split(b"\n")]
            is_written = True
    return b"".join(written)
