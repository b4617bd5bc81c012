"""A folder of recordings."""

from __future__ import annotations

import shutil
from pathlib import Path

from wsreplay.tui.browse.previews import PREVIEWING
from wsreplay.tui.browse.recordings import RecordingsScreen
from wsreplay.tui.browse.sessions import SessionsScreen

_NAMES = ("chat", "healthy", "slow-start", "silence", "broken")

SAMPLES = Path(__file__).parents[3] / "recordings" / "samples"


async def test_a_folder_lists_what_is_in_it_and_says_what_cannot_be_read(stage, chat_recording, tmp_path):
    (tmp_path / "broken.db").write_bytes(b"no database at all, only text" * 20)
    async with stage(tmp_path) as on:
        await on.until(lambda: len(on.app.screen.recordings) == 2)
        await on.settle()
        assert "chat.db" in on.text() and "is not a recording" in on.text()
        names = [recording.path.name for recording in on.app.screen.recordings]
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
        shown = rows(on)
        assert "✗" in shown["chat"] and "tool" in shown["chat"]
        assert "✓" in shown["healthy"] and "✗" not in shown["healthy"]
        assert "✗ 1" in shown["slow-start"] and "first-event" in shown["slow-start"]
        assert "✗ 1" in shown["silence"] and "init-in-time" in shown["silence"]  # that nothing came is what is wrong
        await on.press("home", "right_square_bracket")
        assert screen.recordings[screen.table.cursor].path.name != "healthy.db"
        chat = [recording.path.name for recording in screen.recordings].index("chat.db")
        await on.press("home", *["down"] * chat, "enter", "q")  # what is known is not judged again
        await on.until(lambda: on.app.screen is screen and screen.recordings)
        assert not screen.jobs.is_running(PREVIEWING) and rows(on)["chat"] == shown["chat"]


async def test_a_process_that_is_killed_does_not_keep_the_recordings_from_being_validated(stage, chat_recording, tmp_path):
    for number in range(12):
        shutil.copy(chat_recording, tmp_path / f"{number}.db")
    async with stage(tmp_path, validating=True) as on:
        screen = on.app.screen
        await on.pilot.press("R")
        await on.until(lambda: on.app.processes.running)
        next(iter(on.app.processes.running)).process.kill()
        await on.until(lambda: len(screen.recordings) == 13 and not missing_previews(screen))
        assert all(screen.previews.of(recording, ()) is not None for recording in screen.recordings)
        assert sum(screen.previews.of(recording, ()).errors > 0 for recording in screen.recordings) >= 12
        assert sum(screen.previews.of(recording, ()).failed for recording in screen.recordings) <= 1


def missing_previews(screen):
    return [recording for recording in screen.recordings if not recording.why and screen.previews.of(recording, ()) is None]
