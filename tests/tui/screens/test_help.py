"""The keys of a screen."""

from __future__ import annotations

import pytest


async def test_help_is_searched_and_names_the_keys_for_a_configuration_when_asked_to(stage, chat_recording):
    async with stage(chat_recording, width=200, height=45) as on:
        await on.press("down", "enter", "question_mark")
        assert "Start or end, request or answer" in on.text() and "field" in on.text(), "all of it is in sight"
        assert "session.waterfall" not in on.text()
        await on.press("slash", *"next find", "enter")
        assert "Next finding" in on.text() and "Waterfall" not in on.text()
        await on.press("i")
        assert "trace.next_finding" in on.text()
        await on.press("escape")
        assert "session.waterfall" in on.text()
        await on.press("slash", *"nowhere")
        assert "Nothing here has these words." in on.text()
        await on.press("escape", "escape")
        assert type(on.app.screen).__name__ == "SessionScreen"


@pytest.mark.parametrize("width", [60, 80, 120])
async def test_no_sign_is_cut_and_how_frames_are_filtered_is_said_where_there_are_some(stage, chat_recording, width):
    async with stage(chat_recording, session=2, width=width, height=100) as on:
        await on.press("question_mark")
        for meaning in ("◷ late", "⚑ mark", "╳ ended without a clean close", "must all match", "t>=1:30"):
            assert meaning in on.text()
        await on.press("q", "q", "question_mark")
        assert "◷ late" in on.text() and "must all match" not in on.text()
