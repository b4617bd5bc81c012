"""The application: what is open, how it looks, which screen is on top."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from wsreplay.tui.config import Config
from wsreplay.tui.data.opened import Opened
from wsreplay.tui.look import Look
from wsreplay.tui.theme import DARK, LIGHT, Palette

SWITCH_INTERVAL_S = 0.001  # a worker that computes hands the interpreter to a waiting key press after this long


class ReplayApp(App[None]):
    """`path` is a recording, or a folder of them. `clock` gives monotonic nanoseconds; tests hold it still."""

    TITLE = "wsreplay"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", id="app.quit", show=False, priority=True),
        Binding("question_mark,f1", "help", "Help", id="app.help", show=False),
        Binding("ctrl+t", "switch_theme", "Dark or light", id="app.theme", show=False),
    ]

    def __init__(
        self,
        path: Path,
        *,
        config: Config | None = None,
        contracts: tuple[str, ...] = (),
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.config = config or Config()
        self.look = Look(Palette.of({}, True), self.config.ascii)
        super().__init__()
        self.path = path
        self.contracts = contracts
        self.clock = clock
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = {"dark": DARK.name, "light": LIGHT.name}.get(self.config.theme, self.config.theme)
        if self.config.ascii:
            self.add_class("-ascii")
        if self.config.keys:
            self.set_keymap(dict(self.config.keys))
        self._look_again()

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, lambda _theme: self._look_again())

    def get_default_screen(self) -> Screen[None]:
        from wsreplay.tui.screens.session import SessionScreen

        return SessionScreen(Opened.open(self.path), None)

    def _look_again(self) -> None:
        self.look = Look(Palette.of(self.theme_variables, self.current_theme.dark), self.config.ascii)

    def action_switch_theme(self) -> None:
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name
