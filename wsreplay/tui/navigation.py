"""Which screen is on top, and how each leads to the others."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual.app import App
from textual.screen import Screen

from wsreplay.errors import UsageError, WsreplayError
from wsreplay.model import Session
from wsreplay.store.checkpoint import settle
from wsreplay.trace.sessions import there_are
from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.recording.growth import Growth, Misses
from wsreplay.tui.recording.open_recording import OpenRecording
from wsreplay.tui.recording.playback import Playback
from wsreplay.tui.screens.base import BaseScreen
from wsreplay.tui.validation.validation import Validation
from wsreplay.tui.widgets.error_guard import ErrorGuard

if TYPE_CHECKING:
    from wsreplay.validator.findings import Finding

DEFAULT_FOLDER = Path("recordings")


class NavigatingApp(ErrorGuard, App[None]):
    """The part of the application that opens recordings and screens, and leaves them.

    `path` is a recording, or a folder of them; `begin_at` is the number of a session to begin at, `decoder` what the user says
    that messages are read by.
    """

    path: Path
    decoder: str | None = None
    begin_at: int | None
    look: Appearance
    validation: Validation
    # Whether recordings are validated as they are opened.
    validates: bool
    # None in the list of recordings.
    recording: OpenRecording | None = None
    # How the recording that is open grows, and the polls that could not read it.
    growth: Growth
    misses: Misses

    # Opening.

    def open(self) -> None:
        """Open the recording before the terminal is taken over, so that an error is said in it. Raises WsreplayError."""
        if self.is_folder:
            if self.begin_at is not None:
                raise UsageError(f"{self.path} is a folder: session {self.begin_at} of which recording?")
            return
        self.recording = OpenRecording.open(self.path, self.decoder)
        if self.begin_at is not None and self.recording.session(self.begin_at) is None:
            raise UsageError(f"{self.path} has no session {self.begin_at}: {there_are(self.recording.sessions)}")

    @property
    def is_folder(self) -> bool:
        return self.path.is_dir() or self.path == DEFAULT_FOLDER

    def get_default_screen(self) -> Screen[None]:
        if self.is_folder:
            from wsreplay.tui.browse.recordings import RecordingsScreen

            return RecordingsScreen(self.path)
        return self._first_screen_of(self.recording or OpenRecording.open(self.path, self.decoder))

    def _first_screen_of(self, recording: OpenRecording) -> Screen[None]:
        """Where to begin in a recording, which is the one that is open as soon as there is such a screen."""
        session = recording.session(self.begin_at)
        if len(recording.sessions) == 1 and not recording.live:
            session = recording.sessions[0]
        if session is not None or recording.live:
            from wsreplay.tui.session.screen import SessionScreen

            screen: BaseScreen = SessionScreen(recording, session)
        else:
            from wsreplay.tui.browse.sessions import SessionsScreen

            screen = SessionsScreen(recording)
        self.recording = recording
        return screen

    def begin_recording(self) -> None:
        """A recording was opened: validate it."""
        if self.recording is not None:
            self.growth, self.misses = Growth(), Misses()
            if warning := self.recording.reader.warning:
                self.notify(self.look.own(warning), title="not all of it", severity="warning", markup=False)
            self.poll()
            if self.validates:
                self.validation.begin()

    def poll(self) -> None:
        """Look whether a recorder wrote more."""
        raise NotImplementedError

    def open_recording(self, path: Path) -> None:
        """Open a recording from the list of recordings; nothing where one is open: the key was pressed twice."""
        if self.recording is not None:
            return
        recording = None
        try:
            recording = OpenRecording.open(path, self.decoder)
            screen = self._first_screen_of(recording)
        except WsreplayError as error:
            if recording is not None:
                recording.close()
            self.notify(self.look.own(str(error)), title="cannot be opened", severity="error", markup=False)
            return
        self.push_screen(screen)
        self.call_after_refresh(self.begin_recording)

    def close_recording(self) -> None:
        self.validation.stop()
        if self.recording is not None:
            self.recording.close()
            if self.growth.was_live and not self.growth.live:
                settle(self.recording.path)
            self.recording = None

    # From screen to screen.

    @property
    def replay_screens(self) -> Iterable[BaseScreen]:
        """Our own of the screens that are open, from the lowest to the one on top."""
        return [screen for screen in self.screen_stack if isinstance(screen, BaseScreen)]

    def show_session(self, session: Session | None) -> None:
        """Show a session; None shows all frames of the recording."""
        from wsreplay.tui.session.screen import SessionScreen

        if self.recording is not None:
            self.push_screen(SessionScreen(self.recording, session))

    def show_findings(self, session: Session | None, at: Finding | None = None) -> None:
        """List the findings of a session, or of all; `at` is where the cursor begins."""
        from wsreplay.tui.findings.screen import FindingsScreen

        if self.recording is not None:
            self.push_screen(FindingsScreen(self.recording, session, at))

    def show_finding(self, finding: Finding) -> None:
        """Show a finding in its session: in the one that was left for the list of findings, if it is that."""
        from wsreplay.tui.session.screen import SessionScreen

        below = self.screen_stack[-2]
        if isinstance(below, SessionScreen) and below.rows.number in (None, finding.session):
            self.pop_screen()
            below.call_after_refresh(below.show_finding, finding)
        elif self.recording is not None:
            self.push_screen(SessionScreen(self.recording, self.recording.session(finding.session), finding))

    def show_waterfall(self, session: Session | None, playback: Playback, replaying: bool, at_frame: int | None) -> None:
        """Show the waterfall of a session, which goes on from a playback; `at_frame` is where the cursor begins."""
        from wsreplay.tui.waterfall.screen import WaterfallScreen

        if self.recording is not None:
            self.push_screen(WaterfallScreen(self.recording, session, playback, replaying, at_frame))

    def leave_waterfall(self, playback: Playback, replaying: bool, frame_id: int | None = None) -> None:
        """Back to the session, which goes on from a playback, at a frame if one was chosen."""
        from wsreplay.tui.session.screen import SessionScreen

        self.go_back()
        if isinstance(self.screen, SessionScreen):
            self.screen.go_on_from(playback, replaying, frame_id)

    def compare(self, session: Session | None) -> None:
        """Ask what to compare a session with, and compare."""
        from wsreplay.tui.diff.screen import DiffScreen, parse_side
        from wsreplay.validator.select import DEFAULT_CONTRACT

        recording = self.recording
        if recording is None or session is None:
            self.notify("open one session first", title="nothing to compare")
            return
        path, number = recording.path, session.id

        def complaint(text: str) -> str | None:
            try:
                parse_side(text, path)
            except WsreplayError as error:
                return str(error)
            return None

        def compare_with(text: str) -> None:
            contract = next(iter(self.validation.contracts_in_use), DEFAULT_CONTRACT)
            self.push_screen(DiffScreen((path, number), parse_side(text, path), contract))

        hint = "a session's number, FILE or FILE#SESSION"
        cast("BaseScreen", self.screen).ask(f"Compare session {number} with", hint, compare_with, check=complaint)

    def choose_contract(self) -> None:
        """Ask which contract to validate with, and validate."""
        from wsreplay.tui.screens.contracts import ContractPicker

        def validate(names: tuple[str, ...] | None) -> None:
            if names:
                self.validation.again(names)

        self.push_screen(ContractPicker(self.validation.contracts_in_use), validate)

    def action_help(self) -> None:
        from wsreplay.tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    def go_back(self, *, out: bool = True) -> None:
        """To the screen below; from a session to the list of sessions; from that to the recordings, or `out`."""
        from wsreplay.tui.browse.sessions import SessionsScreen
        from wsreplay.tui.findings.screen import FindingsScreen
        from wsreplay.tui.session.screen import SessionScreen

        top = self.screen
        below = self.screen_stack[-2] if len(self.screen_stack) > 1 else None
        leads_there = isinstance(below, SessionsScreen | FindingsScreen)
        if isinstance(top, SessionScreen) and not leads_there and self.recording is not None:
            # The very first screen cannot be switched: Textual has no callback for its result.
            go = self.push_screen if below is None else self.switch_screen
            go(SessionsScreen(self.recording, at=top.rows.number))
        elif below is not None and not (isinstance(top, SessionsScreen) and isinstance(below, SessionScreen)):
            if isinstance(top, SessionsScreen):
                self.close_recording()
            self.pop_screen()
        elif out:
            self.exit()
        else:
            self.notify(f"{self.look.key('app.quit')} quits")
