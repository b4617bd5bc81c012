"""Tasks in processes of their own: what computes there takes no time from a key."""

from __future__ import annotations

import asyncio
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from wsreplay.errors import WsreplayError
from wsreplay.tui.jobs.child import DONE, FAILED, LENGTH_BYTES
from wsreplay.tui.jobs.task import Task

_GRACE_S = 0.5  # for what a task has to put in order
_SMALL_BYTES = 1 << 16  # what is smaller is unpickled at once: that takes less time than to have it done


class ChildProcesses:
    """Runs each task in a child process of its own. One can be started ahead: Python starts no faster than a word is typed."""

    def __init__(self) -> None:
        # Started ahead; it waits for a task.
        self._spare: asyncio.Task[Process] | None = None
        # Those that run a task, for who wants to know.
        self.running: set[Process] = set()

    def prepare(self) -> None:
        """Start a process for a task that is soon to come."""
        if self._spare is None:
            self._spare = asyncio.create_task(_start())

    async def run(self, task: Task, publish: Callable[[Any], object]) -> None:
        """Do a task; `publish` gets what it publishes. Cancelled, it ends the process. Raises WsreplayError."""
        letter = pickle.dumps(task, protocol=pickle.HIGHEST_PROTOCOL)
        process = await self._take()
        self.running.add(process)
        errors = asyncio.create_task(_read_all(process))
        try:
            await _exchange(process, letter, publish)
        except (EOFError, OSError, pickle.UnpicklingError) as error:  # its end, or what no process of this version writes
            await _end(process)
            lines = (await errors).decode("utf-8", "replace").strip().splitlines()
            raise WsreplayError(f"the process stopped: {' '.join(lines[-1:]) or 'it was ended'}") from error
        finally:
            self.running.discard(process)
            await _end(process)

    async def _take(self) -> Process:
        """The process that was started ahead, or a new one."""
        spare, self._spare = self._spare, None
        if spare is not None and (not spare.done() or (await spare).returncode is None):
            starting = spare
        else:
            starting = asyncio.create_task(_start())
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(_kill_started)
            raise

    def stop(self) -> None:
        """End the process that was started ahead."""
        if self._spare is not None:
            self._spare.add_done_callback(_kill_started)
            self._spare = None


async def _start() -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "wsreplay.tui.jobs.child", stdin=PIPE, stdout=PIPE, stderr=PIPE,
        process_group=0,  # the terminal's signals are not for it; of another session, Linux would not heed how nice it is
    )  # fmt: skip


async def _exchange(process: Process, letter: bytes, publish: Callable[[Any], object]) -> None:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(letter)
    while True:
        length = int.from_bytes(await process.stdout.readexactly(LENGTH_BYTES))
        answer = await process.stdout.readexactly(length)
        kind, value = pickle.loads(answer) if length < _SMALL_BYTES else await asyncio.to_thread(pickle.loads, answer)
        if kind == DONE:
            return
        if kind == FAILED:
            raise WsreplayError(value)
        publish(value)


async def _read_all(process: Process) -> bytes:
    assert process.stderr is not None
    return await process.stderr.read()


async def _end(process: Process) -> None:
    """End a process, if it has not ended: in order, or by force where that takes long."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _GRACE_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _kill_started(starting: asyncio.Task[Process]) -> None:
    if not starting.cancelled() and starting.exception() is None:
        with suppress(ProcessLookupError):
            starting.result().kill()
