"""The singular paths of a contract: where in a message a key, a time or a number stands (RFC 9535, section 2.3.5.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from wsreplay.trace import jsonpath as paths

_UNREADABLE = re.compile(r'["\\\x00-\x1f]')  # in a member's name: what the decoder takes none of


class PathError(ValueError):
    """Not a singular path; the message says where it stops being one."""


@dataclass(frozen=True, slots=True)
class Path:
    """`text` as written, `steps` as member names (str) and array indices (int)."""

    text: str
    steps: paths.Path

    def find(self, value: Any) -> Any:
        """What stands there; None where nothing does, or a null."""
        there = paths.get(value, self.steps)
        return None if there is paths.MISSING else there


def of_steps(steps: paths.Path) -> Path:
    """The path of these steps."""
    return Path(paths.show(steps), steps)


def parse(text: str) -> Path:
    """Read a singular path; PathError otherwise."""
    try:
        steps = paths.parse(text)
    except ValueError as error:
        raise PathError(str(error)) from error
    if any(isinstance(step, str) and _UNREADABLE.search(step) for step in steps):
        raise PathError("a member whose name holds a quote, a backslash or a control character cannot be read")
    return Path(text, steps)
