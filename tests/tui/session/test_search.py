"""Filtering and searching a list, also while it is read and while it grows."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterator
from itertools import pairwise

import pytest

from wsreplay.errors import RecordingError
from wsreplay.tui.recording import open_recording as recording
from wsreplay.tui.recording import scan
from wsreplay.tui.recording.evidence import GhostRow
from wsreplay.tui.recording.scan import ScanResult
from wsreplay.tui.widgets.query_input import QueryInput

MS = 1_000_000
PATIENCE_S = 20


@pytest.fixture
def gate(monkeypatch) -> Iterator[threading.Event]:
    """What is asked beside the interface is answered when this is set."""
    opens = threading.Event()
    plain = scan.FrameScan.matches_between

    def matches_between(self, reader, first, last):
        if threading.current_thread() is not threading.main_thread():
            assert opens.wait(PATIENCE_S)
        return plain(self, reader, first, last)

    monkeypatch.setattr(scan.FrameScan, "matches_between", matches_between)
    yield opens
    opens.set()


async def test_a_filter_narrows_the_list_while_it_is_typed_and_escape_gives_all_back(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "slash", *"type:tool_*")
        screen = on.app.screen
        await on.until(lambda: screen.rows.matches is not None and len(screen.rows.matches) == 3)
        assert "3 of 13" in on.text()
        await on.press("enter", "escape")
        assert screen.rows.matches is None
        assert screen.rows.view.frames == 13


async def test_the_cursor_stays_on_its_frame_while_more_matches_come_before_it(stage, chat_recording):
    async with stage(chat_recording, session=2) as on:
        await on.press("G", "slash", *"type:*", "enter")
        screen = on.app.screen
        asked, base = screen.rows.filter, list(screen.rows.base)
        for known, before, after in ((0, [], base[5:]), (len(base) - 5, base[:5], [])):
            screen.rows.ask(asked)
            screen.search._take_matches(ScanResult(known, array("Q", before), array("Q", after), 1.0, True))
            await on.settle()
            assert screen.inspector.item.id == base[-1]
        assert len(screen.rows.matches) == len(base)


async def test_a_mistake_in_a_filter_is_said_while_typing_and_the_rows_stay(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "slash")
        screen = on.app.screen
        screen.query_one(QueryInput).value = "tipe:x"  # at once: what is typed slowly is a search for a word at first
        await on.settle()
        assert screen.bar.mistake is not None and "tipe" in screen.bar.mistake
        assert screen.bar.mistake in on.text()
        assert screen.rows.view.frames == 13


async def test_a_filter_that_matches_nothing_says_which_and_how_to_clear_it(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "slash", *"type:nothing", "enter")
        await on.until(lambda: "no frame matches type:nothing" in on.text())
        assert "esc clears the filter" in on.text()


async def test_a_filter_by_severity_keeps_the_ghost_rows_it_speaks_of(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("down", "enter", "slash", *"sev>=error type:tool_completed", "enter")
        screen = on.app.screen
        await on.until(lambda: screen.rows.matches is not None)
        assert [type(screen.rows.view.row(number)) for number in range(len(screen.rows.view))] == [GhostRow]


async def test_a_filter_by_severity_is_asked_again_when_there_is_a_verdict(stage, chat_recording):
    async with stage(chat_recording, session=2) as on:
        await on.press("slash", *"sev>=warning", "enter")
        assert "0 of 13   no verdict" in on.text()
        await on.judged()
        screen = on.app.screen
        await on.until(lambda: len(screen.rows.matches))
        findings = screen.recording.evidence.of_session(2)
        speaks_of = {frame for finding in findings for frame in (*finding.frames, finding.activation) if frame}
        assert set(screen.rows.matches) == speaks_of
        assert "no verdict" not in on.text() and f"{len(screen.rows.matches)} of 13" in on.text()


async def test_a_search_goes_from_match_to_match_and_around_the_end(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "ctrl+f", *"agent_started", "enter")
        screen = on.app.screen
        frames = []
        for _ in range(3):
            await on.settle()
            frames.append(screen.inspector.frame.id)
            await on.press("n")
        assert frames == [5, 20, 5]
        await on.press("N")
        assert screen.inspector.frame.id == 5


async def test_escape_gives_up_a_change_and_keeps_the_filter_there_was(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "slash", *"type:tool_*", "enter", "slash", *" user:nobody")
        screen = on.app.screen
        await on.until(lambda: "no frame matches" in on.text())
        await on.press("escape")
        await on.until(lambda: "3 of 13" in on.text())
        assert screen.bar.filter_text == "type:tool_*" and len(screen.rows.matches) == 3


async def test_enter_says_all_of_a_mistake_that_the_bar_has_no_room_for(stage, chat_recording):
    async with stage(chat_recording, width=80) as on:
        await on.press("down", "enter", "slash", *"tipe:x", "enter")
        mistake = on.app.screen.bar.mistake
        assert mistake not in on.text()
        notification = on.app.notice
        assert notification.message == mistake and on.app.screen.bar.typing


async def test_findings_are_where_they_are_in_the_rows_that_are_shown(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("down", "enter", "slash", *"type:tool_*", "enter", "g", "right_square_bracket")
        screen = on.app.screen
        await on.press("slash", "ctrl+u", "enter", "g")
        assert screen.rows.matches is None and "1/13" in on.text().splitlines()[-1]
        for row, finding in screen.finding_navigator.rows():
            item = screen.rows.view.row(row)
            assert item.finding is finding if isinstance(item, GhostRow) else item.id == finding.frames[-1]


async def test_a_search_leaves_a_filter_alone_that_is_not_answered_yet(stage, chat_recording, gate):
    async with stage(chat_recording) as on:
        await on.press("down", "enter")
        await on.pilot.press("slash", *"type:tool_*", "enter", "ctrl+f", *"agent", "enter")
        screen = on.app.screen
        assert screen.rows.matches is None
        gate.set()
        await on.until(lambda: screen.rows.matches is not None and len(screen.rows.matches) == 3)


async def test_what_comes_while_a_filter_is_answered_is_asked_too(stage, live_chat, gate):
    async with stage(live_chat.path) as on:
        screen = on.app.screen
        await on.pilot.press("slash", *'"part"', "enter")
        await on.until(lambda: screen.jobs.is_running("filtering"))
        live_chat.add(7)
        await on.until(lambda: len(screen.rows.base) == 12)
        gate.set()
        await on.until(lambda: screen.rows.matches is not None and len(screen.rows.matches) == 12)
        live_chat.add(1)
        await on.until(lambda: len(screen.rows.matches) == 13)
        assert list(screen.rows.matches) == list(range(1, 14))


@pytest.fixture
def read_late(monkeypatch) -> Iterator[threading.Event]:
    """A session is read as a whole when this is set; the first frames of it are there at once."""
    opens = threading.Event()
    plain = scan.session_ids

    def session_ids(connections, reader, context):
        assert opens.wait(PATIENCE_S)
        plain(connections, reader, context)

    monkeypatch.setattr(scan, "session_ids", session_ids)
    monkeypatch.setattr(recording, "SESSION_PIECE", 20)
    yield opens
    opens.set()


async def test_a_filter_that_was_asked_while_the_session_was_read_is_asked_of_all_of_it(stage, script, read_late):
    made = script("two.db")
    for number in (1, 2):
        made.open(number, 0, closed_ns=1_000 * MS)
    for at in range(100):
        made.say(1, at, 1, "x")
        made.say(2, at + 0.5, 1, "x")
    async with stage(made.write(1_000)) as on:
        await on.pilot.press("enter", "slash", *"type:x", "enter")
        screen = on.app.screen
        await on.until(lambda: screen.rows.matches is not None)
        assert len(screen.rows.matches) < 100
        read_late.set()
        await on.until(lambda: len(screen.rows.matches) == 100)


async def test_what_comes_while_a_session_is_read_is_in_it_also_where_the_recorder_ends_meanwhile(stage, live_chat, read_late):
    live_chat.connect(2, "u2")
    live_chat.add(3, connection=2)
    async with stage(live_chat.path) as on:
        await on.press("q")
        await on.pilot.press("enter")
        screen = on.app.screen
        live_chat.add(10)
        live_chat.finish()
        await on.until(lambda: not on.app.recording.live)
        assert not screen.rows.complete
        read_late.set()
        await on.until(lambda: screen.rows.view.frames == 15)


async def test_a_session_has_no_frames_of_one_that_began_since_the_last_look(stage, live_chat):
    async with stage(live_chat.path, steady=True) as on:
        await on.press("q")
        live_chat.connect(2, "u2")
        live_chat.add(4, connection=2)
        await on.press("enter")
        assert on.app.screen.rows.number == 1 and on.app.screen.rows.view.frames == 5


async def test_a_session_that_is_quiet_is_not_read_again_and_again_while_others_go_on(stage, live_chat, monkeypatch):
    asked: list[tuple[int, int]] = []
    plain = recording.paging.ids_between

    def ids_between(reader, first, last, connections):
        asked.append((first, last))
        return plain(reader, first, last, connections)

    live_chat.connect(2, "u2")
    live_chat.add(3, connection=2)
    async with stage(live_chat.path) as on:
        await on.press("q", "enter")
        screen = on.app.screen
        monkeypatch.setattr(recording.paging, "ids_between", ids_between)
        for count in range(1, 4):
            live_chat.add(10, connection=2)
            await on.until(lambda count=count: asked and asked[-1][1] == 8 + 10 * count)
        assert screen.rows.view.frames == 5
        assert all(first > last for (_, last), (first, _) in pairwise(asked))


async def test_a_mistake_of_ours_in_a_job_is_said(stage, chat_recording, monkeypatch):
    def matches_between(self, reader, first, last):
        raise ValueError("two and two")

    monkeypatch.setattr(scan.FrameScan, "matches_between", matches_between)
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "slash", *"type:tool_*", "enter")
        await on.until(lambda: "filtering stopped" in on.text())
        assert "ValueError: two and two" in on.app.notice.message


async def test_a_recording_that_cannot_be_read_for_a_moment_is_followed_afterwards(stage, live_chat, monkeypatch):
    async with stage(live_chat.path) as on:
        reader, screen = on.app.recording.reader, on.app.screen
        plain, tries = reader.last_id, []

        def last_id():
            tries.append(1)
            raise RecordingError("the file is locked")

        reader.last_id = last_id
        await on.until(lambda: len(tries) == 1)
        assert not on.app.notice, "a moment is nothing to speak of"
        on.clock.move(1_100)
        await on.until(lambda: len(tries) == 2)
        assert on.app.notice.message == "the file is locked"
        reader.last_id = plain
        live_chat.add(20)
        on.clock.move(1_100)
        await on.until(lambda: screen.rows.view.frames == 25)


async def test_what_was_asked_before_can_be_asked_again(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter")
        for text in ("type:tool_*", "dir:c2s"):
            await on.press("slash", *text, "enter", "escape")
        bar = on.app.screen.bar
        await on.press("slash", *"thr", "up")
        assert bar.filter_text == "dir:c2s"
        await on.press("up", "up")
        assert bar.filter_text == "type:tool_*"
        await on.press("down", "down")
        assert bar.filter_text == "thr", "what was being typed is not lost"
        await on.press("up", "up", "enter")
        await on.until(lambda: "3 of 13" in on.text())
        await on.press("slash", "up")
        assert bar.filter_text == "dir:c2s", "what stands there is not asked for"
        await on.press("down", "down", "ctrl+u", "up")
        assert bar.filter_text == "type:tool_*", "what was deleted comes back"
