"""The program ends with its terminal, whatever it does then, and when it is told to, also where the terminal takes nothing."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from wsreplay.errors import UsageError
from wsreplay.tui.terminal import GRACE_S, LOST, TOLD, check_terminal

AT_ONCE_S = 5.0  # on a machine that does much else
BLOCKING_KEYS = 60  # each paints some texts, of which thirty wait


class Program:
    """The interface on a pseudo-terminal of its own."""

    def __init__(self, *arguments: str, start: Sequence[str] = ("-m", "wsreplay"), **environment: str) -> None:
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            command = [sys.executable, *start, "tui", *arguments]
            os.execve(sys.executable, command, os.environ | {"TERM": "xterm-256color"} | environment)
        self.shown = b""

    def read_until(self, text: bytes) -> None:
        limit = time.monotonic() + 30
        while text not in self.shown:
            assert time.monotonic() < limit, self.shown
            if select.select([self.descriptor], [], [], 0.1)[0]:
                self.shown += os.read(self.descriptor, 1 << 16)

    def block(self) -> None:
        """Have it paint more than a terminal takes that nobody reads, until it takes no key any more."""
        for _ in range(BLOCKING_KEYS):
            with contextlib.suppress(BlockingIOError):
                os.write(self.descriptor, b"jkjkjkjkjk")
            time.sleep(0.01)  # it paints once for what comes together

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
        self.descriptor = -1

    def await_end(self, seconds: float = AT_ONCE_S) -> int | None:
        """Its exit code, or minus the signal that ended it; None where it goes on."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        return None

    def kill(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.close()


@pytest.fixture
def start() -> Iterator:
    programs: list[Program] = []

    def start_program(*arguments: object, **options: Any) -> Program:
        programs.append(Program(*map(str, arguments), **options))
        return programs[-1]

    yield start_program
    for program in programs:
        program.kill()


@pytest.mark.parametrize("blocked", [False, True])
def test_it_ends_with_its_terminal_also_while_it_waits_for_it(start, chat_recording, blocked):
    program = start(chat_recording, 2)
    program.read_until(b"1/13")
    if blocked:
        program.block()
    program.close()
    assert program.await_end() in (LOST, -signal.SIGHUP)


def test_it_ends_with_its_terminal_where_no_signal_says_so(start, chat_recording):
    """Not the leader of its session, it hears of the loss from its leader, which may ignore it."""
    leader = (
        "import signal, subprocess, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
        "sys.exit(subprocess.run([sys.executable, '-m', 'wsreplay', 'tui', *sys.argv[1:]]).returncode)"
    )
    pid, descriptor = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", leader, str(chat_recording), "2"])
    shown = b""
    while b"1/13" not in shown:
        shown += os.read(descriptor, 1 << 16)
    os.close(descriptor)
    limit = time.monotonic() + AT_ONCE_S
    while (ended := os.waitpid(pid, os.WNOHANG))[0] == 0 and time.monotonic() < limit:
        time.sleep(0.01)
    if ended[0] == 0:
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert ended[0] == pid


def test_it_ends_when_it_is_told_to_though_the_terminal_takes_nothing(start, chat_recording):
    program = start(chat_recording, 2)
    program.read_until(b"1/13")
    program.block()
    os.kill(program.pid, signal.SIGTERM)
    assert program.await_end(GRACE_S + AT_ONCE_S) == TOLD


def test_told_twice_it_ends_at_once(start, chat_recording):
    patient = "from wsreplay.tui import terminal; terminal.GRACE_S = 3600; import wsreplay.__main__"
    program = start(chat_recording, 2, start=("-c", patient))
    program.read_until(b"1/13")
    program.block()
    limit = time.monotonic() + 60
    while program.pid and time.monotonic() < limit:
        os.kill(program.pid, signal.SIGTERM)  # two that come together are one
        ended = program.await_end(0.2)
    assert ended == TOLD


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
@pytest.mark.parametrize("tries", [1, pytest.param(60, marks=[pytest.mark.campaign, pytest.mark.timeout(600)])])
def test_it_ends_with_the_server_of_its_terminal(tmp_path, chat_recording, tries):
    for number in range(tries):
        socket, told = str(tmp_path / f"tmux{number}"), tmp_path / f"pid{number}"
        command = f"echo $$ > {told}; exec {sys.executable} -m wsreplay tui {chat_recording} 2"
        tmux = ["tmux", "-f", os.devnull, "-S", socket]
        subprocess.run([*tmux, "new-session", "-d", "-x", "120", "-y", "30", command], check=True, timeout=20)
        limit = time.monotonic() + 30
        while "1/13" not in subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=True).stdout:
            assert time.monotonic() < limit
            time.sleep(0.02)
        subprocess.run([*tmux, "send-keys", *"jkjkjk"[: number % 6]], check=True, timeout=20)
        subprocess.run([*tmux, "kill-server"], check=True, timeout=20)
        assert _ends(int(told.read_text())), f"it outlived its terminal at try {number + 1}"


def _ends(pid: int) -> bool:
    limit = time.monotonic() + AT_ONCE_S
    while time.monotonic() < limit:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    return False


@pytest.mark.parametrize("name", ["dumb", "unknown"])
def test_a_terminal_that_cannot_place_text_is_refused(start, chat_recording, name):
    program = start(chat_recording, TERM=name)
    program.read_until(f"this one is TERM={name}. `wsreplay show` prints a recording".encode())
    assert program.await_end() == 2


def test_where_there_is_no_terminal_it_is_refused(monkeypatch, tmp_path):
    with (tmp_path / "keys").open("w+") as file:
        monkeypatch.setattr(sys, "stdin", file)
        with pytest.raises(UsageError, match="the terminal interface needs a terminal"):
            check_terminal({"TERM": "xterm"})
