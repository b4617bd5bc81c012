"""What all screens have in common: the application's state at hand, jobs that end with the screen, a smallest size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from wsreplay.tui.hosted import Themed
from wsreplay.tui.widgets.error_guard import ErrorGuard
from wsreplay.tui.widgets.ground import ground_lines
from wsreplay.tui.widgets.row_list import RowList
from wsreplay.tui.widgets.status_line import StatusLine
from wsreplay.units import count_text

if TYPE_CHECKING:
    from wsreplay.tui.jobs.jobs import RecordingJobs

SMALLEST = (60, 12)
WIDE = 100  # columns, in which a list and its detail stand side by side


class BaseScreen(ErrorGuard, Themed, Screen[None]):
    """A screen of the application. The application tells it what changed; a screen that does not care does nothing."""

    DEFAULT_CSS = """
    BaseScreen { background: $ws-ground; color: $ws-text; layout: vertical; }
    BaseScreen.-too-small > * { display: none; }
    BaseScreen.-too-small > TooSmall { display: block; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 -- Textual declares it as of the instance
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "back", "Back", id="screen.back", show=False),
        Binding("escape", "escape", "Clear, then back", id="screen.escape", show=False),
        Binding("R", "validate", "Validate again", id="screen.validate", show=False),
        Binding("t", "turn_clock", "Change the clock", id="screen.clock", show=False),
        Binding("c", "choose_contract", "Validate with another contract", id="screen.contract", show=False),
    ]

    # The widget that had the focus before the terminal got too small.
    _had_focus: Widget | None = None
    # Whether there was room for the list or its detail only.
    _was_narrow = False
    # Which verdict it shows.
    _verdict_revision = 0

    def __init__(self) -> None:
        super().__init__()
        # Textual says it too, once the screen has been painted: then all would be laid out and painted a second time.
        self.set_class(True, "-wide" if self.app.size.width >= WIDE else "-narrow", update=False)

    def render_lines(self, crop: Region) -> list[Strip]:
        return ground_lines(crop, self.look)

    def on_mount(self) -> None:
        self._verdict_revision = self.host.verdict_revision

    def on_screen_resume(self) -> None:
        self.catch_up()

    def catch_up(self) -> None:
        """Show the verdict as it is now."""
        if self._verdict_revision != self.host.verdict_revision:
            self._verdict_revision = self.host.verdict_revision
            self.verdict_changed()

    def on_resize(self, event: events.Resize) -> None:
        is_narrow = event.size.width < WIDE
        if self._was_narrow and not is_narrow:
            # It hid the list as there was no room for both. Before the screen is laid out, the detail would lose the focus.
            self.call_after_refresh(self.remove_class, "-detail-only")
        self._was_narrow = is_narrow
        is_too_small = event.size.width < SMALLEST[0] or event.size.height < SMALLEST[1]
        was_too_small = self.has_class("-too-small")
        if is_too_small and not was_too_small:
            self._had_focus = self.focused  # what is not shown loses it
        self.set_class(is_too_small, "-too-small")
        if was_too_small and not is_too_small:
            self.call_after_refresh(self._focus_again)
        if is_too_small and not self.query("TooSmall"):
            from wsreplay.tui.widgets.too_small import TooSmall

            self.mount(TooSmall())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What cannot be seen is not acted on, but for going back."""
        return (action == "back" or not self.has_class("-too-small")) and super().check_action(action, parameters)

    def _focus_again(self) -> None:
        if self.focused is None:
            self.set_focus(self._had_focus) if self._had_focus is not None else self.focus_next()

    # What the application tells.

    def say_for_now(self, text: str, style: str) -> None:
        """Say something in the last line, where it covers no row; with no text say there what stands there else."""
        for foot in self.query("#foot").results(StatusLine):
            foot.say_for_now(text, style)

    def verdict_changed(self) -> None:
        """The validator came further, or there is new evidence."""

    def recording_grew(self, last_id: int) -> None:
        """A recorder wrote; or it ended."""

    def clock_ticked(self) -> None:
        """Time passed while the recording is live."""

    def resumed(self) -> None:
        """The interface has the terminal again, after a pager or a shell had it."""

    def looks_changed(self) -> None:
        """Another theme: what was painted, or said in colours, is painted and said anew."""
        for widget in self.walk_children():
            forget = widget.forget if isinstance(widget, RowList) else widget.refresh
            forget()
        self.paint_lines()

    def paint_lines(self) -> None:
        """Say what stands above and below what the screen shows."""

    # What every screen does.

    def ask(
        self, question: str, hint: str, answer: Callable[[str], object], *, value: str = "",
        check: Callable[[str], str | None] | None = None,
    ) -> None:  # fmt: skip
        """Have the user type a line. `answer` is called with it, as a message of this screen, unless he gives up."""
        from wsreplay.tui.screens.prompt import Prompt

        def answered(text: str | None) -> None:
            if text is not None:
                self.call_later(answer, text)

        self.app.push_screen(Prompt(question, hint, value=value, check=check), answered)

    def copy(self, text: str, what: str, *, data: bytes | None = None, name: str = "copy", suffix: str = ".txt") -> None:
        """Give a text to the terminal's clipboard; what terminals do not take goes into a file: `data`, or the text."""

        from wsreplay.tui.screens import clipboard

        count = count_text(len(text), "character")
        if clipboard.fits(text):
            self.app.copy_to_clipboard(text)
            self.notify(f"{count}, by the terminal (OSC 52)", title=f"copied {what}", markup=False)
            return
        try:
            path = clipboard.save(text.encode("utf-8", "backslashreplace") if data is None else data, name, suffix)
        except OSError as error:
            self.notify(self.look.own(str(error)), title=f"{what} was not copied", severity="error", markup=False)
            return
        title = f"{what}: {count} are too many for the terminal and are in a file"
        self.notify(self.look.own(str(path)), title=title, severity="warning", markup=False)

    def action_copy_text(self) -> None:
        """Copy what the mouse has selected."""
        text = self.get_selected_text()
        if not text:
            raise SkipAction
        self.copy(text, "the selection", name="selection")

    def jobs_of(self, path: Path) -> RecordingJobs:
        """The jobs of this screen that read a recording."""
        from wsreplay.tui.jobs.jobs import RecordingJobs

        return RecordingJobs(self, path, lambda: self.host.processes, self.job_failed)

    def job_failed(self, name: str, why: str) -> None:
        """A job could not go on."""
        self.notify(self.look.own(why), title=name, severity="error", markup=False)

    def action_back(self) -> None:
        self.host.go_back()

    def action_escape(self) -> None:
        """Back, but not out: who clears one thing too many does not want to leave."""
        self.host.go_back(out=False)

    def action_validate(self) -> None:
        self.host.validation.again()

    def action_turn_clock(self) -> None:
        self.host.turn_clock()

    def action_choose_contract(self) -> None:
        self.host.choose_contract()
