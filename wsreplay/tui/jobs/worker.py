"""The interface's end of the process that runs long errands."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsreplay.tui.jobs.child_process import Beside

if TYPE_CHECKING:
    from wsreplay.tui.jobs.job import Work


class Job:
    """An errand that the clerk's process has. Cancelled, it is over at once: what the process still says of it is dropped."""

    def __init__(
        self, number: int, tell: Callable[[Any], object], fail: Callable[[str], object], withdraw: Callable[[int], object]
    ) -> None:
        self._number, self._tell, self._fail, self._withdraw = number, tell, fail, withdraw
        self._over = threading.Event()

    def cancel(self) -> None:
        if not self._over.is_set():
            self._over.set()
            self._withdraw(self._number)

    def is_alive(self) -> bool:
        return not self._over.is_set()

    def join(self, timeout: float | None = None) -> None:
        """Nothing of it is left in this process to wait for, once it was cancelled."""
        self._over.wait(timeout)

    def said(self, kind: str, value: Any) -> None:
        """The process told something, failed, or is done; a failed one is done too."""
        if self._over.is_set():
            return
        if kind == "told":
            self._tell(value)
        elif kind == "failed":
            self._fail(value)
        else:
            self._over.set()


class Clerk:
    """One process for all screens, started when it is first needed; again after it ended, by whatever hand."""

    def __init__(self) -> None:
        self._beside: Beside | None = None
        self._jobs: dict[int, Job] = {}
        self._numbers = count(1)

    def wake(self) -> None:
        """Start the process if there is none: it takes about as long as typing a word."""
        if self._beside is not None and not self._beside.running:
            self._ended("it was ended")
            self.stop()
        if self._beside is None:
            self._beside = Beside("wsreplay.tui.jobs.worker_process", said=self._said, ended=self._ended)

    def take(self, path: Path, work: Work, tell: Callable[[Any], object], fail: Callable[[str], object]) -> Job:
        """Have an errand done; `work` can be pickled, and so can what it tells."""
        self.wake()
        assert self._beside is not None
        number = next(self._numbers)
        job = self._jobs[number] = Job(number, tell, fail, self._withdraw)
        self._beside.send((number, path.absolute(), work))
        if not self._beside.running:  # it ended just now: whoever told of that may not have known this one
            self._ended("it was ended")
        return job

    def stop(self) -> None:
        """End the process; what it had to do is over."""
        if self._beside is not None:
            self._beside.stop()
            self._beside = None
        self._jobs.clear()

    def _withdraw(self, number: int) -> None:
        self._jobs.pop(number, None)
        if self._beside is not None:
            self._beside.send((number, None, None))

    def _said(self, value: tuple[int, str, Any]) -> None:
        number, kind, rest = value
        job = self._jobs.get(number)
        if job is not None:
            job.said(kind, rest)
            if kind == "done":
                self._jobs.pop(number, None)

    def _ended(self, why: str) -> None:
        for number, job in list(self._jobs.items()):
            job.said("failed", f"the process that reads the recording stopped: {why}")
            job.said("done", None)
            self._jobs.pop(number, None)
