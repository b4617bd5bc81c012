"""Values that the fast decoder rounds, or does not reach: read again, exactly, where a rule must compare them.

msgspec reads a number with a fraction as the nearest float, and both decoders go deeper than Python's own recursion allows.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

DEEPEST = 1_024  # levels that orjson reads


Body = bytes | dict[str, Any] | list[Any] | str | int | float | None
"""What an event is read from: the payload of its message, or the document that a decoder has made of it."""


def exact(body: Body) -> Any:
    """The message with its numbers as they were written, as far as that is known, not as the nearest float."""
    return in_depth(lambda text: json.loads(text, parse_float=Decimal), body) if isinstance(body, bytes) else body


def document_of(body: Body) -> Any:
    """The message, decoded whole."""
    return in_depth(msgspec.json.decode, body) if isinstance(body, bytes) else body


def comparable(value: Any) -> str:
    """The same text for the same value."""
    return str(in_depth(lambda whole: json.dumps(whole, sort_keys=True), value))


def is_same(first: Any, second: Any) -> bool:
    """Whether two documents are equal as JSON: members in any order, numbers by value, so that 1 is 1.0 and true is neither
    (JSON Schema, core, section 4.2.2)."""
    return bool(in_depth(lambda other: _is_same(first, other), second))


def _is_same(first: Any, second: Any) -> bool:
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_is_same(value, second[name]) for name, value in first.items())
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(_is_same, first, second))
    return isinstance(first, bool) is isinstance(second, bool) and bool(first == second)


def in_depth(do: Callable[[Any], Any], value: Any) -> Any:
    """Let recursion go as deep as the engine's decoder does, which is deeper than Python allows by itself."""
    try:
        return do(value)
    except RecursionError:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(limit + 2 * DEEPEST)
        try:
            return do(value)
        finally:
            sys.setrecursionlimit(limit)
