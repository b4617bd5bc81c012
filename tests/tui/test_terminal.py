"""The whole thing in a real terminal: tmux, keys, the captured screen."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")


class Tmux:
    """A terminal of 120 × 30 in a tmux server of its own."""

    def __init__(self, folder) -> None:
        self._socket = str(folder / "tmux")

    def _run(self, *arguments: str) -> str:
        command = ["tmux", "-f", os.devnull, "-S", self._socket, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout

    def start(self, *command: str) -> None:
        line = f"env -u COLUMNS -u LINES {shlex.join(command)}; echo ended $?; exec cat"
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


@pytest.fixture
def tmux(tmp_path) -> Iterator[Tmux]:
    terminal = Tmux(tmp_path)
    yield terminal
    terminal.kill()


def test_open_filter_jump_to_the_finding_play_and_quit(tmux, chat_recording):
    tmux.start(sys.executable, "-m", "wsreplay", "tui", str(chat_recording))
    tmux.until(lambda shown: "violated" in shown and "satisfied" in shown)
    tmux.keys("]", "Enter")
    tmux.until(lambda shown: "session 2" in shown and "agent_started" in shown)

    tmux.keys("/")
    tmux.until(lambda shown: "type:tool_*" in shown)  # the hint in the empty field
    tmux.type("type:tool_*")
    tmux.until(lambda shown: "3 of 13" in shown and "user_message" not in shown)
    tmux.keys("Enter")
    tmux.keys("Escape")
    tmux.until(lambda shown: "user_message" in shown and "3 of 13" not in shown)

    tmux.keys("g")
    tmux.until(lambda shown: "   1/13" in shown)
    tmux.keys("]")
    tmux.until(lambda shown: "⇅ tool_executing without" in shown)
    tmux.keys("]")
    shown = tmux.until(lambda shown: "kind         missing" in shown)
    assert "◆" in shown and "missing: tool_completed" in shown and "agent-chat.yaml:23" in shown

    tmux.keys("0", "Space")
    tmux.until(lambda shown: "▶ 00:0" in shown and "missing: tool_completed" not in shown)
    tmux.keys(">", ">", ">", ">")
    tmux.until(lambda shown: "missing: tool_completed" in shown)
    tmux.keys("Space")
    tmux.keys("Escape")
    tmux.until(lambda shown: "13/13" in shown or "/13" in shown)

    tmux.keys("C-q")
    assert "ended 0" in tmux.until(lambda shown: "ended" in shown)


def test_a_suspended_interface_and_a_killed_one_leave_the_recorder_alone(tmux, live_chat):
    tmux.start(sys.executable, "-m", "wsreplay", "tui", str(live_chat.path))
    tmux.until(lambda shown: "FOLLOW" in shown)
    live_chat.add(100)
    tmux.until(lambda shown: "105/105" in shown)
    tmux.kill()
    live_chat.add(100)
    live_chat.finish()
    from wsreplay.store.reader import Recording

    with Recording.open(live_chat.path) as reader:
        assert reader.last_id() == 205


def test_a_file_that_cannot_be_opened_is_one_line_on_the_terminal(tmux, tmp_path):
    tmux.start(sys.executable, "-m", "wsreplay", "tui", str(tmp_path / "none.db"))
    shown = tmux.until(lambda shown: "ended" in shown)
    assert "there is no such file" in shown and "ended 2" in shown and "Traceback" not in shown


def test_without_colours_everything_can_still_be_read(tmux, chat_recording):
    tmux.start("env", "NO_COLOR=1", sys.executable, "-m", "wsreplay", "tui", str(chat_recording))
    shown = tmux.until(lambda shown: "violated" in shown)
    assert "✗" in shown and "✓" in shown
    colours = re.findall(r"[34]8;2;(\d+);(\d+);(\d+)", tmux.screen("-e"))
    assert all(red == green == blue for red, green, blue in colours)


def test_ascii_only(tmux, chat_recording):
    tmux.start(sys.executable, "-m", "wsreplay", "tui", "--ascii", "--no-mouse", str(chat_recording))
    shown = tmux.until(lambda shown: "violated" in shown)
    assert shown.isascii()
