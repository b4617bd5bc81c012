"""The last line of a screen."""

from __future__ import annotations


async def test_what_is_said_stands_in_the_last_line_and_goes_with_its_screen(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        rows = on.text().splitlines()[:-1]
        await on.press("left_square_bracket")
        assert on.text().splitlines()[:-1] == rows and "No findings above this row." in on.text().splitlines()[-1]
        await on.press("enter")
        assert "No findings above" not in on.text()
