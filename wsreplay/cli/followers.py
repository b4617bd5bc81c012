"""The processes that judge what `wsreplay record` records, while it does."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from wsreplay.errors import EXIT_NOT_JUDGED, EXIT_USAGE, EXIT_VIOLATIONS
from wsreplay.proxy.callbacks import Callbacks
from wsreplay.proxy.recording_files import Relocated
from wsreplay.trace.identity import UserSource, user_source_text
from wsreplay.units import SECOND

LOOK_EVERY_S = 0.02
# What is left to those that are still at it when the time is over, to end by themselves.
PATIENCE_S = 0.2


class Followers:
    """Judge in processes of their own, one a recording, so that no contract can slow the capture."""

    def __init__(self, contracts: tuple[str, ...], users: Sequence[UserSource]) -> None:
        self.chosen = [argument for contract in contracts for argument in ("-c", contract)]
        if contracts:
            self.chosen += [argument for user in users for argument in ("--user", user_source_text(user))]
        # Each with the recording that it judges.
        self._processes: list[tuple[Path, subprocess.Popen[bytes]]] = []
        # The recordings whose verdicts were not ready in time.
        self.late: list[Path] = []
        # The processes hold one end and end when the other is closed: with this process, however it ends.
        self._theirs, self._ours = os.pipe() if contracts else (-1, -1)

    def start(self, path: Path) -> None:
        if self.chosen:
            options = ["--follow", "--while-open", str(self._theirs), *self.chosen]
            command = [sys.executable, "-m", "wsreplay", "validate", *options, str(path)]
            follower = subprocess.Popen(command, process_group=0, stdin=subprocess.DEVNULL, pass_fds=[self._theirs])
            self._processes.append((path, follower))

    def go_with(self, callbacks: Callbacks) -> None:
        """Judge a recording that is moved or saved where it is then, and the one in which recording goes on."""
        relocated, rotated = callbacks.relocated, callbacks.rotated

        def on_relocated(event: Relocated) -> None:
            relocated(event)
            self.start(event.now)

        def on_rotated(path: Path) -> None:
            rotated(path)
            self.start(path)

        callbacks.relocated, callbacks.rotated = on_relocated, on_rotated

    def dismiss_last(self) -> None:
        """Nothing was recorded for the last one to judge, and others have judged what was."""
        if len(self._processes) > 1:
            _, last = self._processes.pop()
            last.terminate()
            last.wait()

    async def wait(self, until: float) -> int:
        """The exit code of all together: 2 goes before 3 before 1 before 0. Who is not done by then (monotonic, s) is ended.

        On a busy machine they have as much longer as they wait for a processor.
        """
        self.late = [path for path, _ in await self._end_by(until)]
        for _, process in self._processes:
            process.terminate()  # no effect on one that has ended
        for _, process in await self._end_by(time.monotonic() + PATIENCE_S):
            process.kill()
            process.wait()
        codes = {EXIT_NOT_JUDGED if path in self.late else process.returncode for path, process in self._processes}
        return next((code for code in (EXIT_USAGE, EXIT_NOT_JUDGED, EXIT_VIOLATIONS) if code in codes), max(codes, default=0))

    async def _end_by(self, until: float) -> list[tuple[Path, subprocess.Popen[bytes]]]:
        """Wait until all have ended; those that have not by then."""
        delayed = {process.pid: _waited_for_processor_s(process.pid) for _, process in self._processes}
        while late := [(path, process) for path, process in self._processes if process.poll() is None]:
            waited_s = max(_waited_for_processor_s(process.pid) - delayed[process.pid] for _, process in late)
            if time.monotonic() > until + waited_s:
                break
            await asyncio.sleep(LOOK_EVERY_S)  # a thread that waits may not be to be had
        return late


def _waited_for_processor_s(pid: int) -> float:
    """How long a process could have run and had no processor; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / SECOND
    except (OSError, IndexError, ValueError):
        return 0.0
