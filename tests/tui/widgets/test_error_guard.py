"""What cannot be read for a moment ends nothing, and is read again."""

from __future__ import annotations

import pytest

from wsreplay.errors import RecordingError
from wsreplay.store import annotations as notes
from wsreplay.tui.browse.recordings import RecordingsScreen
from wsreplay.tui.recording import span_reading as traced_module
from wsreplay.tui.recording.rows import Rows
from wsreplay.tui.session import overview as overview_module

MS = 1_000_000


class Failing:
    """Stands in for a callable, and cannot read the first times it is called."""

    def __init__(self, plain, times: int = 1) -> None:
        self.plain, self.times, self.calls = plain, times, 0

    def __call__(self, *values, **options):
        self.calls += 1
        if self.calls <= self.times:
            raise RecordingError("it is locked by another program")
        return self.plain(*values, **options)


@pytest.mark.parametrize("how", ["set_interval", "set_timer", "call_after_refresh", "call_next", "call_later"])
async def test_what_is_called_later_may_fail_and_the_interface_goes_on(stage, chat_recording, how):
    async with stage(chat_recording) as on:
        reads = Failing(lambda: None)
        time = (0.01,) if how.startswith("set") else ()
        getattr(on.app.screen, how)(*time, reads)
        await on.until(lambda: on.app.notice)
        notification = on.app.notice
        assert notification.message == "it is locked by another program" and on.app.is_running


@pytest.mark.parametrize("what", ["last_id", "runs", "marks", "changed_connections", "reached_ns"])
@pytest.mark.parametrize("ends", [False, True])
async def test_what_came_while_a_poll_failed_is_there_after_the_next(stage, live_chat, what, ends):
    async with stage(live_chat.path) as on:
        reader, screen = on.app.recording.reader, on.app.screen
        failing = Failing(getattr(reader, what))
        setattr(reader, what, failing)
        live_chat.add(10)
        if ends:
            live_chat.finish()
        await on.until(lambda: failing.calls)
        on.clock.move(1_100)
        await on.until(lambda: screen.rows.view.frames == 15)
        await on.until(lambda: on.app.recording.live is not ends)


async def test_frames_that_could_not_be_read_as_they_came_are_in_the_list_afterwards(stage, live_chat, monkeypatch):
    live_chat.connect(2, "u2")
    live_chat.add(3, connection=2)
    async with stage(live_chat.path) as on:
        await on.press("q", "enter")
        screen = on.app.screen
        failing = Failing(Rows._ids_between)
        monkeypatch.setattr(Rows, "_ids_between", lambda self, *ids: failing(self, *ids))
        live_chat.add(10)
        await on.until(lambda: failing.calls)
        on.clock.move(1_100)
        await on.until(lambda: screen.rows.view.frames == 15)


async def test_a_recording_that_could_not_be_opened_can_be_opened_later(stage, chat_recording, monkeypatch):
    failing = Failing(Rows._make)
    monkeypatch.setattr(Rows, "_make", lambda self: failing(self))
    async with stage(chat_recording.parent) as on:
        await on.until(lambda: on.app.screen.recordings)
        await on.press("enter", "enter")
        if not isinstance(on.app.screen, RecordingsScreen):
            await on.press("enter")
        assert on.app.recording is not None


async def test_a_file_that_cannot_be_read_again_is_shown_as_it_was(stage, chat_recording, monkeypatch):
    async with stage(chat_recording) as on:
        await on.press("down", "enter")
        recording = on.app.recording
        reader, sessions = recording.reader, recording.sessions
        monkeypatch.setattr(type(reader), "runs", Failing(None))
        await on.press("r")
        assert (recording.reader, recording.sessions) == (reader, sessions)
        monkeypatch.undo()
        await on.press("r", "q")
        assert on.app.screen.table.count == 2


async def test_notes_that_could_not_be_placed_are_placed_when_the_file_is_read_again(stage, chat_recording, monkeypatch):
    notes.change_mark(chat_recording, None, 6_000 * MS, "now it froze")
    monkeypatch.setattr(overview_module, "place_rows", Failing(overview_module.place_rows))
    async with stage(chat_recording) as on:
        await on.press("down", "enter")
        assert "now it froze" not in on.text()
        await on.press("r")
        await on.until(lambda: "now it froze" in on.text())


async def test_spans_that_could_not_be_traced_are_traced_when_the_file_is_read_again(stage, chat_recording, monkeypatch):
    monkeypatch.setattr(traced_module, "read_spans", Failing(traced_module.read_spans))
    async with stage(chat_recording) as on:
        await on.press("down", "enter")
        await on.pilot.press("5", "space", "space")
        screen = on.app.screen
        await on.until(lambda: "failed: r tries again" in screen.open_line.text)
        await on.press("r", "full_stop")
        await on.until(lambda: "open" in screen.open_line.text and "failed" not in screen.open_line.text)


async def test_a_filter_that_could_not_be_asked_can_be_asked_again(stage, chat_recording, monkeypatch):
    failing = Failing(Rows.scan)
    monkeypatch.setattr(Rows, "scan", lambda self, asked: failing(self, asked))
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "slash", *"type:tool_*", "enter")
        await on.press("slash", "enter")
        await on.until(lambda: "3 of 13" in on.text())


async def test_that_a_filter_has_stopped_stands_there_also_when_more_comes(stage, live_chat, monkeypatch):
    from wsreplay.tui.recording import scan

    monkeypatch.setattr(scan.FrameScan, "matches_between", Failing(scan.FrameScan.matches_between))
    async with stage(live_chat.path) as on:
        await on.press("slash", *"type:x", "enter")
        await on.until(lambda: "filtering stopped" in on.text())
        live_chat.add(3)
        await on.until(lambda: on.app.screen.rows.view.frames == 8)
        assert "filtering stopped" in on.text()


