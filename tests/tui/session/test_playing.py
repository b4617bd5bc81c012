"""Playing to find: stopping at findings, what is owed and in what time, following the end."""

from __future__ import annotations

from wsreplay.tui.recording.evidence import GhostRow
from wsreplay.tui.recording.extra_rows import OwedRow

MS, SECOND = 10**6, 10**9


async def play_to(on, at_ms: int) -> None:
    """Let the clock run until the playhead stands at a time of the session, if nothing stops it."""
    screen = on.app.screen
    on.clock.move((at_ms - (screen.playback.at_ns - screen.origin_ns) / MS) / screen.playback.speed)
    screen.tick()
    await on.settle()


async def test_the_next_finding_while_playing_is_gone_to_and_stopped_at(stage, chat_recording):
    async with stage(chat_recording, session=2) as on:
        await on.judged()
        await on.press("0", "i", "i", "space")
        screen = on.app.screen
        assert screen.playback.playing
        await on.press("right_square_bracket")
        assert not screen.playback.playing and screen.playback.at_ns == 1_150 * MS and screen.replaying


async def test_playing_stops_at_each_finding_as_it_is_decided(stage, chat_recording):
    async with stage(chat_recording, session=2) as on:
        await on.judged()
        await on.press("0", "i", "i", "b", "space")
        screen = on.app.screen
        assert "stops at findings" in on.text().splitlines()[-1]
        for at_ns, kind in ((1_150 * MS, "order"), (12_789 * MS, "missing"), (13_250 * MS, "late")):
            await play_to(on, 25_000)
            assert (screen.playback.at_ns, screen.playback.playing) == (at_ns, False)
            assert screen.inspector.findings()[0].kind == kind
            await on.press("space")
        await on.press("b")
        await play_to(on, 25_000)
        assert screen.playback.playing


async def test_a_ghost_is_seen_at_any_speed_with_waits_cut_short(stage, chat_recording):
    async with stage(chat_recording, session=2) as on:
        await on.judged()
        await on.press("0", "greater_than_sign", "greater_than_sign", "space")
        screen = on.app.screen
        seen_for = ticks = 0
        while screen.playback.playing:
            on.clock.move(50)
            screen.tick()
            ticks += 1
            seen_for += any(ghost.finding.id == "f-missing" for _, ghost in screen.rows.view.ghosts())
        assert screen.playback.speed == 4 and ticks >= 60, "25 s at speed 4 take some seconds to watch"
        assert seen_for >= 20


async def test_what_is_owed_counts_down_where_it_will_be_missing(stage, chat_recording):
    async with stage(chat_recording, session=2, validating=True, contracts=("agent-chat",)) as on:
        await on.until(lambda: on.app.validation.status.stage == "done")
        await on.press("0", "i", "i", "space")
        screen = on.app.screen
        await on.until(lambda: screen.open_line.spans is not None)
        await play_to(on, 2_989)
        view = screen.rows.view
        assert [row.name for row in view.tail] == ["metrics", "search", "performance"]
        assert screen.frames.cursor == view.last_row, "the cursor stands on what came last"
        lines = [line for line in on.text().splitlines() if "due:" in line]
        assert "◇" in lines[1] and "due: tool_completed (search)" in lines[1] and "in 9.3s" in lines[1]
        await play_to(on, 3_989)
        assert "in 8.3s" in next(line for line in on.text().splitlines() if "(search)" in line)
        await on.press("space", "j", "j")
        assert isinstance(screen.inspector.item, OwedRow) and "still due" in screen.detail.text
        await on.press("percent_sign")
        assert screen.inspector.frame.id == 10
        await on.press("space")
        await play_to(on, 12_400)
        assert "(search)" not in on.text().replace("tool_completed (search) never", "")
        assert any(isinstance(item, GhostRow) for _, item in screen.rows.view.extra_rows()), "it is missing now"
        await on.press("escape", "escape")
        assert not screen.rows.view.tail and "due:" not in on.text()


async def test_space_while_following_stands_still_and_g_follows_again(stage, live_chat):
    async with stage(live_chat.path) as on:
        screen = on.app.screen
        await on.until(lambda: "FOLLOW" in on.text())
        await on.press("space")
        assert not screen.replaying and not screen.follow.on and screen.frames.cursor == 4
        assert "following is paused" in on.text() and "FOLLOW" not in on.text() and "G follows again" in on.text()
        live_chat.add(3)
        await on.until(lambda: "+3 new" in on.text())
        assert screen.frames.cursor == 4
        await on.press("G")
        assert screen.follow.on and screen.frames.cursor == 7
        await on.until(lambda: "FOLLOW" in on.text())
        await on.press("space", "space")
        assert screen.follow.on and not screen.replaying, "at the end it goes on, and plays nothing"
        await on.press("g", "space")
        assert screen.replaying and screen.rows.view.frames == 1, "from elsewhere it plays from there"
