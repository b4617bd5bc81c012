"""Users who are named in messages, on every screen."""

from __future__ import annotations

import shutil

import pytest
from named_users import CONTRACT, PLACE, write_contract, write_named
from sample_chat import C2S, MS, S2C, Script

from wsreplay.model import FIN, Ending
from wsreplay.store.writer import Writer
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.trace.identity import parse_user_source
from wsreplay.tui.recording.open_recording import OpenRecording
from wsreplay.tui.recording.rows import Rows
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


async def test_what_is_shown_stays_in_sight_where_it_becomes_part_of_an_earlier_session(stage, tmp_path):
    contract = write_contract(tmp_path)
    async with stage(write_named(tmp_path / "a.db"), session=3, validating=True) as on:
        await on.until(lambda: "session 3" in on.text() and "/3 " in on.text())
        on.app.validation.again((str(contract),))
        await on.until(lambda: "session 2 · zoe" in on.text() and "/5 " in on.text())


async def test_statistics_know_whom_the_reader_names(stage, tmp_path):
    contract = tmp_path / "nameless.yaml"
    contract.write_text(CONTRACT.replace(f"user: {PLACE}\n", ""))
    path = write_named(tmp_path / "a.db")
    async with stage(path, session=2, contracts=(str(contract),), users=(PLACE,), height=60) as on:
        await on.until(lambda: "session 2 · zoe" in on.text())
        await on.press("S")
        await on.until(lambda: "reconnects" in on.text())
        assert "session 2 · zoe" in "\n".join(line.text for line in on.app.screen.list._lines)


async def test_a_user_who_is_named_late_joins_what_was_passed_over(tmp_path):
    script = Script(tmp_path / "a.db")
    script.open(1, 0, user=None, closed_ns=400 * MS, ending=Ending.DROPPED, closed_by="server")
    script.say(1, 10, C2S, raw=b'{"op":"hello","d":{"who":"zoe"}}')
    script.open(2, 700, user=None)
    script.say(2, 720, S2C, raw=b'{"op":"welcome"}')
    path = script.write(1_000)
    recording = OpenRecording.open(path, ReadAs(users=(parse_user_source(PLACE),)))
    rows = Rows(recording, recording.session(2))
    assert list(rows.view.ids) == [2]
    writer = Writer(path)
    writer.add_frames([(2, 2, 730 * MS, C2S, 1, FIN, 0, 0, "hello", b'{"op":"hello","d":{"who":"zoe"}}')])
    writer.close()
    recording.refresh()
    rows.grown(recording.last_id)
    assert (rows.number, rows.connections, rows.complete) == (1, (1, 2), False)
    recording.close()
