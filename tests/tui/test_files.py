"""Opening what is there: empty, damaged, locked, read-only, vanishing."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from textual.widgets import Input

from wsreplay.errors import CorruptRecording, NotARecording, RecordingError, UsageError
from wsreplay.store.reader import Recording
from wsreplay.tui.app import ReplayApp
from wsreplay.tui.browse.folder import ListedRecording
from wsreplay.tui.browse.previews import PREVIEWING, Preview, Previews
from wsreplay.tui.browse.recordings import RecordingsScreen
from wsreplay.tui.browse.sessions import SessionsScreen
from wsreplay.tui.session.screen import SessionScreen

_NAMES = ("chat", "healthy", "slow-start", "silence", "broken")
SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"


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
        assert "there is no such file" in on.text()
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


async def test_a_folder_lists_what_is_in_it_and_says_what_cannot_be_read(stage, chat_recording, tmp_path):
    (tmp_path / "broken.db").write_bytes(b"no database at all, only text" * 20)
    async with stage(tmp_path) as on:
        await on.until(lambda: len(on.app.screen.recordings) == 2)
        await on.settle()
        assert "chat.db" in on.text() and "is not a recording" in on.text()
        names = [one.path.name for one in on.app.screen.recordings]
        await on.press(*["down"] * names.index("broken.db"), "enter")
        assert isinstance(on.app.screen, RecordingsScreen) and "cannot be opened" in on.text()
        await on.press("home", *["down"] * names.index("chat.db"), "enter")
        assert isinstance(on.app.screen, SessionsScreen)
        await on.press("q")
        assert isinstance(on.app.screen, RecordingsScreen) and on.app.recording is None


async def test_the_cursor_stays_on_a_recording_wherever_the_next_reading_puts_it(stage, chat_recording, tmp_path):
    (tmp_path / "broken.db").write_bytes(b"SQLite format 3\0" + b"x" * 200)
    async with stage(tmp_path) as on:
        screen = on.app.screen
        await on.until(lambda: len(screen.recordings) == 2)
        shutil.copy(tmp_path / "broken.db", tmp_path / "another.db")
        shutil.copy(chat_recording, tmp_path / "z.db")
        at = screen.recordings[screen.table.cursor].path
        await on.press("r")
        await on.until(lambda: len(screen.recordings) == 4)
        assert screen.recordings[screen.table.cursor].path == at and screen.table.cursor == 1
        screen.table.action_choose()
        screen.call_later(screen._take_recordings, screen.recordings[::-1])  # comes before the row that was chosen
        await on.until(lambda: on.app.recording is not None)
        assert on.app.recording.path == at


async def test_a_folder_says_of_each_recording_what_is_wrong_with_it(stage, chat_recording, tmp_path):
    for name in ("healthy", "slow-start", "graphql-transport-ws/silence"):
        shutil.copy(SAMPLES / f"{name}.db", tmp_path)
    (tmp_path / "broken.db").write_bytes(b"no database at all, only text" * 20)

    def rows(on) -> dict[str, str]:
        lines = on.text().replace("\N{NO-BREAK SPACE}", " ").splitlines()
        return {name: line for line in lines for name in _NAMES if f"{name}.db" in line}

    async with stage(tmp_path, width=140, validating=True) as on:
        screen = on.app.screen
        await on.until(lambda: len(screen.recordings) == 5 and not missing_previews(screen))
        found = rows(on)
        assert "✗" in found["chat"] and "tool" in found["chat"]
        assert "✓" in found["healthy"] and "✗" not in found["healthy"]
        assert "✗ 1" in found["slow-start"] and "first-event" in found["slow-start"]
        assert "✗ 1" in found["silence"] and "init-in-time" in found["silence"]  # that nothing came is what is wrong
        await on.press("home", "right_square_bracket")
        assert screen.recordings[screen.table.cursor].path.name != "healthy.db"
        chat = [one.path.name for one in screen.recordings].index("chat.db")
        await on.press("home", *["down"] * chat, "enter", "q")  # what is known is not judged again
        await on.until(lambda: on.app.screen is screen and screen.recordings)
        assert not screen.jobs.is_running(PREVIEWING) and rows(on)["chat"] == found["chat"]


async def test_a_process_that_is_killed_does_not_keep_the_recordings_from_being_validated(stage, chat_recording, tmp_path):
    for number in range(12):
        shutil.copy(chat_recording, tmp_path / f"{number}.db")
    async with stage(tmp_path, validating=True) as on:
        screen = on.app.screen
        await on.until(lambda: on.app.processes.running)
        next(iter(on.app.processes.running)).kill()
        await on.until(lambda: len(screen.recordings) == 13 and not missing_previews(screen))
        assert all(screen.previews.of(one, ()) is not None for one in screen.recordings)
        assert sum(screen.previews.of(one, ()).errors > 0 for one in screen.recordings) >= 12
        assert sum(screen.previews.of(one, ()).failed for one in screen.recordings) <= 1


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


class SlowJobs:
    """Takes a task, and answers when it is asked to."""

    def __init__(self):
        self.tasks = []

    def run_in_process(self, _name, task, on_result, on_failure):
        self.tasks.append((task.args[0], on_result, on_failure))

    def cancel(self, _name):
        """What it has published by now has arrived."""


def test_recordings_are_validated_in_turn_and_one_that_ends_the_process_does_not_keep_the_others_from_it(tmp_path):
    shown: list[str] = []
    jobs = SlowJobs()
    previews = Previews(jobs, lambda path: shown.append(path.name))
    recordings = [ListedRecording(tmp_path / name) for name in ("a", "b", "c")]
    previews.validate(recordings, ())
    (paths, on_result, on_failure), = jobs.tasks
    assert [path.name for path in paths] == ["a", "b", "c"]
    on_result(Preview())
    on_failure("its process stopped")
    assert shown == ["a", "b"] and previews.of(recordings[1], ()).failed
    paths, on_result, _ = jobs.tasks[-1]
    assert [path.name for path in paths] == ["c"]
    on_result(Preview())
    assert shown == ["a", "b", "c"]
    previews.validate(recordings, ())
    assert len(jobs.tasks) == 2, "all are known"


@pytest.mark.parametrize("way", ["down enter e", "c", "down enter D"])
@pytest.mark.parametrize("text", ["~nobody-here/x.jsonl", "x" * 300 + ".jsonl"])
async def test_a_path_that_cannot_be_is_refused_where_it_is_typed(stage, chat_recording, way, text):
    async with stage(chat_recording) as on:
        await on.press(*way.split())
        prompt = on.app.screen
        prompt.query_one(Input).value = text
        await on.press("enter")
        assert on.app.screen is prompt
        assert any(word in on.text() for word in ("without ~", "File name too long"))


def missing_previews(screen):
    return [recording for recording in screen.recordings if not recording.why and screen.previews.of(recording, ()) is None]
