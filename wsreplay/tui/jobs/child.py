"""A child process for one task: `python -m wsreplay.tui.jobs.child`, for the interface that started it only.

It reads a pickled task from stdin, does it and ends; it also ends when stdin is closed, which is when the interface ends. On
stdout it answers with pickled (kind, value) pairs, each after its length in eight bytes, big-endian:

    published   what the task published     failed   why it could not be done     done   None
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

from wsreplay.tui.jobs.task import JobContext, explain

LENGTH_BYTES = 8
PUBLISHED, FAILED, DONE = "published", "failed", "done"
_NICE = 5  # the keys go first, also where there is one core for both
_GRACE_S = 0.5  # for what a task has to put in order


class ChildContext:
    """The job as the task in the child sees it. Tasks may publish from several threads."""

    cancelled = False  # a job that is cancelled ends with its process

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._lock = threading.Lock()

    def publish(self, value: Any) -> None:
        self.answer(PUBLISHED, value)

    def interrupt_by(self, interrupt: Callable[[], object] | None) -> None:
        """Nothing to do: the process is ended."""

    def answer(self, kind: str, value: Any) -> None:
        letter = pickle.dumps((kind, value), protocol=pickle.HIGHEST_PROTOCOL)
        try:
            with self._lock:
                self._out.write(len(letter).to_bytes(LENGTH_BYTES) + letter)
                self._out.flush()
        except BrokenPipeError:
            os._exit(0)  # the interface is gone


def main() -> None:
    with suppress(OSError):
        os.nice(_NICE)
    context = ChildContext(sys.stdout.buffer)
    try:
        task: Callable[[JobContext], None] = pickle.load(sys.stdin.buffer)
    except EOFError:
        return  # it was started ahead, and not needed
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that a temporary folder is removed
    threading.Thread(target=_end_with_parent, args=(sys.stdin.fileno(),), daemon=True).start()
    try:
        task(context)
    except Exception as error:
        context.answer(FAILED, explain(error))
    else:
        context.answer(DONE, None)


def _end_with_parent(stdin: int) -> None:
    while os.read(stdin, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os._exit(0)


if __name__ == "__main__":
    main()
