"""What a shell offers at TAB, asked as click's scripts ask, and once in a real bash."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from named_users import PLACE, write_contract, write_named
from terminal import Tmux

from wsreplay.cli.main import group

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"
LEAK = str(SAMPLES / "leak.db")


def offered(*words: str) -> list[tuple[str, str]]:
    """Kind and value of each offer for the last word."""
    shell = ShellComplete(group, {}, "wsreplay", "_WSREPLAY_COMPLETE")
    return [(item.type, item.value) for item in shell.get_completions(list(words[:-1]), words[-1])]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a recording, contracts, and files that are neither."""
    (tmp_path / "agents").mkdir()
    for name in ("again.db", "ag.yaml", "agents/own.yml", "again.txt", ".hidden.yaml"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", ["show", "tui", "stats", "validate", "diff", "export"])
def test_recordings_and_folders_are_offered(command: str, folder: Path) -> None:
    assert offered(command, "ag") == [("plain", "again.db"), ("dir", "ag")]
    assert offered(command, "./ag") == [("plain", "./again.db"), ("dir", "./ag")]


@pytest.mark.parametrize("command", ["show", "validate"])
def test_any_file_is_offered_where_none_is_named_like_a_recording(command: str, folder: Path) -> None:
    assert offered(command, "again.t") == [("file", "again.t")]
    assert offered(command, "~/") == [("file", "~/")]


def test_an_import_reads_any_file(folder: Path) -> None:
    assert offered("import", "ag") == [("file", "ag")]


@pytest.mark.parametrize("command", ["show", "validate", "diff"])
def test_sessions_of_a_file_are_offered(command: str) -> None:
    assert offered(command, f"{LEAK}#") == [("plain", f"{LEAK}#1"), ("plain", f"{LEAK}#2")]
    assert offered(command, f"{LEAK}#2") == [("plain", f"{LEAK}#2")]


def test_a_session_is_offered_by_its_number() -> None:
    assert offered("show", LEAK, "") == [("plain", "1"), ("plain", "2")]


@pytest.mark.parametrize("file", ["there-is-no-such.db", str(Path(__file__)), "~nobody/x", "", "\0"])
def test_what_is_no_recording_has_no_sessions(file: str) -> None:
    assert offered("show", file, "") == []
    assert offered("show", f"{file}#") == [("file", f"{file}#")]


def test_contracts_are_built_in_or_files_of_yaml(folder: Path) -> None:
    builtins = [("plain", "ag-ui"), ("plain", "agent-chat")]
    assert offered("validate", LEAK, "-c", "ag") == [*builtins, ("plain", "ag.yaml"), ("dir", "ag")]
    assert offered("contract", "show", "agents/") == [("plain", "agents/own.yml"), ("dir", "agents/")]
    values = [value for _, value in offered("contract", "show", "")]
    assert "ag-ui" in values and ".hidden.yaml" not in values
    assert offered("contract", "show", "~/") == [("file", "~/")]


@pytest.mark.parametrize("command", ["show", "tui", "stats", "validate", "diff", "replay server", "replay client", "mutate"])
def test_decoders_are_offered(command: str) -> None:
    assert offered(*command.split(), "--as", "so") == [("plain", "socket.io"), ("plain", "sockjs")]


def test_filters_are_offered_term_by_term() -> None:
    assert offered("show", LEAK, "--filter", "t") == [("plain", "type:"), ("plain", "thread:"), ("plain", "t:")]
    assert offered("show", LEAK, "--filter", "type:x dir:s") == [("plain", "type:x dir:s2c")]
    assert offered("show", LEAK, "--filter", "type:x") == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_a_file_and_its_session(tmux: Tmux, tmp_path: Path) -> None:
    shutil.copy(LEAK, tmp_path / "leak.db")
    program = tmp_path / "bin" / "wsreplay"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, "-m", "wsreplay"])} "$@"\n')
    program.chmod(0o755)
    script = tmp_path / "rc"
    script.write_text(f'PS1="$ "\nPATH={program.parent}:$PATH\neval "$(_WSREPLAY_COMPLETE=bash_source wsreplay)"\n')
    tmux.start("bash", "--rcfile", str(script), "-i")
    tmux.until(lambda screen: "$" in screen)
    tmux.type(f"cd {tmp_path}; PS1='here> '; clear\n")
    tmux.until(lambda screen: screen.strip() == "here>")
    tmux.type("wsreplay show le")
    tmux.until(lambda screen: "show le" in screen)
    tmux.keys("Tab")
    tmux.until(lambda screen: "show leak.db" in screen)
    tmux.keys("BSpace")
    tmux.type("#")
    tmux.keys("Tab", "Tab")
    shown = tmux.until(lambda screen: "leak.db#1" in screen and "leak.db#2" in screen)
    assert "Traceback" not in shown
    tmux.keys("C-c")
    tmux.type("mkdir agents; touch again.db ag.yaml; clear\n")
    tmux.until(lambda screen: screen.strip() == "here>")
    tmux.type("wsreplay validate leak.db -c ag")
    tmux.until(lambda screen: "-c ag" in screen)
    tmux.keys("Tab", "Tab")
    shown = tmux.until(lambda screen: all(name in screen for name in ("ag-ui", "agent-chat", "ag.yaml", "agents/")))
    assert "again" not in shown


def test_sessions_are_those_that_the_line_makes_so_far(tmp_path: Path) -> None:
    path, contract = write_named(tmp_path / "a.db"), write_contract(tmp_path)
    assert [value for _, value in offered("show", str(path), "")] == ["1", "2", "3"]
    assert [value for _, value in offered("show", "-c", str(contract), str(path), "")] == ["1", "2"]
    assert [value for _, value in offered("cut", "--user", PLACE, f"{path}#")] == [f"{path}#1", f"{path}#2"]
    assert offered("show", "-c", "nowhere.yaml", f"{path}#") == [("file", f"{path}#")]
