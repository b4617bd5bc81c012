"""Runs wsreplay, and writes how long its event loop computed at a stretch: `python -m benchmarks.held OUT ARGUMENTS…`.

While it does, no key is taken. Processor time of the thread is counted, in ms, longest first: a busy machine takes longer. With
WSREPLAY_HELD_TRACE, what ran after `LONG_S` of a stretch is written too.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import signal
import sys
import time
import traceback
from asyncio.base_events import BaseEventLoop
from pathlib import Path
from typing import Any

KEPT = 50
LONG_S = 0.05
_LOOK_S = 0.01
_STEPS = 6


class Stretches:
    """Measures every turn of the event loops of this process."""

    def __init__(self) -> None:
        self._longest: list[tuple[float, list[str]]] = []
        self._began: float | None = None
        self._seen: list[str] = []

    def measure(self) -> None:
        turn = BaseEventLoop._run_once  # type: ignore[attr-defined]

        def measured(loop: BaseEventLoop) -> None:
            self._seen = []
            self._began = began = time.thread_time()
            turn(loop)
            self._began = None
            took = time.thread_time() - began
            if len(self._longest) < KEPT or took > self._longest[-1][0]:
                self._longest = sorted([*self._longest, (took, self._seen)], key=lambda known: -known[0])[:KEPT]

        BaseEventLoop._run_once = measured  # type: ignore[attr-defined]

    def trace(self) -> None:
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, _LOOK_S, _LOOK_S)

    def _look(self, _number: int, frame: Any) -> None:
        if self._began is not None and time.thread_time() - self._began > LONG_S and len(self._seen) < KEPT:
            steps = (step for step, _ in traceback.walk_stack(frame) if "/wsreplay/" in step.f_code.co_filename)
            names = (f"{Path(step.f_code.co_filename).stem}:{step.f_lineno}:{step.f_code.co_name}" for step in steps)
            self._seen.append(" < ".join(itertools.islice(names, _STEPS)))

    def write(self, out: Path) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        out.write_text(json.dumps([{"ms": took * 1000, "seen": seen} for took, seen in self._longest]))


def main() -> None:
    out, *arguments = sys.argv[1:]
    sys.argv = ["wsreplay", *arguments]
    stretches = Stretches()
    atexit.register(stretches.write, Path(out))
    stretches.measure()
    if os.environ.get("WSREPLAY_HELD_TRACE"):
        stretches.trace()
    from wsreplay.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
