"""Recordings that no built-in contract fits: every command says so, and none guesses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commandline import run

MESSAGES = Path(__file__).parent / "messages"


def imported(name: str, folder: Path) -> Path:
    path = folder / f"{name}.db"
    assert run("import", MESSAGES / f"{name}.jsonl", "-o", path).code == 0
    return path


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("rpc", "json-rpc: c2s:initialize 1, s2c:initialize:result 1"),
        ("signalr", "signalr: c2s:handshake 1, s2c:handshake:result 1, s2c:Send 1, s2c:ping 1"),
        ("phoenix", "phoenix: c2s:phx_join 1, s2c:phx_reply 1, s2c:new_msg 1"),
        ("bin", "4 frames, none with a type"),
    ],
)
def test_what_fits_nothing_is_said_to_fit_nothing(name: str, seen: str, tmp_path: Path) -> None:
    path = imported(name, tmp_path)
    outcome = run("validate", path)
    assert outcome.code == 3
    assert "NO CONTRACT FITS   no findings" in outcome.out
    assert f"wsreplay contract map {path}" in outcome.out
    assert f"seen: {seen}" in outcome.out and "NOT VALIDATED" in outcome.out
    verdict = json.loads(run("validate", path, "-f", "json").out)
    (file,) = verdict["files"]
    assert (verdict["exit_code"], file["contract"]["name"], file["verdict"], file["findings"]) == (3, "none", "vacuous", [])
    assert set(file["session_verdicts"].values()) == {"vacuous"}
    assert '<error message="no contract fits' in run("validate", path, "-f", "junit").out
    assert "::error title=could not be validated" in run("validate", path, "-f", "github").out
    assert "no contract fits" in run("ls", path).out and "✓" not in run("ls", path).out


def test_a_diff_says_once_that_nothing_tells_the_ids(tmp_path: Path) -> None:
    one, other = imported("rpc", tmp_path), imported("phoenix", tmp_path)
    hint = f"no contract fits these messages: pass -c CONTRACT, or begin one with `wsreplay contract map {one}`"
    assert run("diff", one, other).err == f"wsreplay: {hint}\n"
    assert run("diff", one, other, "-c", "none").err == ""
    assert run("diff", one, one).err == ""


def test_what_a_contract_does_not_judge_is_counted_for_each_session(tmp_path: Path) -> None:
    contract = tmp_path / "mine.yaml"
    contract.write_text("extends: agent-chat\napplies_to: {path: /ws}\n")
    lines = [
        {"wsreplay": 1},
        {"connection": 1, "t": 0, "open": {"path": "/ws", "user": "a"}},
        {"connection": 2, "t": 0, "open": {"path": "/metrics", "user": "b"}},
        {"connection": 1, "t": 0.1, "dir": "s2c", "opcode": "binary", "base64": "/w=="},
        {"connection": 1, "t": 0.2, "dir": "s2c", "opcode": "binary", "base64": "/w=="},
        {"connection": 1, "t": 0.3, "close": {"by": "client", "code": 1000}},
        {"connection": 2, "t": 0.3, "close": {"by": "client", "code": 1000}},
    ]
    (tmp_path / "mixed.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert run("import", tmp_path / "mixed.jsonl", "-o", tmp_path / "mixed.db").code == 0
    outcome = run("validate", tmp_path / "mixed.db", "-c", contract)
    assert "session 1: not validated: 2 binary messages" in outcome.out
    assert "session 2: not validated: 1 connection to /metrics" in outcome.out
    (file,) = json.loads(run("validate", tmp_path / "mixed.db", "-c", contract, "-f", "json").out)["files"]
    assert file["unjudged"] == {"1": {"binary message": 2}, "2": {"connection to /metrics": 1}}


@pytest.mark.parametrize("name", ["socketio", "batch", "json_in_binary_frames", "lone_surrogate"])
def test_agent_chat_in_another_form_is_agent_chat(name: str, tmp_path: Path) -> None:
    outcome = run("validate", imported(name, tmp_path))
    assert outcome.code == 1
    assert "contract agent-chat v1" in " ".join(outcome.out.split())
    assert "unknown type" not in outcome.out.replace("unknown type agent_comp", "")


def test_a_contract_by_hand_goes_into_arrays(tmp_path: Path) -> None:
    assert run("validate", imported("phoenix", tmp_path), "-c", MESSAGES / "phoenix.yaml").code == 0


def test_a_decoder_can_be_named(tmp_path: Path) -> None:
    path = imported("phoenix", tmp_path)
    assert "seen: json: " not in run("validate", path, "--as", "json").out
    assert run("validate", path, "--as", "phenix").code == 2


def test_the_contract_is_chosen_by_what_the_named_decoder_reads(tmp_path: Path) -> None:
    lines = [{"wsreplay": 1}, {"connection": 1, "t": 0, "open": {"path": "/ws"}}]
    message = json.dumps({"method": "agent_started", "params": {"thread_id": "t"}})
    lines += [{"connection": 1, "t": 0.1, "dir": "s2c", "opcode": "text", "data": message}]
    lines += [{"connection": 1, "t": 0.2, "close": {"by": "client", "code": 1000}}]
    (tmp_path / "named.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    path = tmp_path / "named.db"
    assert run("import", tmp_path / "named.jsonl", "-o", path).code == 0
    assert run("validate", path).code == 3
    outcome = run("validate", path, "--as", "json-rpc")
    assert outcome.code == 1 and "contract agent-chat v1" in " ".join(outcome.out.split())
    assert run("show", path, "--filter", "sev>=error").out == ""
    assert "agent_started" in run("show", path, "--as", "json-rpc", "--filter", "sev>=error").out


def test_binary_that_nothing_decodes_is_hex_with_its_text_beside_it(tmp_path: Path) -> None:
    path = imported("bin", tmp_path)
    shown = [line.split()[-2:] for line in run("show", path).out.splitlines() if "binary" in line]
    assert shown[:2] == [["30", "|0|"], ["90", "|.|"]]
    pretty = [line.strip() for line in run("show", path, "--pretty").out.splitlines()]
    assert "30  |0|" in pretty and "90  |.|" in pretty


def test_recordings_beside_one_are_listed_where_the_folder_of_recordings_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "no recordings in recordings or this folder. Record one:" in run("ls").err
    imported("rpc", tmp_path)
    (tmp_path / "app.db").write_text("of another program")
    assert run("ls").out.startswith("rpc.db") and run("ls").err == ""
    (tmp_path / "recordings").mkdir()
    imported("bin", tmp_path / "recordings")
    assert run("ls").out.startswith("recordings/bin.db")


def test_a_contract_with_an_envelope_alone_names_types_and_judges_nothing(tmp_path: Path) -> None:
    contract, path = tmp_path / "names.yaml", imported("rpc", tmp_path)
    contract.write_text("contract: names\nenvelope: {type: $.method}\n")
    demands = "the contract has no rules: it names types and requires nothing"
    outcome = run("validate", path, "-c", contract)
    assert outcome.code == 3
    assert "NO RULES   no findings" in outcome.out and f"\n  {demands}\n" in outcome.out and "NOT VALIDATED" in outcome.out
    assert "is it the right one?" not in outcome.out
    verdict = json.loads(run("validate", path, "-c", contract, "-f", "json").out)
    (file,) = verdict["files"]
    assert (verdict["exit_code"], file["verdict"], file["notes"]) == (3, "vacuous", [demands])
    assert f'<error message="{demands}"' in run("validate", path, "-c", contract, "-f", "junit").out
    assert f"::{demands}" in run("validate", path, "-c", contract, "-f", "github").out
    assert '"badge warn">no rules<' in run("validate", path, "-c", contract, "-f", "html").out
    assert "no rules (names)" in run("ls", path, "-c", contract).out
    assert "2 results: no rules" in run("validate", path, path, "-c", contract).out


def test_types_that_stand_beside_one_of_their_direction_are_told_too(tmp_path: Path) -> None:
    lines = ['{"wsreplay": 1}', '{"connection": 1, "t": 0, "open": {"path": "/"}}']
    for t, (name, member) in enumerate((("up.now", "a"), ("up.later", "b")) * 3, 1):
        data = json.dumps({"type": "event", "name": name, member: t})
        lines.append(json.dumps({"connection": 1, "t": t, "dir": "s2c", "opcode": "text", "data": data}))
    (tmp_path / "named.jsonl").write_text("\n".join(lines))
    assert run("import", tmp_path / "named.jsonl", "-o", tmp_path / "named.db").code == 0
    shown = run("validate", tmp_path / "named.db").out
    assert "seen: json: s2c:event 6\n" in shown and "seen: json, by $.name: s2c:up.now 3, s2c:up.later 3\n" in shown
