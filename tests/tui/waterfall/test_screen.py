"""The waterfall: a replay goes on in it, spans and findings are gone to. The clock stands until a test moves it."""

from __future__ import annotations

import pytest

from wsreplay.tui.recording import span_reading
from wsreplay.tui.recording.known_spans import SpanNews
from wsreplay.units import SECOND
from wsreplay.validator import span_log

MS = 1_000_000


async def test_the_waterfall_goes_on_where_the_list_was_and_gives_the_place_back(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "5", "w")
        waterfall = on.app.screen
        assert waterfall.playback.at_ns - waterfall.origin_ns == 12_750 * MS
        await on.press("9", "w")
        assert on.app.screen.inspector.frame.id == 21


async def test_in_the_waterfall_the_next_finding_is_gone_to_and_zoomed_around(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("down", "enter", "g", "w")
        canvas = on.app.screen.canvas
        gone = []
        for _ in range(4):
            await on.press("right_square_bracket")
            gone.append((canvas.selected.name, canvas.cursor))
        assert gone == [("metrics", 2), ("search", 3), ("performance", 1), ("performance", 1)]
        assert "no finding further on" in on.text()
        await on.press("left_square_bracket", "left_square_bracket", "plus", "plus", "plus")
        assert canvas.selected.name == "metrics"
        assert canvas.window.start_ns <= canvas.selected.start_ns <= canvas.window.end_ns


async def test_a_replay_goes_on_in_the_waterfall_and_back_in_the_list(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("down", "enter", "i", "i", "space")
        session = on.app.screen
        await on.press("w")
        waterfall = on.app.screen
        assert waterfall.playback.playing and not session.playback.playing
        on.clock.move(3_000)
        await on.until(lambda: waterfall.playback.at_ns - waterfall.origin_ns >= 3_000 * MS)
        await on.press("w")
        await on.until(lambda: session.playback.playing)
        on.clock.move(3_000)
        await on.until(lambda: session.playback.at_ns - session.origin_ns >= 6_000 * MS)


async def test_from_a_replay_in_the_waterfall_a_span_is_gone_to_which_the_list_has_not_come_to(stage, chat_recording):
    async with stage(chat_recording, session=2) as on:
        await on.judged()
        await on.press("0", "space", "space", "colon", *"0.9s", "enter", "w")
        session, waterfall = on.app.screen_stack[-2:]
        await on.until(lambda: waterfall.canvas.count)
        await on.press("colon", *"22s", "enter")
        waterfall._select(next(span for span in waterfall._spans if span.start_frame == 20))
        await on.press("enter")
        assert on.app.screen is session and session.replaying and "is not in this list" not in on.text()
        assert session.inspector.frame.id == 20 and session.playback.at_ns == 21_140 * MS


async def test_a_span_that_is_chosen_twice_is_gone_to_once(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "w")
        session, waterfall = on.app.screen_stack[-2:]
        await on.until(lambda: waterfall.canvas.selected)
        waterfall.canvas.action_choose()
        waterfall.canvas.action_choose()
        await on.settle()
        assert on.app.screen is session


@pytest.mark.parametrize("back", ["w", "q", "escape"])
async def test_the_speed_and_the_idle_cap_of_the_waterfall_hold_in_the_list_too(stage, chat_recording, back):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "j", "w", "greater_than_sign", "i", back)
        playback = on.app.screen.playback
        assert (playback.speed, playback.idle_cap) == (2.0, SECOND // 2) and on.app.screen.frames.cursor == 1
        before = on.app.screen.playback
        await on.press("w", "w")
        assert on.app.screen.playback == before


async def test_the_waterfall_begins_at_the_span_of_the_row(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("a", "right_square_bracket", "right_square_bracket", "w")
        assert on.app.screen.canvas.selected.name == "search"


async def test_in_a_replay_the_waterfall_does_not_say_how_a_span_will_end(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("enter", "w")
        await on.until(lambda: on.app.screen.canvas.count)
        assert "completed" in on.app.screen.about.text
        screen = on.app.screen
        await on.press("colon", *"1s", "enter", "space")
        assert screen.replaying
        assert "still open" in screen.about.text and "completed" not in screen.about.text


@pytest.fixture
def five_runs(script):
    """Five runs, the last of which lacks the end of its tool."""
    made = script("runs.db")
    made.open(1, 0)
    for run in range(5):
        ids = {"thread_id": "t", "run_id": f"r{run}"}
        made.say(1, 1000 * run + 1, 0, "chat", thread_id="t")
        made.say(1, 1000 * run + 2, 1, "agent_started", **ids)
        made.say(1, 1000 * run + 3, 1, "agent_thinking", **ids)
        made.say(1, 1000 * run + 4, 1, "tool_executing", **ids, tool_call_id=f"c{run}", tool_name="search")
        if run < 4:
            made.say(1, 1000 * run + 500, 1, "tool_completed", **ids, tool_call_id=f"c{run}")
        made.say(1, 1000 * run + 600, 1, "agent_completed", **ids)
    return made.write(6000)


async def test_a_long_log_is_read_page_by_page(stage, five_runs, monkeypatch):
    monkeypatch.setattr(span_reading, "PAGE", 4)
    monkeypatch.setattr(span_log, "MOST_RUNS", 0)
    async with stage(five_runs, validating=True, steady=True) as on:
        await on.until(lambda: on.app.recording.evidence.is_there)
        on.app.recording.take_spans(SpanNews("agent-chat", (), is_all=True, left_out=10))
        await on.press("w")
        screen = on.app.screen
        await on.until(lambda: screen.canvas.count)
        assert "4 of 10 spans" in on.text() and "░" in on.text()
        await on.press("right_square_bracket")
        await on.until(lambda: screen.canvas.selected is not None and screen.canvas.selected.name == "search")
        assert screen.canvas.selected.start_frame == 28 and "cut" in screen.about.text
        assert "from 00:04" in on.text()
        await on.press("0")
        await on.until(lambda: screen._spans and screen._spans[0].start_frame == 2)


async def test_what_came_with_the_verdict_is_not_read_again(stage, five_runs, monkeypatch):
    async with stage(five_runs, validating=True, steady=True) as on:
        await on.until(lambda: on.app.recording.known_spans.revision and on.app.recording.evidence.is_there)
        monkeypatch.setattr(span_reading, "read_spans", None)
        await on.press("w")
        await on.until(lambda: on.app.screen.canvas.count)
        assert len(on.app.screen._spans) == 10 and " of " not in on.app.screen.canvas.border_subtitle


async def test_what_is_open_says_what_it_owes(stage, script):
    made = script("open.db")
    made.open(1, 0)
    made.say(1, 1, 1, "agent_started", thread_id="t", run_id="r", payload={"agent": "analyst"})
    async with stage(made.write(2000, close=False), validating=True, steady=True) as on:
        await on.until(lambda: on.app.recording.evidence.is_there)
        await on.press("w")
        await on.until(lambda: on.app.screen.canvas.count)
        assert "open" in on.app.screen.about.text
        assert "due: agent_completed or error_event or agent_error in 28s" in on.app.screen.about.text
