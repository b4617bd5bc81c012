"""What the parts of a screen ask of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from wsreplay.tui.look import Look

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel


class Host(Protocol):
    """A screen."""

    @property
    def look(self) -> Look: ...
    def notify(
        self, message: str, *, title: str = "", severity: SeverityLevel = "information", markup: bool = True
    ) -> None: ...
