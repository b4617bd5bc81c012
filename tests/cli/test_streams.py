"""Standard streams of every kind, and terminals that belong to somebody else."""

from __future__ import annotations

import os
import pty
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from commandline import NO_BYTECODE, WSREPLAY, chat, run
from ports import listens, unused
from relay import wait_for

from wsreplay.cli.main import READER_GONE
from wsreplay.store.reader import Recording

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "recordings" / "samples" / "missing-event.db"
PROGRAM = shlex.join(WSREPLAY)


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command line of bash, whose stdout is a pipe."""
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, timeout=60, check=False, env={**os.environ, **environment}, cwd=ROOT,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr, done.stderr
    assert b"internal error" not in done.stderr, done.stderr
    return done


def in_campaigns(*names: str) -> list[ParameterSet]:
    """Further ways of the same, each of which starts many programs."""
    return [pytest.param(name, marks=pytest.mark.campaign) for name in names]


COMMANDS = {
    "ls": f"ls {SAMPLE}", "validate": f"validate -c agent-chat {SAMPLE}", "export": f"export {SAMPLE}",
    "stats": f"stats {SAMPLE}",
}  # fmt: skip


@pytest.mark.parametrize("name", ["validate", *in_campaigns("ls", "export")])
def test_commands_whose_streams_are_closed_or_broken_end_as_they_should(name: str) -> None:
    command = f"{PROGRAM} {COMMANDS[name]}"
    plain = shell(command)
    assert plain.returncode in (0, 1)
    assert plain.stdout
    for streams in ("<&- 2>&-", "2>/dev/full"):
        done = shell(f"{command} {streams}")
        assert (done.returncode, done.stdout) == (plain.returncode, plain.stdout), streams
    for streams in ("<&- >&-", ">/dev/full"):
        done = shell(f"{command} {streams}")
        assert (done.returncode, done.stdout) == (3, b""), streams
        assert b"wsreplay: the output cannot be written: " in done.stderr
    assert shell(f"{command} <&- >&- 2>&-").returncode == 3
    gone = shell(f"set -o pipefail; {command} 2> >(true) | true")
    assert gone.returncode in (plain.returncode, READER_GONE)


def test_a_reader_who_has_enough_is_not_told_that_rules_are_violated() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*WSREPLAY, "show", SAMPLE], stdout=write, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (READER_GONE, b"")


@pytest.mark.parametrize("encoding", ["ascii", *in_campaigns("cp437", "utf-16")])
def test_no_encoding_does_harm(encoding: str) -> None:
    for name in ("ls", "validate", "stats"):
        done = shell(f"{PROGRAM} {COMMANDS[name]}", PYTHONIOENCODING=encoding)
        assert (done.returncode, bool(done.stdout)) == (int(name == "validate"), True)
    assert shell(f"{PROGRAM} show /no/such/fïle.db", PYTHONIOENCODING=encoding).returncode == 2


def test_a_name_that_is_not_utf_8_harms_nothing(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.db"))
    odd.write_bytes(SAMPLE.read_bytes())
    (tmp_path / "e\x1b[31mvil.db").write_bytes(SAMPLE.read_bytes())
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/junk\xff.db")).write_bytes(b"junk")
    listed = shell(f"{PROGRAM} ls {tmp_path}", PYTHONIOENCODING="utf-8:strict")
    assert listed.returncode == 3
    assert "caf�.db".encode() in listed.stdout
    assert "e␛[31mvil.db".encode() in listed.stdout
    assert "junk�.db is not a recording".encode() in listed.stderr
    for command in ("show", "stats --json", "validate -c agent-chat", "prune --older-than 1d"):
        name = tmp_path if command.startswith("prune") else odd
        done = shell(f"{PROGRAM} {command} {shlex.quote(str(name))}", PYTHONIOENCODING="utf-8:strict")
        assert done.returncode in (0, 1) or command.startswith("prune")
    cut = os.fsencode(tmp_path) + b"/cut\xe9.db"
    done = subprocess.run([*WSREPLAY, "cut", odd, "1", "-o", cut], capture_output=True, timeout=60, check=True)
    assert done.stdout == cut + b"\n", "for a program byte for byte"
    forms = [part for form in ("json", "junit", "sarif", "html", "github") for part in ("-f", form, "-o", tmp_path / form)]
    assert run("validate", "-c", "agent-chat", *forms, odd).code == 1


@pytest.mark.parametrize("streams", ["<&- >&- 2>&-", "2>/dev/full", "2> >(true)"])
def test_a_recorder_goes_on_whatever_its_streams_are(backend: str, tmp_path: Path, streams: str) -> None:
    out = tmp_path / "a.db"
    (port,) = unused()
    process = subprocess.Popen(["bash", "-c", f"exec {PROGRAM} record {backend} -l {port} -o {out} {streams}"],
                               stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)  # fmt: skip
    try:
        wait_for(lambda: listens(port))
        for user in ("ada", "bob"):
            chat(f"ws://127.0.0.1:{port}", user=user)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0
    with Recording.open(out) as recording:
        assert [connection.user for connection in recording.connections()] == ["ada", "bob"]


class Shell:
    """An interactive bash on a terminal of its own, with job control."""

    def __init__(self, folder: Path) -> None:
        self.text = ""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
        os.set_blocking(self.terminal, False)

    def read(self) -> str:
        with suppress(BlockingIOError, OSError):
            self.text += os.read(self.terminal, 65536).decode("utf-8", "replace")
        return self.text

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def wait_for(self, pattern: str) -> re.Match[str]:
        match: re.Match[str] = wait_for(lambda: re.search(pattern, self.read()), pattern)
        return match


@pytest.fixture
def bash(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    with suppress(ProcessLookupError):
        os.kill(shell.pid, signal.SIGHUP)
        os.kill(shell.pid, signal.SIGKILL)
    os.waitpid(shell.pid, 0)
    os.close(shell.terminal)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_recorder_in_the_background_leaves_the_terminal_to_its_user(bash: Shell, backend: str, tmp_path: Path) -> None:
    bash.type(f"PS1='ready> '; {PROGRAM} record {backend} -l 0 -o a.db &\n")
    url = bash.wait_for(r"recording (ws://127.0.0.1:\d+)")[1]
    pid = int(bash.wait_for(r"\[1\] (\d+)")[1])
    bash.type("echo typed-$((6 * 7))\n")
    bash.wait_for(r"typed-42")
    chat(url)
    bash.type("jobs; echo still-$((6 * 7))\n")
    bash.wait_for("still-42")
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    assert state != "T", bash.text
    assert "Stopped" not in bash.text
    bash.type("fg\n")
    wait_for(lambda: os.tcgetpgrp(bash.terminal) == os.getpgid(pid))  # from here on a line is not for the shell
    bash.type("a note\n")
    bash.wait_for("marked: a note")
    bash.type("\x03")
    bash.wait_for(r"look.*: wsreplay tui a\.db|\d frames, .* → a\.db")
    with Recording.open(tmp_path / "a.db") as recording:
        assert [mark.note for mark in recording.marks()] == ["a note"]


def test_a_replay_in_the_background_leaves_the_terminal_to_its_user(bash: Shell, backend: str) -> None:
    """What it says are whole lines; in the foreground it draws how far it has come."""
    command = f"{PROGRAM} replay client {SAMPLE} --to {backend} --speed max --timeout 100ms"
    bash.type(f"PS1='ready> '; {command} -o a.db 2>&1 >/dev/null &\n")
    bash.wait_for(r"connections? in .* → a\.db")
    assert "▶" not in bash.text
    bash.type(f"{command} -o b.db\n")
    bash.wait_for(r"▶ .* sessions? · ")


def test_a_full_disk_at_the_start_leaves_no_half_file(tmp_path: Path) -> None:
    command = f"ulimit -f 20; exec {PROGRAM} record ws://127.0.0.1:9 -l 0 -o {tmp_path}/a.db"
    done = shell(command, **NO_BYTECODE)
    assert done.returncode == 3
    assert f"wsreplay: {tmp_path}/a.db cannot be written: ".encode() in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_who_is_asked_to_end_leaves_nothing_half_made(tmp_path: Path) -> None:
    command = [*WSREPLAY, "import", "-", "-o", str(tmp_path / "a.db")]
    message = b'{"connection": 1, "t": 0.1, "dir": "s2c", "opcode": "text", "data": "' + b"x" * 1000 + b'"}\n'
    for number in (signal.SIGTERM, signal.SIGINT):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(b'{"wsreplay": 1}\n{"open": {}, "connection": 1, "t": 0}\n' + message * 3000)
        process.stdin.flush()
        wait_for(lambda: any(tmp_path.iterdir()))
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 128 + number
        assert b"Traceback" not in said
        assert list(tmp_path.iterdir()) == []
