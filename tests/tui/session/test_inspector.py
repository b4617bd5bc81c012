"""What the detail shows of large payloads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wsreplay.display import visible
from wsreplay.errors import RecordingError
from wsreplay.store.writer import Writer
from wsreplay.tui.session import inspector
from wsreplay.tui.session.inspector import LAYING
from wsreplay.validator.findings import Finding, Severity, Verdict


@pytest.mark.parametrize("width", [80, 120, 160])
async def test_every_character_of_a_text_is_in_the_detail(stage, script, width):
    made = script("wide.db")
    made.open(1, 0, closed_ns=10**9)
    text = "".join(chr(0x4E00 + number) for number in range(200))
    made.say(1, 1, 1, "x", text=text)
    async with stage(made.write(1_000), width=width, height=40) as on:
        await on.press("enter" if width == 80 else "right")
        on.app.screen.panes.maximise()
        on.app.screen.panes.focus_detail()
        await on.settle()
        shown = on.text()
        assert not [character for character in visible(text) if character not in shown]


@pytest.mark.parametrize("width", [80, 120])
async def test_a_large_payload_is_laid_out_for_the_width_it_has(stage, script, width):
    made = script("large.db")
    made.open(1, 0, closed_ns=10**9)
    numbers = "".join(f"{number:06d}" for number in range(60_000))
    made.say(1, 1, 1, "x", text=numbers)
    async with stage(made.write(1_000), width=width) as on:
        detail = on.app.screen.detail
        for columns in (width, 100, 70):
            await on.resize(columns, 30)
            await on.press("left", "right")
            lines = detail.text.split("\n")
            assert max(map(len, lines)) == detail.size.width - 1
            assert numbers[:10_000] in "".join(line.strip() for line in lines)


async def test_a_large_payload_keeps_its_place_and_its_findings_when_there_is_another_verdict(stage, script):
    made = script("large.db")
    made.open(1, 0, closed_ns=10**9)
    made.say(1, 1, 1, "x", rows=[f"{number:06d}" for number in range(60_000)])
    path = made.write(1_000)
    wrong = Finding("r", Verdict.VIOLATED, Severity.ERROR, "this is wrong", session=1, connection=1, frames=(1,), activation=1)
    async with stage(path) as on:
        await on.judged([], path)
        detail = on.app.screen.detail
        detail.action_scroll_lines(50)
        top = detail.top
        job = on.app.screen.jobs._workers[LAYING]
        await on.judged([wrong], path)
        assert (detail.top, detail.cursor) == (top, 50)
        assert on.app.screen.jobs._workers[LAYING] is job  # it is laid out once
        assert "this is wrong" in detail.text and "059" not in detail.text.split("\n")[1]
        await on.press("tab", "shift+tab")
        assert "000017" in detail.text and on.app.screen.jobs._workers[LAYING] is job


async def test_where_a_large_payload_cannot_be_laid_out_it_is_said_why_and_tried_again(stage, script, monkeypatch):
    made = script("large.db")
    made.open(1, 0, closed_ns=10**9)
    made.say(1, 1, 1, "x")
    made.say(1, 2, 1, "x", rows=[f"{number:06d}" for number in range(60_000)])
    async with stage(made.write(1_000)) as on:
        detail = on.app.screen.detail
        with monkeypatch.context() as patch:
            patch.setattr(inspector, "payload_lines", _fail)
            await on.press("j")
            await on.until(lambda: "it is locked" in detail.text)
            assert "laying out" not in detail.text and "r reads it again" in detail.text
        await on.press("tab", "shift+tab")
        await on.until(lambda: "000017" in detail.text)
        assert "it is locked" not in detail.text


async def test_what_is_missing_of_a_message_is_said_above_it(stage, script):
    made = script("cut.db")
    made.open(1, 0, closed_ns=10**9)
    made.say(1, 1, 1, "x")
    made.say(1, 2, 1, raw=b'{"type": "x", "te')
    path = made.write(1_000)
    writer = Writer(path)
    writer.add_gap(1, 1, 2, "payload cut", 36)
    writer.close()
    async with stage(path) as on:
        detail = on.app.screen.detail
        assert "not recorded" not in detail.text
        await on.press("j")
        assert " ".join(detail.text.split()).startswith("36 bytes from the server not recorded: payload cut {")
        await on.press("k")
        assert "not recorded" not in detail.text


def _fail(*_arguments: object) -> None:
    raise RecordingError("it is locked")


async def test_a_rule_that_is_inherited_is_shown_where_it_stands(stage, script, tmp_path):
    made = script("owed.db")
    made.open(1, 0, closed_ns=10**9)
    made.say(1, 1, 1, "agent_started", run_id="r1", thread_id="t1")
    mine = tmp_path / "mine.yaml"
    mine.write_text("extends: agent-chat\n" + "# not this line\n" * 40 + "rules: [{id: silence, max: 5s}]\n")
    async with stage(made.write(1_000), width=160, height=50, contracts=(str(mine),), validating=True) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        evidence = on.app.screen.recording.evidence
        await on.press("right_square_bracket")
        on.app.screen.inspector.choose_pane("findings")
        await on.settle()
        places = {finding.line for finding in on.app.screen.inspector.findings()}
        assert places and all(f"agent-chat.yaml:{line}" in on.app.screen.detail.text for line in places)
        assert "mine.yaml" not in on.app.screen.detail.text and "not this line" not in on.app.screen.detail.text
        file, words = evidence.words(replace(evidence.findings[0], file=str(mine), line=42))
        assert (file, words) == (str(mine), ["rules: [{id: silence, max: 5s}]"])
