"""Names that stand twice in one JSON object: each peer may take another of their values (RFC 8259, section 4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

# A string, with the colon behind it where it is a name; or a bracket.
_TOKEN = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")\s*(:?)|[{}\[\]]', re.DOTALL)


class RepeatedName(ValueError):
    """A name stands twice in one object."""


def strict(decode: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """The same decoder, but for documents with a repeated name: for them it raises RepeatedName."""

    def decode_strictly(payload: bytes) -> Any:
        message = decode(payload)
        if not _obviously_unique(payload) and repeated_name(payload) is not None:
            raise RepeatedName
        return message

    return decode_strictly


def _obviously_unique(payload: bytes) -> bool:
    """Whether no name stands twice in the whole document, let alone in one object; told without looking at its structure."""
    if b"\\" in payload:
        return False
    parts = payload.split(b'"')
    strings = parts[1::2]
    if len(set(strings)) == len(strings):
        return True
    names = [string for string, behind in zip(strings, parts[2::2], strict=False) if b":" in behind]
    return len(set(names)) == len(names)


def repeated_name(document: bytes) -> str | None:
    """The first name that stands twice in one object of well-formed JSON, escapes resolved; text that is none, such as a
    protocol's own, may stand around it."""
    objects: list[set[bytes]] = []
    for token in _TOKEN.finditer(document):
        string, colon = token.groups()
        if string is None:
            if token[0] in b"{[":
                objects.append(set())
            elif objects:
                objects.pop()
        elif colon and objects:
            try:
                name = orjson.dumps(orjson.loads(string)) if b"\\" in string else string
            except ValueError:  # no string of JSON
                continue
            if name in objects[-1]:
                return str(orjson.loads(name))
            objects[-1].add(name)
    return None
