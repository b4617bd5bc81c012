"""A recording that grows while it is looked at."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest
from textual.screen import Screen
from textual.scrollbar import ScrollBar

from wsreplay.store import annotations as notes
from wsreplay.tui.recording.growth import SILENT_NS
from wsreplay.tui.session.screen import SessionScreen
from wsreplay.tui.widgets.frame_list import FrameList
from wsreplay.tui.widgets.overview import Overview


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_new_frames_come_in_and_the_cursor_stays_at_the_end(stage, live_chat):
    async with stage(live_chat.path) as on:
        screen = on.app.screen
        assert isinstance(screen, SessionScreen) and screen.follow.on
        live_chat.add(200)
        await on.until(lambda: screen.rows.view.frames == 205)
        assert screen.frames.cursor == 204 and "part 205" in on.text()


async def test_that_following_is_paused_is_said_as_long_as_it_is(stage, live_chat):
    async with stage(live_chat.path) as on:
        await on.press("space")
        assert "following is paused: G follows again" in on.text() and not on.app.screen.follow.on
        await on.press("G")
        assert "paused" not in on.text() and on.app.screen.follow.on


async def test_the_columns_of_all_rows_move_when_the_numbers_get_longer(stage, live_chat):
    async with stage(live_chat.path) as on:
        frames = on.app.screen.frames
        live_chat.add(9_990)
        await on.until(lambda: frames.cursor == 9_994)
        live_chat.add(10)
        await on.until(lambda: frames.cursor == 10_004)
        await on.settle()
        columns = {frames.paint(row, frames.size.width).text.index("partial_result") for row in frames.seen()}
        assert len(columns) == 1


async def test_of_a_list_that_is_followed_only_what_changes_is_painted(stage, live_chat, monkeypatch):
    painted: Counter[str] = Counter()

    def count(kind, method):
        plain = getattr(kind, method)

        def counted(*arguments, **options):
            painted[kind.__name__] += 1
            return plain(*arguments, **options)

        monkeypatch.setattr(kind, method, counted)

    for kind, method in ((FrameList, "paint"), (Overview, "render_line"), (ScrollBar, "render"), (Screen, "_refresh_layout")):
        count(kind, method)
    async with stage(live_chat.path) as on:
        live_chat.add(5_000)  # from here on the bar is as small as it gets
        await on.until(lambda: on.app.screen.frames.cursor == 5_004)
        await on.settle()
        in_sight = len(on.app.screen.frames.seen())
        painted.clear()
        for count in range(1, 6):
            live_chat.add(500)
            await on.until(lambda count=count: on.app.screen.frames.cursor == 5_004 + 500 * count)
        await on.settle()
        assert 5 * in_sight <= painted["FrameList"] <= 6 * in_sight
        assert painted["ScrollBar"] <= 1 and set(painted) <= {"FrameList", "ScrollBar"}


async def test_what_flies_past_is_laid_out_at_a_pace_that_can_be_read_and_the_last_of_it_for_good(stage, live_chat):
    async with stage(live_chat.path, steady=True) as on:
        screen = on.app.screen
        shown: list[int] = []
        show = screen.inspector.show
        screen.inspector.show = lambda item, **how: (shown.append(item and item.id), show(item, **how))
        for _ in range(5):
            live_chat.add(100)
            on.app.poll()
            await on.pilot.pause()
        await on.until(lambda: not screen.detail_due)
        assert len(shown) < 5 and shown[-1] == 505 and "part 505" in screen.detail.text


async def test_scrolled_away_the_list_stands_still_and_says_how_much_is_new(stage, live_chat):
    async with stage(live_chat.path) as on:
        screen = on.app.screen
        await on.press("k")
        live_chat.add(1_234)
        await on.until(lambda: "+1,234 new" in on.text())
        assert screen.frames.cursor == 3
        await on.press("F")
        assert screen.frames.cursor == 5 + 1_234 - 1 and "FOLLOW" in on.text()


async def test_a_filter_goes_on_over_what_comes_in(stage, live_chat):
    async with stage(live_chat.path) as on:
        screen = on.app.screen
        await on.press("slash", *'"part 7"', "enter")
        await on.until(lambda: screen.rows.matches is not None)
        live_chat.add(5)
        await on.until(lambda: len(screen.rows.matches) == 1)
        assert screen.rows.view.frames == 1


async def test_a_silent_recorder_is_noticed_and_so_is_the_end(stage, live_chat):
    async with stage(live_chat.path) as on:
        on.clock.move(SILENT_NS / 1e6 + 100)
        await on.until(lambda: "STALLED" in on.text())
        live_chat.add(1)
        await on.until(lambda: "REC" in on.text())
        live_chat.finish()
        await on.until(lambda: "finished" in on.text())
        assert not on.app.recording.live
    limit = time.monotonic() + 20
    while (left := await asyncio.to_thread(files_in, live_chat.path.parent)) != ["live.db"]:  # a thread may still read
        assert time.monotonic() < limit, f"watched to its end, it is one file again: {left}"


async def test_the_verdict_of_a_live_recording_comes_while_it_grows(stage, live_chat):
    async with stage(live_chat.path, validating=True) as on:
        live_chat.add(5)
        await on.until(lambda: on.app.recording.evidence.is_there)
        live_chat.finish()
        await on.until(lambda: on.app.validation.status.stage == "done")


async def test_a_session_goes_on_with_its_next_connection(stage, live_chat):
    async with stage(live_chat.path) as on:
        await on.press("q", "enter")
        screen = on.app.screen
        assert isinstance(screen, SessionScreen) and screen.session.id == 1
        live_chat.connect(2, "somebody else")
        live_chat.add(3, 2)
        live_chat.drop(1)
        live_chat.connect(3, "u1")
        live_chat.add(4, 3)
        await on.until(lambda: screen.rows.view.frames == 9)
        assert [connection.id for connection in screen.session.connections] == [1, 3]
        assert " conn 3  " in on.text().replace("\N{NO-BREAK SPACE}", " ")


async def test_all_frames_say_whose_they_are_as_soon_as_there_are_two(stage, live_chat):
    async with stage(live_chat.path, width=200) as on:
        assert "conn 1" not in on.text()
        live_chat.connect(2, "u2")
        live_chat.add(1, 2)
        await on.until(lambda: "conn 2  u2" in on.text().replace("\N{NO-BREAK SPACE}", " "))
        assert "conn 1  u1" in on.text().replace("\N{NO-BREAK SPACE}", " ")


async def test_a_note_that_is_typed_into_the_recorder_comes_in_as_a_row(stage, live_chat):
    async with stage(live_chat.path) as on:
        notes.change_mark(live_chat.path, None, 1_100_000_000, "now it froze")
        live_chat.add(3)
        await on.until(lambda: "now it froze" in on.text())
        rows = on.app.screen.rows.view
        assert [row for row, item in rows.extra_rows()] == [4] and rows.frames == 8


async def test_what_never_came_becomes_what_came_late_as_soon_as_it_comes(stage, live_chat):
    live_chat.say(1, "tool_executing", 1_000, tool_call_id="c1", tool_name="search")
    async with stage(live_chat.path, width=160, validating=True, contracts=("agent-chat",)) as on:
        live_chat.wait(12_000)
        await on.until(lambda: "missing: tool_completed" in on.text().replace("\N{NO-BREAK SPACE}", " "))
        live_chat.say(1, "tool_completed", 100, tool_call_id="c1", tool_name="search")
        await on.until(lambda: "late by" in on.text())
        assert "missing: tool_completed" not in on.text().replace("\N{NO-BREAK SPACE}", " ")


async def test_who_opens_a_frame_reads_it_in_peace(stage, live_chat):
    async with stage(live_chat.path, width=80) as on:
        screen = on.app.screen
        await on.press("enter")
        assert not screen.follow.on and screen.detail.has_focus
        live_chat.add(20)
        await on.until(lambda: screen.rows.view.frames == 25)
        assert screen.inspector.item.id == 5


@pytest.mark.parametrize("way_back", ["w", "q", "escape"])
async def test_who_looks_at_the_waterfall_meanwhile_still_follows_after_it(stage, live_chat, way_back):
    async with stage(live_chat.path) as on:
        screen = on.app.screen
        await on.press("w")
        live_chat.add(200)
        await on.until(lambda: screen.rows.view.frames == 205)
        await on.press(way_back)
        await on.until(lambda: on.app.screen is screen)
        assert screen.follow.on and screen.frames.cursor == 204


async def test_the_end_in_the_foot_goes_on_while_nothing_comes(stage, live_chat):
    async with stage(live_chat.path) as on:
        screen = on.app.screen
        live_chat.wait(90_000)
        await on.until(lambda: screen.playback.end_ns == 90_000_000_000)
        assert "/01:30" in on.text().splitlines()[-1]


async def test_the_clock_is_that_of_the_row_on_which_a_list_opens(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter")
        screen = on.app.screen
        assert screen.playback.at_ns == screen.rows.view.time_of_row(screen.frames.cursor) != screen.origin_ns
