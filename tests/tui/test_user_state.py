"""What the interface remembers from one time to the next: themes, filters, searches."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsreplay.tui.user_state import MOST, UserState, state_path


def test_what_was_asked_is_remembered_with_the_last_of_it_last(tmp_path: Path) -> None:
    path = tmp_path / "state" / "tui.json"
    state, other = UserState(path), UserState(path)
    assert state.texts("filters") == [] and state.theme == ""
    for text in ("a", "b", "a", "", "x" * 2_000):
        state.keep_text("filters", text)
    other.keep_text("searches", "word")
    other.keep_theme("nord")
    state.keep_text("filters", "c")
    again = UserState(path)
    assert again.texts("filters") == ["b", "a", "c"] and again.texts("searches") == ["word"] and again.theme == "nord"
    for number in range(MOST + 5):
        again.keep_text("filters", str(number))
    assert UserState(path).texts("filters") == [str(number) for number in range(5, MOST + 5)]
    assert [file.name for file in path.parent.iterdir()] == ["tui.json"] and path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [
    b"", b"{", b"\xff\xfe", b"[]", b'{"filters": 3, "theme": {}}', b'{"filters": [1, null, "a"]}', b"{}" + b" " * (2 << 20),
])  # fmt: skip
def test_a_broken_file_is_as_none_and_is_written_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tui.json"
    path.write_bytes(content)
    state = UserState(path)
    assert state.theme == "" and state.texts("filters") in ([], ["a"])
    state.keep_text("filters", "type:x")
    assert UserState(path).texts("filters")[-1] == "type:x"


def test_where_nothing_can_be_written_it_is_remembered_until_the_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    for path in (tmp_path / "file" / "tui.json", tmp_path, None, Path("/proc/nothing/tui.json")):
        state = UserState(path)
        state.keep_text("searches", "a")
        state.keep_theme("nord")
        assert state.texts("searches") == ["a"] and state.theme == "nord"


def test_it_is_kept_in_the_folder_for_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_path() == tmp_path / "wsreplay" / "tui.json"
    monkeypatch.setenv("XDG_STATE_HOME", "here")
    assert state_path() == tmp_path / "home" / ".local" / "state" / "wsreplay" / "tui.json"


async def test_the_next_time_has_the_theme_and_the_filters(stage, chat_recording, tmp_path):
    place = tmp_path / "state" / "tui.json"
    async with stage(chat_recording, user_state=UserState(place)) as on:
        await on.press("ctrl+t", "enter", "slash", *"type:chat", "enter", "ctrl+f", *"agent", "enter")
        assert on.app.theme == "wsreplay-light"
    async with stage(chat_recording, user_state=UserState(place)) as on:
        assert on.app.theme == "wsreplay-light"
        await on.press("enter", "slash", "up")
        assert on.app.focused.value == "type:chat"
        await on.press("escape", "ctrl+f", "up")
        assert on.app.focused.value == "agent"
    place.write_text('{"theme": "no-such-theme"}')
    async with stage(chat_recording, user_state=UserState(place)) as on:
        assert on.app.theme == "wsreplay-dark"
    assert sorted(file.name for file in chat_recording.parent.iterdir()) == ["chat.db", "state"]
