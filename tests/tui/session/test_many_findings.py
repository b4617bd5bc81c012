"""More findings than are kept in full: every row bears its sign, the next one is always gone to, filters find them all."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from functools import partial

import pytest
from published_here import PublishedHere
from sample_chat import many_findings

from wsreplay.trace.decoder_choices import AS_RECORDED
from wsreplay.tui.recording import gathering
from wsreplay.tui.recording.evidence import GhostRow
from wsreplay.tui.validation.tasks import ValidationResult, validate_once

pytestmark = pytest.mark.campaign

EVENTS = 7_500  # with four findings each


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A recording with 30,000 findings, the contract that finds them, and what the validator says."""
    path, contract = many_findings(tmp_path_factory.mktemp("many"), EVENTS)
    context = PublishedHere()
    partial(validate_once, path, (str(contract),), AS_RECORDED)(context)
    return path, contract, next(value for value in context.values if isinstance(value, ValidationResult))


@pytest.fixture
def opened(stage, many):
    """`async with opened() as on:` shows them."""
    path, contract, result = many
    return lambda **how: stage(path, contracts=(str(contract),), session=1, **how), result


async def test_every_row_bears_its_sign_and_the_detail_says_what_is_wrong(opened):
    show, result = opened
    assert len(result.evidence.findings) == gathering.MOST_FINDINGS and result.evidence.left_out == 4 * EVENTS - 10_000
    async with show() as on:
        on.app.validation.take(result)
        await on.settle()
        screen = on.app.screen
        assert "✗ 15,000 ▲ 15,000" in on.text()
        for typed in ("2600", "5003", "7490"):
            await on.press("colon", *typed, "enter")
            assert screen.inspector.frame.id == int(typed) and len(screen.inspector.findings()) == 2
            rows = [line for line in on.text().splitlines() if "asked" in line and "◀" in line]
            assert rows and all("✗ " in line for line in rows)
            ghosts = [line for line in on.text().splitlines() if "missing: answered" in line]
            assert ghosts and all("▲ ◆" in line for line in ghosts)


async def test_the_end_is_behind_what_never_came_there(opened):
    show, result = opened
    async with show() as on:
        on.app.validation.take(result)
        await on.settle()
        await on.press("G")
        *_, last = (line for line in on.text().splitlines() if "asked" in line or "missing:" in line)
        assert "00:15.000" in last and "missing: replied" in last
        assert on.app.screen.inspector.findings()[0].rule == "replied"


async def test_the_next_finding_is_gone_to_wherever_one_stands(opened):
    show, result = opened
    async with show() as on:
        on.app.validation.take(result)
        await on.press("colon", *"2500", "enter")
        screen = on.app.screen
        stops = []
        for _ in range(6):
            await on.press("right_square_bracket")
            item = screen.inspector.item
            stops.append(item.finding.activation if isinstance(item, GhostRow) else item.id)
        assert stops == [2_500, 2_500, 2_501, 2_501, 2_501, 2_502]
        await on.press("colon", *"7499", "enter", *["right_square_bracket"] * 5)
        assert isinstance(screen.inspector.item, GhostRow) and screen.inspector.item.finding.activation == EVENTS
        await on.press("right_square_bracket")
        assert "No more findings below" in on.text()
        await on.press("colon", *"4000", "enter", "left_square_bracket")
        assert isinstance(screen.inspector.item, GhostRow) and screen.inspector.item.finding.activation == 3_999


async def test_a_filter_finds_what_show_finds(opened, many):
    show, result = opened
    path, contract, _ = many
    async with show() as on:
        on.app.validation.take(result)
        screen = on.app.screen
        for asked, frames in (("sev>=error", EVENTS), ("rule:answered", EVENTS), ("rule:never size>24", 6_500)):
            await on.press("slash", *asked, "enter")
            await on.until(lambda: screen.rows.matches is not None and not screen.jobs.busy)
            assert len(screen.rows.matches) == frames
            await on.press("end", "left_square_bracket", "left_square_bracket")
            assert screen.inspector.findings()
            await on.press("escape")
    command = [sys.executable, "-m", "wsreplay", "show", path, "-c", contract, "--filter", asked, "--json"]
    shown = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True)
    assert len(shown.stdout.splitlines()) == frames


async def test_the_list_of_findings_says_how_many_are_not_in_it(opened):
    show, result = opened
    async with show(width=160) as on:
        on.app.validation.take(result)
        await on.press("v")
        assert "20,000 more findings are only in the sessions: ] there goes to each" in on.text()


async def test_playing_stops_at_findings_that_are_not_kept(opened):
    show, result = opened
    async with show() as on:
        on.app.validation.take(result)
        await on.press("b", "colon", *"6000", "enter")
        screen = on.app.screen
        screen.action_play()
        on.clock.move(1_000)
        screen.tick()
        assert not screen.playback.playing and screen.playback.at_ns == 12_000_000_000
        assert screen.rows.view.row(screen.frames.cursor).finding.activation == 6_000


async def test_going_to_the_next_finding_takes_no_longer_than_a_key_may(opened):
    show, result = opened
    async with show() as on:
        on.app.validation.take(result)
        await on.press("colon", *"5500", "enter")
        took = []
        for _ in range(20):
            began = time.thread_time()
            on.app.screen.action_next_finding(1)
            took.append(time.thread_time() - began)
            await on.settle()
        assert sorted(took)[-2] < 0.25, took  # of the processor: the machine may be busy
