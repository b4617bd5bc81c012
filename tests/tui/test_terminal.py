"""The whole thing in a real terminal: tmux, keys, the captured screen."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")


def _processes(text: str) -> str:
    """Those that have a text in their command lines."""
    return subprocess.run(["pgrep", "-f", text], capture_output=True, text=True, check=False).stdout


def test_open_filter_jump_to_the_finding_play_and_quit(tmux, chat_recording):
    tmux.start(sys.executable, "-m", "wsreplay", "tui", str(chat_recording))
    tmux.until(lambda shown: "1 with findings" in shown)
    tmux.keys("Enter")
    tmux.until(lambda shown: "session 2" in shown and "^f search" in shown)

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
    tmux.until(lambda shown: "⇅ agent_thinking came after" in shown)
    tmux.keys("]")
    words = ("kind         missing", "◆", "missing: tool_completed", "agent-chat.yaml:24")
    tmux.until(lambda shown: all(word in shown for word in words))  # a screen can be seen while it is painted

    tmux.keys("0", "Space")
    tmux.until(lambda shown: "▶ 00:0" in shown and "missing: tool_completed" not in shown)
    tmux.keys(">", ">", ">", ">")
    tmux.until(lambda shown: "missing: tool_completed" in shown)
    tmux.keys("Space")
    tmux.keys("Escape")
    tmux.until(lambda shown: "13/13" in shown or "/13" in shown)

    tmux.keys("C-q")
    assert "ended 0" in tmux.until(lambda shown: "ended" in shown)


def test_a_killed_interface_leaves_the_recorder_alone(tmux, live_chat):
    tmux.start(sys.executable, "-m", "wsreplay", "tui", str(live_chat.path))
    tmux.until(lambda shown: "FOLLOW" in shown)
    live_chat.add(100)
    tmux.until(lambda shown: "105/105" in shown)
    tmux.kill()
    limit = time.monotonic() + 20
    while _processes(str(live_chat.path)) and time.monotonic() < limit:
        time.sleep(0.05)
    assert not _processes(str(live_chat.path))  # a terminal that is closed takes the interface and the validator with it
    live_chat.add(100)
    live_chat.finish()
    from wsreplay.store.reader import Recording

    with Recording.open(live_chat.path) as reader:
        assert reader.last_id() == 205


def test_a_file_that_cannot_be_opened_is_one_line_on_the_terminal(tmux, tmp_path):
    tmux.start(sys.executable, "-m", "wsreplay", "tui", str(tmp_path / "none.db"))
    shown = tmux.until(lambda shown: "ended" in shown)
    assert "no such file" in shown and "ended 2" in shown and "Traceback" not in shown


def test_a_name_that_is_not_utf_8_is_listed_and_opened(tmux, tmp_path, chat_recording):
    folder = tmp_path / "recordings"
    folder.mkdir()
    shutil.copyfile(chat_recording, os.fsencode(folder) + b"/caf\xe9.db")
    tmux.start(sys.executable, "-m", "wsreplay", "tui", str(folder))
    tmux.until(lambda shown: "caf\ufffd.db" in shown and "1 recording" in shown)
    tmux.keys("Enter")
    tmux.until(lambda shown: "caf\ufffd.db" in shown and "2 sessions · 1 with findings" in shown)
    tmux.keys("C-q")
    assert "ended 0" in tmux.until(lambda shown: "ended" in shown)


def test_without_colours_everything_can_still_be_read(tmux, chat_recording):
    tmux.start("env", "NO_COLOR=1", sys.executable, "-m", "wsreplay", "tui", str(chat_recording))
    shown = tmux.until(lambda shown: "1 with findings" in shown)
    assert "✗" in shown and "✓" in shown
    tmux.keys("j", "c")
    tmux.until(lambda shown: "agent-chat" in shown and "graphql" in shown)
    painted = tmux.screen("-e")
    for codes in re.findall(r"\x1b\[([\d;]*)m", painted):
        assert not {38, 48, *range(30, 38), *range(40, 48), *range(90, 108)} & {int(code or 0) for code in codes.split(";")}
    assert "\x1b[7m" in painted, "where the cursor is can be seen"


def test_ascii_only(tmux, chat_recording):
    tmux.start(sys.executable, "-m", "wsreplay", "tui", "--ascii", "--no-mouse", str(chat_recording))
    shown = tmux.until(lambda shown: "1 with findings" in shown)
    assert shown.isascii()
    tmux.keys("[")
    shown = tmux.until(lambda shown: "No findings above this row." in shown)
    assert shown.isascii()
    tmux.keys("C-p")
    # While it looks for commands, Textual draws dots.
    tmux.until(lambda shown: "Search for commands" in shown and "Back" in shown and shown.isascii())


def test_who_ends_it_by_a_signal_gets_a_terminal_that_is_in_order(tmux, chat_recording):
    tmux.start("sh", "-c", f"{sys.executable} -m wsreplay tui {chat_recording}; echo ended with $?; stty -a")
    tmux.until(lambda shown: "1 with findings" in shown)
    subprocess.run(["pkill", "-TERM", "-f", f"tui {chat_recording}$"], check=True)
    shown = tmux.until(lambda shown: "icanon" in shown)
    assert "ended with 143" in shown and "-icanon" not in shown and "-echo " not in shown


def test_suspended_and_taken_up_again_all_of_it_is_painted(tmux, chat_recording):
    tmux.start("bash", "--norc", "-i")
    tmux.type(f"{sys.executable} -m wsreplay tui {chat_recording}\n")
    before = tmux.until(lambda shown: "1 with findings" in shown and "missing: agent_completed" in shown)
    tmux.keys("C-z")
    tmux.until(lambda shown: "Stopped" in shown)
    tmux.type("fg\n")
    tmux.until(lambda shown: shown == before)
