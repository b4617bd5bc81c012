"""What is typed into the filter."""

from __future__ import annotations


async def test_what_is_typed_takes_the_place_of_the_filter_before_and_tab_turns_no_pane(stage, chat_recording):
    async with stage(chat_recording, session=2) as on:
        screen = on.app.screen
        pane = screen.inspector.pane
        await on.press("slash", *"type:ping", "enter", "slash", *"type:pong", "tab")
        assert screen.bar.filter_text == "type:pong" and screen.inspector.pane == pane and screen.frames.has_focus
