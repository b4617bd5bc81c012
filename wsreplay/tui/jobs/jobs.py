"""The jobs of a screen, or of the application: Textual's workers, which end with it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from textual.dom import DOMNode
from textual.worker import Worker, get_current_worker

from wsreplay.tui.jobs.child_process import ChildProcesses
from wsreplay.tui.jobs.task import RecordingTask, Task, Work, explain

LARGE_BYTES = 4 << 20  # of a recording; below, a thread is done before a process has started

OnResult = Callable[[Any], object]
OnFailure = Callable[[str], object]


def _ignore(_why: str) -> None:
    pass


class Jobs:
    """The jobs of a node of the interface, by name: a new one cancels the one before it.

    Results arrive on the interface's thread; of a job that was cancelled none does, also none that was under way by then.
    `on_failure(name, why)` is called for every job that failed, and so is the job's own `on_failure(why)`.
    `processes()` gives those in which jobs run, once the node is part of the application.
    """

    def __init__(
        self, node: DOMNode, processes: Callable[[], ChildProcesses], on_failure: Callable[[str, str], object]
    ) -> None:
        self._node = node
        self._processes = processes
        self._on_failure = on_failure
        # The last worker of each name.
        self._workers: dict[str, Worker[None]] = {}

    def run_in_thread(
        self, name: str, task: Task, on_result: OnResult, on_failure: OnFailure = _ignore
    ) -> None:
        """Do something short, or something that mostly waits."""
        self._start(name, partial(_in_thread, task), on_result, on_failure)

    def run_in_process(
        self, name: str, task: Task, on_result: OnResult, on_failure: OnFailure = _ignore
    ) -> None:
        """Do something that computes for long. The task and what it publishes can be pickled."""
        self._start(name, partial(self._processes().run, task), on_result, on_failure)

    def _start(
        self, name: str, run: Callable[[OnResult], Coroutine[Any, Any, None]], on_result: OnResult,
        on_failure: OnFailure,
    ) -> None:  # fmt: skip
        async def work() -> None:
            deliver = partial(self._node.call_later, _if_wanted, get_current_worker())
            try:
                await run(partial(deliver, on_result))
            except Exception as error:
                deliver(self._fail, name, explain(error), on_failure)

        self._workers[name] = self._node.run_worker(work, name=name, group=name, exclusive=True, exit_on_error=False)

    def _fail(self, name: str, why: str, on_failure: OnFailure) -> None:
        on_failure(why)
        self._on_failure(name, why)

    @property
    def busy(self) -> bool:
        """Whether any job is still under way."""
        return any(map(self.is_running, self._workers))

    def is_running(self, name: str) -> bool:
        return name in self._workers and not self._workers[name].is_finished

    def cancel(self, name: str) -> None:
        """End a job, as soon as possible; returns at once."""
        if worker := self._workers.pop(name, None):
            worker.cancel()


class RecordingJobs(Jobs):
    """Jobs that read one recording, each with a reader of its own."""

    def __init__(
        self, node: DOMNode, path: Path, processes: Callable[[], ChildProcesses], on_failure: Callable[[str, str], object]
    ) -> None:
        super().__init__(node, processes, on_failure)
        self._path = path

    def read_in_thread(
        self, name: str, work: Work, on_result: OnResult, on_failure: OnFailure = _ignore
    ) -> None:
        """Do something short."""
        self.run_in_thread(name, RecordingTask(self._path, work), on_result, on_failure)

    def read_in_process(
        self, name: str, work: Work, on_result: OnResult, on_failure: OnFailure = _ignore
    ) -> None:
        """Do something that takes long where the recording is large; else it runs in a thread."""
        run = self.run_in_process if self._is_large() else self.run_in_thread
        run(name, RecordingTask(self._path.absolute(), work), on_result, on_failure)

    def prepare(self) -> None:
        """Something that takes long is soon to come."""
        if self._is_large():
            self._processes().prepare()

    def _is_large(self) -> bool:
        sizes = (part.stat().st_size for part in (self._path, Path(f"{self._path}-wal")) if part.exists())
        return sum(sizes) >= LARGE_BYTES


def _if_wanted(worker: Worker[None], callback: Callable[..., object], *values: Any) -> object:
    """Call back, unless the job was cancelled by now."""
    return None if worker.is_cancelled else callback(*values)


class _ThreadContext:
    """The job as its task in a thread sees it."""

    def __init__(self, publish: Callable[[Any], object]) -> None:
        self._publish = publish
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        # How to interrupt what the task is doing.
        self._interrupt: Callable[[], object] | None = None

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def publish(self, value: Any) -> None:
        if not self.cancelled:
            self._publish(value)

    def interrupt_by(self, interrupt: Callable[[], object] | None) -> None:
        with self._lock:
            self._interrupt = interrupt

    def cancel(self) -> None:
        self._cancelled.set()
        with self._lock:
            if self._interrupt is not None:
                self._interrupt()


async def _in_thread(task: Task, publish: Callable[[Any], object]) -> None:
    context = _ThreadContext(publish)
    try:
        await asyncio.to_thread(task, context)
    finally:
        context.cancel()
