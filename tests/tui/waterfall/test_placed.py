"""Findings that belong to no span have a lane of their own, are counted, and are gone to in their turn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tui.conftest import chat_findings
from wsreplay.tui.config import Config
from wsreplay.tui.recording.lanes import DrawnSpan
from wsreplay.tui.waterfall.placed import place_findings
from wsreplay.validator.findings import Finding, Severity, Verdict

MS = 1_000_000
SPAN = DrawnSpan("run", "r1", "t", 10 * MS, 4)
LATE = Finding("started", Verdict.VIOLATED, Severity.ERROR, "late", activation=4, kind="late", decided_at=20 * MS)
BROKEN = Finding("json", Verdict.VIOLATED, Severity.WARNING, "not JSON", frames=(4,), kind="format", decided_at=10 * MS)


def test_what_is_wrong_with_a_span_stands_on_it_and_all_else_is_kept_beside():
    placed = place_findings([BROKEN, LATE], [SPAN])
    assert list(placed.on_spans) == [4] and list(placed.others) == [BROKEN]


def test_what_begins_no_span_is_kept_beside():
    assert list(place_findings([replace(LATE, activation=7)], [SPAN]).others) == [replace(LATE, activation=7)]
    assert list(place_findings([replace(LATE, activation=None)], [SPAN]).others) == [replace(LATE, activation=None)]


def test_of_a_page_what_may_belong_to_a_span_of_another_page_is_not_said_to_belong_to_none():
    other = replace(LATE, activation=70)
    assert not place_findings([other], [SPAN], range(1, 50)).others
    assert list(place_findings([other], [SPAN], range(1, 80)).others) == [other]


def beside(chat):
    """A finding before all spans, one between them and one that is due after the end."""
    session = chat[0].session
    early = Finding("hello", Verdict.VIOLATED, Severity.WARNING, "hello never came", session=session, frames=(2,), decided_at=0)
    wild = replace(early, rule="json", message="not JSON", severity=Severity.ERROR, frames=(10,), decided_at=1_500 * MS)
    return [early, wild, replace(wild, rule="back", message="did not come back", frames=(23,), decided_at=99_000 * MS)]


@pytest.mark.parametrize(
    ("width", "config", "tally"),
    [
        (80, Config(), "│ 3 other findings ✗2 ▲1 "), (200, Config(theme="light"), "│ 3 other findings ✗2 ▲1 "),
        (80, Config(ascii=True), "| 3 other findings X2 !1 "),
    ],
)  # fmt: skip
async def test_they_are_counted_and_marked_at_their_times(stage, chat_recording, width, config, tally):
    async with stage(chat_recording, width=width, height=26, config=config, steady=True) as on:
        await on.judged([*chat_findings(), *beside(chat_findings())])
        await on.press("down", "enter", "g", "w")
        text = on.text().replace("\N{NO-BREAK SPACE}", " ")
        lane = next(line for line in text.splitlines() if "other findings  " in line)
        assert tally in text.splitlines()[1]
        assert [sign for sign in lane if sign in "✗▲X!"] == (["!", "X", "X"] if config.ascii else ["▲", "✗", "✗"])


async def test_they_are_gone_to_in_their_turn_and_opened(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged([*chat_findings(), *beside(chat_findings())])
        await on.press("down", "enter", "g", "w")
        session, screen = on.app.screen_stack[-2:]
        await on.press("up", "up")
        gone = [screen.about.text]
        for _ in range(6):
            await on.press("right_square_bracket")
            gone.append(screen.about.text)
        assert [text.split()[0] for text in gone] == ["▲", "run", "tool", "✗", "tool", "run", "✗"]
        assert "hello never came" in gone[0] and "not JSON" in gone[3] and "did not come back" in gone[-1]
        for _ in range(3):
            await on.press("left_square_bracket")
        assert "not JSON" in screen.about.text and screen.canvas.is_on_others
        await on.press("right")
        assert "did not come back" in screen.about.text
        await on.press("left", "enter")
        assert on.app.screen is session and session.inspector.frame.id == 10


async def test_the_lane_comes_and_goes_with_the_verdict_and_the_cursor_stays_in_its_own(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("down", "enter", "g", "w", "right_square_bracket")
        screen = on.app.screen
        chosen, lane = screen.canvas.selected, screen.canvas.lane_at(screen.canvas.cursor)
        assert "other finding" not in on.text()
        await on.judged([*chat_findings(), *beside(chat_findings())])
        assert screen.canvas.selected is chosen and screen.canvas.lane_at(screen.canvas.cursor) is lane
        await on.judged()
        assert "other finding" not in on.text() and screen.canvas.lane_at(screen.canvas.cursor) is lane


async def test_in_a_replay_they_are_told_when_they_are_known(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged([*chat_findings(), *beside(chat_findings())])
        await on.press("down", "enter", "g", "w", "colon", *"0.5s", "enter", "space", "up", "up", "right")
        screen = on.app.screen
        assert screen.replaying and "not JSON" not in on.text()
        await on.press("9")
        assert "not JSON" in screen.about.text
