"""By which contracts the open recording is validated, how far that is, and what it came to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from wsreplay.tui.look.look import Look
from wsreplay.tui.recording.evidence import Change, Evidence, compare
from wsreplay.tui.validation import verdict
from wsreplay.tui.validation.client import Failed, FromJudge, Judge, Judged, Moved, stamp
from wsreplay.tui.validation.verdict import Verdict

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from wsreplay.tui.recording.open_recording import Opened


class ValidationHost(Protocol):
    """The application. `opened` is None where no recording is open."""

    opened: Opened | None

    @property
    def look(self) -> Look: ...
    def notify(
        self, message: str, *, title: str = "", severity: SeverityLevel = "information", markup: bool = True
    ) -> None: ...
    def verdict_changed(self) -> None: ...


class Validation:
    """`contracts` are those the user asked for; without any, those judge that fit."""

    def __init__(self, host: ValidationHost, contracts: tuple[str, ...], deliver: Callable[..., object]) -> None:
        self._host = host
        self.contracts = contracts
        self.verdict = Verdict()
        self._judge = Judge(deliver, self.hear)
        self._stamp: object = None
        self._before: Evidence | None = None  # where somebody asked again: what was known then

    @property
    def judged_by(self) -> tuple[str, ...]:
        """The contracts that judge what is open: those asked for, else those that were found to fit; none before that."""
        return self.contracts or (self._host.opened.evidence.names if self._host.opened is not None else ())

    @property
    def busy(self) -> bool:
        return self._judge.busy

    def begin(self) -> None:
        opened = self._host.opened
        if opened is not None:
            self.verdict = Verdict(verdict.FOLLOWING if opened.live else verdict.JUDGING)
            self._stamp = None
            self._judge.start(opened.path, self.contracts, follow=opened.live)
            self._host.verdict_changed()

    def again(self, contracts: tuple[str, ...] = ()) -> None:
        """By other contracts, or by the same as they are on disk now."""
        self.contracts = contracts or self.contracts
        self._before = self._host.opened.evidence if self._host.opened is not None else None
        self.begin()

    def stop(self) -> None:
        self._judge.stop()
        self.verdict = Verdict()

    def hear(self, said: FromJudge) -> None:
        """The validator's process said something."""
        if isinstance(said, Moved):
            self.verdict = self.verdict._replace(done=said.done)
        elif isinstance(said, Failed):
            self._failed(said.why)
        else:
            self._judged(said)
        self._host.verdict_changed()

    def _failed(self, why: str) -> None:
        self.verdict = Verdict(verdict.FAILED, why=why)
        if self._before is not None:
            self._host.notify(self._host.look.own(why), title="there is no verdict", severity="error", markup=False)
        self._before = None
        if self._host.opened is not None:
            self._stamp = stamp(self._host.opened.evidence.sources)

    def _judged(self, said: Judged) -> None:
        opened = self._host.opened
        if opened is None:
            return
        if self._stamp is None or said.evidence.sources != opened.evidence.sources:
            self._stamp = stamp(said.evidence.sources)
        before, self._before = self._before, None
        opened.evidence = said.evidence
        change = self._compared(before, said.evidence) if before is not None and before.is_there else self.verdict.change
        if said.final:
            self.verdict = Verdict(verdict.THERE, 1.0, change=change)
        else:
            self.verdict = self.verdict._replace(change=change)

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
        opened = self._host.opened
        is_known = opened is not None and opened.evidence.is_there and not self.verdict.stale
        if opened is not None and is_known and stamp(opened.evidence.sources) != self._stamp:
            self.verdict = self.verdict._replace(stale=True)
            how = f"{self._host.look.key('screen.validate')} validates again"
            self._host.notify(how, title="the contract has changed on disk", markup=False)
            self._host.verdict_changed()
