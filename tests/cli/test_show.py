"""`wsreplay show` beyond frames: endings, gaps, times, whole payloads, colours, a pager."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from commandline import run
from terminal import Tmux

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"
DROPPED = SAMPLES / "lost-connection.db"
LEAK = SAMPLES / "leak.db"
LINES = """{"wsreplay": 1, "started_at": "2026-11-20T10:00:00Z"}
{"connection": 1, "t": 0.5, "open": {"path": "/a"}}
{"connection": 1, "t": 0.6, "accept": {"status": 403}}
{"connection": 1, "t": 0.7, "close": {"by": "server", "ending": "refused"}}
{"connection": 2, "t": 1, "open": {"path": "/b"}}
{"connection": 2, "t": 1.1, "accept": {"status": 101}}
{"connection": 2, "t": 1.2, "dir": "c2s", "opcode": "text", "data": "{\\"type\\":\\"chat\\",\\"n\\":[1,true]}"}
{"connection": 2, "dir": "s2c", "gap": {"after": 1, "reason": "the disk was \\u001b[31mfull", "bytes": 1234}}
{"connection": 2, "t": 1.5, "dir": "s2c", "opcode": "binary", "base64": "AAEC/w=="}
{"connection": 2, "t": 2, "close": {"by": "client", "ending": "dropped"}}
"""


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    (tmp_path / "odd.jsonl").write_text(LINES)
    assert run("import", tmp_path / "odd.jsonl", "-o", tmp_path / "odd.db").code == 0
    return tmp_path / "odd.db"


def test_what_no_frame_tells_is_told(odd: Path) -> None:
    lines = [line.split(maxsplit=1)[-1] for line in run("show", odd).out.splitlines()]
    assert lines == [
        "session 1 · connection 1 · /a", "■ refused with status 403",
        "session 2 · connection 2 · /b", '00:01.200000 ▶ chat                         28  {"type":"chat","n":[1,true]}',
        "■ 1,234 bytes from the server not recorded: the disk was ␛[31mfull",
        "00:01.500000 ◀ binary                        4  00 01 02 ff  |....|",
        "■ dropped by the client without a close frame",
    ]  # fmt: skip


def test_notes_are_objects_too(odd: Path) -> None:
    objects = [json.loads(line) for line in run("show", odd, "--json").out.splitlines()]
    assert [next(key for key in ("close", "gap", "opcode") if key in line) for line in objects] == [
        "close", "opcode", "gap", "opcode", "close"
    ]  # fmt: skip
    assert objects[0]["close"] == {
        "ending": "refused", "status": 403, "by": "server", "code": None, "reason": None, "error": None
    }  # fmt: skip
    assert objects[2]["gap"] == {"after": 1, "reason": "the disk was \x1b[31mfull", "bytes": 1234}


def test_a_filter_leaves_notes_out_and_says_where_it_matches_nothing(odd: Path) -> None:
    assert "■" not in run("show", odd, "--filter", "op:binary").out
    outcome = run("show", odd, "--filter", "type:nothing")
    assert (outcome.code, outcome.out) == (0, "") and outcome.err.startswith("wsreplay: no frame matches the filter\n")
    assert run("show", odd, "--filter", "op:pong").err == "wsreplay: no frame matches the filter\n"


@pytest.mark.parametrize(
    ("filter_", "hint"),
    [
        ("type:tool_executin", "no message has such a type; did you mean tool_executing?"),
        ("type:x", "no message has such a type; there are connection_ack, chat, agent_started,"),
        ("run:x", "without a contract, a filter reads run at $.run_id or in $.payload: -c CONTRACT says where yours stands"),
        ("rule:toool", "the contract agent-chat has no rule toool; did you mean tool?"),
    ],
)
def test_where_a_filter_matches_nothing_it_is_said_what_is_missing(filter_: str, hint: str) -> None:
    path = SAMPLES / "healthy.db"
    for options in ([], ["--json"]):
        outcome = run("show", path, *options, "--filter", filter_)
        first, second = outcome.err.splitlines()
        assert (outcome.out, first) == ("", "wsreplay: no frame matches the filter") and second.startswith(f"wsreplay: {hint}")
    assert run("show", path, "--filter", f"type:chat | {filter_}").err == ""


def test_where_no_message_has_a_type_it_is_said_which_option_says_where_types_stand(tmp_path: Path) -> None:
    path, contract, lines = tmp_path / "other.db", tmp_path / "mine.yaml", tmp_path / "other.jsonl"
    said = {"dir": "s2c", "opcode": "text", "data": json.dumps({"k": "job.start", "job": {"run": "r7"}})}
    facts = ({"open": {"path": "/"}}, {"accept": {"status": 101}}, said)
    objects = [{"wsreplay": 1}, *({"connection": 1, "t": 1, **fact} for fact in facts)]
    lines.write_text("".join(json.dumps(line) + "\n" for line in objects))
    assert run("import", lines, "-o", path).code == 0
    contract.write_text("contract: mine\nversion: 1\nenvelope: {type: $.k}\nkeys: {run: $.job.run}\n"
                        "rules: [{id: r, existence: [job.start]}]\n")  # fmt: skip
    outcome = run("show", path, "--filter", "type:job.start")
    assert "no message has a type at $.type: -c CONTRACT or --as DECODER says where types stand" in outcome.err
    for filter_ in ("type:job.start", "run:r7"):
        assert len(run("show", path, "-c", contract, "--filter", filter_).out.splitlines()) == 2


def test_findings_are_those_of_the_contract_that_is_named(odd: Path, tmp_path: Path) -> None:
    rules = "envelope: {type: $.type}\nrules: [{id: never, absence: [chat]}]\n"
    (tmp_path / "never.yaml").write_text(f"contract: x\nversion: 1\n{rules}")
    shown = run("show", odd, "-c", tmp_path / "never.yaml", "--filter", "rule:never", "--json").out.splitlines()
    assert [json.loads(line)["type"] for line in shown] == ["chat"]
    assert run("show", odd, "--filter", "rule:never").out == ""


def test_whole_payloads_are_indented(odd: Path) -> None:
    out = run("show", odd, 2, "--pretty").out
    assert '\n          {\n            "type": "chat",\n            "n": [\n              1,\n' in out


@pytest.mark.parametrize(
    ("form", "pattern"),
    [("elapsed", "00:01.200000 ▶"), ("delta", r"\+500ms ▶"), ("clock", r"\d\d:00:01.200000 ▶"),
     ("utc", "10:00:01.200000 ▶")],
)  # fmt: skip
def test_times_are_as_asked(odd: Path, form: str, pattern: str) -> None:
    out = run("show", odd, "--time", form).out
    assert re.search(pattern, out)
    assert ("· 2026-11-20" in out) == (form in ("clock", "utc"))


COLOUR = "\x1b["


@pytest.mark.parametrize(
    ("variables", "option", "expected"),
    [
        ({}, [], False), ({}, ["--color"], True), ({"CLICOLOR_FORCE": "1"}, [], True), ({"CLICOLOR_FORCE": "0"}, [], False),
        ({"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, [], False), ({"CLICOLOR_FORCE": "1"}, ["--no-color"], False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["show", "stats", "validate", "ls", "diff"])
def test_colours_are_as_asked(
    command: str, variables: dict[str, str], option: list[str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    files = [LEAK, SAMPLES / "healthy.db"] if command == "diff" else [LEAK]
    assert (COLOUR in run(command, *files, *option).out) == expected


@pytest.mark.skipif(shutil.which("less") is None, reason="needs less")
def test_on_a_terminal_what_is_long_is_paged(tmux: Tmux) -> None:
    tmux.start(sys.executable, "-m", "wsreplay", "show", str(LEAK), "--pretty")
    tmux.until(lambda screen: "connection_ack" in screen and "ended" not in screen)
    assert COLOUR in tmux.screen("-e")
    tmux.keys("q")
    tmux.until(lambda screen: "ended 0" in screen)


def test_on_a_terminal_what_is_short_is_printed(tmux: Tmux) -> None:
    tmux.start(sys.executable, "-m", "wsreplay", "show", str(LEAK), "1", "--filter", "type:chat")
    tmux.until(lambda screen: "▶ chat" in screen and "ended 0" in screen)
