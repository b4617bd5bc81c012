"""Where a user asks to go."""

from __future__ import annotations

import pytest

MS = 1_000_000


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


@pytest.mark.parametrize(
    ("typed", "shown"),
    [("50%", "00:13.250"), ("0%", "00:00.500"), ("end", "00:26.000"), ("1s", "00:01.000"), ("@10:00:13Z", "00:13.000")],
)
async def test_where_to_go_can_be_said_as_a_share_of_the_time(stage, chat_recording, typed, shown):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "colon", *typed, "enter")
        assert shown in on.text().splitlines()[-1]


async def test_what_is_no_place_is_said_and_can_be_mended(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("enter", "colon", *"200%", "enter")
        assert "'200%' is not a place to go to" in on.text()
        await on.press("backspace", "backspace", "backspace", "backspace", "2", "enter")
        assert "   2/8" in on.text().splitlines()[-1]
