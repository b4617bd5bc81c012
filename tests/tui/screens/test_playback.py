"""Playing is true to time. The clock stands until a test moves it."""

from __future__ import annotations

import pytest

from wsreplay.store.paging import Head
from wsreplay.tui.recording.evidence import GhostRow
from wsreplay.validator.findings import Finding, Severity, Verdict

MS = 1_000_000


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


@pytest.mark.parametrize(("key", "frame"), [("4", 13), ("5", 16), ("9", 21), ("0", 4)])
async def test_a_digit_jumps_to_that_share_of_the_session(stage, chat_recording, key, frame):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", key)
        assert on.app.screen.inspector.frame.id == frame


async def test_stepping_in_a_replay_moves_the_playhead_to_the_next_event(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "space", "space", "full_stop")
        screen = on.app.screen
        assert screen.playback.at_ns - screen.origin_ns == 323 * MS
        await on.press("comma")
        assert screen.playback.at_ns - screen.origin_ns == 200 * MS


async def test_in_a_replay_the_next_finding_is_gone_to_where_it_is_known(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("down", "enter", "0", "space", "space", "right_square_bracket")
        screen = on.app.screen
        assert screen.replaying and screen.playback.at_ns == 1_150 * MS and screen.inspector.findings()[0].kind == "order"
        await on.press("right_square_bracket")
        assert screen.playback.at_ns == 12_789 * MS and screen.inspector.findings()[0].kind == "missing"
        await on.press("right_square_bracket")
        assert screen.playback.at_ns == 13_250 * MS and screen.inspector.findings()[0].kind == "late"
        await on.press("escape", "right_square_bracket")
        assert screen.inspector.findings()
        await on.press("slash", *"type:user_message", "enter", "right_square_bracket")
        await on.until(lambda: "The filter lets none through." in on.text())


async def test_at_the_end_of_a_replay_stands_also_what_was_due_only_later(stage, script):
    made = script("cut.db")
    made.open(1, 0, closed_ns=100 * MS)
    made.say(1, 10, 1, "tool_executing")
    path = made.write(100)
    due = Finding(
        "tool", Verdict.VIOLATED, Severity.ERROR, "tool_completed never came", session=1, connection=1, activation=1,
        frames=(1,), kind="missing", expected=("tool_completed",), decided_at=3_000 * MS, at_ns=3_000 * MS,
        after=1,
    )  # fmt: skip
    async with stage(path) as on:
        await on.judged([due])
        await on.press("0", "space")
        screen = on.app.screen
        on.clock.move(50)
        screen.tick()
        assert screen.rows.view.frames == 1 and not screen.rows.view.ghosts()
        on.clock.move(200)
        screen.tick()
        assert screen.replaying and [type(screen.rows.view.row(row)) for row in range(2)] == [Head, GhostRow]


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


async def test_a_replay_can_be_stepped_through_from_end_to_end_also_past_what_is_no_frame(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("down", "enter", "0", "space", "space")
        screen = on.app.screen

        async def stops(key: str) -> list[int]:
            """The times at which steps come to rest, ms."""
            times = [screen.playback.at_ns // MS]
            while True:
                await on.press(key)
                if screen.playback.at_ns // MS == times[-1]:
                    return times
                times.append(screen.playback.at_ns // MS)

        there = await stops("full_stop")
        frames = [700, 823, 1_150, 1_456, 2_789, 5_000, 5_004, 13_250, 14_000, 18_456, 21_000, 21_140, 21_400]
        assert there == sorted({500, *frames, 12_789, 26_000})
        assert await stops("comma") == there[::-1]
