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
    assert filters("t") == ["type:", "thread:", "t:", "t>="]
    assert filters("type:x dir:s") == ["type:x dir:s2c"]
    assert filters("type:x") == []
    assert filters("(dir:s2c|!sev>=w") == ["(dir:s2c|!sev>=warning"]


def filters(text: str, *options: str) -> list[str]:
    return [value for _, value in offered("show", LEAK, *options, "--filter", text)]


def test_values_of_a_filter_are_those_of_the_recording(tmp_path: Path) -> None:
    assert filters("type:tool_") == ["type:tool_executing", "type:tool_completed"]
    assert filters("user:") == ["user:alice-neighbour", "user:alice"]
    assert filters("session=") == ["session=1", "session=2"]
    assert filters("ty") == filters("type:") != []  # bash would take a single offer for the end of the word
    assert filters("thr") == ["thread:", "thread="]
    contract = tmp_path / "own.yaml"
    contract.write_text("contract: own\nenvelope: {type: $.tool_name}\n")
    assert filters("type:", "-c", str(contract)) == ["type:search"]
    assert [value for _, value in offered("show", "nowhere.db", "--filter", "type:")] == []
    assert [value for _, value in offered("show", "--filter", "type:")] == []


def test_a_folder_that_fits_keeps_other_files_out(folder: Path) -> None:
    (folder / "agents.md").touch()
    for words in (("show", "agents"), ("replay", "server", "agents"), ("contract", "map", "agents"), ("ls", "agents")):
        assert offered(*words) == [("dir", "agents")]
    assert offered("prune", "agents") == [("dir", "agents")]
    assert offered("mutate", "ag") == [("plain", "again.db"), ("dir", "ag")]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_a_file_and_its_session(tmux: Tmux, tmp_path: Path) -> None:
    shutil.copy(LEAK, tmp_path / "leak.db")
    program = tmp_path / "bin" / "wsreplay"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, "-m", "wsreplay"])} "$@"\n')
    program.chmod(0o755)
    script = tmp_path / "rc"
    lines = ['PS1="$ "', f"PATH={program.parent}:$PATH", "bind 'set show-all-if-ambiguous on'", "bind 'set bell-style none'"]
    script.write_text("\n".join([*lines, 'eval "$(_WSREPLAY_COMPLETE=bash_source wsreplay)"']) + "\n")
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
    tmux.keys("Tab")
    shown = tmux.until(lambda screen: "leak.db#1" in screen and "leak.db#2" in screen)
    assert "Traceback" not in shown
    tmux.keys("C-c")
    tmux.until(lambda screen: screen.rstrip().endswith("here>"))  # what is typed before goes with the line
    tmux.type("mkdir agents; touch again.db ag.yaml; clear\n")
    tmux.until(lambda screen: screen.strip() == "here>")
    tmux.type("wsreplay validate leak.db -c ag")
    tmux.until(lambda screen: "-c ag" in screen)
    tmux.keys("Tab")
    shown = tmux.until(lambda screen: all(name in screen for name in ("ag-ui", "agent-chat", "ag.yaml", "agents/")))
    assert "again" not in shown
    tmux.keys("C-c")
    tmux.until(lambda screen: screen.rstrip().endswith("here>"))
    tmux.type("clear\n")
    tmux.until(lambda screen: screen.strip() == "here>")
    tmux.type("wsreplay show leak.db --filter dir:")  # where bash breaks the word
    tmux.until(lambda screen: "dir:" in screen)
    tmux.keys("Tab")
    tmux.until(lambda screen: "c2s" in screen and "s2c" in screen)
    tmux.type("c\t")
    tmux.until(lambda screen: "--filter dir:c2s" in screen)
    tmux.type(" -c agent-chat --filter 'sev>=w\t")
    tmux.until(lambda screen: "'sev>=warning'" in screen)


def test_sessions_are_those_that_the_line_makes_so_far(tmp_path: Path) -> None:
    path, contract = write_named(tmp_path / "a.db"), write_contract(tmp_path)
    assert [value for _, value in offered("show", str(path), "")] == ["1", "2", "3"]
    assert [value for _, value in offered("show", "-c", str(contract), str(path), "")] == ["1", "2"]
    assert [value for _, value in offered("cut", "--user", PLACE, f"{path}#")] == [f"{path}#1", f"{path}#2"]
    assert offered("show", "-c", "nowhere.yaml", f"{path}#") == [("file", f"{path}#")]
