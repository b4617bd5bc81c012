"""Opening what is there: empty, damaged, locked, read-only, vanishing."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

from wsreplay.errors import CorruptRecording, NotARecording, RecordingError, UsageError
from wsreplay.store.reader import Recording
from wsreplay.tui.app import ReplayApp
from wsreplay.tui.session.screen import SessionScreen


def test_a_missing_file_is_said_before_the_terminal_is_taken_over(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        ReplayApp(tmp_path / "none.db").open()


def test_a_session_that_is_not_there_is_said_before_the_terminal_is_taken_over(tmp_path, chat_recording):
    with pytest.raises(UsageError, match="has no session 3: it has sessions 1 to 2"):
        ReplayApp(chat_recording, session=3).open()
    with pytest.raises(UsageError, match="is a folder: session 1 of which recording"):
        ReplayApp(tmp_path, session=1).open()


@pytest.mark.parametrize(("content", "error"), [(b"", NotARecording), (b"not a database" * 9, NotARecording)])
def test_a_file_that_is_no_recording_is_refused(tmp_path, content, error):
    path = tmp_path / "x.db"
    path.write_bytes(content)
    with pytest.raises(error):
        ReplayApp(path).open()


def test_a_recording_without_its_tables_is_refused(tmp_path, chat_recording):
    with sqlite3.connect(chat_recording) as db:
        db.execute("DROP TABLE connection")
    db.close()
    with pytest.raises(CorruptRecording):
        ReplayApp(chat_recording).open()


async def test_damage_found_while_looking_is_said_and_the_interface_goes_on(stage, script):
    made = script("damaged.db")
    made.open(1, 0)
    for number in range(3000):
        made.say(1, number, 1, "partial_result", content="x" * 200)
    path = made.write(4_000)
    sound = path.read_bytes()
    whole = bytearray(sound)
    middle = len(whole) // 2
    whole[middle : middle + 300_000] = b"\xff" * 300_000
    path.write_bytes(whole)
    async with stage(path) as on:
        for key in ("5", "G", "g", "4", "6"):
            await on.press(key)
        assert isinstance(on.app.screen, SessionScreen)
        assert "damaged" in on.text()
        assert "r reads again" in on.text() and "r reads it again" in on.app.screen.detail.text
        await asyncio.to_thread(path.write_bytes, sound)  # the disk is well again
        await on.press("r")
        assert "r reads again" not in on.text() and '"type": "partial_result"' in on.app.screen.detail.text


async def test_a_read_only_recording_can_be_looked_at_and_a_mark_is_refused(stage, chat_recording, monkeypatch):
    chat_recording.chmod(0o400)
    chat_recording.parent.chmod(0o500)
    try:
        async with stage(chat_recording) as on:
            await on.press("down", "enter")
            assert on.app.screen.rows.view.frames == 13
            await on.press("m", *"x", "enter")
            with Recording.open(chat_recording) as reader:
                kept = len(reader.marks())
            assert kept or "not kept" in on.text()  # root may write everywhere
    finally:
        chat_recording.parent.chmod(0o700)


async def test_a_recording_that_another_program_locks_does_not_stop_the_interface(stage, chat_recording):
    other = sqlite3.connect(chat_recording, isolation_level=None)
    async with stage(chat_recording) as on:
        other.execute("BEGIN IMMEDIATE")
        await on.press("down", "enter", "j", "j")
        assert on.app.screen.inspector.frame.id == 7
        other.execute("ROLLBACK")
    other.close()


async def test_another_program_that_locks_the_file_holds_up_no_key(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter")
        assert list(on.app.recording.reader.query("PRAGMA busy_timeout")) == [(50,)]
        with closing(sqlite3.connect(chat_recording, isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
            await on.press("j", "j")
            assert on.app.screen.frames.cursor == 2
            assert "is locked by another program" in " ".join(on.app.screen.detail.text.split())
            other.execute("ROLLBACK")
        await on.press("r")
        assert '"type"' in on.app.screen.detail.text


async def test_a_waterfall_that_cannot_be_read_says_why_and_is_read_again(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter")
        elsewhere = chat_recording.with_suffix(".away")
        await asyncio.to_thread(chat_recording.rename, elsewhere)
        await on.press("w")
        await on.until(lambda: "reads them again" in on.text())
        assert "lists the recordings" in on.text()
        await asyncio.to_thread(elsewhere.rename, chat_recording)
        await on.press("r")
        await on.until(lambda: "reads them again" not in on.text() and "t2" in on.text())


async def test_a_recording_that_vanishes_stays_on_the_screen(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter")
        await asyncio.to_thread(chat_recording.unlink)
        await on.press("j", "j", "slash", *"type:tool_*", "enter")
        await on.until(lambda: "filtering" in on.text())
        assert isinstance(on.app.screen, SessionScreen) and on.app.screen.rows.view.frames == 13


def test_a_file_without_permission_is_said(tmp_path, chat_recording, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)  # root may read everything
    with pytest.raises(RecordingError, match="Permission denied"):
        ReplayApp(chat_recording).open()


@pytest.mark.parametrize("keys", ["a", "down enter", "slash u enter", "m x enter", "colon 9 9 9 9 enter", "colon 1 enter", "G",
                                  "w", "v", "r", "space", "]", "apostrophe", "M", "e", "D 1 enter"])  # fmt: skip
async def test_no_key_ends_the_interface_while_another_program_has_locked_the_file(stage, chat_recording, keys):
    async with stage(chat_recording) as on:
        await on.judged()
        if keys not in ("a", "down enter", "D 1 enter"):
            await on.press("down", "enter")
        screen = on.app.screen
        with closing(sqlite3.connect(chat_recording, isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
            for key in keys.replace("]", "right_square_bracket").split():
                await on.pilot.press(key)
            await on.pilot.pause()
            assert on.app.is_running and on.app._exception is None
            other.execute("ROLLBACK")
        for _ in range(3):
            if on.app.screen is not screen:
                await on.press("escape")
        await on.press("r" if isinstance(screen, SessionScreen) else "j")
        assert on.app.is_running and on.app._exception is None and on.app.screen.is_attached
