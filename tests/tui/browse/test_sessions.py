"""The list of sessions."""

from __future__ import annotations

from wsreplay.model import Ending


async def test_the_list_of_sessions_counts_again_while_a_recording_grows(stage, live_chat):
    async with stage(live_chat.path) as on:
        await on.press("q")
        await on.until(lambda: " 5 " in on.text())
        live_chat.connect(2, "u2")
        live_chat.add(37, 2)
        on.clock.move(5_000)
        await on.until(lambda: "u2" in on.text() and " 37 " in on.text())


async def test_a_session_that_is_not_decided_is_not_called_fine(stage, script):
    made = script("cut.db")
    for number, ending in ((1, Ending.CLEAN), (2, Ending.TRUNCATED)):
        made.open(number, 0, ending=ending, closed_ns=500_000_000)
        made.say(number, 10, 0, "chat", thread_id=f"t{number}")
        made.say(number, 20, 1, "agent_started", thread_id=f"t{number}", run_id=f"r{number}")
    async with stage(made.write(500), validating=True, steady=True) as on:
        await on.until(lambda: on.app.recording.evidence.is_there)
        row = next(line for line in on.text().splitlines() if " u2 " in line)
        assert on.app.recording.evidence.counts(2) == (0, 0) and row.split()[:3] == ["│", "?", "2"]
