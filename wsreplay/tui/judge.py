"""The interface's end of the validator's process."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from textual.message import Message

from wsreplay.tui.data.evidence import Source
from wsreplay.tui.messages import Judged, JudgeFailed, JudgeMoved

_LINES_OF_ERROR = 1


class Judge:
    """Starts the validator's process and turns what it says into messages, from a thread of its own."""

    def __init__(self, post: Callable[[Message], object]) -> None:
        self._post = post
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, path: Path, contracts: Sequence[str], *, follow: bool = False) -> None:
        """Judge a recording; one judged before is given up."""
        self.stop()
        mode = "follow" if follow else "once"
        command = [sys.executable, "-m", "wsreplay.tui.judge_process", str(path.absolute()), mode, *contracts]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        self._thread = threading.Thread(target=self._listen, args=(self._process,), name="wsreplay judge", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the process and the thread that listens to it."""
        process, thread = self._process, self._thread
        self._process = self._thread = None
        if process is not None:
            if process.poll() is None:
                process.kill()
            process.wait()
        if thread is not None:
            thread.join()

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None and process.stderr is not None
        said_last = False
        with process.stdout as stream, process.stderr as errors:
            try:
                while True:
                    kind, value = pickle.load(stream)
                    said_last = said_last or kind in ("done", "failed")
                    if process is self._process:
                        self._post(_message(kind, value))
            except (EOFError, pickle.UnpicklingError, OSError):
                pass
            if not said_last and process is self._process:
                lines = errors.read().decode("utf-8", "replace").strip().splitlines()
                why = " ".join(lines[-_LINES_OF_ERROR:]) or "it was ended"
                self._post(JudgeFailed(f"the validator stopped: {why}"))


def _message(kind: str, value: Any) -> Message:
    if kind == "progress":
        return JudgeMoved(value)
    if kind == "failed":
        return JudgeFailed(value)
    return Judged(value, final=kind == "done")


def stamp(sources: Sequence[Source]) -> tuple[tuple[float, int], ...]:
    """What tells that a contract's file changed: modification time and size of each; zeros for a built-in."""
    stamps = []
    for source in sources:
        try:
            status = Path(source.file).stat()
            stamps.append((status.st_mtime, status.st_size))
        except OSError:
            stamps.append((0.0, 0))
    return tuple(stamps)
