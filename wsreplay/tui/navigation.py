"""Which screen is on top, and how each leads to the others."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.screen import Screen

from wsreplay.errors import UsageError, WsreplayError
from wsreplay.model import Session
from wsreplay.store.checkpoint import settle
from wsreplay.trace.decoder_choices import AS_RECORDED, ReadAs
from wsreplay.trace.sessions import there_are
from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.recording.evidence import moment
from wsreplay.tui.recording.growth import Growth, Misses
from wsreplay.tui.recording.open_recording import LOCKED_S, OpenRecording
from wsreplay.tui.recording.playback import Playback
from wsreplay.tui.screens.base import BaseScreen
from wsreplay.tui.validation.validation import Validation
from wsreplay.tui.widgets.error_guard import ErrorGuard
from wsreplay.tui.widgets.key_order import KeyOrder

if TYPE_CHECKING:
    from wsreplay.tui.browse.folder import ListedRecording
    from wsreplay.tui.browse.recordings import RecordingsScreen
    from wsreplay.tui.diff.alignment import Side
    from wsreplay.tui.host import PlaceBeyond
    from wsreplay.validator.findings import Finding

DEFAULT_FOLDER = Path("recordings")
OPENING_S = 0.5  # that a start waits for a program that has locked the file


class NavigatingApp(KeyOrder, ErrorGuard):
    """The part of the application that opens recordings and screens, and leaves them.

    `path` is a recording, or a folder of them; `begin_at` is the number of a session to begin at, `read_as` how the user says
    that recordings are read.
    """

    path: Path
    read_as: ReadAs = AS_RECORDED
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
        self.recording = self._read(self.path, OPENING_S)
        if self.begin_at is not None and self.recording.session(self.begin_at) is None:
            raise UsageError(f"{self.path} has no session {self.begin_at}: {there_are(self.recording.sessions)}")

    def _read(self, path: Path, patience_s: float) -> OpenRecording:
        """Open a recording: its sessions, and their numbers, are those of the contract asked for. Raises WsreplayError."""
        recording = OpenRecording.open(path, self.read_as, patience_s=patience_s)
        if self.validates and self.validation.contracts:
            with suppress(WsreplayError):  # which is told when it is validated
                self.validation.read_by_contract(recording)
        return recording

    @property
    def is_folder(self) -> bool:
        return self.path.is_dir() or self.path == DEFAULT_FOLDER

    def get_default_screen(self) -> Screen[None]:
        if self.is_folder:
            from wsreplay.tui.browse.recordings import RecordingsScreen

            return RecordingsScreen(self.path)
        return self._first_screen_of(self.recording or self._read(self.path, LOCKED_S))

    def _first_screen_of(self, recording: OpenRecording, at: Finding | None = None) -> Screen[None]:
        """Where to begin in a recording, which is the one that is open as soon as there is such a screen.

        `at` is a finding to begin at.
        """
        session = recording.session(self.begin_at)
        if len(recording.sessions) == 1 and not recording.live:
            session = recording.sessions[0]
        if session is not None or recording.live:
            from wsreplay.tui.session.screen import SessionScreen

            screen: BaseScreen = SessionScreen(recording, session, at)
        else:
            from wsreplay.tui.browse.sessions import SessionsScreen

            screen = SessionsScreen(recording, at.session if at is not None else None)
        self.recording = recording
        return screen

    def begin_recording(self) -> None:
        """A recording was opened: validate it."""
        if self.recording is not None:
            self.growth, self.misses = Growth(), Misses()
            if warning := self.recording.reader.warning:
                self.notify(self.look.own(warning), title="incomplete recording", severity="warning", markup=False)
            self.poll()
            if self.validates:
                self.validation.begin()

    @abstractmethod
    def poll(self) -> None:
        """Look whether a recorder wrote more."""

    def open_recording(self, path: Path, at: Finding | None = None, *, whole: bool = True) -> None:
        """Open a recording from the list of recordings; nothing where one is open: the key was pressed twice.

        `whole` shows the list of its sessions first, where there are several; else the session of the finding.
        """
        if self.recording is not None:
            return
        recording = None
        try:
            recording = self._read(path, LOCKED_S)
            screen = self._first_screen_of(recording, at)
        except WsreplayError as error:
            if recording is not None:
                recording.close()
            self.notify(self.look.own(str(error)), title="cannot be opened", severity="error", markup=False)
            return
        self.push_screen(screen)
        if at is not None and not whole and len(recording.sessions) > 1:
            self.show_session(recording.session(at.session), at)
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
    def replay_screens(self) -> Sequence[BaseScreen]:
        """Our own of the screens that are open, from the lowest to the one on top."""
        return [screen for screen in self.screen_stack if isinstance(screen, BaseScreen)]

    def show_session(self, session: Session | None, at: Finding | None = None) -> None:
        """Show a session, at a finding; None shows all frames of the recording."""
        from wsreplay.tui.session.screen import SessionScreen

        if self.recording is not None:
            self.push_screen(SessionScreen(self.recording, session, at))

    def place_beyond(self, session: Session | None, steps: int) -> PlaceBeyond | None:
        """The session with findings, or the recording of the folder, that comes next after a session, or before it."""
        from wsreplay.tui.browse.recordings import RecordingsScreen
        from wsreplay.tui.host import PlaceBeyond
        from wsreplay.tui.recording.finding_words import count_words

        recording, lowest = self.recording, self.screen_stack[0]
        if recording is None:
            return None
        numbers = sorted(number for number, counts in recording.evidence.tallies.items() if any(counts) and number)
        others = [number for number in numbers if session is not None and (number - session.id) * steps > 0]
        if others:
            number = others[0 if steps > 0 else -1]
            words = f"Session {number} has {count_words(*recording.evidence.counts(number))}"
            return PlaceBeyond(words, partial(self._go_to_session, recording, number, steps))
        listed = lowest.next_wrong(recording.path, steps) if isinstance(lowest, RecordingsScreen) else None
        if listed is None or not isinstance(lowest, RecordingsScreen):
            return None
        words = f"{self.look.safe(listed.path.name)} has {lowest.count_text(listed)}"
        return PlaceBeyond(words, partial(self._go_to_recording, lowest, listed))

    def _go_to_session(self, recording: OpenRecording, number: int, steps: int) -> None:
        """Show a session at its first finding, or at its last, in place of the one that is shown."""
        from wsreplay.tui.session.screen import SessionScreen

        findings = sorted(recording.evidence.of_session(number), key=moment)
        at = findings[0 if steps > 0 else -1] if findings else None
        # The very first screen cannot be switched: Textual has no callback for its result.
        go = self.switch_screen if len(self.screen_stack) > 1 else self.push_screen
        go(SessionScreen(recording, recording.session(number), at))

    def _go_to_recording(self, listing: RecordingsScreen, listed: ListedRecording) -> None:
        """Show what is wrong with another recording of the folder, in place of the one that is open."""
        self.close_recording()
        while self.screen is not listing:
            self.pop_screen()
        listing.go_to(listed.path)
        listing.open(listed, whole=False)

    def show_findings(self, session: Session | None, at: Finding | None = None) -> None:
        """List the findings of a session, or of all; `at` is where the cursor begins."""
        from wsreplay.tui.findings.screen import FindingsScreen

        if self.recording is not None:
            self.push_screen(FindingsScreen(self.recording, session, at))

    def show_statistics(self, session: Session | None) -> None:
        """Count a session, or the whole recording."""
        from wsreplay.tui.statistics.screen import StatisticsScreen

        if self.recording is not None:
            self.push_screen(StatisticsScreen(self.recording, session))

    def show_frame(self, frame_id: int) -> None:
        """Show a frame in its session: in the one that was left for another screen, if it is in that."""
        from wsreplay.tui.recording.goto import Target
        from wsreplay.tui.session.screen import SessionScreen

        if self.recording is None:
            return
        session = self.recording.session_of.get(self.recording.reader.frame(frame_id).connection_id)
        below = self.screen_stack[-2]
        if isinstance(below, SessionScreen) and below.rows.number in (None, session.id if session else None):
            self.pop_screen()
            screen = below
        else:
            screen = SessionScreen(self.recording, session)
            self.push_screen(screen)
        screen.call_after_refresh(screen.go_to_target, Target("frame", frame_id))

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

    def leave_waterfall(self, playback: Playback, replaying: bool, at: int | Finding | None = None) -> None:
        """Back to the session, which goes on from a playback, at a frame or a finding if one was chosen."""
        from wsreplay.tui.session.screen import SessionScreen

        self.go_back()
        if isinstance(self.screen, SessionScreen):
            self.screen.go_on_from(playback, replaying, at)

    def compare(self, session: Session | None) -> None:
        """Ask what to compare a session with, and compare."""
        from wsreplay.tui.diff.picker import PartnerPicker

        recording = self.recording
        if recording is None or session is None:
            self.notify("open one session first", title="nothing to compare")
            return
        own = recording.path, session.id
        contract = next(iter(self.validation.contracts_in_use), None)

        def compare_with(other: Side | None) -> None:
            if other is not None:
                from wsreplay.tui.diff.screen import DiffScreen

                self.push_screen(DiffScreen(own, other, contract))

        folder = self.path if self.is_folder else recording.path.parent
        self.push_screen(PartnerPicker(own, folder, contract, recording.read_as, is_deep=self.is_folder), compare_with)

    def choose_contract(self) -> None:
        """Ask which contract to validate with, and validate."""
        from wsreplay.tui.screens.contracts import ContractPicker

        def validate(names: tuple[str, ...] | None) -> None:
            if names:
                self.validation.again(names)

        folders = [Path("contracts")]
        if self.recording is not None:
            folders.append(self.recording.path.parent)
        elif self.is_folder:
            folders.append(self.path)
        self.push_screen(ContractPicker(self.validation.contracts_in_use, folders), validate)

    def action_help(self) -> None:
        from wsreplay.tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    @property
    def _is_alone(self) -> bool:
        """Whether the session that is shown is all there is: its recording opened there, and a list would say no more."""
        return self.recording is not None and len(self.recording.sessions) == 1 and not self.growth.was_live

    def go_back(self, *, out: bool = True) -> None:
        """To the screen below; from a session to the list of sessions; from that to the recordings, or `out`."""
        from wsreplay.tui.browse.recordings import RecordingsScreen
        from wsreplay.tui.browse.sessions import SessionsScreen
        from wsreplay.tui.findings.screen import FindingsScreen
        from wsreplay.tui.session.screen import SessionScreen

        top = self.screen
        below = self.screen_stack[-2] if len(self.screen_stack) > 1 else None
        leads_there = isinstance(below, SessionsScreen | FindingsScreen) or self._is_alone
        if isinstance(top, SessionScreen) and not leads_there and self.recording is not None:
            # The very first screen cannot be switched: Textual has no callback for its result.
            go = self.push_screen if below is None else self.switch_screen
            go(SessionsScreen(self.recording, at=top.rows.number))
        elif below is not None and not (isinstance(top, SessionsScreen) and isinstance(below, SessionScreen)):
            if isinstance(below, RecordingsScreen):
                self.close_recording()
            self.pop_screen()
        elif out:
            self.exit()
        else:
            self.notify(f"{self.look.key('app.quit')} quits.")
