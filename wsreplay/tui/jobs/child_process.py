"""A process beside the interface, which talks with it in pickled values: what computes there takes no time from a key."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

_LINES_OF_ERROR = 1


class Beside:
    """Runs `python -m MODULE ARGUMENTS…`. `said` is told each value it writes, `ended` why it ended without being stopped.

    Both are called in a thread of this object, and no more once `stop` was called.
    """

    def __init__(
        self, module: str, *arguments: str, said: Callable[[Any], object], ended: Callable[[str], object]
    ) -> None:
        self._said, self._ended = said, ended
        self._stopped = self._silent = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            process_group=0,  # the terminal's signals are not for it; of another session, Linux would not heed how nice it is
        )  # fmt: skip
        self._post: SimpleQueue[bytes | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=one, name=f"{module} {one.__name__}", daemon=True) for one in (self._listen, self._write)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def running(self) -> bool:
        return not self._silent and self._process.poll() is None

    def send(self, value: object) -> None:
        """Say something to the process, which need not listen at once. Raises what pickling raises."""
        self._post.put(pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL))

    def stop(self) -> None:
        """End the process and the threads."""
        self._stopped = True
        self._process.kill()
        self._process.wait()
        self._post.put(None)
        for thread in self._threads:
            thread.join()

    def _listen(self) -> None:
        stream, errors = self._process.stdout, self._process.stderr
        assert stream is not None and errors is not None
        with stream, errors:
            while not self._stopped:
                try:
                    value = pickle.load(stream)
                except Exception:  # its end, or what no process of this version writes
                    break
                if not self._stopped:
                    self._said(value)
            self._process.kill()  # it may go on though nobody understands it
            self._silent = True  # which is known before the system says that the process has ended
            lines = errors.read().decode("utf-8", "replace").strip().splitlines()
            self._post.put(None)
            if not self._stopped:
                self._ended(" ".join(lines[-_LINES_OF_ERROR:]) or "it was ended")

    def _write(self) -> None:
        stream = self._process.stdin
        assert stream is not None
        with suppress(OSError), stream:
            while (letter := self._post.get()) is not None:
                stream.write(letter)
                stream.flush()
