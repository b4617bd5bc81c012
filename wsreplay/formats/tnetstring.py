"""Tnetstrings, in which mitmproxy writes its flow files, one after the other from a stream.

A tnetstring is `LENGTH:DATA` and one byte for its kind: `,` bytes, `;` text, `#` integer, `^` float, `!` true or false, `~`
null, `]` list, `}` dictionary (tnetstrings.info, with mitmproxy's `;` and `^`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

LONGEST = 256 * 2**20  # bytes of one value
_DEEPEST = 100
_LONGEST_PREFIX = 13
_CHUNK = 2**20


class Damaged(Exception):
    """From `position` on a stream is no tnetstring. `end` is where the stream ends, where it only ends too early."""

    def __init__(self, position: int, reason: str, *, end: int | None = None) -> None:
        super().__init__(reason)
        self.position, self.end = position, end


class TooLarge:
    """Stands for a value that is longer than LONGEST: its length in bytes."""

    def __init__(self, size: int) -> None:
        self.size = size


def values(stream: BinaryIO) -> Iterator[tuple[int, Any]]:
    """Each top-level value with its offset. Raises Damaged behind the last one that is whole."""
    position = 0
    while prefix := _read_prefix(stream, position):
        size = int(prefix) + 1  # with the byte for its kind
        start = position + len(prefix) + 1
        if size > LONGEST:
            _skip(stream, size, position, start)
            yield position, TooLarge(size)
        else:
            data = stream.read(size)
            if len(data) < size:
                raise Damaged(position, "it is cut off", end=start + len(data))
            yield position, _value(data, 0, size - 1, 0, start)
        position = start + size


def _read_prefix(stream: BinaryIO, position: int) -> bytes:
    """The length that a value begins with; empty at the end of the stream."""
    prefix = b""
    while len(prefix) < _LONGEST_PREFIX:
        sign = stream.read(1)
        if sign == b":" and prefix:
            return prefix
        if not sign and not prefix.strip(b"\0"):
            return b""
        if not sign.isdigit():
            rest = sign + stream.read(_CHUNK)
            if not prefix and not rest.strip(b"\0\r\n"):
                return b""  # what a file system leaves where a write was cut short
            end = None if sign else position + len(prefix)
            raise Damaged(position, "no flow begins here: the file is damaged", end=end)
        prefix += sign
    raise Damaged(position, "no flow begins here: the file is damaged")


def _skip(stream: BinaryIO, size: int, position: int, start: int) -> None:
    while size:
        piece = stream.read(min(size, _CHUNK))
        if not piece:
            raise Damaged(position, "it is cut off", end=start)
        size -= len(piece)
        start += len(piece)


def _parse(data: bytes, position: int, limit: int, depth: int, base: int) -> tuple[Any, int]:
    """The value at a position and where it ends, within a limit. `base` is where the data begins in the stream."""
    colon = data.find(b":", position, min(limit, position + _LONGEST_PREFIX))
    if colon < 0 or not data[position:colon].isdigit():
        raise Damaged(base + position, "a length was expected there")
    start = colon + 1
    end = start + int(data[position:colon])
    if end >= limit:
        raise Damaged(base + position, "a value is longer than what holds it")
    if depth > _DEEPEST:
        raise Damaged(base + position, "it is nested too deeply")
    return _value(data, start, end, depth, base), end + 1


def _value(data: bytes, start: int, end: int, depth: int, base: int) -> Any:
    kind, text = data[end : end + 1], data[start:end]
    try:
        match kind:
            case b",":
                return text
            case b";":
                return text.decode()
            case b"#":
                return int(text)
            case b"^":
                return float(text)
            case b"!" if text in (b"true", b"false"):
                return text == b"true"
            case b"~" if not text:
                return None
            case b"]":
                return _items(data, start, end, depth, base)
            case b"}":
                items = _items(data, start, end, depth, base)
                return dict(zip(items[::2], items[1::2], strict=True))
    except (ValueError, TypeError):
        pass
    raise Damaged(base + start, f"it is not {_KINDS.get(kind, 'a value of a known kind')}")


_KINDS = {
    b";": "UTF-8 text", b"#": "a whole number", b"^": "a number", b"!": "true or false", b"~": "null",
    b"}": "a dictionary with a value for each name",
}  # fmt: skip


def _items(data: bytes, start: int, end: int, depth: int, base: int) -> list[Any]:
    items = []
    while start < end:
        item, start = _parse(data, start, end, depth + 1, base)
        items.append(item)
    return items
