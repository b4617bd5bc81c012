"""Messages with a type."""

from __future__ import annotations

import re
from functools import lru_cache

import orjson

# The common case, without parsing: `{"type": "name"` at the very start of the message.
_LEADING_TYPE = re.compile(rb'\s*\{\s*"type"\s*:\s*"([^"\\\x00-\x1f]{0,256})"\s*[,}]')


def event_type(payload: bytes) -> str | None:
    """The value of the top-level `type` of a JSON text message, where it is a string; else None.

    A document that is broken behind a well-formed `type` still has one: what is broken is the validator's business.
    """
    if match := _LEADING_TYPE.match(payload):
        return _decoded(match[1])
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    value = document.get("type") if isinstance(document, dict) else None
    return value if isinstance(value, str) else None


@lru_cache(maxsize=4096)
def _decoded(name: bytes) -> str | None:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return None
