"""Tasks in processes of their own: what computes there takes no time from a key."""

from __future__ import annotations

import asyncio
import gc
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from wsreplay.errors import WsreplayError
from wsreplay.tui.jobs.child import DONE, FAILED, LENGTH_BYTES
from wsreplay.tui.jobs.task import Task

LARGE_BYTES = 4 << 20  # of an answer
_GRACE_S = 0.5  # for what a task has to put in order


class ChildProcess:
    """A process that waits for one task, and ends with it."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        self.process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        # What it says on stderr.
        self._errors = asyncio.create_task(process.stderr.read())
        # Set once it is being ended.
        self._ending: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls) -> ChildProcess:
        return cls(await asyncio.create_subprocess_exec(
            sys.executable, "-m", "wsreplay.tui.jobs.child", stdin=PIPE, stdout=PIPE, stderr=PIPE,
            process_group=0,  # the terminal's signals are not for it; of another session, Linux would not heed how nice it is
        ))  # fmt: skip

    async def do(self, task: bytes, publish: Callable[[Any], object]) -> None:
        """Do a pickled task. Raises WsreplayError."""
        self._stdin.write(task)
        try:
            while True:
                kind, value = await self._receive()
                if kind == DONE:
                    return
                if kind == FAILED:
                    raise WsreplayError(value)
                publish(value)
        except (EOFError, OSError, pickle.UnpicklingError) as error:  # its end, or what no process of this version writes
            await self.end()
            lines = (await self._errors).decode("utf-8", "replace").strip().splitlines()
            raise WsreplayError(f"the process stopped: {' '.join(lines[-1:]) or 'it was ended'}") from error

    async def _receive(self) -> tuple[str, Any]:
        length = int.from_bytes(await self._stdout.readexactly(LENGTH_BYTES))
        answer = await self._stdout.readexactly(length)
        kind, value = await asyncio.to_thread(_unpickle, answer)  # it may be large, or of modules that are imported first
        return kind, value

    def end(self) -> Awaitable[None]:
        """End the process, if it has not ended: in order, or by force where that takes long."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        return asyncio.shield(self._ending)

    async def _end(self) -> None:
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), _GRACE_S)
            except TimeoutError:
                with suppress(ProcessLookupError):
                    self.process.kill()
                await self.process.wait()
        self._stdin.close()
        await asyncio.gather(self._stdin.wait_closed(), self._stdout.read(), self._errors, return_exceptions=True)


def _unpickle(answer: bytes) -> Any:
    """What is large lives long: the collector would look at it over and over meanwhile, and hold up keys for it later."""
    if len(answer) < LARGE_BYTES or not gc.isenabled():
        return pickle.loads(answer)
    gc.disable()
    try:
        return pickle.loads(answer)
    finally:
        gc.freeze()
        gc.enable()


class ChildProcesses:
    """Runs each task in a child process of its own. One can be started ahead: Python starts no faster than a word is typed."""

    def __init__(self) -> None:
        # Started ahead; it waits for a task.
        self._spare: asyncio.Task[ChildProcess] | None = None
        # Those that do a task.
        self.running: set[ChildProcess] = set()

    def prepare(self) -> None:
        """Start a process for a task that is soon to come."""
        if self._spare is None:
            self._spare = asyncio.create_task(ChildProcess.start())

    async def run(self, task: Task, publish: Callable[[Any], object]) -> None:
        """Do a task; `publish` gets what it publishes. Cancelled, it ends the process. Raises WsreplayError."""
        pickled = pickle.dumps(task, protocol=pickle.HIGHEST_PROTOCOL)
        child = await self._take()
        self.running.add(child)
        try:
            await child.do(pickled, publish)
        finally:
            await child.end()
            self.running.discard(child)

    async def _take(self) -> ChildProcess:
        """The process that was started ahead, or a new one."""
        self.prepare()
        starting, self._spare = self._spare, None
        assert starting is not None
        try:
            child = await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._spare = self._spare or starting  # for the next task, or to be ended with the others
            raise
        if child.process.returncode is None:
            return child
        await child.end()
        return await self._take()

    async def stop(self) -> None:
        """End all processes."""
        if self._spare is not None:
            starting, self._spare = self._spare, None
            self.running.add(await starting)
        await asyncio.gather(*(child.end() for child in self.running))
        self.running.clear()
