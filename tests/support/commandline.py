"""The command line as its users have it: a process of its own.

What `run` and `Recorder` start is forked by a server that has imported the command line once. That each command starts from
nothing as well is shown where the pages of the documentation are followed.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from forked import Forked, ForkedPiped
from forked_commands import run_command
from relay import wait_for

from wsreplay.demo.run import play

WSREPLAY = [sys.executable, "-m", "wsreplay"]
# For a process whose files cannot grow: Python cuts bytecode where they end, and does not notice.
NO_BYTECODE = {"PYTHONDONTWRITEBYTECODE": "1"}
PATIENCE_S = 60


@dataclass
class Outcome:
    code: int
    out: str
    err: str


def run(*arguments: object, stdin: str | None = None, cwd: Path | None = None, patience: float = PATIENCE_S) -> Outcome:
    """Run a command to its end; after so many seconds it is killed."""
    with tempfile.TemporaryDirectory(prefix="wsreplay-run-") as name:
        files = [Path(name, stream) for stream in ("in", "out", "err")]
        for file in files:
            file.touch()
        files[0].write_text(stdin or "", encoding="utf-8")
        process = Forked(run_command, [*map(str, arguments)], (str(files[0]), str(files[1]), str(files[2])), cwd)
        try:
            code = process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        out, err = (file.read_text(encoding="utf-8") for file in files[1:])
    assert "Traceback" not in err, err
    return Outcome(code, out, err)


class Recorder:
    """A `wsreplay record` that runs. `lines` are what it has said on stderr."""

    def __init__(self, *arguments: object) -> None:
        self.process = ForkedPiped(run_command, ["record", *map(str, arguments)])
        self.lines: list[str] = []
        self._grown = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stderr:
            with self._grown:
                self.lines.append(line)
                self._grown.notify_all()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first match in what it says, now or later."""
        with self._grown:
            found: list[re.Match[str]] = []

            def seen() -> bool:
                found[:] = [match for line in self.lines if (match := re.search(pattern, line))]
                return bool(found)

            assert self._grown.wait_for(seen, 30), f"{pattern!r} never came: {''.join(self.lines)}"
            return found[0]

    @property
    def url(self) -> str:
        return self.wait_for(r"recording (wss?://\S+)")[1]

    def wait_for_followers(self, *recordings: Path) -> None:
        """Until whoever judges these recordings has opened them: one that has not may not be ready when they are closed."""
        for recording in recordings:
            wait_for(partial(self._is_judged, recording), f"{recording} is judged")

    def _is_judged(self, recording: Path) -> bool:
        return any(recording in files for files in self._opened_by_followers())

    def _opened_by_followers(self) -> Iterator[set[Path]]:
        pid = self.process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with contextlib.suppress(OSError):
                if b"\0validate\0" in Path(f"/proc/{child}/cmdline").read_bytes():
                    yield {link.readlink() for link in Path(f"/proc/{child}/fd").iterdir()}

    def stop(self, number: int = signal.SIGINT) -> Outcome:
        if self.process.poll() is None:
            self.process.send_signal(number)
        out = self.process.stdout.read()
        code = self.process.wait(30)
        self._reader.join(10)
        err = "".join(self.lines)
        assert "Traceback" not in err, err
        return Outcome(code, out, err)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(30)
        self._reader.join(10)
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()


def chat(url: str, scenario: str = "healthy", user: str = "alice") -> None:
    """One user plays one scenario through a proxy."""
    asyncio.run(play(scenario, f"{url}/ws", user=user))
