"""Lists to choose from: of contracts, and of sessions to compare with."""

from __future__ import annotations

import shutil

import pytest

from wsreplay.tui.diff.picker import PartnerPicker
from wsreplay.tui.diff.screen import DiffScreen
from wsreplay.tui.screens.contracts import ContractPicker


def names(picker):
    return [item.cells[0] for item in picker.rows]


async def test_contracts_are_narrowed_sorted_and_chosen(stage, chat_recording):
    async with stage(chat_recording, width=120) as on:
        await on.press("c")
        picker = on.app.screen
        assert isinstance(picker, ContractPicker) and names(picker)[-1] == "none"
        await on.press("s")
        assert names(picker) == sorted(names(picker)) and "by name" in on.text()
        await on.press("slash", *"graphql")
        assert names(picker) == ["graphql-transport-ws"] and f"1 of {len(picker.items)}" in on.text()
        await on.press("enter", "escape")
        assert len(names(picker)) == len(picker.items) and on.app.screen is picker
        await on.press("slash", *"graphql", "enter", "enter")
        await on.until(lambda: on.app.validation.contracts_in_use == ("graphql-transport-ws",))


async def test_a_path_is_typed_at_once_or_after_tab_and_a_wrong_one_is_said(stage, chat_recording, tmp_path):
    (tmp_path / "mine.yaml").write_text("contract: mine\nversion: 1\n")
    async with stage(chat_recording, width=120) as on:
        await on.press("c", *"./nowhere.yaml", "enter")
        assert "no such contract file" in on.text()
        await on.press("ctrl+u", *str(tmp_path / "mine.yaml"), "enter")
        await on.until(lambda: on.app.validation.contracts_in_use == (str(tmp_path / "mine.yaml"),))
        (tmp_path / "mine.yaml").write_text("contract: [\n")
        await on.press("c")
        picker = on.app.screen
        assert picker.rows[picker.table.cursor].answer == (str(tmp_path / "mine.yaml"),)
        await on.press("enter")
        assert on.app.screen is picker and "mine.yaml:" in on.text()
        await on.press("tab", "tab", "q")
        assert on.app.screen is not picker


async def test_contracts_beside_the_recording_are_offered_and_other_files_are_not(stage, chat_recording, tmp_path, monkeypatch):
    (tmp_path / "contracts").mkdir()
    for name, text in (("mine.yaml", "# What we say.\ncontract: mine\n"), ("other.yaml", "services: {}\n")):
        (tmp_path / name).write_text(text)
    (tmp_path / "contracts" / "ours.yml").write_text("extends: agent-chat\n")
    monkeypatch.chdir(tmp_path)
    async with stage(chat_recording, width=120) as on:
        await on.press("c")
        assert names(on.app.screen)[-2:] == ["contracts/ours.yml", str(tmp_path / "mine.yaml")]
        assert "What we say." in on.text()
        await on.press("slash", *"ours", "enter", "enter")
        await on.until(lambda: on.app.validation.contracts_in_use == ("contracts/ours.yml",))


@pytest.mark.parametrize("keys", ["enter", "2 enter", "slash u 2 enter enter"])
async def test_a_session_to_compare_with_is_chosen_from_this_recording_or_typed(stage, chat_recording, keys):
    async with stage(chat_recording, width=120) as on:
        await on.judged()
        await on.press("g", "D")
        picker = on.app.screen
        assert isinstance(picker, PartnerPicker)
        await on.until(lambda: picker.rows)
        await on.press(*keys.split())
        await on.until(lambda: isinstance(on.app.screen, DiffScreen))
        assert on.app.screen.b[1] != on.app.screen.a[1]


async def test_sessions_of_the_recordings_beside_it_stand_below(stage, chat_recording):
    other = chat_recording.with_name("other.db")
    shutil.copy(chat_recording, other)
    other.with_name("broken.db").write_bytes(b"no database")
    async with stage(chat_recording, width=200) as on:
        await on.press("D")
        picker = on.app.screen
        await on.until(lambda: "No other session is here." in picker.table._empty_lines or len(picker.rows) == 3)
        assert [item.cells[-1] for item in picker.rows] == ["chat.db", "other.db", "other.db"]
        assert "2026" in on.text() or "20" in picker.rows[0].cells[2]
        await on.press("G", "enter")
        await on.until(lambda: isinstance(on.app.screen, DiffScreen))
        assert on.app.screen.b == (other, 2)


async def test_where_no_other_session_is_one_is_typed(stage, script):
    made = script("alone.db")
    made.open(1, 0, closed_ns=10**9)
    async with stage(made.write(1_000), width=120) as on:
        await on.press("D")
        picker = on.app.screen
        await on.until(lambda: picker.field.has_focus)
        assert "No other session is here." in on.text()
        await on.press("escape")
        assert on.app.screen is not picker
