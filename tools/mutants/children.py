"""Work in forked children, a few at a time: each starts from what this process has loaded and leaves nothing behind."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
FORK = multiprocessing.get_context("fork")


def run(
    tasks: Iterable[T], work: Callable[[T], Any], jobs: int, seconds: Callable[[T], float] = lambda _: math.inf
) -> Iterator[tuple[T, Any, int]]:
    """Do the work of each task in a child and yield the task, its result (JSON, or None where it died) and the exit code.

    A child that takes more than its `seconds` is killed.
    """
    waiting = iter(tasks)
    # By what tells that a child has ended: its task, the child, its folder, and when it is killed.
    running: dict[Any, tuple[T, BaseProcess, Path, float]] = {}
    try:
        while True:
            for task in islice(waiting, jobs - len(running)):
                folder = Path(tempfile.mkdtemp(prefix="mutants-"))
                process: BaseProcess = FORK.Process(target=_in_child, args=(work, task, folder))
                process.start()
                running[process.sentinel] = task, process, folder, time.monotonic() + seconds(task)
            if not running:
                return
            for _, process, _, end in running.values():
                if time.monotonic() > end:
                    _kill(process)
            for sentinel in wait(list(running), timeout=1):
                done, process, folder, _ = running.pop(sentinel)
                process.join()
                result = folder / "result"
                yield done, json.loads(result.read_text()) if result.exists() else None, process.exitcode or 0
                _clear(process, folder)
    finally:
        for _, process, folder, _ in running.values():
            _clear(process, folder)


def _in_child(work: Callable[[Any], Any], task: Any, folder: Path) -> None:
    os.setsid()
    # Tests write to the terminal and leave files: not on the campaign's.
    errors = os.fdopen(os.dup(2), "w")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.environ["PYTEST_DEBUG_TEMPROOT"] = os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    try:
        result = json.dumps(work(task))
    except BaseException:
        errors.write(traceback.format_exc())
        errors.flush()
        os._exit(1)
    (folder / "written").write_text(result)
    (folder / "written").rename(folder / "result")
    os._exit(0)


def _kill(process: BaseProcess) -> None:
    """The child, and what it has started: it leads their group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid or 0, signal.SIGKILL)


def _clear(process: BaseProcess, folder: Path) -> None:
    """End what the child has left running, and remove its files."""
    _kill(process)
    process.join()
    shutil.rmtree(folder, ignore_errors=True)
