"""The project's configuration as commands have it: options left out, `config`, `init`, and what a mistake does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import WSREPLAY, Recorder, chat, run
from terminal import Tmux

from wsreplay.store.reader import Recording

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"
NEEDS_NO_CONFIGURATION = (["--help"], ["doctor", "-l", "0"], ["config"], ["record", "--help"], ["help"], ["contract", "ls"])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configure(project: Path, text: str) -> None:
    (project / "wsreplay.toml").write_text(text)


def test_record_takes_everything_from_it_and_options_win(
    project: Path, backend: str, record: type[Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(project, f"""
upstream = "{backend}"
listen = "127.0.0.1:0"
contract = "agent-chat"
user = ["query:who", "$.user_id"]
redact = "$.message"
output = "kept"
""")
    (project / "inner").mkdir()
    monkeypatch.chdir(project / "inner")
    recorder = record()
    chat(recorder.url, "missing-event", "bob")
    recorder.wait_for("frames|bob")
    outcome = recorder.stop()
    assert outcome.code == 1, outcome.err  # judged while recording
    (path,) = (project / "kept").glob("*.db")
    with Recording.open(path) as recording:
        assert b'"message": "redacted:' in b"".join(frame.payload for frame in recording.frames()).replace(b'":"', b'": "')
    second = record("-c", "none", "-o", project / "other.db", "--redact", "$.user_id")
    chat(second.url, "missing-event", "bob")
    assert second.stop().code == 0
    with Recording.open(project / "other.db") as recording:
        assert b"redacted:" in b"".join(frame.payload for frame in recording.frames())  # what is configured stays hidden


def test_commands_that_read_take_contract_decoder_and_folder_from_it(project: Path) -> None:
    (project / "kept").mkdir()
    shutil.copy(SAMPLES / "leak.db", project / "kept")
    (project / "mine.yaml").write_text("contract: mine\nextends: agent-chat\n")
    configure(project, 'contract = "mine.yaml"\noutput = "kept"\n')
    assert "(mine)" in run("ls").out
    assert "mine" in run("validate", "kept/leak.db").out
    assert run("validate", "kept/leak.db", "-c", "agent-chat", "-f", "json").out.count('"mine"') == 0
    assert "mine" in run("--no-config", "validate", "kept/leak.db", "-c", "mine.yaml").out
    assert "mine" not in run("--no-config", "validate", "kept/leak.db").out
    configure(project, 'decoder = "stomp"\noutput = "kept"\n')
    assert "stomp" in run("show", "kept/leak.db").out
    assert "stomp" not in run("show", "kept/leak.db", "--as", "json").out


@pytest.mark.parametrize("text", ["[broken", 'upstraem = "x"', 'listen = "nonsense"'])
def test_a_mistake_in_it_stops_what_uses_it_and_nothing_else(project: Path, text: str) -> None:
    configure(project, text)
    refused = run("record")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith(f"wsreplay: {project}/wsreplay.toml:1: ")
    assert refused.err.count("\n") == 1
    for arguments in NEEDS_NO_CONFIGURATION:
        outcome = run(*arguments)
        assert outcome.out, arguments
        assert outcome.code == {"doctor": 1, "config": 2}.get(arguments[0], 0)
        assert ("wsreplay.toml:1" in outcome.out + outcome.err) is (arguments[0] in ("doctor", "config"))
    assert "Missing argument 'UPSTREAM'" in run("--no-config", "record").err


@pytest.mark.parametrize(
    ("text", "command", "says"),
    [
        ('upstream = "nonsense"', "record", "upstream: 'nonsense' is not a WebSocket URL"),
        ('contract = "agent-chta"', "ls", "contract: no built-in contract 'agent-chta'; did you mean 'agent-chat'?"),
        ('decoder = "stmp"', "show", "decoder: unknown decoder 'stmp'; did you mean stomp?"),
        ('user = "nobody"', "validate", "user: 'nobody' does not say where to find the user"),
        ('redact = ["password"]', "import", "redact: 'password' does not say what to hide"),
    ],
)
def test_a_value_that_cannot_be_right_is_named_with_its_line(project: Path, text: str, command: str, says: str) -> None:
    configure(project, f"\n{text}\n")
    outcome = run(command, "x.db")
    assert outcome.code == 2
    assert f"wsreplay.toml:2: {says}" in outcome.err


def test_config_tells_what_is_in_force_and_whence(project: Path) -> None:
    assert "no wsreplay.toml" in run("config").out
    configure(project, 'upstream = "ws://bob:secret@localhost:1"\nredact = ["auto", "$.a"]\n')
    outcome = run("config")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[0] == f"{project}/wsreplay.toml"
    assert lines[1].split() == ["upstream", "ws://…@localhost:1", "wsreplay.toml:1"]
    assert "  listen    127.0.0.1:8765" in lines
    said = json.loads(run("config", "--json").out)
    assert said["values"]["redact"] == {"value": ["auto", "$.a"], "line": 2, "default": False}
    assert said["values"]["decoder"] == {"value": [], "line": None, "default": True}
    assert "secret" not in outcome.out + json.dumps(said)


def test_init_writes_what_its_options_say(project: Path) -> None:
    asked = run("init")
    assert (asked.code, asked.err) == (
        2, "wsreplay: no terminal to ask questions: give at least --upstream, as in --upstream ws://localhost:8000\n"
    )  # fmt: skip
    wrong = run("init", "--upstream", "8000", "-c", "agent-chta")
    assert (wrong.code, wrong.err) == (2, "wsreplay: contract: no built-in contract 'agent-chta'; did you mean 'agent-chat'?\n")
    assert run("init", "--upstream", "8000", "--redact", "auto", "--user", "query:u").out == "wsreplay.toml\n"
    values = json.loads(run("config", "--json").out)["values"]
    assert {name: value["value"] for name, value in values.items() if not value["default"]} == {
        "upstream": ["8000"], "user": ["query:u"], "redact": ["auto"],
    }  # fmt: skip
    assert "exists" in run("init", "--upstream", "8001").err
    assert run("init", "--upstream", "8001", "--force").code == 0


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_init_asks_three_questions_at_a_terminal(project: Path, tmux: Tmux) -> None:
    tmux.start(*WSREPLAY, "init")
    tmux.until(lambda shown: "Your backend's address [ws://localhost:8000]:" in shown)
    tmux.type("nonsense\n")
    tmux.until(lambda shown: "is not a WebSocket URL" in shown)
    tmux.type("localhost:9000\n")
    tmux.until(lambda shown: "Contract, a name or a file" in shown)
    tmux.type("\n")
    tmux.until(lambda shown: "hide what looks like a secret" in shown)
    tmux.type("y\n")
    tmux.until(lambda shown: "ended 0" in shown)
    text = (project / "wsreplay.toml").read_text()
    assert 'upstream = "localhost:9000"' in text
    assert '# contract = "agent-chat"' in text
    assert 'redact = ["auto"]' in text


def test_the_configuration_costs_no_import_where_there_is_none(project: Path) -> None:
    code = (
        "import sys\nfrom wsreplay.cli.main import group\n"
        "try: group.main(['help'], prog_name='wsreplay')\nexcept SystemExit: pass\n"
        "print('tomllib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.endswith("False\n")
