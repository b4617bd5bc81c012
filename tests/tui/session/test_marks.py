"""Marks: left with a note, gone to, shown alone, changed and taken away."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from wsreplay.store import annotations as notes
from wsreplay.store.reader import Recording
from wsreplay.tui.recording.evidence import GhostRow
from wsreplay.tui.recording.extra_rows import NoteRow

MS = 1_000_000


async def test_a_mark_is_kept_in_the_recording_and_can_be_gone_to(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "j", "j", "m", *"look here", "enter")
        with Recording.open(chat_recording) as reader:
            assert [(mark.frame_id, mark.note) for mark in reader.marks()] == [(7, "look here")]
        await on.press("G", "apostrophe")
        assert on.app.screen.inspector.frame.id == 7
        assert "look here" in on.text()
        await on.press("M")
        assert list(on.app.screen.rows.view.ids) == [7]
        await on.press("M")
        assert on.app.screen.rows.view.frames == 13


async def test_a_note_left_at_a_time_is_a_row_of_its_own(stage, chat_recording):
    notes.change_mark(chat_recording, None, 6_000 * MS, "now it froze \x1b[31m")  # as typed into `record`
    async with stage(chat_recording, width=160) as on:
        await on.judged()
        await on.press("down", "enter")
        screen = on.app.screen

        def lines() -> list[str]:
            return [line for line in on.text().replace("\N{NO-BREAK SPACE}", " ").splitlines() if "froze" in line]

        await on.until(lambda: lines())
        assert "⚑" in lines()[0] and "00:06.000" in lines()[0] and "now it froze ␛[31m" in lines()[0]
        await on.press("apostrophe")
        row = screen.rows.view.row(screen.frames.cursor)
        assert isinstance(row, NoteRow) and screen.rows.view.row(screen.frames.cursor - 1).t_ns <= 6_000 * MS
        assert "now it froze" in screen.detail.text
        await on.press("slash", *"froze", "enter")
        await on.until(lambda: screen.rows.matches is not None)
        assert len(lines()) >= 1 and not screen.rows.matches
        await on.press("escape", "M")
        assert len(lines()) == 1
        await on.press("M", "apostrophe", "m", "end", *"!", "enter")
        await on.until(lambda: "31m!" in on.text())
        assert screen.rows.view.row(screen.frames.cursor).mark.note.endswith("!")
        await on.press("m", *["backspace"] * 30, "enter")
        await on.until(lambda: not lines())
        assert not on.app.recording.marks
        await on.press("q", "up", "enter")
        assert not lines()


async def test_an_emptied_note_takes_the_mark_away(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "m", *"a", "enter", "m", "backspace", "enter")
        with Recording.open(chat_recording) as reader:
            assert reader.marks() == []


async def test_a_note_that_cannot_be_changed_stays_what_it_was(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "m", *"old", "enter")
        with closing(sqlite3.connect(chat_recording, isolation_level=None)) as another:
            another.execute("BEGIN IMMEDIATE")
            await on.press("m", *"er", "enter")
            await on.until(lambda: "the mark was not saved" in on.text())
        with Recording.open(chat_recording) as reader:
            assert [mark.note for mark in reader.marks()] == ["old"] == [mark.note for mark in on.app.recording.marks]


async def test_only_marked_frames_say_that_they_are(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "j", "m", *"x", "enter", "M")
        assert "marked only" in on.text() and "M shows all" in on.text() and on.app.screen.rows.view.frames == 1
        await on.press("M")
        assert "marked only" not in on.text() and on.app.screen.rows.view.frames == 13


async def test_a_mark_that_is_emptied_takes_its_row_along_where_only_marked_frames_are_shown(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "m", *"a", "enter", "j", "m", *"b", "enter", "M")
        assert on.app.screen.rows.view.frames == 2
        await on.press("m", "backspace", "enter")
        assert on.app.screen.rows.view.frames == 1
        await on.press("m", "backspace", "enter")
        assert on.app.screen.rows.view.frames == 0 and "no frame is marked" in on.text()
        await on.press("M")
        assert on.app.screen.rows.view.frames == 13


async def test_a_list_without_rows_says_whether_it_is_the_marks_or_the_filter(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "m", *"a", "enter", "slash", *"type:nothing", "enter")
        await on.until(lambda: "no frame matches type:nothing" in on.text())
        await on.press("M")
        assert "no frame that matches type:nothing is marked" in on.text()
        await on.press("M")
        assert "no frame matches type:nothing" in on.text()


async def test_a_mark_is_of_its_session_only(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("down", "enter", "g", "j", "m", *"here", "enter", "right_square_bracket", "right_square_bracket")
        await on.press("m", *"it froze", "enter")  # on what never came: kept with the frame that it began with
        assert [mark.note for mark in on.app.recording.marks] == ["here", "it froze"] and "it froze" in on.text()
        await on.press("q", "up", "enter")
        assert on.app.screen.rows.number == 1 and "⚑" not in on.text()


async def test_a_mark_on_what_never_came_is_a_note_at_that_time_and_marks_no_other_frame(stage, chat_recording):
    async with stage(chat_recording, session=2) as on:
        await on.judged()
        await on.press("right_square_bracket", "right_square_bracket")
        screen = on.app.screen
        assert isinstance(screen.inspector.item, GhostRow)
        await on.press("m", *"ask the backend", "enter")
        await on.until(lambda: "ask the backend" in on.text())
        assert not screen.recording.marked
        row = screen.frames.cursor
        assert isinstance(screen.rows.view.row(row), GhostRow) and isinstance(screen.rows.view.row(row + 1), NoteRow)
        await on.press("m", *["backspace"] * 20, "enter")
        await on.until(lambda: "ask the backend" not in on.text())
