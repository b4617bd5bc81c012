"""Messages with a type."""

from __future__ import annotations

import re

import msgspec
import orjson

# The common case, without parsing: `{"type": "name"` at the very start of the message.
_LEADING_TYPE = re.compile(rb'\s*\{\s*"type"\s*:\s*"([^"\\\x00-\x1f]{0,256})"\s*[,}]')
# Such starts that were seen, and the name in them.
_seen: dict[bytes, str] = {}
_SEEN_AT_MOST = 4096
# A longer document is not taken apart for its type: its parts may take twenty times its size.
_LARGE = 2**20


class _Typed(msgspec.Struct):
    type: msgspec.Raw = msgspec.Raw()


_read_typed = msgspec.json.Decoder(_Typed).decode


def event_type(payload: bytes) -> str | None:
    """The value of the top-level `type` of a JSON text message, where it is a string; else None.

    A document that is broken behind a well-formed `type` still has one: what is broken is the validator's business. So is a
    name that stands twice (RFC 8259, section 4): of a leading `type` and a later one this takes the first, a contract the last.
    To look for the later one is to read every message to its end, which costs more than all else done here.
    """
    # Up to the quote behind the name, and one further: within `{"type":"…",` and `{"type": "…",` that is where a start ends.
    name = _seen.get(payload[: payload.find(b'"', 10, 280) + 2])
    if name is not None:
        return name
    if match := _LEADING_TYPE.match(payload):
        return _learn(match)
    if len(payload) > _LARGE:
        return _type_of_large(payload)
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    value = document.get("type") if isinstance(document, dict) else None
    return value if isinstance(value, str) else None


def _type_of_large(payload: bytes) -> str | None:
    try:
        value = bytes(_read_typed(payload).type)
        return orjson.loads(value) if value.startswith(b'"') else None
    except (msgspec.DecodeError, orjson.JSONDecodeError, RecursionError):
        return None


def _learn(match: re.Match[bytes]) -> str | None:
    try:
        name = match[1].decode()
    except UnicodeDecodeError:
        return None
    if len(_seen) >= _SEEN_AT_MOST:
        _seen.clear()
    _seen[match[0]] = name
    return name
