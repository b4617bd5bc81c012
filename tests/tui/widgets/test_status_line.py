"""The last line of a screen."""

from __future__ import annotations

from wsreplay.tui.app import ReplayApp


async def test_what_is_said_stands_in_the_last_line_and_goes_with_its_screen(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        rows = on.text().splitlines()[:-1]
        await on.press("left_square_bracket")
        assert on.text().splitlines()[:-1] == rows and "No findings above this row." in on.text().splitlines()[-1]
        await on.press("enter")
        assert "No findings above" not in on.text()


async def test_what_is_said_goes_by_itself(stage, chat_recording, monkeypatch):
    async with stage(chat_recording, session=2) as on:
        foot = on.text().splitlines()[-1]
        monkeypatch.setattr(ReplayApp, "NOTIFICATION_TIMEOUT", 0.05)
        on.app.notify("once")
        await on.until(lambda: on.app.notice is None)
        assert on.text().splitlines()[-1] == foot
        monkeypatch.setattr(ReplayApp, "NOTIFICATION_TIMEOUT", 3600)
        on.app.notify("first")
        on.app.notify("second")
        assert on.text().splitlines()[-1].strip() == "second"


async def test_what_answers_a_key_is_said_until_the_next_one(stage, chat_recording):
    async with stage(chat_recording, session=2) as on:
        await on.press("percent_sign")
        assert "no partner to go to" in on.text()
        await on.press("j")
        assert "no partner" not in on.text()
        await on.until(lambda: not on.app.is_handling_key)
        on.app.notify("written")
        await on.press("k")
        assert "written" in on.text(), "which answers no key"


async def test_what_is_said_has_as_many_lines_as_it_takes_at_any_width(stage, chat_recording):
    async with stage(chat_recording, session=2) as on:
        on.app.notify("word " * 20)
        await on.settle()
        assert sum("word" in line for line in on.text().splitlines()) == 1
        await on.resize(70, 24)
        assert sum("word" in line for line in on.text().splitlines()) == 2
