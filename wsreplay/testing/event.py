"""Events as tests read them: the JSON object that a message holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson


def event_of(message: str | bytes) -> Mapping[str, Any] | None:
    """The JSON object that a message holds; None where it holds no such thing."""
    try:
        value = orjson.loads(message)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


class HasEvent:
    """What carries an `event`: its type, and its members by `has_event["name"]`."""

    __slots__ = ()
    event: Mapping[str, Any]

    @property
    def type(self) -> str | None:
        """The text at `type`, if there is one."""
        kind = self.event.get("type")
        return kind if isinstance(kind, str) else None

    def __getitem__(self, name: str) -> Any:
        """A member of the event. Raises KeyError."""
        return self.event[name]
