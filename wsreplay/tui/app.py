"""The application: what is open, what the validator says of it, how it looks, which screen is on top."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar, cast

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.filter import LineFilter
from textual.notifications import SeverityLevel
from textual.screen import Screen

from wsreplay.errors import UsageError, WsreplayError
from wsreplay.model import Session
from wsreplay.store.checkpoint import settle
from wsreplay.trace.sessions import there_are
from wsreplay.tui.config import Config
from wsreplay.tui.look.look import Look
from wsreplay.tui.look.theme import DARK, LIGHT, Palette, PlainPalette, variables_for
from wsreplay.tui.messages import Written
from wsreplay.tui.recording.growth import Growth, Misses
from wsreplay.tui.recording.open_recording import Opened
from wsreplay.tui.screens.base import BaseScreen
from wsreplay.tui.validation.validation import Validation
from wsreplay.tui.validation.verdict import Verdict
from wsreplay.tui.widgets.guarded import Unbroken

SWITCH_INTERVAL_S = 0.001  # a worker that computes hands the interpreter to a waiting key press after this long
POLL_S = 0.12
WATCH_S = 1.0
DEFAULT_FOLDER = Path("recordings")


class ReplayApp(Unbroken, App[None]):
    """`path` is a recording, or a folder of them; `session` is the number of one to begin at.

    `clock` gives monotonic nanoseconds; tests hold it still. `judging` says whether recordings are validated as they are
    opened; `contracts` by which, and without any by what fits. Raises UsageError for a theme that does not exist.
    """

    TITLE = "wsreplay"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", id="app.quit", show=False, priority=True),
        Binding("question_mark,f1", "help", "Help", id="app.help", show=False),
        Binding("ctrl+z", "suspend_process", "Suspend", id="app.suspend", show=False),
        Binding("ctrl+t", "switch_theme", "Dark or light", id="app.theme", show=False),
    ]

    def __init__(
        self,
        path: Path,
        *,
        session: int | None = None,
        config: Config | None = None,
        contracts: tuple[str, ...] = (),
        clock: Callable[[], int] = time.monotonic_ns,
        judging: bool = True,
        while_open: int | None = None,
    ) -> None:
        self.config = config or Config()
        self._has_themes = False
        self.look = Look(Palette.of({}, True), self.config.ascii, self.config.keys)
        super().__init__()
        self.path = path
        self.begin_at = session
        self.clock = clock
        self.judging = judging
        self._while_open = while_open
        self.opened: Opened | None = None
        self.growth = Growth()
        self._misses = Misses()
        self.validation = Validation(self, contracts, self.call_later)
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self._has_themes = True
        # Set without its watcher, which would parse every style sheet once more.
        self.set_reactive(ReplayApp.theme, self._theme_named(self.config.theme))
        self.stylesheet.set_variables(self.get_css_variables())
        self._look_again()
        if self.config.keys:
            self.set_keymap(dict(self.config.keys))

    # Opening.

    def open(self) -> None:
        """Open the recording before the terminal is taken over, so that an error is said in it. Raises WsreplayError."""
        if self.is_folder:
            if self.begin_at is not None:
                raise UsageError(f"{self.path} is a folder: session {self.begin_at} of which recording?")
            return
        self.opened = Opened.open(self.path)
        if self.begin_at is not None and self.opened.session(self.begin_at) is None:
            raise UsageError(f"{self.path} has no session {self.begin_at}: {there_are(self.opened.sessions)}")

    @property
    def is_folder(self) -> bool:
        return self.path.is_dir() or self.path == DEFAULT_FOLDER

    def get_default_screen(self) -> Screen[None]:
        if self.is_folder:
            from wsreplay.tui.browse.recordings import RecordingsScreen

            return RecordingsScreen(self.path)
        return self._first_screen_of(self.opened or Opened.open(self.path))

    def _first_screen_of(self, opened: Opened) -> Screen[None]:
        """Where to begin in a recording, which is the one that is open as soon as there is such a screen."""
        chosen = opened.session(self.begin_at)
        if len(opened.sessions) == 1 and not opened.live:
            chosen = opened.sessions[0]
        if chosen is not None or opened.live:
            from wsreplay.tui.session.screen import SessionScreen

            screen: BaseScreen = SessionScreen(opened, chosen)
        else:
            from wsreplay.tui.browse.sessions import SessionsScreen

            screen = SessionsScreen(opened)
        self.opened = opened
        return screen

    def on_mount(self) -> None:
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            # Who ends it gets a terminal that is in order; one that was closed cannot be put in order.
            loop.add_signal_handler(signal.SIGTERM, self._end)
            loop.add_signal_handler(signal.SIGHUP, self._end_at_once)
            if self._while_open is not None:
                loop.add_reader(self._while_open, self._end_alone, self._while_open)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self.app_resume_signal.subscribe(self, lambda _app: self.refresh(layout=True))  # the terminal has forgotten all
        self.app_resume_signal.subscribe(self, lambda _app: self._resumed(), immediate=True)
        self.theme_changed_signal.subscribe(self, lambda _theme: self._look_again())
        self.call_after_refresh(self._begin)

    def _resumed(self) -> None:
        for screen in self._screens():
            screen.resumed()

    def _end(self) -> None:
        """In order; at once where that is asked for again: a terminal that takes nothing keeps the former waiting."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._end_at_once)
        self.exit(return_code=128 + signal.SIGTERM)

    def _end_alone(self, pipe: int) -> None:
        """Who shows this was killed: a shell has the terminal now."""
        asyncio.get_running_loop().remove_reader(pipe)
        self.exit(message="the recorder that showed this was killed")

    def _end_at_once(self) -> None:
        self.validation.stop()
        os._exit(128 + signal.SIGHUP)

    def _begin(self) -> None:
        """What can wait until the first rows are on the screen."""
        if not gc.isenabled():
            gc.freeze()
        gc.enable()
        if self.config.keys:
            self.call_later(self._check_keys)
        self.set_interval(WATCH_S, self.validation.watch)
        self.set_interval(POLL_S, self.poll)
        self.begin_recording()

    def _check_keys(self) -> None:
        """Say what is wrong with the keys that the user has given."""
        from wsreplay.tui.bindings import mistakes

        if wrong := mistakes(self.config.keys):
            self.notify(self.look.own("; ".join(wrong)), title="keys in your configuration", severity="warning", markup=False)

    def begin_recording(self) -> None:
        """A recording was opened: judge it."""
        if self.opened is not None:
            self.growth, self._misses = Growth(), Misses()
            if warning := self.opened.reader.warning:
                self.notify(self.look.own(warning), title="not all of it", severity="warning", markup=False)
            self.poll()
            if self.judging:
                self.validation.begin()

    def open_recording(self, path: Path) -> None:
        """Open a recording from the list of recordings; nothing where one is open: the key was pressed twice."""
        if self.opened is not None:
            return
        opened = None
        try:
            opened = Opened.open(path)
            screen = self._first_screen_of(opened)
        except WsreplayError as error:
            if opened is not None:
                opened.close()
            self.notify(self.look.own(str(error)), title="cannot be opened", severity="error", markup=False)
            return
        self.push_screen(screen)
        self.call_after_refresh(self.begin_recording)

    def notify(
        self, message: str, *, title: str = "", severity: SeverityLevel = "information", timeout: float | None = None,
        markup: bool = True,
    ) -> None:  # fmt: skip
        """In place of what was said before: two would hide what they speak of."""
        self.clear_notifications()
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def say_trouble(self, error: WsreplayError) -> None:
        """Something could not be read in answer to a key or a message."""
        self.notify(self.look.own(str(error)), title="this cannot be read now", severity="error", markup=False)

    def close_recording(self) -> None:
        self.validation.stop()
        if self.opened is not None:
            self.opened.close()
            if self.growth.was_live and not self.growth.live:
                settle(self.opened.path)
            self.opened = None

    def go_back(self, *, out: bool = True) -> None:
        """To the screen below; from a session to the list of sessions; from that to the recordings, or `out`."""
        from wsreplay.tui.browse.sessions import SessionsScreen
        from wsreplay.tui.findings.screen import FindingsScreen
        from wsreplay.tui.session.screen import SessionScreen

        top = self.screen
        below = self.screen_stack[-2] if len(self.screen_stack) > 1 else None
        leads_there = isinstance(below, SessionsScreen | FindingsScreen)
        if isinstance(top, SessionScreen) and not leads_there and self.opened is not None:
            # The very first screen cannot be switched: Textual has no callback for its result.
            go = self.push_screen if below is None else self.switch_screen
            go(SessionsScreen(self.opened, at=top.rows.number))
        elif below is not None and not (isinstance(top, SessionsScreen) and isinstance(below, SessionScreen)):
            if isinstance(top, SessionsScreen):
                self.close_recording()
            self.pop_screen()
        elif out:
            self.exit()
        else:
            self.notify(f"{self.look.key('app.quit')} quits")

    def on_unmount(self) -> None:
        self.close_recording()

    # The validator.

    @property
    def verdict(self) -> Verdict:
        return self.validation.verdict

    @property
    def contracts(self) -> tuple[str, ...]:
        """Those that the user asked for."""
        return self.validation.contracts

    @property
    def judged_by(self) -> tuple[str, ...]:
        return self.validation.judged_by

    def choose_contract(self) -> None:
        from wsreplay.tui.screens.contracts import ContractPicker

        def chosen(names: tuple[str, ...] | None) -> None:
            if names:
                self.validation.again(names)

        self.push_screen(ContractPicker(self.judged_by), chosen)

    def verdict_changed(self) -> None:
        for screen in self._screens():
            screen.verdict_changed()

    def choose_diff(self, session: Session | None) -> None:
        """Ask what to compare a session with, and compare."""
        from wsreplay.tui.diff.screen import DiffScreen, parse_side
        from wsreplay.validator.select import DEFAULT_CONTRACT

        opened = self.opened
        if opened is None or session is None:
            self.notify("open one session first", title="nothing to compare")
            return
        path, number = opened.path, session.id

        def complaint(text: str) -> str | None:
            try:
                parse_side(text, path)
            except WsreplayError as error:
                return str(error)
            return None

        def compare_with(text: str) -> None:
            contract = next(iter(self.judged_by), DEFAULT_CONTRACT)
            self.push_screen(DiffScreen((path, number), parse_side(text, path), contract, opened.clerk))

        hint = "a session's number, FILE or FILE#SESSION"
        cast("BaseScreen", self.screen).ask(f"Compare session {number} with", hint, compare_with, check=complaint)

    def _screens(self) -> Iterable[BaseScreen]:
        return [screen for screen in self.screen_stack if isinstance(screen, BaseScreen)]

    # A recording that grows.

    def poll(self) -> None:
        """Look whether a recorder wrote more."""
        opened, misses = self.opened, self._misses
        if opened is None or not (opened.live or misses.any) or not misses.is_due(self.clock()):
            return
        try:
            self._take_in(opened)
        except WsreplayError as error:
            if misses.missed(self.clock()):
                why = self.look.own(str(error))
                self.notify(why, title="the recording cannot be followed now", severity="error", markup=False)
        else:
            misses.passed()

    def _take_in(self, opened: Opened) -> None:
        """What the recording has more, and what a poll that missed may have left out."""
        reader = opened.reader
        live, last_id, reached_ns = reader.live, reader.last_id(), reader.reached_ns()
        changed = self.growth.poll(self.clock(), live=live, last_id=last_id, reached_ns=reached_ns) or self._misses.any
        if changed:
            opened.refresh()
        for screen in self._screens():
            if changed:
                screen.recording_grew(last_id)
            screen.clock_ticked()

    def on_written(self, message: Written) -> None:
        """A screen had something written to a file; it may be left by now."""
        if message.why is None:
            self.notify(self.look.own(str(message.out)), title="written", markup=False)
        else:
            self.notify(self.look.own(message.why), title="not written", severity="error", markup=False)

    # Looks, help, palette.

    def get_css_variables(self) -> dict[str, str]:
        """Of the theme; none before ours are known, which takes as long as a screenful of rows."""
        return super().get_css_variables() if self._has_themes else {}

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's own for NO_COLOR leaves shades of grey, on a ground of its own."""
        if not self.no_color:
            return super().get_line_filters()
        from wsreplay.tui.look.colourless import Colourless

        return [Colourless(Color.parse(self.theme_variables["background"]))]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        plain = {"ws-edge": "ascii", "ws-toast": "ascii", "ws-rule": "ascii", "ws-bar": "0"}
        drawn = {"ws-edge": "round", "ws-toast": "outer", "ws-rule": "hkey", "ws-bar": "1"}
        return {**(plain if self.config.ascii else drawn), **variables_for(self.current_theme)}

    def _theme_named(self, name: str) -> str:
        """Raises UsageError."""
        ours = {"dark": DARK.name, "light": LIGHT.name}
        if name not in ours and name not in self.available_themes:
            raise UsageError(f"there is no theme {name!r}; there are {', '.join([*ours, *sorted(self.available_themes)])}")
        return ours.get(name, name)

    def _look_again(self) -> None:
        palette = PlainPalette() if self.no_color else Palette.of(self.theme_variables, self.current_theme.dark)
        self.look = Look(palette, self.config.ascii, self.config.keys)
        for screen in self._screens() if self.is_running else ():
            screen.looks_changed()

    def action_switch_theme(self) -> None:
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name

    def action_command_palette(self) -> None:
        from textual.command import CommandPalette

        if not CommandPalette.is_open(cast("App[object]", self)):
            self.push_screen(CommandPalette(id="--command-palette", placeholder=self.look.own("Search for commands…")))

    def action_help(self) -> None:
        from wsreplay.tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the command palette offers: every binding of the screen, by its description."""
        seen: set[str] = set()
        for node, binding, enabled, tooltip in screen.active_bindings.values():
            if enabled and binding.description and binding.description not in seen:
                seen.add(binding.description)
                keys = self.get_key_display(binding)
                run = partial(self.run_action, binding.action, node)
                yield SystemCommand(binding.description, self.look.own(tooltip or f"key {keys}"), run)
        yield SystemCommand("Change theme", "any theme of Textual", self.action_change_theme)
