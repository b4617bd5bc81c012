"""What the screen of findings says beside the findings: notes, and why there are none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from commandline import run

SAMPLES = Path(__file__).parents[3] / "recordings" / "samples"
LINES = [
    {"wsreplay": 1},
    {"connection": 1, "t": 0, "open": {"path": "/ws"}},
    {"connection": 1, "t": 0.1, "dir": "c2s", "opcode": "text", "data": '{"type":"ask"}'},
    {"connection": 1, "t": 0.2, "dir": "s2c", "opcode": "binary", "base64": "/w=="},
    {"connection": 1, "t": 0.3, "close": {"by": "client", "code": 1000}},
    {"connection": 2, "t": 0.4, "open": {"path": "/\x1b[31mred"}},
    {"connection": 2, "t": 0.5, "close": {"by": "client", "code": 1000}},
]
HEAD = "contract: asks\napplies_to: {path: /ws}\n"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))
    assert run("import", tmp_path / "a.jsonl", "-o", tmp_path / "a.db").code == 0
    return tmp_path / "a.db"


@pytest.mark.parametrize("rule", ["{id: r, existence: answer}", "{id: r, existence: ask}"])
async def test_notes_stand_below_the_findings_or_where_there_are_none(stage, recording, rule):
    contract = recording.with_name("asks.yaml")
    contract.write_text(f"{HEAD}rules: [{rule}]\n")
    async with stage(recording, validating=True, contracts=(str(contract),), width=100) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        assert "(2 not validated)" in on.text()
        await on.press("v")
        assert "note: session 1: not validated: 1 binary message" in on.text()
        assert "note: session 2: not validated: 1 connection" in on.text() and "/␛[31m" in on.text()
        if "answer" in rule:
            await on.press("G", "space", "E", "enter")
            assert "not validated" in on.app.screen.detail.text and "␛[31mred" in on.app.screen.detail.text
            await on.press("slash", *"never", "enter")
            assert "note:" not in on.text()
        else:
            assert "No findings with this contract." in on.text()


async def test_the_notes_of_a_session_are_its_own(stage, recording):
    contract = recording.with_name("asks.yaml")
    contract.write_text(f"{HEAD}rules: [{{id: r, existence: ask}}]\n")
    async with stage(recording, validating=True, contracts=(str(contract),), width=100) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        await on.press("enter", "v")
        text = on.text()
        assert ("note: session 1" in text) + ("note: session 2" in text) == 1
        assert "note: 1 connection skipped" in text and "(1 not validated)" in text


async def test_a_contract_without_rules_is_said_to_demand_nothing(stage, recording):
    contract = recording.with_name("names.yaml")
    contract.write_text("contract: names\nenvelope: {type: $.type}\n")
    async with stage(recording, validating=True, contracts=(str(contract),), width=100) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        assert "no rules" in on.text() and "✓" not in on.text()
        await on.press("v")
        assert "The contract has no rules: it names types" in on.text()
        assert "note: the contract" not in on.text()


async def test_the_foot_names_the_keys_of_the_pane_that_has_the_focus(stage, chat_recording):
    async with stage(chat_recording, width=80) as on:
        await on.judged()
        await on.press("v")
        assert "enter go there" in on.text().splitlines()[-1]
        await on.press("right")
        assert on.text().splitlines()[-1].startswith(" esc back to the list")
        assert "go there" not in on.text().splitlines()[-1]
        await on.press("escape")
        assert "enter go there" in on.text().splitlines()[-1]


async def test_what_came_out_of_order_has_one_time(stage, tmp_path):
    async with stage(Path(shutil.copy(SAMPLES / "out-of-order.db", tmp_path)), validating=True, width=120) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        row = next(line for line in on.text().splitlines() if "agent_thinking" in line)
        assert "00:00.139" in row
        await on.press("v", "down")
        detail = " ".join(on.app.screen.detail.text.split())
        assert "00:00.139" in next(line for line in on.text().splitlines() if "s1   agent_thinking" in line)
        assert "time 00:00.139" in detail and "decided at 00:00.117, when frame 4 came before it" in detail


async def test_the_numbers_of_findings_add_up(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("v")
        counted = on.text().splitlines()[1]
        assert "5 findings: ✗ 3 ▲ 1 → 1 follows from another" in counted and "rules checked" in counted
        await on.press("slash", *"tool", "enter")
        assert "of 5" in on.text()
        await on.press("question_mark", "slash", *"follows", "enter")
        assert "→ follows from the finding above it" in on.text()


async def test_what_became_of_a_rule_is_said_in_plain_words(stage, chat_recording):
    async with stage(chat_recording, width=120) as on:
        await on.judged()
        await on.press("v", "g")
        shown = on.app.screen.detail.text
        assert "applied       3 times" in shown and "held          2 times" in shown and "violated      1 time" in shown
        assert "activations" not in shown


async def test_the_first_rule_is_in_sight_above_the_finding_where_the_cursor_begins(stage, chat_recording):
    async with stage(chat_recording, width=80) as on:
        await on.judged()
        await on.press("v")
        assert on.app.screen.list.cursor == 1 and on.app.screen.list.scroll_offset.y == 0
