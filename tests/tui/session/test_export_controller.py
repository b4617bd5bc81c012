"""What leaves the interface: copies, files of what is shown."""

from __future__ import annotations

import signal

import pytest

from wsreplay.store.reader import Recording
from wsreplay.tui.browse.sessions import SessionsScreen


async def test_copying_hands_the_payload_to_the_terminal(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "y")
        assert on.app.clipboard.startswith('{"type":"user_message"')
        await on.press("Y")
        assert '"frame": 4' in on.app.clipboard


@pytest.mark.parametrize(("way", "name", "frames"), [("1", "part.db", 3), ("2", "part.jsonl", 3)])
async def test_what_a_filter_shows_can_be_written_to_a_file(stage, chat_recording, tmp_path, monkeypatch, way, name, frames):
    monkeypatch.chdir(tmp_path)
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "slash", *"type:tool_*", "enter")
        await on.until(lambda: on.app.screen.rows.matches is not None)
        await on.press("e", way, "ctrl+u", *name, "enter")
        await on.until(lambda: "written" in on.text())
    out = tmp_path / name
    if out.suffix == ".db":
        with Recording.open(out) as reader:
            assert [frame.type for frame in reader.frames()] == ["tool_executing", "tool_executing", "tool_completed"]
    else:
        assert out.read_text().count('"data"') == frames


@pytest.mark.parametrize("narrowed", [False, True])
async def test_of_a_replay_is_written_what_has_come_when_it_is_asked_for(stage, chat_recording, tmp_path, narrowed):
    out = tmp_path / "replay.jsonl"
    async with stage(chat_recording) as on:
        await on.press("down", "enter")
        if narrowed:
            await on.press("slash", *"type:tool_*", "enter")
            await on.until(lambda: on.app.screen.rows.matches is not None)
        screen = on.app.screen
        await on.press("0", "space", "space", "colon", *"3s", "enter", "e")
        assert f"Export {2 if narrowed else 5} frames as" in on.text()
        await on.press("2")
        assert f"Write {2 if narrowed else 5} frames as JSON lines to" in on.text()
        screen.seek(screen.playback.end_ns)  # as it goes on behind the question
        on.app.focused.value = str(out)
        await on.press("enter")
        await on.until(lambda: on.app.notice)
    assert out.read_text().count('"data"') == (2 if narrowed else 5)


async def test_what_became_of_a_file_is_said_on_whichever_screen(stage, chat_recording, tmp_path):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "e", "2", "ctrl+u", *"x.jsonl")
        on.app.focused.value = str(tmp_path / "x.jsonl")
        await on.pilot.press("enter")
        await on.until(lambda: on.app.processes.running)
        (writer,) = on.app.processes.running
        writer.process.send_signal(signal.SIGSTOP)
        await on.press("q")
        assert isinstance(on.app.screen, SessionsScreen) and not on.app.notice
        writer.process.send_signal(signal.SIGCONT)
        await on.until(lambda: on.app.notice)
        notification = on.app.notice
        assert (notification.title, notification.severity) == ("written", "information")
        assert notification.message == str(tmp_path / "x.jsonl")


async def test_of_a_file_that_cannot_be_written_is_said_why(stage, chat_recording, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "e", "2")
        on.app.focused.value = str(folder / "x.jsonl")
        await on.pilot.press("enter")
        (folder / "x.jsonl").write_text("mine")
        await on.until(lambda: on.app.notice)
        notification = on.app.notice
        assert (notification.title, notification.severity) == ("not written", "error")
        assert "choose another name" in notification.message


async def test_there_is_nothing_to_copy_of_what_never_came(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("down", "enter", "right_square_bracket", "tab", "y")
        assert "it never came" in on.text()
        await on.press("f", "g")
        assert on.app.screen.inspector.pane == "json"
