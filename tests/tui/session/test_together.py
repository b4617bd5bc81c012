"""What replays, filters, searches, marks, verdicts, growth and panes do to one another."""

from __future__ import annotations

from dataclasses import replace

from wsreplay.errors import RecordingError
from wsreplay.tui.recording.evidence import GhostRow
from wsreplay.validator.findings import Finding, Severity, Verdict

MS = 1_000_000
GHOST = Finding(
    "tool", Verdict.VIOLATED, Severity.ERROR, "tool_completed never came", session=1, connection=1, activation=1, frames=(1,),
    kind="missing", expected=("tool_completed",),
)  # fmt: skip


async def test_keys_that_come_at_once_are_about_the_row_they_led_to(stage, chat_recording, monkeypatch):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "g")
        screen, copied = on.app.screen, []
        monkeypatch.setattr(on.app, "copy_to_clipboard", copied.append)
        screen.frames.action_move(3)
        screen.exports.copy(whole=False)
        assert '"agent_thinking"' in copied[0] and screen.playback.at_ns == screen.inspector.item.t_ns


async def test_the_row_and_what_the_foot_says_of_it_change_at_once_and_are_painted_together(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "g")
        screen = on.app.screen
        screen.frames.action_bottom()
        assert f" {len(screen.rows.base)}/{len(screen.rows.base)}" in screen.foot.text
        assert screen.playback.at_ns == screen.rows.view.time_of_row(screen.frames.cursor)
        screen.frames.action_top()
        assert f" 1/{len(screen.rows.base)}" in screen.foot.text


async def test_why_a_frame_is_not_shown_is_said_of_what_hides_it(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "slash", *"type:tool_*", "enter")
        screen = on.app.screen
        await on.until(lambda: screen.rows.matches is not None)
        assert "filter" in screen.rows.why_hidden(4)
        await on.press("0", "space", "space")
        assert "not come yet" in screen.rows.why_hidden(16) and "filter" in screen.rows.why_hidden(4)


async def test_what_is_opened_from_a_list_that_has_all_the_room_is_seen(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "backslash", "right")
        detail = on.app.screen.detail
        assert detail.has_focus and detail.display and detail.size.width


async def test_the_clock_goes_with_the_cursor_though_it_led_it_before(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "5", "5")
        screen = on.app.screen
        await on.press("j")
        assert screen.playback.at_ns == screen.inspector.item.t_ns


async def test_a_match_that_is_not_shown_any_more_is_searched_for_again(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "ctrl+f", *"metrics", "enter", "slash", *"type:agent_*", "enter")
        screen = on.app.screen
        await on.until(lambda: screen.rows.matches is not None)
        screen.search._matched("metrics", 7)
        await on.settle()
        assert "none of the frames that are shown: metrics" in on.text()


async def test_after_a_search_the_bar_says_again_how_many_the_filter_lets_through(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "slash", *"type:tool_*", "enter", "ctrl+f", *"search", "enter")
        await on.until(lambda: "found search" in on.text())
        await on.press("escape")
        assert "3 of 13" in on.text()


async def test_marked_rows_of_a_filter_are_said_to_be_both(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "M", "slash", *"type:tool_*", "enter")
        await on.until(lambda: on.app.screen.rows.matches is not None)
        assert "3 of 13   marked only   M shows all" in on.text()
        await on.press("M")
        assert "marked only" not in on.text() and "3 of 13" in on.text()


async def test_from_a_witness_one_comes_back_to_the_ghost_also_after_another_verdict(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("down", "enter", "right_square_bracket")
        screen = on.app.screen
        ghost = screen.frames.cursor
        assert isinstance(screen.inspector.item, GhostRow)
        await on.press("x")
        await on.judged()
        await on.press("x", "x")
        assert screen.frames.cursor == ghost


async def test_a_verdict_leaves_the_cursor_of_a_replay_that_stands_still_where_it_is(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "5", "space", "space", "g", "j")
        screen = on.app.screen
        await on.judged()
        assert screen.replaying and screen.inspector.item.id == 5


async def test_the_end_of_a_replay_is_its_end_no_more_when_more_is_recorded(stage, live_chat):
    async with stage(live_chat.path) as on:
        await on.press("F", "9", "space")
        screen = on.app.screen
        on.clock.move(5_000)
        screen.tick()
        assert screen.replaying and screen.playback.at_end
        at_ns = screen.playback.at_ns
        live_chat.add(10)
        await on.until(lambda: len(screen.rows.base) == 15)
        assert not screen.playback.at_end and screen.playback.at_ns == at_ns and screen.rows.view.frames == 5


async def test_a_ghost_at_the_end_is_not_left_behind_as_more_comes(stage, live_chat):
    async with stage(live_chat.path, width=160) as on:
        screen = on.app.screen
        made = replace(GHOST, at_ns=60_000 * MS, decided_at=60_000 * MS)  # due long after what is recorded
        await on.judged([made], live_chat.path)
        assert on.text().count("missing: ") == 1
        live_chat.add(3)
        await on.until(lambda: screen.rows.view.frames == 8)
        await on.settle()
        assert on.text().count("missing: ") == 1


async def test_who_gives_up_what_he_typed_stands_where_he_stood(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "j", "slash", *"type:partial_result")
        screen = on.app.screen
        await on.until(lambda: screen.rows.matches is not None)
        await on.press("escape")
        assert screen.inspector.item.id == 5
        await on.press("slash", *"dir:s2c", "enter", "slash", *" type:partial_result")
        await on.until(lambda: len(screen.rows.matches) == 1)
        await on.press("escape")
        await on.until(lambda: len(screen.rows.matches) > 1)
        await on.settle()
        assert screen.inspector.item.id == 5
        await on.press("ctrl+f", *"slow queries")
        await on.until(lambda: screen.inspector.item.id == 10)
        await on.press("escape")
        assert screen.inspector.item.id == 5


async def test_the_overview_has_its_columns_anew_in_a_terminal_of_another_width(stage, chat_recording):
    async with stage(chat_recording, width=200) as on:
        await on.press("down", "enter")
        await on.resize(80, 24)
        resized = on.text().splitlines()[-3]
    async with stage(chat_recording, width=80, height=24) as on:
        await on.press("down", "enter")
        assert on.text().splitlines()[-3] == resized


async def test_that_another_session_shows_a_finding_too_is_said(stage, chat_recording):
    async with stage(chat_recording) as on:
        finding = replace(GHOST, session=2, connection=2, kind="isolation", frames=(1, 7), activation=None, decided_at=1)
        await on.judged([finding])
        await on.press("down", "enter", "x")
        assert "frame 1 shows it too: it is in session 1" in on.text()


async def test_what_came_is_shown_though_how_far_it_reaches_could_not_be_read(stage, live_chat, monkeypatch):
    async with stage(live_chat.path) as on:
        screen, recording = on.app.screen, on.app.recording
        plain, calls = recording.reached_ns, []

        def reached_ns(session):
            calls.append(1)
            if len(calls) == 1:
                raise RecordingError("it is locked")
            return plain(session)

        monkeypatch.setattr(recording, "reached_ns", reached_ns)
        live_chat.add(5)
        await on.until(lambda: calls)
        on.clock.move(1_100)
        await on.until(lambda: screen.frames.count == 10 and screen.frames.cursor == 9)


async def test_who_gives_up_a_filter_that_was_not_typed_goes_on_following(stage, live_chat):
    async with stage(live_chat.path) as on:
        screen = on.app.screen
        await on.press("slash")
        live_chat.add(5)
        await on.until(lambda: screen.rows.view.frames == 10)
        await on.press("escape")
        assert screen.follow.on and screen.frames.cursor == 9


async def test_a_filter_leaves_the_clock_of_a_replay_alone(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "space", "space", "8", "up", "up", "up")
        screen = on.app.screen
        at_ns = screen.playback.at_ns
        await on.press("slash", *"type:user_message", "enter")
        await on.until(lambda: screen.rows.matches is not None)
        assert screen.replaying and screen.playback.at_ns == at_ns == screen.rows.horizon


async def test_in_a_replay_no_finding_is_gone_to_that_the_filter_hides(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("down", "enter", "slash", *"type:user_message", "enter", "0", "space", "space")
        screen = on.app.screen
        at_ns = screen.playback.at_ns
        await on.press("right_square_bracket")
        assert screen.playback.at_ns == at_ns


async def test_who_types_no_filter_still_sees_only_what_is_marked(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "m", *"here", "enter", "M", "slash", "escape")
        screen = on.app.screen
        assert screen.rows.only_marked and len(screen.rows.view) == 1
        await on.press("escape")
        assert not screen.rows.only_marked and screen.rows.view.frames == 13


async def test_after_a_filter_that_matched_nothing_one_stands_where_the_clock_is(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "G", "k")
        screen = on.app.screen
        at_ns = screen.playback.at_ns
        await on.press("slash", *"xjxjx", "enter")
        await on.until(lambda: "no frame matches" in on.text())
        await on.press("escape")
        assert screen.playback.at_ns == at_ns == screen.inspector.item.t_ns
