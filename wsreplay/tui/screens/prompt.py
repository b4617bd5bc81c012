"""A question with one line for the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from wsreplay.tui.hosted import Themed
from wsreplay.tui.widgets.error_guard import ErrorGuard
from wsreplay.tui.widgets.plain_input import PlainInput


class Prompt(ErrorGuard, Themed, ModalScreen["str | None"]):
    """Answers with the text, or None where the user gave up. `check` says what is wrong with an answer, or None."""

    DEFAULT_CSS = """
    Prompt { align: center middle; background: $ws-ground 60%; }
    Prompt Vertical { width: 76; max-width: 90%; height: auto; padding: 1 2; }
    Prompt Label { width: 1fr; height: auto; }
    Prompt Vertical { background: $ws-raised; border: $ws-edge $ws-accent; }
    Prompt Input.-textual-compact { background: $ws-ground; }
    Prompt Input { margin-top: 1; }
    Prompt #complaint { color: $ws-warning; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", id="prompt.cancel", show=False)]

    def __init__(
        self, question: str, hint: str = "", *, value: str = "", check: Callable[[str], str | None] | None = None
    ) -> None:
        super().__init__()
        self._question, self._hint, self._value, self._check = question, hint, value, check

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(self._question, id="question", markup=False)
            yield PlainInput(self._value, placeholder=self._hint, compact=True)
            yield Label("", id="complaint", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        complaint = self._check(event.value) if self._check else None
        if complaint:
            self.query_one("#complaint", Label).update(self.look.own(complaint))
        else:
            self.dismiss(event.value)

    def action_cancel(self) -> None:
        self.dismiss(None)
