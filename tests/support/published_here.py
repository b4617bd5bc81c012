"""A task done in the test itself, and what it publishes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class PublishedHere:
    """A job's context for a task that is done here and now: keeps what it publishes."""

    cancelled = False

    def __init__(self) -> None:
        self.values: list[Any] = []

    def publish(self, value: Any) -> None:
        self.values.append(value)

    def interrupt_by(self, interrupt: Callable[[], object] | None) -> None:
        """Nobody interrupts it."""
