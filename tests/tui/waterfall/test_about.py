"""The line that tells of one span."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from sample_chat import chat_findings

SAMPLES = Path(__file__).parents[3] / "recordings" / "samples"


@pytest.mark.parametrize(("severity", "sign"), [("error", "✗"), ("warning", "▲")])
async def test_of_a_span_that_ended_late_is_said_how_grave_that_is_and_by_how_much(stage, chat_recording, severity, sign):
    findings = [replace(finding, severity=severity) for finding in chat_findings()]
    async with stage(chat_recording, session=2) as on:
        await on.judged(findings)
        await on.press("w", "g")
        while "late by" not in on.text() and on.app.screen.canvas.cursor < on.app.screen.canvas.count - 1:
            await on.press("j")
        assert f"{sign} late by 2.1s" in on.text().splitlines()[-2]


async def test_a_span_cut_after_its_connection_was_lost_is_told_as_its_bar_tells_it(stage, chat_recording):
    async with stage(chat_recording, session=2, validating=True, width=120) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        await on.press("w", "g", "l")
        about = on.text().splitlines()[-2]
        assert "run performance  00:21.140 → 00:26.500  5.36s  cut" in about and "open" not in about
        assert "5.36s cut" in on.text()


async def test_how_late_a_span_ended_is_said_once(stage, tmp_path):
    async with stage(Path(shutil.copy(SAMPLES / "slow-tool.db", tmp_path)), validating=True, width=120) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        await on.press("w", "j")
        about = on.text().splitlines()[-2]
        assert "tool crawl" in about and about.count("late") == 1 and "late by 332ms" in about
