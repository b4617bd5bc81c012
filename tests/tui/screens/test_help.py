"""The keys of a screen."""

from __future__ import annotations


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
