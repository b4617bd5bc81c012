"""Users who are named in messages, on every screen."""

from __future__ import annotations

import shutil

import pytest
from named_users import PLACE, write_contract, write_named

from wsreplay.tui.session.screen import SessionScreen


@pytest.mark.parametrize("named_by", ["the contract", "the reader"])
async def test_a_filter_and_the_list_to_compare_with_know_whom_messages_name(stage, tmp_path, named_by):
    path = write_named(tmp_path / "a.db")
    shutil.copy(path, tmp_path / "b.db")
    contract = write_contract(tmp_path)
    named = {"contracts": (str(contract),), "validating": True} if named_by == "the contract" else {"users": (PLACE,)}
    async with stage(path, width=120, session=2, **named) as on:
        await on.until(lambda: isinstance(on.app.screen, SessionScreen) and "session 2 · zoe" in on.text())
        await on.press("slash", *"user:zoe", "enter")
        await on.until(lambda: "5 of 5" in on.text())
        await on.press("D")
        picker = on.app.screen
        await on.until(lambda: len(picker.rows) == 3)
        assert [(item.cells[0], item.cells[1], item.cells[-1]) for item in picker.rows] == [
            ("mia", "1", "a.db"), ("mia", "1", "b.db"), ("zoe", "2", "b.db"),
        ]  # fmt: skip


async def test_a_session_has_all_connections_that_the_contract_joins_from_the_start(stage, tmp_path):
    contract = write_contract(tmp_path)
    async with stage(write_named(tmp_path / "a.db"), session=2, contracts=(str(contract),), validating=True) as on:
        await on.until(lambda: "5/5" in on.text() or "1/5" in on.text())
        assert "/00:00.950" in on.text()
        await on.press("G")
        assert "00:00.800/00:00.950" in on.text()


async def test_another_contract_makes_another_session_of_what_is_shown(stage, tmp_path):
    contract = write_contract(tmp_path)
    async with stage(write_named(tmp_path / "a.db"), session=2, validating=True) as on:
        await on.until(lambda: "/2 " in on.text())
        on.app.validation.again((str(contract),))
        await on.until(lambda: "session 2 · zoe" in on.text() and "/5 " in on.text())
        assert "/00:00.950" in on.text()
