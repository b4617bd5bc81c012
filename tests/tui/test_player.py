"""Playing is true to time. The clock stands until a test moves it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.store.paging import Head
from wsreplay.tui.recording.evidence import GhostRow
from wsreplay.tui.recording.lanes import DrawnSpan
from wsreplay.tui.recording.playback import SPEEDS, Playback
from wsreplay.tui.recording.span_reading import open_at
from wsreplay.units import SECOND
from wsreplay.validator.findings import Finding, Severity, Verdict

MS = 1_000_000


def playback_at(at: float = 0.0) -> Playback:
    return Playback(0, 100 * SECOND, round(at * SECOND), idle_cap=None)


def test_the_playhead_moves_with_the_clock_times_the_speed():
    playback = playback_at().play(now_ns=0).faster(1)
    assert playback.speed == 2
    assert playback.tick(3 * SECOND, None).at_ns == 6 * SECOND


def test_a_long_wait_takes_no_longer_than_its_cap():
    playback = Playback(0, 100 * SECOND, 0, idle_cap=2 * SECOND).play(0)
    playback = playback.tick(SECOND, next_event_ns=60 * SECOND)
    assert playback.at_ns == 59 * SECOND
    assert playback.tick(2 * SECOND, next_event_ns=60 * SECOND).at_ns == 60 * SECOND


def test_at_the_end_it_stops_and_plays_from_the_beginning_again():
    playback = playback_at(99).play(0).tick(5 * SECOND, None)
    assert (playback.at_ns, playback.playing) == (100 * SECOND, False)
    assert playback.play(0).at_ns == 0


@given(st.lists(st.sampled_from([-1, 1]), max_size=30))
def test_the_ladder_of_speeds_has_ends(steps):
    playback = playback_at()
    for step in steps:
        playback = playback.faster(step)
    assert playback.speed in SPEEDS


@given(st.integers(-(10**12), 10**12))
def test_seeking_stays_inside_the_replay(at):
    assert 0 <= playback_at().seek(at, 0).at_ns <= 100 * SECOND


async def test_playing_shows_the_session_as_it_was(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("down", "enter", "i", "i", "space")
        screen = on.app.screen
        for at_ms, frames, ghosts in ((100, 0, 0), (700, 3, 0), (3_000, 5, 0), (12_500, 7, 1), (19_000, 10, 1)):
            on.clock.move(at_ms - (screen.playback.at_ns - screen.origin_ns) / MS)
            screen.tick()
            await on.settle()
            assert (screen.rows.view.frames, len(screen.rows.view.ghosts())) == (frames, ghosts)
        await on.press("space")
        assert not screen.playback.playing and screen.rows.view.frames == 10
        await on.press("escape")
        assert screen.rows.view.frames == 13


async def test_playing_says_what_is_open_at_the_playhead_and_marks_the_rows_that_began_it(stage, chat_recording):
    async with stage(chat_recording, width=120) as on:
        await on.judged()
        await on.press("down", "enter", "i", "i", "space")
        screen = on.app.screen
        await on.until(lambda: screen.open_line.spans is not None)
        for at_ms, open_now in (
            (100, []), (600, ["performance 277ms"]), (2_400, ["performance 2.077s", "metrics 1.75s", "search 111ms"]),
        ):  # fmt: skip
            on.clock.move(at_ms - (screen.playback.at_ns - screen.origin_ns) / MS)
            screen.tick()
            await on.settle()
            assert [words for _, words in screen.open_line._entries] == open_now
        marked = [line for line in on.text().splitlines() if "▷" in line and "tool_executing" in line]
        assert len(marked) == 2
        await on.press("escape", "escape")
        assert not screen.open_line.display and not screen.frames.open


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50) | st.none()), max_size=20), st.integers(-1, 60))
def test_what_has_begun_and_not_ended_is_open(times, at):
    spans = [DrawnSpan("run", "", "", start, 0, end_ns=None if lasted is None else start + lasted) for start, lasted in sorted(
        times, key=lambda pair: pair[0])]  # fmt: skip
    expected = [one for one in spans if one.start_ns <= at and (one.end_ns is None or at < one.end_ns)]
    assert open_at(spans, at) == expected


@pytest.mark.parametrize(("key", "frame"), [("4", 13), ("5", 16), ("9", 21), ("0", 4)])
async def test_a_digit_jumps_to_that_share_of_the_session(stage, chat_recording, key, frame):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", key)
        assert on.app.screen.inspector.frame.id == frame


async def test_stepping_in_a_replay_moves_the_playhead_to_the_next_event(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "space", "space", "full_stop", "full_stop")
        screen = on.app.screen
        assert screen.playback.at_ns - screen.origin_ns == 323 * MS
        await on.press("comma")
        assert screen.playback.at_ns - screen.origin_ns == 200 * MS


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
        await on.press("down", "enter", "w")
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
        waterfall._select(next(one for one in waterfall._spans if one.start_frame == 20))
        await on.press("enter")
        assert on.app.screen is session and session.playback_at and "is not in this list" not in on.text()
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


async def test_in_a_replay_the_next_finding_is_gone_to_where_it_is_known(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("down", "enter", "0", "space", "space", "right_square_bracket")
        screen = on.app.screen
        assert screen.playback_at and screen.playback.at_ns == 1_150 * MS and screen.inspector.findings()[0].kind == "order"
        await on.press("right_square_bracket")
        assert screen.playback.at_ns == 12_789 * MS and screen.inspector.findings()[0].kind == "missing"
        await on.press("right_square_bracket")
        assert screen.playback.at_ns == 13_250 * MS and screen.inspector.findings()[0].kind == "late"
        await on.press("escape", "right_square_bracket")
        assert screen.inspector.findings()
        await on.press("slash", *"type:user_message", "enter", "right_square_bracket")
        await on.until(lambda: "the filter lets none through" in on.text())


async def test_a_time_is_gone_to_as_it_was_asked_for(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "colon", *"9s", "enter")
        screen = on.app.screen
        assert "00:09.000" in on.text().splitlines()[-1] and screen.inspector.item.t_ns == 5_004 * MS
        await on.press("j")
        assert screen.playback.at_ns == screen.inspector.item.t_ns, "moved by hand the clock goes with the cursor"
        await on.press("k", "3")
        length_ns = screen.playback.end_ns - screen.origin_ns
        assert screen.playback.at_ns - screen.origin_ns == pytest.approx(0.3 * length_ns, abs=1)


async def test_at_the_end_of_a_replay_stands_also_what_was_due_only_later(stage, script):
    made = script("cut.db")
    made.open(1, 0, closed_ns=100 * MS)
    made.say(1, 10, 1, "tool_executing")
    path = made.write(100)
    due = Finding(
        "tool", Verdict.VIOLATED, Severity.ERROR, "tool_completed never came", session=1, connection=1, activation=1,
        frames=(1,), kind="missing", expected=("tool_completed",), decided_at=3_000 * MS, at_ns=3_000 * MS,
    )  # fmt: skip
    async with stage(path) as on:
        await on.judged([due])
        await on.press("0", "space")
        screen = on.app.screen
        on.clock.move(50)
        screen.tick()
        assert len(screen.rows.view) == 1
        on.clock.move(200)
        screen.tick()
        assert screen.playback_at and [type(screen.rows.view.row(row)) for row in range(2)] == [Head, GhostRow]


async def test_the_time_in_a_pager_or_a_shell_is_none_of_the_replay(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "0", "i", "i", "space")
        screen = on.app.screen
        on.clock.move(100)
        screen.tick()
        before = screen.playback.at_ns
        on.clock.move(20_000)
        on.app.app_resume_signal.publish(on.app)
        screen.tick()
        assert screen.playback.at_ns == before


async def test_in_a_replay_the_waterfall_does_not_say_how_a_span_will_end(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("enter", "w")
        await on.until(lambda: on.app.screen.canvas.count)
        assert "5.10s" in on.text() or "ok" in on.app.screen.about.text
        screen = on.app.screen
        await on.press("colon", *"1s", "enter", "space")
        assert screen.playback_at
        assert "still open" in screen.about.text and " ok" not in screen.about.text


async def test_a_replay_can_be_stepped_through_from_end_to_end_also_past_what_is_no_frame(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("down", "enter", "0", "space", "space")
        screen = on.app.screen

        async def stops(key: str) -> list[int]:
            """The times at which steps come to rest, ms."""
            found = [screen.playback.at_ns // MS]
            while True:
                await on.press(key)
                if screen.playback.at_ns // MS == found[-1]:
                    return found
                found.append(screen.playback.at_ns // MS)

        there = await stops("full_stop")
        frames = [700, 823, 1_150, 1_456, 2_789, 5_000, 5_004, 13_250, 14_000, 18_456, 21_000, 21_140, 21_400]
        assert there == sorted({500, *frames, 12_789, 26_000})
        assert await stops("comma") == there[::-1]


@pytest.mark.parametrize(
    ("typed", "shown"), [("50%", "00:12.750"), ("0%", "00:00.000"), ("end", "00:25.500"), ("1s", "00:01.000")]
)
async def test_where_to_go_can_be_said_as_a_share_of_the_time(stage, chat_recording, typed, shown):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "colon", *typed, "enter")
        assert shown in on.text().splitlines()[-1]


async def test_what_is_no_place_is_said_and_can_be_mended(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("enter", "colon", *"200%", "enter")
        assert "'200%' is no place" in on.text()
        await on.press("backspace", "backspace", "backspace", "backspace", "2", "enter")
        assert "   2/8" in on.text().splitlines()[-1]
