"""A real terminal: tmux, keys, the captured screen."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Callable


class Tmux:
    """A terminal of 120 × 30 in a tmux server of its own."""

    def __init__(self, folder) -> None:
        self._socket = str(folder / "tmux")

    def _run(self, *arguments: str) -> str:
        command = ["tmux", "-f", os.devnull, "-S", self._socket, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout

    def start(self, *command: str) -> None:
        line = f"trap : INT; env -u COLUMNS -u LINES {shlex.join(command)}; echo ended $?; exec cat"
        self._run("new-session", "-d", "-x", "120", "-y", "30", line)

    def keys(self, *keys: str) -> None:
        self._run("send-keys", *keys)

    def type(self, text: str) -> None:
        self._run("send-keys", "-l", text)

    def screen(self, *flags: str) -> str:
        return self._run("capture-pane", "-p", *flags)

    def until(self, condition: Callable[[str], bool], seconds: float = 30) -> str:
        """The screen once a condition holds."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            shown = self.screen()
            if condition(shown):
                return shown
            time.sleep(0.05)
        raise AssertionError(f"it did not come to be:\n{self.screen()}")

    def kill(self) -> None:
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True, check=False)
