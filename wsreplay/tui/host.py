"""What a screen may ask of the application, and a controller of its screen.

Screens, widgets and controllers know these protocols only: none of them imports the application or another screen. They are for
the type checker: no start waits for them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from wsreplay.errors import WsreplayError
from wsreplay.model import Session
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.tui.config import Config
from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.recording.clock import ClockForm
from wsreplay.tui.recording.growth import Growth
from wsreplay.tui.recording.playback import Playback
from wsreplay.tui.user_state import UserState
from wsreplay.tui.validation.validation import Validation

if TYPE_CHECKING:
    from textual.app import App
    from textual.notifications import SeverityLevel

    from wsreplay.tui.jobs.child_process import ChildProcesses
    from wsreplay.tui.jobs.task import Task
    from wsreplay.validator.findings import Finding


class PlaceBeyond(NamedTuple):
    """Where findings go on: which session, or file, in words, and how to go there."""

    words: str
    go: Callable[[], object]


class Host(Protocol):
    """The application: its state, and the screens it opens. `clock` gives monotonic nanoseconds."""

    @property
    def look(self) -> Appearance: ...
    @property
    def config(self) -> Config: ...
    @property
    def user_state(self) -> UserState:
        """What is remembered from one time to the next."""

    @property
    def clock(self) -> Callable[[], int]: ...
    @property
    def clock_form(self) -> ClockForm:
        """What all screens write times in; `OpenRecording.clock` makes the clock of a session of it."""

    def turn_clock(self) -> None:
        """Write times in the next form, on all screens."""

    @property
    def growth(self) -> Growth: ...
    @property
    def validation(self) -> Validation: ...
    @property
    def verdict_revision(self) -> int:
        """Counts the changes of the verdict: a screen that was covered sees by it that it missed one."""

    @property
    def validates(self) -> bool:
        """Whether recordings are validated as they are opened."""

    @property
    def read_as(self) -> ReadAs:
        """How the user says that recordings are read."""

    @property
    def processes(self) -> ChildProcesses:
        """In which jobs run that compute for long."""

    def write_file(self, out: Path, task: Task) -> None:
        """Have a task write a file, and say whether it could; the screen that asks for it may be left meanwhile.

        It publishes the paths of what it has written.
        """

    def report_error(self, error: WsreplayError) -> None:
        """Something could not be read in answer to a key or a message."""

    def open_recording(self, path: Path, at: Finding | None = None, *, whole: bool = True) -> None:
        """Open a recording and show its first screen: its only session at a finding, or its sessions.

        `whole` shows the list of its sessions first, where there are several; else the session of the finding.
        """

    def show_session(self, session: Session | None, at: Finding | None = None) -> None:
        """Show a session, at a finding; None shows all frames of the recording."""

    def place_beyond(self, session: Session | None, steps: int) -> PlaceBeyond | None:
        """The session with findings, or the recording of the folder, that comes next after a session, or before it."""

    def show_findings(self, session: Session | None, at: Finding | None = None) -> None:
        """List the findings of a session, or of all; `at` is where the cursor begins."""

    def show_statistics(self, session: Session | None) -> None:
        """Count a session, or the whole recording."""

    def show_frame(self, frame_id: int) -> None:
        """Show a frame in its session: in the one that was left for another screen, if it is in that."""

    def show_finding(self, finding: Finding) -> None:
        """Show a finding in its session: in the one that was left for the list of findings, if it is that."""

    def show_waterfall(self, session: Session | None, playback: Playback, replaying: bool, at_frame: int | None) -> None:
        """Show the waterfall of a session, which goes on from a playback; `at_frame` is where the cursor begins."""

    def leave_waterfall(self, playback: Playback, replaying: bool, at: int | Finding | None = None) -> None:
        """Back to the session, which goes on from a playback, at a frame or a finding if one was chosen."""

    def compare(self, session: Session | None) -> None:
        """Ask what to compare a session with, and compare."""

    def choose_contract(self) -> None:
        """Ask which contract to validate with, and validate."""

    def go_back(self, *, out: bool = True) -> None:
        """To the screen below; from a session to the list of sessions; from that to the recordings, or `out`."""


class ScreenHost(Protocol):
    """A screen, as its controllers know it."""

    @property
    def app(self) -> App[Any]: ...
    @property
    def host(self) -> Host: ...
    @property
    def look(self) -> Appearance: ...
    def notify(
        self, message: str, *, title: str = "", severity: SeverityLevel = "information", markup: bool = True
    ) -> None: ...
    def copy(
        self, text: str, what: str, *, data: bytes | None = None, name: str = "copy", suffix: str = ".txt"
    ) -> None: ...  # fmt: skip
    def ask(
        self, question: str, hint: str, answer: Callable[[str], object], *, value: str = "",
        check: Callable[[str], str | None] | None = None,
    ) -> None: ...  # fmt: skip
