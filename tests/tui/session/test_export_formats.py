"""Handing over what is shown: a format is chosen, a file named, and written in the background for its owner alone."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import pytest

from wsreplay.errors import UsageError
from wsreplay.store.reader import Recording
from wsreplay.trace.sessions import stitch
from wsreplay.tui.session.export_formats import FORMATS, HandoverJob, check_target, propose_name

SAMPLES = Path(__file__).parents[3] / "recordings" / "samples"
BY_NAME = {format_.name: format_ for format_ in FORMATS}


def written(job, results_of):
    (paths,) = results_of(job)
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o600] * len(paths)
    return paths


def order_of(format_, sample, out, *, whole=False, **options):
    path = SAMPLES / sample
    with Recording.open(path) as reader:
        session = None if whole else stitch(reader.connections())[-1]
    return HandoverJob(BY_NAME[format_], path, out, session, **options)


def test_each_way_writes_what_its_readers_take(tmp_path, results_of):
    for format_ in FORMATS:
        out = tmp_path / propose_name(format_, SAMPLES / "leak.db", 2)
        paths = written(order_of(format_.name, "leak.db", out), results_of)
        assert paths[0] == out and out.stat().st_size > 100
    with Recording.open(tmp_path / "leak.2.db") as reader:
        assert [connection.user for connection in reader.connections()] == ["alice"]
    assert json.loads((tmp_path / "leak.2.har").read_text())["log"]["entries"]
    assert "own-events" in (tmp_path / "leak.2.md").read_text() or "thread-owner" in (tmp_path / "leak.2.md").read_text()
    assert (tmp_path / "leak.2.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "cassettes" / "leak_2.db").exists() and (tmp_path / "test_leak_2.py").exists()
    assert (tmp_path / "leak.2.sh").read_text().startswith("#!/bin/sh")


def test_a_report_is_by_the_contract_in_use_and_of_the_session(tmp_path, results_of):
    out = tmp_path / "x.md"
    written(order_of("Markdown", "missing-event.db", out, contracts=("ag-ui",)), results_of)
    assert "`ag-ui`" in out.read_text()
    whole = tmp_path / "whole.md"
    written(order_of("Markdown", "leak.db", whole, whole=True), results_of)
    assert "session 2" in whole.read_text()


def test_a_test_names_the_file_of_its_contract(tmp_path, results_of, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("{contract: mine, extends: agent-chat}")
    for name, said in (("mine.yaml", "Path(__file__).parent / 'mine.yaml'"), ("agent-chat", "'agent-chat'")):
        out = tmp_path / f"test_{Path(name).stem.replace('-', '_')}.py"
        written(order_of("pytest", "healthy.db", out, contracts=(name,)), results_of)
        assert f"CONTRACT = {said}\n" in out.read_text()
    out = tmp_path / "test_judged_by_none.py"
    written(order_of("pytest", "healthy.db", out, contracts=("none",)), results_of)
    assert "contract=" not in out.read_text() and "assert not tap.complaints()" in out.read_text()


def test_what_is_of_one_session_is_not_written_of_all(tmp_path, results_of):
    for format_ in ("pytest", "websocat"):
        with pytest.raises(UsageError, match="of one session only"):
            results_of(order_of(format_, "leak.db", tmp_path / "x", whole=True))


def test_a_target_is_new_and_in_a_folder_that_is_there(tmp_path):
    assert check_target(str(tmp_path / "x.md")) is None
    (tmp_path / "x.md").touch()
    assert check_target(str(tmp_path / "x.md")) == f"{tmp_path / 'x.md'} exists: choose another name"
    assert check_target(str(tmp_path / "none" / "x.md")) == f"there is no folder {tmp_path / 'none'}"


@pytest.mark.parametrize("number", range(1, len(FORMATS) + 1))
async def test_a_way_is_chosen_by_its_number_and_said_when_it_is_done(stage, tmp_path, monkeypatch, number):
    shutil.copy(SAMPLES / "missing-event.db", tmp_path / "chat.db")
    monkeypatch.chdir(tmp_path)
    async with stage(Path("chat.db"), steady=True) as on:
        await on.press("e", str(number))
        assert f"as {FORMATS[number - 1].name} to" in on.text()
        await on.press("enter")
        await on.until(lambda: on.app.notice)
        notification = on.app.notice
        assert notification.title == "written", notification.message
        assert all((tmp_path / line).exists() for line in notification.message.split(" and "))


async def test_it_is_chosen_with_the_arrows_and_given_up_with_escape(stage, chat_recording, pictured):
    async with stage(chat_recording, steady=True) as on:
        await on.press("down", "enter", "e", "down", "down")
        pictured(on)
        await on.press("enter")
        assert "Write this session as HAR to" in on.text()
        await on.press("escape", "e", "escape")
        assert "Export this session as" not in on.text()


async def test_of_all_sessions_no_test_can_be_made(stage, chat_recording):
    async with stage(chat_recording, steady=True) as on:
        await on.press("a", "e", "6")
        assert "open one first" in on.text()
