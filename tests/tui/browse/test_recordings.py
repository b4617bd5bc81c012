"""A folder of recordings."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from sample_chat import Script, chat

from wsreplay.model import Ending
from wsreplay.tui.browse.previews import PREVIEWING
from wsreplay.tui.browse.recordings import RecordingsScreen
from wsreplay.tui.browse.sessions import SessionsScreen
from wsreplay.tui.session.screen import SessionScreen

_NAMES = ("chat", "healthy", "slow-start", "silence", "broken", "socket", "late")

SAMPLES = Path(__file__).parents[3] / "recordings" / "samples"


def rows(on) -> dict[str, str]:
    """The line of each recording, in their order."""
    lines = on.text().replace("\N{NO-BREAK SPACE}", " ").splitlines()
    listed = lines[: next(number for number, line in enumerate(lines) if "╰" in line)]
    return {name: line for line in listed for name in _NAMES if f"{name}.db" in line}


def missing_previews(screen):
    return [recording for recording in screen.recordings if not recording.why and screen.preview(recording) is None]


async def judged(on, count: int) -> None:
    """Until there are so many recordings, and it is known what is wrong with each."""
    screen = on.app.screen
    await on.until(lambda: len(screen.recordings) == count and not missing_previews(screen) and not screen._is_arranging)
    await on.settle()


async def test_a_folder_lists_what_is_in_it_and_says_what_cannot_be_read(stage, chat_recording, tmp_path):
    (tmp_path / "broken.db").write_bytes(b"no database at all, only text" * 20)
    async with stage(tmp_path) as on:
        await on.until(lambda: len(on.app.screen.recordings) == 2)
        await on.settle()
        assert "chat.db" in on.text() and "is not a recording" in on.text()
        names = [recording.path.name for recording in on.app.screen.rows]
        await on.press("home", *["down"] * names.index("broken.db"), "enter")
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
        await on.settle()
        shutil.copy(tmp_path / "broken.db", tmp_path / "another.db")
        shutil.copy(chat_recording, tmp_path / "z.db")
        await on.press("end", "up", "down")
        at = screen.selected.path
        await on.press("r")
        await on.until(lambda: len(screen.recordings) == 4)
        assert screen.selected.path == at
        await on.press("home")
        await on.until(lambda: screen.selected.path != tmp_path / "chat.db" or screen.table.move_to(1) is None)
        screen.go_to(chat_recording)
        screen.table.action_choose()
        screen.call_later(screen.action_sort)  # comes before the row that was chosen
        await on.until(lambda: on.app.recording is not None)
        assert on.app.recording.path == chat_recording


async def test_the_first_screen_names_who_failed_and_what_is_missing_and_one_key_goes_there(stage, tmp_path):
    for name in ("healthy", "slow-start", "missing-event", "late-delivery", "graphql-transport-ws/silence"):
        shutil.copy(SAMPLES / f"{name}.db", tmp_path)
    async with stage(tmp_path, width=100, validating=True) as on:
        await judged(on, 5)
        lines = on.text().replace("\N{NO-BREAK SPACE}", " ").splitlines()
        assert "5 recordings · 4 with findings" in lines[0]
        (row,) = [line for line in lines if "never came  " in line]
        assert row.split()[1:3] == ["✗", "alice"] and "tool_completed (search) never came" in row and "1 finding " in row
        on.app.screen.go_to(tmp_path / "missing-event.db")
        await on.settle()
        preview = on.text().split("missing-event.db · alice · /ws · session 1 of 1")[1]
        assert "missing: tool_completed" in preview and "tool_executing" in preview
        await on.press("enter")
        assert isinstance(on.app.screen, SessionScreen)
        await on.until(lambda: on.app.screen.inspector.item is not None and on.app.screen.inspector.findings())
        assert "tool_completed or tool_error never came" in on.app.screen.inspector.item.finding.message
        await on.press("q")
        assert isinstance(on.app.screen, RecordingsScreen), "there is no list of one session in between"


async def test_a_folder_says_of_each_recording_what_is_wrong_and_puts_what_failed_first(stage, chat_recording, tmp_path):
    for name in ("healthy", "slow-start", "graphql-transport-ws/silence"):
        shutil.copy(SAMPLES / f"{name}.db", tmp_path)
    shutil.copy(SAMPLES / "late-delivery.db", tmp_path / "late.db")
    (tmp_path / "broken.db").write_bytes(b"no database at all, only text" * 20)
    lab = Script(tmp_path / "socket.db")
    lab.open(1, 0, user="lab", path="/socket.io/?EIO=4&transport=websocket", closed_ns=10**9, ending=Ending.CLEAN)
    lab.say(1, 1, 1, raw=b'0{"sid":"x","upgrades":[],"pingInterval":25000}')
    lab.say(1, 2, 0, raw=b"40")
    lab.say(1, 3, 1, raw=b'42["news",{"hello":"world"}]')
    lab.write(1000)

    async with stage(tmp_path, width=140, height=40, validating=True) as on:
        screen = on.app.screen
        await judged(on, 7)
        shown = rows(on)
        assert list(shown)[-4:] == ["broken", "late", "socket", "healthy"], "errors, unreadable, warnings, no contract, well"
        assert "✗ u2 +1" in " ".join(shown["chat"].split()) and "5 findings" in shown["chat"]
        assert "✓" in shown["healthy"] and "1 run completed in " in shown["healthy"]
        assert "1 finding " in shown["slow-start"] and "agent_started came 329ms too late" in shown["slow-start"]
        assert "1 finding " in shown["silence"]  # that nothing came is what is wrong
        assert "1 warning " in shown["late"] and "▲" in shown["late"]
        assert "? lab socket.io (guessed) · no contract fits (c chooses)" in " ".join(shown["socket"].split())
        assert screen.is_wrong(screen.selected) and screen.table.cursor == 0
        screen.go_to(chat_recording)
        await on.press("enter", "q")  # what is known is not judged again
        await on.until(lambda: on.app.screen is screen and screen.recordings)
        assert not screen.jobs.is_running(PREVIEWING) and rows(on)["chat"] == shown["chat"]


async def test_findings_go_on_in_the_next_session_and_in_the_next_file(stage, tmp_path):
    chat(tmp_path / "chat.db")
    shutil.copy(SAMPLES / "slow-start.db", tmp_path)
    async with stage(tmp_path, validating=True) as on:
        listing = on.app.screen
        await judged(on, 2)
        first, second = (recording.path for recording in listing.rows)
        await on.press("enter")
        if isinstance(on.app.screen, SessionsScreen):
            await on.press("enter")
        await on.until(lambda: on.app.recording.evidence.is_there)
        await on.press("G", "right_square_bracket")
        assert f"{second.name} has " in on.text() and "press ] again." in on.text()
        await on.press("right_square_bracket")
        await on.until(lambda: on.app.recording is not None and on.app.recording.path == second)
        await on.until(lambda: isinstance(on.app.screen, SessionScreen) and on.app.screen.inspector.findings())
        await on.press("q")
        if isinstance(on.app.screen, SessionsScreen):
            await on.press("q")
        assert on.app.screen is listing and listing.selected.path == second and first != second


async def test_a_list_is_filtered_and_sorted(stage, chat_recording, tmp_path):
    for name in ("healthy", "slow-start", "missing-event"):
        shutil.copy(SAMPLES / f"{name}.db", tmp_path)
    async with stage(tmp_path, validating=True) as on:
        screen = on.app.screen
        await judged(on, 4)
        await on.press("slash", *"NEVER came", "enter")
        assert [recording.path.name for recording in screen.rows] == ["missing-event.db"] and "1 of 4" in on.text()
        await on.press("slash", *"alice !never", "enter")
        assert {recording.path.name for recording in screen.rows} == {"healthy.db", "slow-start.db"}
        await on.press("slash", *"nobody")
        assert screen.rows == [] and "No recording has these words." in on.text()
        await on.press("escape")
        assert len(screen.rows) == 4 and screen.table.has_focus
        await on.press("s", "s", "s")
        assert "by file" in on.text().splitlines()[0]
        assert [recording.path.name for recording in screen.rows] == sorted(recording.path.name for recording in screen.rows)


async def test_a_file_that_is_locked_holds_nobody_up_says_why_and_is_read_when_it_is_free(stage, chat_recording, tmp_path):
    for number in range(3):
        shutil.copy(chat_recording, tmp_path / f"{number}.db")
    with closing(sqlite3.connect(tmp_path / "1.db", isolation_level=None)) as another:
        another.execute("PRAGMA journal_mode = DELETE")
        another.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        async with stage(tmp_path, width=140) as on:
            screen = on.app.screen
            await on.until(lambda: len(screen.recordings) == 4)
            assert time.monotonic() - begun < 4
            await on.settle()
            (line,) = [line for line in on.text().replace("\N{NO-BREAK SPACE}", " ").splitlines() if " 1.db" in line][:1]
            assert "is locked by another program" in line
            another.execute("ROLLBACK")
            await on.until(lambda: not any(recording.why for recording in screen.recordings))


@pytest.mark.parametrize(("width", "row"), [(80, "▲ broken.db is not a recording"), (120, "▲ is not a recording")])
async def test_what_cannot_be_read_is_named_in_its_row_and_the_preview_says_all_of_why(stage, tmp_path, width, row):
    (tmp_path / "broken.db").write_bytes(b"no database at all, only text" * 20)
    async with stage(tmp_path, width=width) as on:
        await on.until(lambda: on.app.screen.recordings)
        await on.settle()
        table, preview = on.text().replace("\N{NO-BREAK SPACE}", " ").split("╰", 1)
        assert row in " ".join(table.split()) and table.count("broken.db") == 1
        said = " ".join(preview.replace("│", "").split())
        assert "broken.db is not a recording (not an SQLite file). `wsreplay import` reads other formats" in said


async def test_a_process_that_is_killed_does_not_keep_the_recordings_from_being_validated(stage, chat_recording, tmp_path):
    for number in range(12):
        shutil.copy(chat_recording, tmp_path / f"{number}.db")
    async with stage(tmp_path, validating=True) as on:
        screen = on.app.screen
        await on.pilot.press("R")
        await on.until(lambda: on.app.processes.running)
        next(iter(on.app.processes.running)).process.kill()
        await judged(on, 13)
        previews = [screen.preview(recording) for recording in screen.recordings]
        assert sum(preview.errors > 0 for preview in previews) >= 12
        assert sum(preview.failed for preview in previews) <= 1


DESK = """
contract: desk
envelope: {type: $.ev, sent: $.at}
spans: {trip: {by: conn.id, start: trip.asked, end: trip.ready, within: 1s}}
"""


async def test_rows_are_read_as_the_contract_says_without_their_envelope(stage, script, tmp_path):
    recording = script("desk.db")
    recording.open(1, 0)
    for at, event in ((10, "trip.asked"), (3000, "trip.ready")):
        document = {"ev": event, "n": at, "at": 1.79e9 + at / 1000, "data": {"place": "Rome"}}
        recording.say(1, at, 1, raw=orjson.dumps(document))
    recording.write(4000)
    (tmp_path / "desk.yaml").write_text(DESK)
    async with stage(tmp_path, width=100, contracts=(str(tmp_path / "desk.yaml"),)) as on:
        await on.until(lambda: "trip.ready" in on.text())
        shown = on.text().replace("\N{NO-BREAK SPACE}", " ")
        assert "trip.asked" in shown and "data.place=Rome" in shown and "ev=" not in shown


async def test_as_long_as_some_are_not_validated_nothing_says_that_no_more_has_findings(stage, chat_recording, tmp_path):
    async with stage(tmp_path, validating=True) as on:
        await judged(on, 1)
        on.app.screen.previews.rest()
        on.app.screen.previews.forget()
        await on.press("right_square_bracket")
        assert "not all of these are validated yet" in on.text()


@pytest.mark.parametrize("named_by", ["the contract", "the user"])
async def test_users_are_named_where_the_contract_or_the_user_says(stage, script, tmp_path, named_by):
    recording = script("desk.db")
    for number, name in ((1, "ann"), (2, "ben")):
        recording.open(number, number, path=f"/desk?who={name}", user=None, closed_ns=4 * 10**9)
        recording.say(number, 10, 1, raw=b'{"ev":"trip.asked"}')
    recording.write(4000)
    place = "user: query:who" if named_by == "the contract" else ""
    (tmp_path / "desk.yaml").write_text(f"{DESK}{place}\n")
    users = () if place else ("query:who",)
    contracts = (str(tmp_path / "desk.yaml"),)
    for path, validating in ((tmp_path, False), (tmp_path, True), (tmp_path / "desk.db", True)):
        async with stage(path, width=100, contracts=contracts, users=users, validating=validating) as on:
            await on.until(lambda: "ann" in on.text().replace("who=ann", ""))
            assert "anonymous" not in on.text()
