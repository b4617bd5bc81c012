"""The process that runs long errands: `python -m wsreplay.tui.jobs.worker_process`, for the interface that started it only.

It reads pickled (number, path, work) from stdin, and (number, None, None) where one is cancelled; it writes pickled
(number, kind, value) to stdout.

    told    what the work found so far      failed  why it could not be done      done    None, always the last
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from wsreplay.tui.jobs.job import Errand, Work

_NICE = 5  # the keys go first, also where there is one core for both


class Desk:
    """The errands under way, by number, and the one pipe on which they all tell."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._errands: dict[int, Errand] = {}

    def begin(self, number: int, path: Path, work: Work) -> None:
        tell, fail = (partial(self._say, number, kind) for kind in ("told", "failed"))
        errand = self._errands[number] = Errand(path, work, tell, fail)
        threading.Thread(target=self._run, args=(number, errand), name=f"errand {number}", daemon=True).start()

    def cancel(self, number: int) -> None:
        if errand := self._errands.get(number):
            errand.cancel()

    def _run(self, number: int, errand: Errand) -> None:
        try:
            errand.run()
        finally:
            self._errands.pop(number, None)
            self._say(number, "done", None)

    def _say(self, number: int, kind: str, value: Any) -> None:
        letter = pickle.dumps((number, kind, value), protocol=pickle.HIGHEST_PROTOCOL)
        try:
            with self._lock:
                self._out.write(letter)
                self._out.flush()
        except OSError:
            os._exit(0)  # the interface is gone


def main() -> None:
    with suppress(OSError):
        os.nice(_NICE)
    desk = Desk(sys.stdout.buffer)
    with suppress(EOFError):
        while True:
            number, path, work = pickle.load(sys.stdin.buffer)
            if work is None:
                desk.cancel(number)
            else:
                desk.begin(number, path, work)
    os._exit(0)  # whatever is still read, nobody waits for it


if __name__ == "__main__":
    main()
