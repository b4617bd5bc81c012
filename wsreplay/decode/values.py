"""JSON values as agents' peers read them, and back to bytes."""

# Annotations are not postponed here: a NamedTuple compiles each that is, at every start.

import json
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import orjson

BOM = b"\xef\xbb\xbf"
# Python's own reader recurses; what lies deeper is nobody's chat message.
DEEPEST = 200
LONGEST_SLOW = 4 * 2**20  # bytes that the slow reader is given

UNPAIRED_SURROGATE = "an unpaired surrogate escape: strict parsers refuse it, browsers read it"
BYTE_ORDER_MARK = "begins with a byte order mark (RFC 8259, section 8.1)"


class JsonValue(NamedTuple):
    """A JSON value, and what a strict reader would say of it."""

    value: Any
    warning: str | None = None


def why_not_json(data: bytes | str) -> str:
    """What is wrong with a text that is not JSON, and where, from 1; nothing where it is."""
    if not data:
        return "it is empty"
    try:
        text = data.decode() if isinstance(data, bytes) else data
        orjson.loads(text)
    except UnicodeDecodeError as error:
        return f"it is not UTF-8 from byte {error.start + 1} on"
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, character {error.colno}" if "\n" in text else f"character {error.colno}"
        return f"{error.msg} at {place}"
    return ""


def read(data: bytes) -> JsonValue | None:
    """The JSON value of some bytes, or None where it is not JSON in UTF-8.

    Read as `JSON.parse` of a browser does: an escape of half a surrogate pair is kept, with a warning; so is a leading
    byte order mark passed over. NaN and infinities are not JSON (RFC 8259, section 6).
    """
    warning = None
    if data.startswith(BOM):
        data, warning = data[len(BOM) :], BYTE_ORDER_MARK
    try:
        return JsonValue(orjson.loads(data), warning)
    except orjson.JSONDecodeError:
        return _read_leniently(data, warning)


def _read_leniently(data: bytes, warning: str | None) -> JsonValue | None:
    if b"\\u" not in data or len(data) > LONGEST_SLOW:
        return None
    if max(data.count(b"["), data.count(b"{")) > DEEPEST:
        return None
    try:
        value = json.loads(data.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return JsonValue(value, warning or UNPAIRED_SURROGATE)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def write(value: Any, unknown: Callable[[Any], str] | None = None) -> bytes:
    """Compact JSON; half surrogate pairs are escaped as they came. Raises ValueError.

    `unknown` makes text of what JSON does not have, such as bytes.
    """
    try:
        return orjson.dumps(value, default=unknown, option=orjson.OPT_NON_STR_KEYS if unknown else 0)
    except (TypeError, orjson.JSONEncodeError):
        try:
            return json.dumps(value, separators=(",", ":"), allow_nan=False, default=unknown).encode()
        except (TypeError, RecursionError) as error:
            raise ValueError(str(error)) from error


def text_of(value: Any) -> str | None:
    """A name or an id as text: a string as it is, a whole number in digits; else None."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None
