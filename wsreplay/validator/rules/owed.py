"""What must still come, until it has come or its time is up."""

from __future__ import annotations

from collections import deque
from typing import TypeVar

from msgspec import Struct


class Owed(Struct, eq=False, kw_only=True):
    """Something that a rule waits for."""

    # it has come, or nothing more is awaited
    done: bool = False
    # the place of the finding that its deadline made; None before
    overdue_finding: int | None = None

    def settle(self) -> None:
        """Nothing more is awaited."""
        self.done = True

    def pass_deadline(self, finding: int) -> None:
        """Its deadline made this finding."""
        self.overdue_finding = finding


Awaited = TypeVar("Awaited", bound=Owed)


def first_owed(queue: deque[Awaited]) -> Awaited | None:
    """The first that is awaited still; those before it are taken off."""
    while queue and queue[0].done:
        queue.popleft()
    return queue[0] if queue else None
