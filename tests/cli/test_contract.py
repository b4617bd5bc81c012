"""`wsreplay contract`."""

from __future__ import annotations

import json
from pathlib import Path

from commandline import run

from wsreplay.contract import builtin_names


def test_ls_names_the_built_ins_and_what_they_are_for() -> None:
    lines = run("contract", "ls").out.splitlines()
    assert [line.split()[0] for line in lines] == builtin_names()
    assert all(len(line.split()) > 5 for line in lines)


def test_show_prints_what_check_accepts(tmp_path: Path) -> None:
    text = run("contract", "show", "agent-chat").out
    (tmp_path / "mine.yaml").write_text(text)
    outcome = run("contract", "check", tmp_path / "mine.yaml", "ag-ui")
    assert outcome.code == 0
    assert outcome.out.count("rules: OK") == 2


def test_show_prints_the_handlers_that_judge_each_type_of_event(tmp_path: Path) -> None:
    text = run("contract", "show", "agent-chat", "--handler").out
    handlers = {comment: handler for comment, _, handler in (part.partition("\n") for part in text.split("# ")[1:])}
    (thinking,) = [handler for comment, handler in handlers.items() if "s2c:agent_thinking" in comment]
    assert thinking.startswith("def handle(d, conn, fid, t, payload, type):\n")
    assert "span0.stray(" in thinking, "a thought needs an open run"
    assert list(handlers)[-1] == "s2c:any other type"
    for handler in handlers.values():
        compile(handler, "handler", "exec")


def test_a_contract_cannot_bring_its_handlers_to_say_what_a_terminal_would_do(tmp_path: Path) -> None:
    (tmp_path / "hostile.yaml").write_text('contract: x\nrules: [{id: r, existence: "a\\x1b[2J\\nb"}]\n')
    out = run("contract", "show", tmp_path / "hostile.yaml", "--handler").out
    assert "\x1b" not in out
    comments = [line for line in out.splitlines() if line.startswith("# ")]
    assert out.count("\ndef handle(") == len(comments)


def test_check_names_the_line_of_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("contract: mine\nrules:\n  - {id: a, respons: [x, y]}\n")
    outcome = run("contract", "check", tmp_path / "mine.yaml")
    assert outcome.code == 2
    assert "mine.yaml:3:" in outcome.err
    assert "response" in outcome.err


def test_check_names_all_mistakes_of_a_file(tmp_path: Path) -> None:
    contract = tmp_path / "mine.yaml"
    contract.write_text(
        "contract: mine\n"
        "spans:\n"
        "  run: {by: conn.id, end: done}\n"
        "  tool: {by: conn.id, start: a, end: b, in: run}\n"
        "rules:\n"
        "  - {id: a, existence: [x], in: run}\n"
        "  - {id: b, existance: [x]}\n"
        "  - {id: c, rate: x, max: 3}\n"
        "unknown: never\n"
    )
    outcome = run("contract", "check", contract, tmp_path / "no.yaml", "ag-ui")
    assert outcome.code == 2
    assert [line.removeprefix(f"wsreplay: {contract}:").partition(":")[0] for line in outcome.err.splitlines()[:-1]] == [
        "3", "4", "7", "8", "9",
    ]  # fmt: skip
    assert outcome.err.splitlines()[-1].startswith("wsreplay: no such contract file")
    assert outcome.out.startswith("ag-ui: ")


def test_check_lists_what_never_came_in_a_recording(tmp_path: Path, recording: Path) -> None:
    rules = '[{id: a, response: ["c2s:chta", agent_completed]}, {id: b, response: [agent_strated, agent_completed]}]'
    contract = tmp_path / "mine.yaml"
    contract.write_text(f"contract: mine\nrules: {rules}\n")
    checked = run("contract", "check", contract, "--recording", recording)
    assert checked.code == 0
    assert checked.out.splitlines()[1:] == [
        f"  c2s:chta never came (rule a, {contract}:2)",
        f"  agent_strated never came (rule b, {contract}:2), but agent_started did: is it misspelt?",
    ]
    for jobs in (1, 2):
        report = run("validate", recording, "-c", contract, "-f", "json", "-j", jobs)
        (file,) = json.loads(report.out)["files"]
        assert file["notes"] == [checked.out.splitlines()[2].strip()]
    assert run("contract", "check", contract, "--recording", tmp_path / "no.db").code == 2


def test_schema_is_json() -> None:
    assert json.loads(run("contract", "schema").out)["title"] == "wsreplay contract"


def test_mutate_names_the_holes_of_a_contract(recording: Path, tmp_path: Path) -> None:
    run("cut", recording, 2, "-o", tmp_path / "good.db")
    outcome = run("contract", "mutate", "agent-chat", tmp_path / "good.db")
    assert outcome.code == 1
    assert "s2c:connection_ack" in outcome.out
    assert "tool_completed" not in outcome.out, "its absence must not survive"
    assert outcome.out.startswith("survived ")  # as they are found
    assert run("contract", "mutate", "agent-chat", f"{recording}#2").out.count("survived") == outcome.out.count("survived")
    bad = run("contract", "mutate", "agent-chat", recording)
    assert bad.code == 2
    assert "only a recording without findings can be mutated" in bad.err


def test_check_tells_what_only_an_extended_contract_names_in_one_line(tmp_path: Path, recording: Path) -> None:
    contract = tmp_path / "mine.yaml"
    contract.write_text("contract: mine\nextends: agent-chat\nrules: [{id: bye, existence: [farewell]}]\n")
    _, *lines = run("contract", "check", contract, "--recording", recording).out.splitlines()
    own, inherited = sorted(lines, key=lambda line: line.startswith("  of agent-chat.yaml: "))
    assert own.startswith("  farewell never came (rule bye, ") and inherited.endswith(" never came")
