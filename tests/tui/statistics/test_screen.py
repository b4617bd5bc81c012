"""Statistics: what was slowest, who came back, how long tools take and how often events come; Enter leads to the frame."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from wsreplay.model import Ending
from wsreplay.tui.browse.sessions import SessionsScreen
from wsreplay.tui.session.screen import SessionScreen
from wsreplay.tui.statistics.screen import StatisticsScreen

SAMPLES = Path(__file__).parents[3] / "recordings" / "samples"
MS = 1_000_000


async def statistics(on, *keys):
    await on.press(*keys, "S")
    await on.until(lambda: on.app.screen.list.count)
    assert isinstance(on.app.screen, StatisticsScreen)
    return on.app.screen


async def test_the_slowest_are_named_and_gone_to(stage, chat_recording):
    async with stage(chat_recording, steady=True) as on:
        screen = await statistics(on)
        lines = [line.text for line in screen.list._lines]
        first = lines.index("slowest") + 1
        told = [line.split()[:3] for line in lines[first : first + 3]]
        assert told[1:] == [["15.67s", "tool", "search"], ["12.1s", "tool", "metrics"]] and told[0][1] == "run"
        assert lines[first + 1].endswith("stalled")
        first += 1
        await on.press(*["down"] * first, "enter")
        await on.until(lambda: isinstance(on.app.screen, SessionScreen) and on.app.screen.inspector.frame is not None)
        await on.until(lambda: on.app.screen.inspector.frame.type == "tool_executing")
        assert on.app.screen.session.id == 2 and on.app.screen.inspector.frame.id == 10


async def test_of_one_session_only_that_is_counted_and_enter_leads_back_into_it(stage, chat_recording):
    async with stage(chat_recording, steady=True, session=2) as on:
        session = on.app.screen
        screen = await statistics(on)
        assert "git_log" not in "\n".join(line.text for line in screen.list._lines)
        row = next(row for row, line in enumerate(screen.list._lines) if line.frame is not None)
        await on.press(*["down"] * row, "enter")
        await on.until(lambda: on.app.screen is session and session.inspector.frame is not None)
        await on.until(lambda: session.inspector.frame.id == screen.list.line_at(row).frame)


async def test_the_tables_of_the_command_are_there_and_it_leads_back(stage, chat_recording):
    async with stage(chat_recording, steady=True, width=200, height=60) as on:
        await statistics(on)
        shown = on.text()
        for words in ("how long it took", "tool search", "event type", "transition", "p95", "p99", "size", "no reconnects"):
            assert words in shown, words
        await on.press("S")
        assert isinstance(on.app.screen, SessionsScreen)


async def test_who_came_back_is_told_with_how_long_it_was_away(stage, script):
    made = script("back.db")
    made.open(1, 0, user="u", closed_ns=1_000 * MS, ending=Ending.DROPPED, closed_by="server")
    made.open(2, 2_500, user="u", closed_ns=5_000 * MS, ending=Ending.CLEAN)
    made.say(1, 10, 1, "agent_started", thread_id="t", run_id="r")
    made.say(2, 2_600, 1, "agent_completed", thread_id="t", run_id="r")
    async with stage(made.write(5_000), steady=True) as on:
        screen = await statistics(on)
        lines = [line.text for line in screen.list._lines]
        assert "1.5s  away  session 1 · u  back at 00:02.500" in lines[lines.index("reconnects") + 1]


async def test_an_empty_recording_says_so(stage, script):
    async with stage(script("empty.db").write(100), steady=True) as on:
        await on.press("S")
        await on.until(lambda: "0 events" in on.text())


@pytest.mark.parametrize("width", [80, 200])
async def test_a_picture(stage, tmp_path, pictured, width):
    path = tmp_path / "slow-tool.db"
    shutil.copy(SAMPLES / "slow-tool.db", path)
    async with stage(path, steady=True, width=width, height=30) as on:
        await statistics(on)
        await on.settle()
        pictured(on)


async def test_a_file_that_cannot_be_read_now_is_said_and_counted_again(stage, chat_recording):
    async with stage(chat_recording, steady=True) as on:
        hidden = chat_recording.with_suffix(".hidden")
        chat_recording.rename(hidden)
        await on.press("S")
        await on.until(lambda: "r tries again" in on.text())
        hidden.rename(chat_recording)
        await on.press("r")
        await on.until(lambda: on.app.screen.list.count)
