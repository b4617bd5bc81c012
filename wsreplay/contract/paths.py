"""The singular paths of a contract: where in a message a key, a time or a number stands (RFC 9535, section 2.3.5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wsreplay.trace import paths


class PathError(ValueError):
    """Not a singular path; the message says where it stops being one."""


@dataclass(frozen=True, slots=True)
class Path:
    """`text` as written, `steps` as member names (str) and array indices (int)."""

    text: str
    steps: paths.Path

    def find(self, value: Any) -> Any:
        """What stands there; None where nothing does, or a null."""
        found = paths.get(value, self.steps)
        return None if found is paths.MISSING else found


def parse(text: str) -> Path:
    """Read a singular path; PathError otherwise."""
    try:
        return Path(text, paths.parse(text))
    except ValueError as error:
        raise PathError(str(error)) from error
