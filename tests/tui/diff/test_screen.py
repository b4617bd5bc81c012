"""Choosing what to compare with."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(("typed", "why"), [
    ("9" * 5_000, "and so on is not a session number"), ("x.db#" + "9" * 5_000, "is not a session number"),
    ("0", "first session is number 1"), ("7", "has no session 7"), ("#x", "'x' is not a session number"),
])  # fmt: skip
async def test_a_number_that_no_session_has_is_refused_where_it_is_typed(stage, chat_recording, typed, why):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "D", "tab")
        prompt = on.app.screen
        on.app.focused.value = typed
        await on.press("enter")
        assert on.app.screen is prompt
        complaint = " ".join(on.text().replace("│", " ").split())
        assert why in complaint, complaint
