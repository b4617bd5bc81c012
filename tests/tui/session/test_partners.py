"""From start to end, from request to answer, and back."""

from __future__ import annotations

from wsreplay.tui.recording.evidence import GhostRow


async def test_percent_goes_between_start_and_end_of_a_tool_and_a_run(stage, chat_recording):
    async with stage(chat_recording, session=2, width=200, validating=True, contracts=("agent-chat",)) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        screen = on.app.screen
        for frame, partner in ((7, 16), (5, 18)):
            await on.press("colon", *str(frame), "enter", "percent_sign")
            assert screen.inspector.frame.id == partner
            await on.press("percent_sign")
            assert screen.inspector.frame.id == frame
        row = next(line for line in on.text().splitlines() if "tool_completed" in line and "13.250" in line)
        assert "after 12.1s" in row


async def test_percent_goes_to_the_ghost_of_an_end_that_never_came_and_back(stage, chat_recording):
    async with stage(chat_recording, session=2) as on:
        await on.judged()
        await on.press("colon", *"10", "enter", "percent_sign")
        screen = on.app.screen
        assert isinstance(screen.inspector.item, GhostRow) and screen.inspector.item.finding.activation == 10
        await on.press("percent_sign")
        assert screen.inspector.frame.id == 10
        await on.press("colon", *"12", "enter", "percent_sign")
        assert "no partner to go to" in on.text()


async def test_percent_goes_between_request_and_answer(stage, script):
    made = script("rpc.db")
    made.open(1, 0, closed_ns=10**9)
    for at, direction, payload in (
        (1, 0, b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}'), (2, 1, b'{"jsonrpc":"2.0","method":"log"}'),
        (3, 1, b'{"jsonrpc":"2.0","id":1,"result":{"name":"a server"}}'),
    ):  # fmt: skip
        made.say(1, at, direction, raw=payload)
    async with stage(made.write(1_000)) as on:
        screen = on.app.screen
        await on.until(lambda: screen.recording.reading.links.until)
        await on.press("percent_sign")
        assert screen.inspector.frame.id == 3
        await on.press("percent_sign")
        assert screen.inspector.frame.id == 1
