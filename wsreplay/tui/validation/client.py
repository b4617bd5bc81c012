"""The interface's end of the validator's process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from wsreplay.tui.jobs.child_process import Beside
from wsreplay.tui.recording.evidence import Evidence, Source


class Progress(NamedTuple):
    """The validator has come this far; share of 1."""

    done: float


class Result(NamedTuple):
    """There is new evidence. `final` is False while a live recording is followed."""

    evidence: Evidence
    final: bool = True


class Failure(NamedTuple):
    """There is no verdict, and why."""

    why: str


ValidatorEvent = Progress | Result | Failure


class ValidatorClient:
    """Starts the validator's process and hands on what it says.

    `deliver(callback, value)` calls on the interface's thread, where `hear` hears of the one process that was started last.
    """

    def __init__(self, deliver: Callable[..., object], hear: Callable[[ValidatorEvent], object]) -> None:
        self._deliver, self._hear = deliver, hear
        self._beside: Beside | None = None
        self._run = object()
        self._said_last = False

    @property
    def busy(self) -> bool:
        return self._beside is not None and self._beside.running

    def start(self, path: Path, contracts: Sequence[str], *, follow: bool = False) -> None:
        """Judge a recording; one judged before is given up."""
        self.stop()
        self._said_last = False
        mode = "follow" if follow else "once"
        arguments = (str(path.absolute()), mode, *contracts)
        self._beside = Beside("wsreplay.tui.validation.process", *arguments, said=self._said, ended=self._ended)

    def stop(self) -> None:
        """End the process and the threads that talk with it; what it said last is not heard any more."""
        if self._beside is not None:
            self._beside.stop()
            self._beside = None
        self._run = object()

    def _said(self, value: tuple[str, Any]) -> None:
        kind, _ = value
        self._said_last = self._said_last or kind in ("done", "failed")
        self._say(_read(*value))

    def _ended(self, why: str) -> None:
        if not self._said_last:
            self._say(Failure(f"the validator stopped: {why}"))

    def _say(self, said: ValidatorEvent) -> None:
        run = self._run

        def heard() -> None:
            if run is self._run:
                self._hear(said)

        self._deliver(heard)


def _read(kind: str, value: Any) -> ValidatorEvent:
    if kind == "progress":
        return Progress(value)
    if kind == "failed":
        return Failure(value)
    return Result(value, final=kind == "done")


def stamp(sources: Sequence[Source]) -> tuple[tuple[float, int], ...]:
    """What tells that a contract's file changed: modification time and size of each; zeros for a built-in."""
    stamps = []
    for source in sources:
        try:
            status = Path(source.file).stat()
            stamps.append((status.st_mtime, status.st_size))
        except OSError:
            stamps.append((0.0, 0))
    return tuple(stamps)
