"""`record --tui`: the recording is looked at while it is made."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commandline import chat
from terminal import Tmux

from wsreplay.errors import WsreplayError
from wsreplay.store.reader import Recording

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")


@pytest.fixture
def recorder(tmux: Tmux, backend: str, tmp_path: Path) -> str:
    """A recorder with the interface before it; its URL."""
    path = tmp_path / "live.db"
    tmux.start(sys.executable, "-m", "wsreplay", "record", backend, "-l", "0", "-o", str(path), "--tui")
    tmux.until(lambda shown: "FOLLOW" in shown)
    with Recording.open(path) as reader:
        return reader.runs()[0].listen


def recorded(tmp_path: Path) -> Recording:
    """The recording, once its recorder is done with it."""
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        try:
            reader = Recording.open(tmp_path / "live.db")
        except WsreplayError:
            time.sleep(0.05)
            continue
        if not reader.live:
            return reader
        reader.close()
        time.sleep(0.05)
    raise AssertionError("it is still being recorded")


def kill(arguments: str) -> None:
    """Kill the wsreplay with these arguments, a regular expression."""
    subprocess.run(["pkill", "-KILL", "-f", f"^{re.escape(sys.executable)} -m wsreplay {arguments}"], check=True)


def test_recording_goes_on_while_the_view_is_suspended_and_after_it_was_left(
    tmux: Tmux, recorder: str, tmp_path: Path
) -> None:
    chat(recorder, "healthy", "alice")
    tmux.until(lambda shown: "agent_completed" in shown)
    tmux.keys("C-z")
    tmux.until(lambda shown: "the view is suspended, recording continues" in shown)
    chat(recorder, "healthy", "bob")
    tmux.type("it froze\n")
    tmux.until(lambda shown: "marked: it froze" in shown)
    tmux.keys("Enter")
    tmux.until(lambda shown: "FOLLOW" in shown and "conn 2 " in shown)
    tmux.keys("q")
    tmux.until(lambda shown: "2 sessions" in shown)
    tmux.keys("q")
    shown = tmux.until(lambda shown: "still recording" in shown)
    assert "(Enter opens the view again, a line you type becomes a mark, Ctrl-C stops)" in shown
    chat(recorder, "healthy", "carol")
    tmux.keys("Enter")
    tmux.until(lambda shown: "FOLLOW" in shown and "conn 3 " in shown)
    tmux.keys("q")
    tmux.until(lambda shown: "3 sessions" in shown)
    tmux.keys("q")
    tmux.until(lambda shown: shown.count("still recording") == 2)
    tmux.keys("C-c")
    shown = tmux.until(lambda shown: "ended 0" in shown)
    assert "look: " in shown and "wsreplay tui" in shown.replace("\n", "")
    with recorded(tmp_path) as reader:
        assert [one.user for one in reader.connections()] == ["alice", "bob", "carol"]
        assert [mark.note for mark in reader.marks()] == ["it froze"]


def test_it_can_be_stopped_while_the_view_is_suspended(tmux: Tmux, recorder: str, tmp_path: Path) -> None:
    chat(recorder, "healthy", "alice")
    tmux.keys("C-z")
    tmux.until(lambda shown: "the view is suspended, recording continues" in shown)
    tmux.keys("C-c")
    tmux.until(lambda shown: "ended 0" in shown)
    tmux.type("the terminal waits for what is typed, as before\n")  # a program that is left with one that does not ends
    tmux.until(lambda shown: shown.count("as before") == 2)
    with recorded(tmp_path) as reader:
        assert len(reader.connections()) == 1


def test_a_view_that_is_killed_leaves_a_terminal_that_is_in_order(tmux: Tmux, recorder: str, tmp_path: Path) -> None:
    kill(f"tui .*{tmp_path}/live.db$")
    tmux.until(lambda shown: "still recording" in shown and "FOLLOW" not in shown)
    tmux.keys("C-c")
    tmux.until(lambda shown: "ended 0" in shown)
    with recorded(tmp_path) as reader:
        assert reader.marks() == []


def test_the_view_of_a_recorder_that_is_killed_gives_the_terminal_back(tmux: Tmux, recorder: str, tmp_path: Path) -> None:
    chat(recorder, "healthy", "alice")
    tmux.until(lambda shown: "agent_completed" in shown)
    kill(f"record .*{tmp_path}/live.db --tui$")
    tmux.until(lambda shown: "the recorder that showed this was killed" in shown)
    tmux.type("the terminal waits for what is typed, as before\n")
    tmux.until(lambda shown: shown.count("as before") == 2)
    with recorded(tmp_path) as reader:
        assert [one.user for one in reader.connections()] == ["alice"]
