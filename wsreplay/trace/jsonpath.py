"""Singular JSONPath queries (RFC 9535, section 2.3.5.1): `$`, then names and indexes. They select one value or none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

MISSING: Final = object()
"""What `get` gives where a path selects nothing; None would be a JSON null."""

Path = tuple[str | int, ...]

_SEGMENT = re.compile(
    r"\.(?P<name>[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*)"
    r"|\[\s*(?:'(?P<single>(?:[^'\\]|\\.)*)'|\"(?P<double>(?:[^\"\\]|\\.)*)\"|(?P<index>-?(?:0|[1-9][0-9]{0,15})))\s*\]"
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)")
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "/": "/", "\\": "\\", "'": "'", '"': '"'}


def parse(text: str) -> Path:
    """The segments of a singular query. Raises ValueError, whose text says where it goes wrong."""
    if not text.startswith("$"):
        raise ValueError(f"{text!r} is not a JSON path; paths begin with $, as in $.payload.thread_id")
    segments: list[str | int] = []
    position = 1
    while position < len(text):
        match = _SEGMENT.match(text, position)
        if match is None:
            raise ValueError(
                f"{text!r} is not a singular JSON path, at column {position + 1}: names and indexes only, as in $.a['b c'][0]"
            )
        if match["index"] is not None:
            segments.append(int(match["index"]))
        elif match["name"] is not None:
            segments.append(match["name"])
        else:
            segments.append(_unescape(match["single"] if match["single"] is not None else match["double"]))
        position = match.end()
    return tuple(segments)


def _unescape(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        escape = match[1]
        if len(escape) == 5:
            return chr(int(escape[1:], 16))
        if escape not in _ESCAPED:
            raise ValueError(f"\\{escape} is not a valid escape in a JSON path")
        return _ESCAPED[escape]

    return _ESCAPE.sub(one, text) if "\\" in text else text


def get(document: Any, path: Path) -> Any:
    """The value a path selects in a decoded JSON document, or MISSING."""
    for segment in path:
        if isinstance(segment, str):
            if not isinstance(document, dict) or segment not in document:
                return MISSING
        elif not isinstance(document, list) or not -len(document) <= segment < len(document):
            return MISSING
        document = document[segment]
    return document


def replace(document: Any, path: Path, value: Any) -> bool:
    """Put a value in place of the one a path selects; whether there was one. The root itself cannot be replaced."""
    if not path or get(document, path) is MISSING:
        return False
    get(document, path[:-1])[path[-1]] = value
    return True


def texts_in(document: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text that is a value in a decoded JSON document, with its path."""
    if isinstance(document, str):
        yield path, document
    elif isinstance(document, dict):
        for name, inner in document.items():
            if inner.__class__ in _HOLDERS:
                yield from texts_in(inner, (*path, name))
    elif isinstance(document, list):
        for index, inner in enumerate(document):
            if inner.__class__ in _HOLDERS:
                yield from texts_in(inner, (*path, index))


_HOLDERS: frozenset[type[Any]] = frozenset((str, dict, list))


def show(path: Path) -> str:
    """The path as text that `parse` reads."""
    return "$" + "".join(_show_segment(segment) for segment in path)


def _show_segment(segment: str | int) -> str:
    if isinstance(segment, int):
        return f"[{segment}]"
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", segment):
        return f".{segment}"
    escaped = segment.replace("\\", "\\\\").replace("'", "\\'")
    return "['" + re.sub(r"[\x00-\x1f]", lambda match: f"\\u{ord(match[0]):04x}", escaped) + "']"
