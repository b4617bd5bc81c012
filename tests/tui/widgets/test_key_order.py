"""Keys that come faster than fields are opened."""

from __future__ import annotations

import pytest
from textual import events

from wsreplay.tui.session.screen import SessionScreen


@pytest.mark.parametrize(
    ("burst", "came_to"),
    [
        (":16\rj", lambda screen: screen.inspector.frame.id == 17),
        ("/type:tool_*\rG", lambda screen: screen.bar.filter_text == "type:tool_*" and screen.frames.cursor == 2),
        ("mslow here\rj", lambda screen: [mark.note for mark in screen.recording.marks] == ["slow here"]),
    ],
)
async def test_keys_of_one_burst_go_where_they_were_meant_to(stage, chat_recording, burst, came_to):
    async with stage(chat_recording, session=2) as on:
        for character in burst:
            on.app.post_message(events.Key("enter" if character == "\r" else character_key(character), character))
        await on.until(lambda: came_to(on.app.screen) if isinstance(on.app.screen, SessionScreen) else False)


def character_key(character: str) -> str:
    return {":": "colon", "/": "slash", "_": "underscore", "*": "asterisk", " ": "space"}.get(character, character)
