"""Values put in place of others inside JSON text, every other byte left as it was."""

from __future__ import annotations

import re
from collections.abc import Iterable
from json import JSONDecoder
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

import orjson

from wsreplay.trace.jsonpath import Path

_SPACE = re.compile(r"[ \t\r\n]*")
_raw_decode = JSONDecoder(strict=False).raw_decode

Change = tuple[Path, Any, Any]  # where, what stands there, what is to stand there


def splice(payload: bytes, changes: Iterable[Change]) -> bytes:
    """The JSON text with the value at each path replaced; text that is no JSON stays as it is."""
    for path, old, new in changes:
        written = orjson.dumps(old)
        if isinstance(old, str) and payload.count(written) == 1 and b"\\" + written not in payload:
            payload = payload.replace(written, orjson.dumps(new))
        else:
            payload = _splice_at(payload, path, orjson.dumps(new))
    return payload


def _splice_at(payload: bytes, path: Path, written: bytes) -> bytes:
    try:
        text = payload.decode()
        span = _span(text, path)
    except (ValueError, IndexError, RecursionError):
        return payload
    if span is None:
        return payload
    start, end = span
    return text[:start].encode() + written + text[end:].encode()


def _span(text: str, path: Path) -> tuple[int, int] | None:
    """Where the value at a path begins and ends. Of a name that occurs twice the last one counts, as for JSON parsers."""
    position = _skip(text, 0)
    for segment in path:
        at = _member(text, position, segment) if isinstance(segment, str) else _element(text, position, segment)
        if at is None:
            return None
        position = at
    return position, _raw_decode(text, position)[1]


def _member(text: str, position: int, name: str) -> int | None:
    span = None
    if text[position] != "{":
        return None
    position = _skip(text, position + 1)
    while text[position] == '"':
        key, position = scanstring(text, position + 1, False)
        position = _skip(text, _skip(text, position) + 1)
        if key == name:
            span = position
        position = _skip(text, _raw_decode(text, position)[1])
        position = _skip(text, position + 1) if text[position] == "," else position
    return span


def _element(text: str, position: int, index: int) -> int | None:
    if text[position] != "[":
        return None
    starts: list[int] = []
    position = _skip(text, position + 1)
    while text[position] != "]":
        starts.append(position)
        position = _skip(text, _raw_decode(text, position)[1])
        position = _skip(text, position + 1) if text[position] == "," else position
    return starts[index] if -len(starts) <= index < len(starts) else None


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position
