"""What is copied is what is shown, and what a terminal does not take is in a file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from wsreplay.tui.screens import clipboard


@pytest.mark.parametrize(
    ("text", "takes"), [("a" * clipboard.MOST_BYTES, True), ("é" * clipboard.MOST_BYTES, False), ("", True)]
)
def test_a_terminal_takes_so_many_bytes(text, takes):
    assert clipboard.fits(text) == takes


async def test_a_large_payload_is_written_to_a_file_of_its_user_alone(stage, script, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = script("large.db")
    made.open(1, 0, closed_ns=10**9)
    payload = b'{"type":"x","data":"' + b"a" * 5_000_000 + b'"}'
    made.say(1, 1, 1, raw=payload)
    async with stage(made.write(1_000)) as on:
        await on.press("y")
        (path,) = tmp_path.glob("wsreplay-frame-1-*")
        assert path.read_bytes() == payload and stat.S_IMODE(path.stat().st_mode) == 0o600
        shown = " ".join(on.text().split())
        assert "are in a file" in shown and not on.app.clipboard
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
        await on.press("y")
        assert "was not copied" in on.text()


async def test_what_the_mouse_selects_in_the_detail_is_seen_and_copied(stage, chat_recording):
    async with stage(chat_recording, session=2) as on:
        detail = on.app.screen.detail
        await on.pilot.mouse_down(detail, offset=(4, 1 + 1))
        await on.pilot.hover(detail, offset=(10, 3 + 1))
        await on.pilot.mouse_up(detail, offset=(10, 3 + 1))
        await on.settle()
        selected = on.app.screen.get_selected_text()
        lines = detail.text.splitlines()
        assert selected == "\n".join([lines[1][2:], lines[2], lines[3][:9]])
        ground = on.app.look.ground("match").bgcolor
        strips = [detail.render_line(y) for y in range(5)]
        painted = ["".join(text for text, style, _ in strip if style and style.bgcolor == ground) for strip in strips]
        assert [text.strip() for text in painted] == ["", *(line.strip() for line in selected.splitlines()), ""]
        await on.press("ctrl+c")
        assert on.app.clipboard == selected and "copied the selection" in on.text()
        await on.press("h", "j")
        assert not on.app.screen.selections, "it was of another text"


async def test_elsewhere_the_mouse_selects_nothing(stage, chat_recording):
    async with stage(chat_recording, session=2) as on:
        frames = on.app.screen.frames
        await on.pilot.mouse_down(frames, offset=(4, 2))
        await on.pilot.hover(frames, offset=(10, 4))
        await on.pilot.mouse_up(frames, offset=(10, 4))
        await on.press("ctrl+c")
        assert not on.app.clipboard and not on.app.screen.selections


def test_a_file_is_kept_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = clipboard.save(b"\x00", "frame-5", ".txt")
    assert path.parent == Path(tmp_path) and path.name.startswith("wsreplay-frame-5-") and path.suffix == ".txt"
