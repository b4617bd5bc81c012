"""The members of a line of the exchange format. Whatever is wrong with one is raised as BadLine, in words for the user."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, cast

import orjson

from wsreplay.decode.values import why_not_json
from wsreplay.model import Headers, start_of
from wsreplay.store.verify import MOST_NS

# From a million seconds on a double does not hold every nanosecond.
_LONG_NUMBER = re.compile(rb"[0-9]{7}\.[0-9]")
_DIRECTIONS = {"c2s": 0, "s2c": 1}
TOO_DEEP = "nested too deeply to be stored"


class BadLine(Exception):
    """What is wrong with a line."""


class NotJson(BadLine):
    """A line that cannot be read as JSON: the last one may have been cut off."""


def parse_line(line: bytes) -> dict[str, Any]:
    """The JSON object of a line; numbers that a double does not hold are Decimals. Raises NotJson."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise NotJson(f"not JSON: {why_not_json(line)}") from None
    if not isinstance(value, dict):
        raise BadLine("every line must be a JSON object")
    if _LONG_NUMBER.search(line):
        try:
            value = json.loads(line, parse_float=Decimal, parse_int=_whole)
        except RecursionError:
            raise BadLine(TOO_DEEP) from None
    return cast(dict[str, Any], value)


def _whole(digits: str) -> int | float:
    """As orjson reads it: what is longer than 64 bits is a float. Python refuses to read thousands of digits as an int."""
    return int(digits) if len(digits) < 20 else float(digits)


def nanoseconds_of(value: Any) -> int:
    """A time that is written in seconds."""
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= MOST_NS // 10**9:
        raise BadLine(f"t must be a number of seconds since the start, at most {MOST_NS // 10**9}, not {shown(value)}")
    nanoseconds: int = round(value * 10**9)
    return nanoseconds


def direction_of(line: dict[str, Any]) -> int:
    """0 for c2s, 1 for s2c."""
    try:
        return _DIRECTIONS[line.get("dir")]  # type: ignore[index]
    except (KeyError, TypeError):
        raise BadLine(f"dir must be c2s or s2c, not {shown(line.get('dir'))}") from None


def payload_of(line: dict[str, Any]) -> bytes:
    """The bytes of `base64`, or of the text `data` in UTF-8. A line that was made of another file has them as `payload`."""
    payload = line.get("payload")
    if isinstance(payload, bytes):
        return payload
    if "base64" in line:
        try:
            return base64.b64decode(member(line, "base64", str), validate=True)
        except ValueError:
            raise BadLine("base64 contains invalid characters, or lacks its padding (RFC 4648)") from None
    return bytes(member(line, "data", str, "").encode())


def headers_of(value: Any) -> Headers:
    """The headers of a list of pairs or of an object; none of null."""
    pairs = value.items() if isinstance(value, dict) else value if isinstance(value, list) else () if value is None else None
    if pairs is None:
        raise BadLine("headers must be a list of pairs, or an object")
    return tuple(_pairs(pairs))


def _pairs(pairs: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            raise BadLine("headers must be pairs of strings")
        yield pair[0], pair[1]


def json_text(value: dict[str, Any]) -> str:
    """JSON as it is stored."""
    try:
        return orjson.dumps(value, default=float).decode()
    except orjson.JSONEncodeError:
        raise BadLine(TOO_DEEP) from None


def text_or_none(value: Any, name: str) -> str | None:
    """A text, or null; `name` is the member's, for the words."""
    if value is None or isinstance(value, str):
        return value
    raise BadLine(f"{name} must be a string or null, not {shown(value)}")


def moment_of(text: str) -> str:
    """A point in time in ISO 8601, as it is written."""
    try:
        start_of(text)
    except ValueError:
        raise BadLine(f"started_at must be a time such as 2026-11-20T10:00:00Z, not {shown(text)}") from None
    return text


_REQUIRED: Any = object()
_NAMES = {str: "a string", int: "a whole number", dict: "an object", list: "a list", bool: "true or false"}


def member(line: dict[str, Any], name: str, kind: type, default: Any = _REQUIRED) -> Any:
    """A member of this type; the default where it is missing or null, or BadLine where there is none."""
    value = line.get(name)
    if value is None:
        if default is _REQUIRED:
            raise BadLine(f"{name} is missing")
        return default
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadLine(f"{name} must be {_NAMES[kind]}, not {shown(value)}")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise BadLine(f"{name} does not fit into 64 bits")
    return value


def number_of(line: dict[str, Any], name: str, least: int, most: int, default: Any = _REQUIRED) -> int:
    """A whole number within bounds, which are those of recordings: see `store.verify`."""
    value: int = member(line, name, int, default)
    if not least <= value <= most:
        raise BadLine(f"{name} must be a whole number from {least} to {most}, not {shown(value)}")
    return value


def shown(value: Any) -> str:
    """A value of the line in an error's text, which stays short."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=float)
    return text if len(text) <= 60 else f"{text[:57]}…"
