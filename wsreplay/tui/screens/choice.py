"""A question with a few answers to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from wsreplay.tui.hosted import Themed
from wsreplay.tui.widgets.error_guard import ErrorGuard


class ChoiceScreen(ErrorGuard, Themed, ModalScreen["int | None"]):
    """Answers with the place of what was chosen, from 0, or None where the user gave up. `answers` are names with words
    on each."""

    DEFAULT_CSS = """
    ChoiceScreen { align: center middle; background: $ws-ground 60%; }
    ChoiceScreen Vertical { width: 76; max-width: 95%; height: auto; max-height: 90%; padding: 1 2; }
    ChoiceScreen Vertical { background: $ws-raised; border: $ws-edge $ws-accent; }
    ChoiceScreen OptionList { height: auto; margin-top: 1; border: none; background: transparent; }
    ChoiceScreen Label { width: 1fr; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "cancel", "Cancel", id="choice.cancel", show=False),
        Binding("down,j", "highlight(1)", "Next answer", id="choice.down", show=False),
        Binding("up,k", "highlight(-1)", "Previous answer", id="choice.up", show=False),
        *[Binding(str(n), f"answer({n - 1})", f"Answer {n}", id=f"choice.answer_{n}", show=False) for n in range(1, 10)],
    ]

    def __init__(self, question: str, answers: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._question, self._answers = question, answers

    def compose(self) -> ComposeResult:
        width = max(len(name) for name, _ in self._answers)
        with Vertical():
            yield Label(self._question, id="question", markup=False)
            lines = (f"{number}  {name:<{width}}  {words}" for number, (name, words) in enumerate(self._answers, 1))
            yield OptionList(*(Option(self.look.own(line)) for line in lines), markup=False, compact=True)

    def on_mount(self) -> None:
        options = self.query_one(OptionList)
        options.highlighted = 0
        options.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_index)

    def action_highlight(self, steps: int) -> None:
        options = self.query_one(OptionList)
        options.highlighted = max(0, min((options.highlighted or 0) + steps, options.option_count - 1))

    def action_answer(self, place: int) -> None:
        if place < len(self._answers):
            self.dismiss(place)

    def action_cancel(self) -> None:
        self.dismiss(None)
