"""The application: its state, how it looks, and what it tells its screens."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple, cast

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.filter import LineFilter
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.timer import Timer

from wsreplay.errors import UsageError, WsreplayError
from wsreplay.trace.decoder_choices import AS_RECORDED, ReadAs
from wsreplay.tui.config import Config
from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.look.theme import DARK, LIGHT, Palette, PlainPalette, variables_for
from wsreplay.tui.navigation import NavigatingApp
from wsreplay.tui.recording.clock import ClockForm
from wsreplay.tui.recording.growth import Growth, Misses
from wsreplay.tui.recording.open_recording import OpenRecording
from wsreplay.tui.screens.base import BaseScreen
from wsreplay.tui.terminal import TOLD, TerminalGuard
from wsreplay.tui.user_state import UserState
from wsreplay.tui.validation.validation import Validation

if TYPE_CHECKING:
    from wsreplay.tui.host import Host
    from wsreplay.tui.jobs.child_process import ChildProcesses
    from wsreplay.tui.jobs.jobs import Jobs
    from wsreplay.tui.jobs.task import Task

SWITCH_INTERVAL_S = 0.001  # a worker that computes hands the interpreter to a waiting key press after this long
POLL_S = 0.12
WATCH_S = 1.0
_PALETTE_CSS = Path(__file__).with_name("palette.tcss").absolute()
_OBVIOUS = {"list", "detail", "app.focus_next", "app.focus_previous"}  # what moves about: nobody looks for `Down`
_NOTICE_STYLES: dict[SeverityLevel, str] = {"information": "strong", "warning": "warning", "error": "error"}


class FootNotice(NamedTuple):
    """What is said for a moment; an answer to a key until the next one."""

    title: str
    message: str
    severity: SeverityLevel
    is_answer: bool

    @property
    def words(self) -> str:
        return f"{self.title}: {self.message}" if self.title else self.message


class ReplayApp(NavigatingApp, App[None]):
    """`path` is a recording, or a folder of them; `session` is the number of one to begin at.

    `clock` gives monotonic nanoseconds; tests hold it still. `validating` says whether recordings are validated as they are
    opened; `contracts` by which, and without any by what fits; `read_as` how they are read. `guard` ends
    the program with its terminal; `user_state` is what is remembered from one time to the next. Raises UsageError for a theme
    that does not exist.
    """

    TITLE = "wsreplay"
    NOTIFICATION_TIMEOUT = 8  # seconds: some say where a file is
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
        validating: bool = True,
        while_open: int | None = None,
        read_as: ReadAs = AS_RECORDED,
        guard: TerminalGuard | None = None,
        user_state: UserState | None = None,
    ) -> None:
        self.config = config or Config()
        self.user_state = user_state or UserState()
        # Whether there are colours: Textual asks for them before.
        self._has_themes = False
        self.look = Appearance(Palette.of({}, True), self.config.ascii, self.config.keys)
        super().__init__()
        self.path = path
        self.begin_at = session
        self.read_as = read_as
        self.clock = clock
        self.clock_form = ClockForm.RECORDING
        self.validates = validating
        self._while_open = while_open
        self._guard = guard
        self.growth = Growth()
        self.misses = Misses()
        # What is said for a moment, on which screen, and what ends that.
        self.notice: FootNotice | None = None
        self._noticed_on: BaseScreen | None = None
        self._notice_timer: Timer | None = None
        self.validation = Validation(self, contracts)
        # Counts the changes of the verdict.
        self.verdict_revision = 0
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self._has_themes = True  # from here on
        # Set without its watcher, which would parse every style sheet once more.
        self.set_reactive(ReplayApp.theme, self._first_theme())
        self.stylesheet.set_variables(self.get_css_variables())
        self._look_again()
        if self.config.keys:
            self.set_keymap(dict(self.config.keys))

    @cached_property
    def processes(self) -> ChildProcesses:
        from wsreplay.tui.jobs.child_process import ChildProcesses  # the first rows do without

        return ChildProcesses()

    @cached_property
    def jobs(self) -> Jobs:
        from wsreplay.tui.jobs.jobs import Jobs

        return Jobs(self, lambda: self.processes, lambda _name, _why: None)

    def on_mount(self) -> None:
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            # Who ends it gets a terminal that is in order; one that was closed cannot be put in order.
            if self._guard is not None:
                self._guard.handle_signals(lambda: self.exit(return_code=TOLD))
            if self._while_open is not None:
                loop.add_reader(self._while_open, self._end_alone, self._while_open)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self.app_resume_signal.subscribe(self, lambda _app: self.refresh(layout=True))  # the terminal has forgotten all
        self.app_resume_signal.subscribe(self, lambda _app: self._resumed(), immediate=True)
        self.theme_changed_signal.subscribe(self, lambda theme: self._take_theme(theme.name))
        self.call_after_refresh(self._begin)

    def _resumed(self) -> None:
        for screen in self.replay_screens:
            screen.resumed()

    def _end_alone(self, pipe: int) -> None:
        """Who shows this was killed: a shell has the terminal now."""
        asyncio.get_running_loop().remove_reader(pipe)
        self.exit(message="the recorder that showed this was killed")

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

    def notify(
        self, message: str, *, title: str = "", severity: SeverityLevel = "information", timeout: float | None = None,
        markup: bool = True,
    ) -> None:  # fmt: skip
        """In the last line of the screen that is shown now, in place of what was said before; Textual's toasts cover rows."""
        self.clear_notifications()
        self.notice = FootNotice(title, message, severity, self.is_handling_key)
        self._noticed_on = next(iter(reversed(list(self.replay_screens))), None)
        if self._noticed_on is not None:
            self._noticed_on.say_for_now(self.notice.words, _NOTICE_STYLES[severity])
        self._notice_timer = self.set_timer(self.NOTIFICATION_TIMEOUT if timeout is None else timeout, self.clear_notifications)

    def key_comes(self) -> None:
        if self.notice is not None and self.notice.is_answer:
            self.clear_notifications()

    def clear_notifications(self) -> None:
        """Say again what stands there else."""
        if self._notice_timer is not None:
            self._notice_timer.stop()
        if self._noticed_on is not None:
            self._noticed_on.say_for_now("", "text")
        self.notice = self._notice_timer = self._noticed_on = None

    def report_error(self, error: WsreplayError) -> None:
        """Something could not be read in answer to a key or a message."""
        self.notify(self.look.own(str(error)), title="this cannot be read now", severity="error", markup=False)

    async def on_unmount(self) -> None:
        self.close_recording()
        await self.processes.stop()

    # What the screen in sight is told; those that it covers catch up when they are seen again.

    def verdict_changed(self) -> None:
        self.verdict_revision += 1
        for screen in self.replay_screens[-1:]:
            screen.catch_up()

    # A recording that grows.

    def poll(self) -> None:
        """Look whether a recorder wrote more."""
        recording, misses = self.recording, self.misses
        if recording is None or not (recording.live or misses.any) or not misses.is_due(self.clock()):
            return
        try:
            self._take_in(recording)
        except WsreplayError as error:
            if misses.missed(self.clock()):
                why = self.look.own(str(error))
                self.notify(why, title="the recording cannot be followed now", severity="error", markup=False)
        else:
            misses.passed()

    def _take_in(self, recording: OpenRecording) -> None:
        """What the recording has more, and what a poll that missed may have left out."""
        reader = recording.reader
        live, last_id, reached_ns = reader.live, reader.last_id(), reader.reached_ns()
        changed = self.growth.poll(self.clock(), live=live, last_id=last_id, reached_ns=reached_ns) or self.misses.any
        if changed:
            recording.refresh()
        for screen in self.replay_screens:
            if changed:
                screen.recording_grew(last_id)
            screen.clock_ticked()

    def write_file(self, out: Path, task: Task) -> None:
        """Have a task write a file, and say whether it could; the screen that asks for it may be left meanwhile."""

        def say_written(paths: Sequence[Path]) -> None:
            self.notify(self.look.own(" and ".join(map(str, paths))), title="written", markup=False)

        def say_why_not(why: str) -> None:
            self.notify(self.look.own(why), title="not written", severity="error", markup=False)

        self.jobs.run_in_process(f"writing {out}", task, say_written, say_why_not)

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
        plain = {"ws-edge": "ascii", "ws-rule": "ascii", "ws-bar": "0"}
        drawn = {"ws-edge": "round", "ws-rule": "hkey", "ws-bar": "1"}
        return {**(plain if self.config.ascii else drawn), **variables_for(self.current_theme)}

    def _theme_named(self, name: str) -> str:
        """Raises UsageError."""
        ours = {"dark": DARK.name, "light": LIGHT.name}
        if name not in ours and name not in self.available_themes:
            raise UsageError(f"there is no theme {name!r}; there are {', '.join([*ours, *sorted(self.available_themes)])}")
        return ours.get(name, name)

    def _first_theme(self) -> str:
        """That of the configuration, else the one that was chosen last, if it is still there. Raises UsageError."""
        remembered = self.user_state.theme
        if self.config.theme or remembered not in self.available_themes:
            return self._theme_named(self.config.theme or "dark")
        return remembered

    def _take_theme(self, name: str) -> None:
        """The user chose another."""
        self.user_state.keep_theme(name)
        self._look_again()

    def _look_again(self) -> None:
        palette = PlainPalette() if self.no_color else Palette.of(self.theme_variables, self.current_theme.dark)
        self.look = Appearance(palette, self.config.ascii, self.config.keys)
        for screen in self.replay_screens if self.is_running else ():
            screen.looks_changed()

    def turn_clock(self) -> None:
        """Write times in the next form, on all screens."""
        self.clock_form = self.clock_form.next()
        for screen in self.replay_screens:
            screen.looks_changed()
        self.notify(f"Clock: {self.clock_form}.")

    def action_switch_theme(self) -> None:
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name

    def action_command_palette(self) -> None:
        from textual.command import CommandPalette

        if not CommandPalette.is_open(cast("App[object]", self)):
            if not self.stylesheet.has_source(str(_PALETTE_CSS)):
                self.stylesheet.read(_PALETTE_CSS)  # the first rows do without
            self.push_screen(CommandPalette(id="--command-palette", placeholder=self.look.own("Search for commands…")))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the command palette offers: every binding of the screen by its description, but for moving about."""
        seen: set[str] = set()
        for node, binding, enabled, tooltip in screen.active_bindings.values():
            is_obvious = str(binding.id).partition(".")[0] in _OBVIOUS or binding.action in _OBVIOUS
            if enabled and binding.description and binding.description not in seen and not is_obvious:
                seen.add(binding.description)
                keys = self.get_key_display(binding)
                run = partial(self.run_action, binding.action, node)
                yield SystemCommand(binding.description, self.look.own(tooltip or f"key {keys}"), run)
        yield SystemCommand("Change theme", "any theme of Textual", self.action_change_theme)


if TYPE_CHECKING:
    # What screens and widgets know it as.
    _HOST: type[Host] = ReplayApp
