"""By which contracts the open recording is validated, how far that is, and what it came to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from wsreplay.tui.look.appearance import Appearance
from wsreplay.tui.recording.evidence import Change, Evidence, compare
from wsreplay.tui.validation.client import Failure, Progress, Result, ValidatorClient, ValidatorEvent, stamp
from wsreplay.tui.validation.status import Stage, ValidationStatus

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from wsreplay.tui.recording.open_recording import OpenRecording


class ValidationHost(Protocol):
    """The application. `opened` is None where no recording is open."""

    recording: OpenRecording | None

    @property
    def look(self) -> Appearance: ...
    def notify(
        self, message: str, *, title: str = "", severity: SeverityLevel = "information", markup: bool = True
    ) -> None: ...
    def verdict_changed(self) -> None: ...


class Validation:
    """`contracts` are those the user asked for; without any, those judge that fit."""

    def __init__(self, host: ValidationHost, contracts: tuple[str, ...], deliver: Callable[..., object]) -> None:
        self._host = host
        self.contracts = contracts
        self.status = ValidationStatus()
        self._judge = ValidatorClient(deliver, self.hear)
        self._stamp: object = None
        self._before: Evidence | None = None  # where somebody asked again: what was known then

    @property
    def contracts_in_use(self) -> tuple[str, ...]:
        """The contracts that judge what is open: those asked for, else those that were found to fit; none before that."""
        return self.contracts or (self._host.recording.evidence.names if self._host.recording is not None else ())

    @property
    def busy(self) -> bool:
        return self._judge.busy

    def begin(self) -> None:
        recording = self._host.recording
        if recording is not None:
            self.status = ValidationStatus(Stage.FOLLOWING if recording.live else Stage.VALIDATING)
            self._stamp = None
            self._judge.start(recording.path, self.contracts, follow=recording.live)
            self._host.verdict_changed()

    def again(self, contracts: tuple[str, ...] = ()) -> None:
        """By other contracts, or by the same as they are on disk now."""
        self.contracts = contracts or self.contracts
        self._before = self._host.recording.evidence if self._host.recording is not None else None
        self.begin()

    def stop(self) -> None:
        self._judge.stop()
        self.status = ValidationStatus()

    def hear(self, said: ValidatorEvent) -> None:
        """The validator's process said something."""
        if isinstance(said, Progress):
            self.status = self.status._replace(done=said.done)
        elif isinstance(said, Failure):
            self._failed(said.why)
        else:
            self._judged(said)
        self._host.verdict_changed()

    def _failed(self, why: str) -> None:
        self.status = ValidationStatus(Stage.FAILED, why=why)
        if self._before is not None:
            self._host.notify(self._host.look.own(why), title="there is no verdict", severity="error", markup=False)
        self._before = None
        if self._host.recording is not None:
            self._stamp = stamp(self._host.recording.evidence.sources)

    def _judged(self, said: Result) -> None:
        recording = self._host.recording
        if recording is None:
            return
        if self._stamp is None or said.evidence.sources != recording.evidence.sources:
            self._stamp = stamp(said.evidence.sources)
        before, self._before = self._before, None
        recording.evidence = said.evidence
        change = self._compared(before, said.evidence) if before is not None and before.is_there else self.status.change
        if said.final:
            self.status = ValidationStatus(Stage.DONE, 1.0, change=change)
        else:
            self.status = self.status._replace(change=change)

    def _compared(self, before: Evidence, after: Evidence) -> Change | None:
        """What is another than before somebody asked again, which is said; None where others judged before."""
        change = compare(before.findings, after.findings) if before.names == after.names else None
        if change is not None:
            self._host.notify(f"{len(change.new)} new, {len(change.fixed)} fixed", title="validated again")
        else:
            told = f"{sum(after.counts()):,} findings; {sum(before.counts()):,} by {', '.join(before.names)}"
            self._host.notify(self._host.look.own(told), title=f"validated by {', '.join(after.names)}", markup=False)
        return change

    def watch(self) -> None:
        """Say that a contract's file is not any more what judged."""
        recording = self._host.recording
        is_known = recording is not None and recording.evidence.is_there and not self.status.stale
        if recording is not None and is_known and stamp(recording.evidence.sources) != self._stamp:
            self.status = self.status._replace(stale=True)
            how = f"{self._host.look.key('screen.validate')} validates again"
            self._host.notify(how, title="the contract has changed on disk", markup=False)
            self._host.verdict_changed()
