"""Programs that are forked by a server which has imported what they run: a fraction of the time of a new interpreter.

That each starts from nothing as well is shown where the pages of the documentation are followed.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import cache
from multiprocessing import connection, forkserver
from pathlib import Path

from forked_commands import Stream, run_forked

_FORK = multiprocessing.get_context("forkserver")
# Starting one asks all others whether they have ended, and an answer can be read once only.
_LOCK = threading.Lock()


class Forked:
    """A function that runs in a process of its own, as in a new interpreter: this folder, this environment, these streams.

    Of Popen it has what tests ask: `pid`, `returncode`, `poll`, `wait`, `send_signal` and `kill`.
    """

    def __init__(
        self, target: Callable[[list[str]], object], arguments: list[str], streams: tuple[Stream, Stream, Stream],
        folder: Path | None = None,
    ) -> None:  # fmt: skip
        """`streams` are its stdin, stdout and stderr: paths, or ends of pipes. Without a `folder` it is where this is."""
        state = str(folder or Path.cwd()), dict(os.environ), _umask(), streams
        _start_server()
        with _LOCK:
            self._process = _FORK.Process(target=run_forked, args=(target, arguments, *state))
            self._process.start()
        self.pid: int = self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        with _LOCK:
            return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Raises TimeoutExpired after so many seconds."""
        code = self.poll()
        if code is None:
            if not connection.wait([self._process.sentinel], timeout):
                raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
            code = self.poll()
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        if self.poll() is None:
            self._process.kill()


class ForkedPiped(Forked):
    """One whose `stdout` and `stderr` are read here, as text, while it runs."""

    def __init__(self, target: Callable[[list[str]], object], arguments: list[str]) -> None:
        (out, writes_out), (err, writes_err) = (_FORK.Pipe(duplex=False) for _ in range(2))
        super().__init__(target, arguments, (os.devnull, writes_out, writes_err))
        self.stdout, self.stderr = (os.fdopen(os.dup(reads.fileno()), encoding="utf-8") for reads in (out, err))
        for end in (out, writes_out, err, writes_err):
            end.close()


@cache
def _start_server() -> None:
    """Once in each process of tests. Before 3.14 it finds what it is to import on PYTHONPATH only."""
    _FORK.set_forkserver_preload(["forked_commands", "relay"])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    try:
        forkserver.ensure_running()
    finally:
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before


def _umask() -> int:
    """Of this process, which the server need not have."""
    os.umask(mask := os.umask(0))
    return mask
