"""With which contracts the open recording is validated, how far that is, and what it came to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from wsreplay.errors import WsreplayError
from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.recording.known_spans import SpanNews
from wsreplay.tui.validation.status import Stage, ValidationStatus

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from wsreplay.contract import Contract
    from wsreplay.tui.jobs.jobs import Jobs
    from wsreplay.tui.recording.evidence import Evidence, Source
    from wsreplay.tui.recording.gathering import Change
    from wsreplay.tui.recording.open_recording import OpenRecording
    from wsreplay.tui.validation.tasks import ValidationResult, ValidatorEvent

VALIDATING = "validating"
Stamps = tuple[tuple[float, int], ...]
"""What tells that a contract's file changed: modification time and size of each."""


class ValidationHost(Protocol):
    """The application. `recording` is None where no recording is open."""

    recording: OpenRecording | None

    @property
    def look(self) -> Appearance: ...
    @property
    def jobs(self) -> Jobs: ...
    def notify(
        self, message: str, *, title: str = "", severity: SeverityLevel = "information", markup: bool = True
    ) -> None: ...
    def verdict_changed(self) -> None: ...


class Validation:
    """`contracts` are those the user asked for; without any, the one that fits is chosen."""

    def __init__(self, host: ValidationHost, contracts: tuple[str, ...]) -> None:
        self._host = host
        self.contracts = contracts
        self.status = ValidationStatus()
        # Of the contracts' files, as they were when they were read.
        self._stamps: Stamps | None = None
        # What was known when somebody asked for another validation.
        self._before: Evidence | None = None

    @property
    def contracts_in_use(self) -> tuple[str, ...]:
        """The contracts asked for, else those that were found to fit; none before that."""
        return self.contracts or (self._host.recording.evidence.names if self._host.recording is not None else ())

    @property
    def busy(self) -> bool:
        return self._host.jobs.is_running(VALIDATING)

    def begin(self) -> None:
        from wsreplay.tui.validation import tasks  # the first screen does without

        recording = self._host.recording
        if recording is not None:
            self.status = ValidationStatus(Stage.FOLLOWING if recording.live else Stage.VALIDATING)
            self._stamps = None
            try:
                self.read_by_contract(recording)
            except WsreplayError as error:
                why = self._host.look.own(str(error))
                self._host.notify(why, title="messages are read as before", severity="error", markup=False)
            validate = tasks.follow if recording.live else tasks.validate_once
            task = partial(validate, recording.path.absolute(), self.contracts, recording.read_as)
            self._host.jobs.run_in_process(VALIDATING, task, self.take, self.fail)
            self._host.verdict_changed()

    def read_by_contract(self, recording: OpenRecording) -> None:
        """Read types and users where the contract that was asked for says that they are. Raises WsreplayError."""
        recording.read_by(_load(self.contracts[0]) if self.contracts else None)

    def again(self, contracts: tuple[str, ...] = ()) -> None:
        """With other contracts, or with the same as they are on disk now."""
        self.contracts = contracts or self.contracts
        self._before = self._host.recording.told if self._host.recording is not None else None
        self.begin()

    def stop(self) -> None:
        self._host.jobs.cancel(VALIDATING)
        self.status = ValidationStatus()

    def take(self, event: ValidatorEvent) -> None:
        """The validator came further."""
        from wsreplay.tui.validation.tasks import Progress

        if isinstance(event, Progress):
            self.status = self.status._replace(done=event.done)
        elif isinstance(event, SpanNews):
            if self._host.recording is not None:
                self._host.recording.take_spans(event)
        else:
            self._take_result(event)
        self._host.verdict_changed()

    def fail(self, why: str) -> None:
        """The validator could not go on."""
        self.status = ValidationStatus(Stage.FAILED, why=why)
        if self._before is not None:
            self._host.notify(self._host.look.own(why), title="there is no verdict", severity="error", markup=False)
        self._before = None
        if self._host.recording is not None:
            self._stamps = read_stamps(self._host.recording.evidence.sources)
        self._host.verdict_changed()

    def _take_result(self, result: ValidationResult) -> None:
        recording = self._host.recording
        if recording is None:
            return
        if self._stamps is None or result.evidence.sources != recording.evidence.sources:
            self._stamps = read_stamps(result.evidence.sources)
        before, self._before = self._before, None
        recording.take_evidence(result.evidence)
        is_other = before is not None and before.is_there
        change = self._compare(before, result.evidence) if before is not None and is_other else self.status.change
        if result.final:
            self.status = ValidationStatus(Stage.DONE, 1.0, change=change)
        else:
            self.status = self.status._replace(change=change)

    def _compare(self, before: Evidence, after: Evidence) -> Change | None:
        """What changed since somebody asked for another validation, which is reported; None where the contracts are others."""
        from wsreplay.tui.recording.gathering import compare

        change = compare(before.findings, after.findings) if before.names == after.names else None
        if change is not None:
            self._host.notify(f"{len(change.new)} new, {len(change.fixed)} fixed", title="validated again")
        else:
            counts = f"{sum(after.counts()):,} findings; {sum(before.counts()):,} by {', '.join(before.names)}"
            self._host.notify(self._host.look.own(counts), title=f"validated by {', '.join(after.names)}", markup=False)
        return change

    def watch(self) -> None:
        """Say when a contract's file is not any more what the recording was validated with."""
        recording = self._host.recording
        is_known = recording is not None and recording.evidence.is_there and not self.status.stale
        if recording is not None and is_known and read_stamps(recording.evidence.sources) != self._stamps:
            self.status = self.status._replace(stale=True)
            how = f"{self._host.look.key('screen.validate')} validates again"
            self._host.notify(how, title="the contract has changed on disk", markup=False)
            self._host.verdict_changed()


def _load(name: str) -> Contract:
    from wsreplay.contract import load

    return load(name)


def read_stamps(sources: Sequence[Source]) -> Stamps:
    """Of each contract's file and of those that it extends; zeros for a built-in."""
    stamps = []
    for file in (file for source in sources for file in source.texts):
        try:
            status = Path(file).stat()
            stamps.append((status.st_mtime, status.st_size))
        except OSError:
            stamps.append((0.0, 0))
    return tuple(stamps)
