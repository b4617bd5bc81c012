"""Keys of slices: values of messages, and what stands in where a message has none."""

from __future__ import annotations

from typing import Any


class Token:
    """A key's value that no message can carry: a connection or a session standing in for an id."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


class Anonymous(Token):
    """The key of an instance that was started without one: it is found by its other key."""

    __slots__ = ("values",)

    def __init__(self, values: Any) -> None:
        super().__init__(str(values))
        self.values = values


def values_of(key: Any) -> tuple[Any, ...]:
    """Those of a key, one a name."""
    return key if key.__class__ is tuple else (key,)


def innermost(key: Any) -> Any:
    """What tells an instance from others within the same outer keys."""
    return key[-1] if key.__class__ is tuple else key


def names_nothing(key: Any) -> bool:
    """Whether an event has no id of what it is part of, so that the connection stands for it."""
    return all(value.__class__ is Token for value in values_of(key))
