"""The list of sessions."""

from __future__ import annotations


async def test_the_list_of_sessions_counts_again_while_a_recording_grows(stage, live_chat):
    async with stage(live_chat.path) as on:
        await on.press("q")
        await on.until(lambda: " 5 " in on.text())
        live_chat.connect(2, "u2")
        live_chat.add(37, 2)
        on.clock.move(5_000)
        await on.until(lambda: "u2" in on.text() and " 37 " in on.text())
