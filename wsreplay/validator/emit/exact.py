"""Values that the fast decoder rounds, or does not reach: read again, exactly, where a rule must compare them.

msgspec reads a number with a fraction as the nearest float, and both decoders go deeper than Python's own recursion allows.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

DEEPEST = 1_024  # levels that orjson reads


def exact(payload: bytes) -> Any:
    """The message with its numbers as they were written, not as the nearest float."""
    return in_depth(lambda text: json.loads(text, parse_float=Decimal), payload)


def comparable(value: Any) -> str:
    """The same text for the same value."""
    return str(in_depth(lambda whole: json.dumps(whole, sort_keys=True), value))


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
