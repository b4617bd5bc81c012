"""The command line as a whole: what it costs, what it says, what it exits with."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import WSREPLAY, run

from wsreplay.cli.main import COMMANDS, group

HEAVY = ("textual", "rich", "websockets", "uvloop", "asyncio", "sqlite3", "yaml", "h11", "orjson", "msgspec")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom wsreplay.cli.main import group\n"
        "try: group.main(['--help'], prog_name='wsreplay')\nexcept SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip().endswith("[]"), out


def test_every_command_has_help() -> None:
    context = group.make_context("wsreplay", [], resilient_parsing=True)
    names = group.list_commands(context)
    assert set(names) <= set(COMMANDS)
    for name in names:
        command = group.get_command(context, name)
        assert command is not None
        assert command.help, name
        for parameter in command.params:
            assert parameter.param_type_name == "argument" or getattr(parameter, "help", None), name


def test_a_misspelt_command_is_answered_with_the_right_one() -> None:
    outcome = run("recrod", "ws://localhost:1")
    assert outcome.code == 2
    assert "No such command: 'recrod'. Did you mean 'record'?" in outcome.err


def test_version() -> None:
    assert re.fullmatch(r"wsreplay \d+\.\d+\.\d+\n", run("--version").out)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion(shell: str) -> None:
    environment = {"PATH": "/usr/bin:/bin", "_WSREPLAY_COMPLETE": f"{shell}_source"}
    done = subprocess.run(WSREPLAY, env=environment, capture_output=True, text=True, check=False)
    assert "wsreplay" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["show", "nowhere.db"], 2, "no such file"),
        (["show", "x" * 300], 3, "cannot be read: File name too long"),
        (["show", "x" * 300 + "#1"], 2, "cannot be reached: File name too long"),
        (["validate", "x" * 300], 2, "cannot be reached: File name too long"),
        (["contract", "check", "x" * 300], 2, "cannot be reached: File name too long"),
        (["ls", "x" * 300], 2, "cannot be reached: File name too long"),
        (["show", "."], 2, "is a folder"),
        (["show", "text.db"], 3, "not an SQLite file"),
        (["show", "empty.db"], 3, "is empty"),
        (["show", "{recording}", "9"], 2, "has no session 9: it has sessions 1 to 2"),
        (["show", "{recording}#" + "9" * 30], 2, "'999999999999999999' and so on is not a session number"),
        (["show", "{recording}#" + "9" * 5_000], 2, "cannot be reached: File name too long"),
        (["show", "{recording}", "--filter", "tpye:x"], 2, "type"),
        (["validate", "nowhere.db"], 2, "no such file"),
        (["validate", "text.db"], 3, "not an SQLite file"),
        (["validate", "{recording}", "-c", "agent-chta"], 2, "agent-chat"),
        (["record", "nonsense"], 2, "is not a WebSocket URL"),
        (["record", "ws://x:99999"], 2, "is not a WebSocket URL"),
        (["record", "ws://localhost:1", "-l", "nonsense"], 2, "is not an address"),
        (["record", "ws://localhost:1", "-l", "0", "-H", "nonsense"], 2, "'Name: value'"),
        (["record", "ws://localhost:1", "-l", "0", "--redact", "password", "-o", "x.db"], 2, "begin with $"),
        (["record", "ws://localhost:1", "-l", "0", "--max-payload", "much", "-o", "x.db"], 2, "is not a size"),
        (["record", "ws://localhost:1", "-l", "0", "-o", "text.db"], 3, "not an SQLite file"),
        (["record", "ws://localhost:1", "-l", "0", "-o", "text.db/x.db"], 2, "text.db"),
        (["record", "ws://localhost:1", "-l", "0", "-o", "x.db", "--tls-cert", "nowhere.pem"], 2, "nowhere.pem"),
        (["import", "text.db"], 2, "text.db:1"),
        (["import", "nowhere.jsonl"], 2, "cannot be read"),
        (["cut", "{recording}", "1", "-o", "text.db"], 2, "exists"),
    ],
)  # fmt: skip
def test_mistakes_are_said_in_one_line(
    arguments: list[str], code: int, says: str, recording: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.db").write_text("hello")
    (tmp_path / "empty.db").touch()
    outcome = run(*(argument.format(recording=recording) for argument in arguments), cwd=tmp_path)
    assert (outcome.code, says in outcome.err + outcome.out) == (code, True), outcome
    assert (tmp_path / "text.db").read_text() == "hello"


def test_a_reader_that_goes_away_is_no_error(recording: Path) -> None:
    show = subprocess.Popen([*WSREPLAY, "show", str(recording)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert show.stdout is not None
    assert show.stderr is not None
    show.stdout.close()
    assert "Traceback" not in show.stderr.read()
    show.stderr.close()
    show.wait(30)
