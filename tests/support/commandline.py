"""The command line as its users have it: a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from wsreplay.demo.run import play

WSREPLAY = [sys.executable, "-m", "wsreplay"]


@dataclass
class Outcome:
    code: int
    out: str
    err: str


def run(*arguments: object, stdin: str | None = None, cwd: Path | None = None) -> Outcome:
    """Run a command to its end."""
    done = subprocess.run(
        [*WSREPLAY, *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=60, cwd=cwd, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Outcome(done.returncode, done.stdout, done.stderr)


class Recorder:
    """A `wsreplay record` that runs. `lines` are what it has said on stderr."""

    def __init__(self, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [*WSREPLAY, "record", *map(str, arguments)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.lines: list[str] = []
        self._grown = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
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

    def stop(self, number: int = signal.SIGINT) -> Outcome:
        if self.process.poll() is None:
            self.process.send_signal(number)
        assert self.process.stdout is not None
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
            assert pipe is not None
            pipe.close()


def chat(url: str, scenario: str = "healthy", user: str = "alice") -> None:
    """One user plays one scenario through a proxy."""
    asyncio.run(play(scenario, f"{url}/ws", user=user))
