"""What a job does: a task, which publishes results. One for a child process, and what it publishes, can be pickled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from wsreplay.errors import WsreplayError
from wsreplay.store.access import PATIENCE_S
from wsreplay.store.reader import Recording


class JobContext(Protocol):
    """What a task sees of its job. It looks at `cancelled` between its pieces of work."""

    @property
    def cancelled(self) -> bool: ...
    def publish(self, value: Any) -> None: ...
    def interrupt_by(self, interrupt: Callable[[], object] | None) -> None:
        """How to interrupt what the task is about to do, from another thread; None where that is over."""


Task = Callable[[JobContext], None]
Work = Callable[[Recording, JobContext], None]
"""A task on a recording."""


class RecordingTask:
    """The task to do some work with a reader of its own. A query under way is interrupted when the job is cancelled."""

    def __init__(self, path: Path, work: Work, patience_s: float = PATIENCE_S) -> None:
        self.path, self.work = path, work
        self.patience_s = patience_s  # with a program that has locked the file

    def __call__(self, context: JobContext) -> None:
        with Recording.open(self.path, self.patience_s) as reader:
            context.interrupt_by(reader.interrupt)
            try:
                if not context.cancelled:
                    self.work(reader, context)
            finally:
                context.interrupt_by(None)


def explain(error: Exception) -> str:
    """Why a task failed, for a user."""
    if isinstance(error, WsreplayError):
        return str(error)
    return f"this is a mistake of wsreplay itself: {type(error).__name__}: {error}"
