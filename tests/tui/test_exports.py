"""What leaves the interface: copies, files of what is shown, payloads in the pager."""

from __future__ import annotations

import errno
import io
import signal
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytest

from wsreplay.errors import UsageError
from wsreplay.store.reader import Recording
from wsreplay.tui.app import ReplayApp
from wsreplay.tui.browse.sessions import SessionsScreen
from wsreplay.tui.session import export


async def test_copying_hands_the_payload_to_the_terminal(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "y")
        assert on.app.clipboard.startswith('{"type":"user_message"')
        await on.press("Y")
        assert '"frame": 4' in on.app.clipboard


@pytest.mark.parametrize(("name", "frames"), [("part.db", 3), ("part.jsonl", 3)])
async def test_what_a_filter_shows_can_be_written_to_a_file(stage, chat_recording, tmp_path, monkeypatch, name, frames):
    monkeypatch.chdir(tmp_path)
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "slash", *"type:tool_*", "enter")
        await on.until(lambda: on.app.screen.rows.matches is not None)
        await on.press("e", "ctrl+u", *name, "enter")
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
        assert f"Write {2 if narrowed else 5} frames to" in on.text()
        screen.seek(screen.playback.end_ns)  # as it goes on behind the question
        on.app.focused.value = str(out)
        await on.press("enter")
        await on.until(lambda: on.app._notifications)
    assert out.read_text().count('"data"') == (2 if narrowed else 5)


async def test_what_became_of_a_file_is_said_on_whichever_screen(stage, chat_recording, tmp_path):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "e", "ctrl+u", *"x.jsonl")
        on.app.focused.value = str(tmp_path / "x.jsonl")
        await on.pilot.press("enter")
        await on.until(lambda: on.app.processes.running)
        (writer,) = on.app.processes.running
        writer.send_signal(signal.SIGSTOP)
        await on.press("q")
        assert isinstance(on.app.screen, SessionsScreen) and not on.app._notifications
        writer.send_signal(signal.SIGCONT)
        await on.until(lambda: on.app._notifications)
        (notification,) = on.app._notifications
        assert (notification.title, notification.severity) == ("written", "information")
        assert notification.message == str(tmp_path / "x.jsonl")


async def test_of_a_file_that_cannot_be_written_is_said_why(stage, chat_recording, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "e")
        on.app.focused.value = str(folder / "x.jsonl")
        await on.pilot.press("enter")
        (folder / "x.jsonl").write_text("mine")
        await on.until(lambda: on.app._notifications)
        (notification,) = on.app._notifications
        assert (notification.title, notification.severity) == ("not written", "error")
        assert "choose another name" in notification.message


def test_a_file_has_its_name_only_when_it_is_whole(chat_recording, tmp_path, results_of):
    folder = tmp_path / "out"
    folder.mkdir()
    program = f"""
import threading, time
from pathlib import Path
from wsreplay.tui.session import export
wrote = threading.Event()
def forever(reader, connections):
    yield b"{{}}" * 100_000
    wrote.set()
    time.sleep(60)
export.export = forever
arguments = Path({str(chat_recording)!r}), Path({str(folder / "x.jsonl")!r}), None, None, None
threading.Thread(target=export.write_out, args=arguments, daemon=True).start()
wrote.wait(30)
print([file.name for file in Path({str(folder)!r}).iterdir() if not file.name.startswith(".")])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n" and not list(folder.iterdir())
    (folder / "x.jsonl").write_text("mine")
    with pytest.raises(UsageError, match="exists: choose another name"):
        results_of(partial(export.write_out, chat_recording, folder / "x.jsonl", None, None))
    assert (folder / "x.jsonl").read_text() == "mine" and len(list(folder.iterdir())) == 1


def test_without_links_too_a_file_that_came_meanwhile_is_not_written_over(chat_recording, tmp_path, monkeypatch, results_of):
    def refuse(_path: Path, _target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    out = tmp_path / "out" / "x.jsonl"
    out.parent.mkdir()
    results_of(partial(export.write_out, chat_recording, out, None, None))
    assert out.read_text()
    out.write_text("mine")
    with pytest.raises(UsageError, match="exists: choose another name"):
        results_of(partial(export.write_out, chat_recording, out, None, None))
    assert out.read_text() == "mine"
    out.unlink()
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(UsageError, match="cannot be written"):
        results_of(partial(export.write_out, chat_recording, out, None, None))
    assert not list(out.parent.iterdir())


async def test_the_pager_gets_the_whole_payload_without_escape_sequences(tmp_path: Path):
    from wsreplay.tui.session.pager import readable

    assert readable(b'{"a":"\x1b[31m"}') == '{"a":"␛[31m"}\n'  # no JSON: a control character in a string
    assert readable(b'{"a":"\\u001b[31m"}') == '{\n  "a": "\\u001b[31m"\n}\n'
    deep = "[" * 300 + "]" * 300
    assert readable(deep.encode()) == f"{deep}\n"  # read, but not written


@pytest.mark.parametrize("where", ["opened", "written"])
async def test_a_payload_for_which_there_is_no_room_in_the_temporary_folder_is_said(stage, chat_recording, monkeypatch, where):
    class Full(io.StringIO):
        name = "/tmp/x"

        def flush(self) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    def temporary(*_arguments: object, **_options: object) -> Full:
        if where == "opened":
            raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")
        return Full()

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", temporary)
    monkeypatch.setattr(ReplayApp, "suspend", lambda _app: nullcontext())
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "f")
        assert on.app.is_running and on.app._exception is None
        why = next(iter(on.app._notifications)).message
        assert ("No usable temporary directory" if where == "opened" else "No space left") in why


async def test_there_is_nothing_to_copy_of_what_never_came(stage, chat_recording):
    async with stage(chat_recording) as on:
        await on.judged()
        await on.press("down", "enter", "right_square_bracket", "right_square_bracket", "tab", "y")
        assert "it never came" in on.text()
        await on.press("f", "g")
        assert on.app.screen.inspector.pane == "json"
