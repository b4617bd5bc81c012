"""Choosing the contract to validate by: a built-in, or a file."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from wsreplay.display import visible
from wsreplay.errors import WsreplayError
from wsreplay.model import NO_CONTRACT
from wsreplay.store.paths import typed_path
from wsreplay.tui.host import Themed
from wsreplay.tui.widgets.error_guard import ErrorGuard
from wsreplay.tui.widgets.plain_input import PlainInput


class ContractPicker(ErrorGuard, Themed, ModalScreen["tuple[str, ...] | None"]):
    """Answers with names of contracts, or None."""

    DEFAULT_CSS = """
    ContractPicker { align: center middle; background: $ws-ground 60%; }
    ContractPicker Vertical { width: 76; max-width: 90%; height: auto; max-height: 80%; padding: 1 2; }
    ContractPicker Vertical { background: $ws-raised; border: $ws-edge $ws-accent; }
    ContractPicker Input.-textual-compact { background: $ws-ground; }
    ContractPicker OptionList { height: auto; max-height: 10; margin: 1 0; border: none; background: transparent; }
    ContractPicker Label { width: 1fr; height: auto; }
    ContractPicker #complaint { color: $ws-warning; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="contract.cancel", show=False),
        Binding("up", "highlight(-1)", "Up", id="contract.up", show=False),
        Binding("down", "highlight(1)", "Down", id="contract.down", show=False),
    ]

    def __init__(self, current: tuple[str, ...]) -> None:
        super().__init__()
        self._current = current
        self._names: list[str] = []

    def compose(self) -> ComposeResult:
        from wsreplay.contract import builtin_names

        names = [*builtin_names(), NO_CONTRACT]
        self._names = [*names, *(name for name in self._current if name not in names)]
        with Vertical():
            yield Label("Validate by one of these, or type the path of a contract", id="question")
            yield OptionList(*(Option(visible(name)) for name in self._names), markup=False, compact=True)
            yield PlainInput(placeholder="./my-contract.yaml", compact=True)
            yield Label("", id="complaint", markup=False)

    def on_mount(self) -> None:
        current = self._current[0] if self._current else None
        self.query_one(OptionList).highlighted = self._names.index(current) if current in self._names else 0
        self.query_one(Input).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._choose(self._names[event.option_index])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """What was typed, else what is highlighted."""
        if event.value:
            self._choose(event.value)
        else:
            self.query_one(OptionList).action_select()

    def action_highlight(self, steps: int) -> None:
        options = self.query_one(OptionList)
        options.highlighted = max(0, min((options.highlighted or 0) + steps, options.option_count - 1))

    def _choose(self, name: str) -> None:
        from wsreplay import contract

        try:
            if name not in (*contract.builtin_names(), NO_CONTRACT):
                name = str(typed_path(name))
            contract.load(name)
        except WsreplayError as error:
            self.query_one("#complaint", Label).update(self.look.own(str(error)))
        else:
            self.dismiss((name,))

    def action_cancel(self) -> None:
        self.dismiss(None)
