"""What the parts of a screen ask of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from wsreplay.tui.look.look import Look

if TYPE_CHECKING:
    from textual.app import App
    from textual.notifications import SeverityLevel


class Host(Protocol):
    """A screen."""

    @property
    def app(self) -> App[Any]: ...
    @property
    def look(self) -> Look: ...
    def notify(
        self, message: str, *, title: str = "", severity: SeverityLevel = "information", markup: bool = True
    ) -> None: ...
    def ask(
        self, question: str, hint: str, answer: Callable[[str], object], *, value: str = "",
        check: Callable[[str], str | None] | None = None,
    ) -> None: ...  # fmt: skip
