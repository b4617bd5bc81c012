"""Singular paths into a JSON message, as RFC 9535 defines singular queries: `$.a.b`, `$['a'][0]`.

A path names at most one place; it is an absent value where a step does not exist or is null.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

Step = str | int

_STEP = re.compile(
    r"""\.(?P<name>[A-Za-z_\u0080-\U0010ffff][\w\u0080-\U0010ffff]*)
      | \[\s*(?P<index>-?(?:0|[1-9]\d*))\s*\]
      | \[\s*'(?P<single>(?:[^'\\]|\\.)*)'\s*\]
      | \[\s*"(?P<double>(?:[^"\\]|\\.)*)"\s*\]""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)")
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "/": "/", "\\": "\\", "'": "'", '"': '"'}


class PathError(ValueError):
    """Not a singular RFC 9535 path; the message says where it stops being one."""


@dataclass(frozen=True, slots=True)
class Path:
    """`text` as written, `steps` as member names (str) and array indices (int)."""

    text: str
    steps: tuple[Step, ...]

    def find(self, value: Any) -> Any:
        """What stands there, or None."""
        for step in self.steps:
            if isinstance(step, str):
                if not isinstance(value, dict):
                    return None
                value = value.get(step)
            else:
                if not isinstance(value, list) or not -len(value) <= step < len(value):
                    return None
                value = value[step]
            if value is None:
                return None
        return value


def parse(text: str) -> Path:
    """Read a singular path; PathError otherwise."""
    if not text.startswith("$"):
        raise PathError("a path begins with $, such as $.payload.run_id")
    position, steps = 1, list[Step]()
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise PathError(f"not a singular path from character {position + 1} on ({text[position:position + 12]!r}); "
                            "only .name, ['name'] and [index] may follow")
        if match["name"] is not None:
            steps.append(match["name"])
        elif match["index"] is not None:
            steps.append(int(match["index"]))
        else:
            steps.append(_unescape(match["single"] if match["single"] is not None else match["double"]))
        position = match.end()
    return Path(text, tuple(steps))


def _unescape(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        code = match[1]
        if code.startswith("u") and len(code) == 5:
            return chr(int(code[1:], 16))
        if code not in _ESCAPED:
            raise PathError(f"unknown escape \\{code} in a path")
        return _ESCAPED[code]

    return _ESCAPE.sub(one, text)
