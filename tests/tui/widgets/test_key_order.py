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


async def test_a_key_behind_one_that_opens_a_session_goes_to_that(stage, chat_recording):
    async with stage(chat_recording) as on:
        on.app.post_message(events.Key("enter", "\r"))
        on.app.post_message(events.Key("G", "G"))
        await on.until(lambda: isinstance(on.app.screen, SessionScreen) and on.app.screen.frames.cursor > 0)
        assert on.app.screen.frames.cursor == on.app.screen.rows.view.last_row


async def test_keys_that_only_move_wait_for_nothing(stage, chat_recording, monkeypatch):
    async with stage(chat_recording, session=2) as on:
        followed = []
        monkeypatch.setattr(on.app, "_follow_key", lambda: followed.append(on.app.focused))
        for row in range(1, 6):
            await on.pilot.press("j")
            await on.until(lambda row=row: on.app.screen.frames.cursor == row)
        assert followed == []


def character_key(character: str) -> str:
    return {":": "colon", "/": "slash", "_": "underscore", "*": "asterisk", " ": "space"}.get(character, character)
