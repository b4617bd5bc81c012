"""A verdict that is kept is that of the same file, contract and program, or it is judged again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from growing_files import write_whole
from judged_traces import Trace

from wsreplay.contract import load, loads
from wsreplay.store import lock
from wsreplay.store.reader import Recording
from wsreplay.trace.identity import parse_user_source
from wsreplay.validator import judge_files, verdict_cache
from wsreplay.validator.preview import preview_by
from wsreplay.validator.verdict_cache import SavedVerdicts, state_of

CONTRACT = load("agent-chat")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    trace = Trace().open().c2s("chat", thread_id="t1").run(tools=()).open(2, "u2").s2c("agent_thinking", 2, thread_id="t1")
    return write_whole(tmp_path / "bad.db", trace.close().close(2))


@pytest.fixture
def kept(tmp_path: Path) -> SavedVerdicts:
    return SavedVerdicts(tmp_path / "kept")


def files_in(kept: SavedVerdicts) -> list[str]:
    return sorted(path.name for path in kept.folder.iterdir()) if kept.folder.exists() else []


def test_what_is_kept_is_the_same_verdict(recording: Path, kept: SavedVerdicts) -> None:
    (fresh,) = judge_files([(recording, CONTRACT)], saved=kept)
    assert fresh.judgement is not None and fresh.judgement.findings
    state = state_of(recording)
    assert state is not None
    assert kept.find(state, CONTRACT) == fresh.judgement
    counted: list[int] = []
    (again,) = judge_files([(recording, CONTRACT)], saved=kept, progress=lambda: counted.append(1))
    assert (again, counted, len(files_in(kept))) == (fresh, [1], 1)


@pytest.mark.parametrize("event", [{"thread_id": "\ud83d"}, {"run_id": 2**70}])
def test_what_cannot_be_kept_is_judged_each_time(event: dict[str, Any], tmp_path: Path, kept: SavedVerdicts) -> None:
    path = write_whole(tmp_path / "odd.db", Trace().open().s2c("agent_thinking", **event).close())
    first, second = (judge_files([(path, CONTRACT)], saved=kept)[0] for _ in range(2))
    assert first.judgement is not None and first.judgement.findings and first == second


def test_it_is_not_judged_again(recording: Path, kept: SavedVerdicts) -> None:
    judge_files([(recording, CONTRACT)], saved=kept)
    (path,) = (kept.folder / name for name in files_in(kept))
    other = judge_files([(recording, loads("contract: x"))])[0].judgement
    path.write_bytes(verdict_cache.msgspec.msgpack.encode(other))
    assert judge_files([(recording, CONTRACT)], saved=kept)[0].judgement == other


def test_another_contract_file_or_question_has_its_own(recording: Path, kept: SavedVerdicts) -> None:
    asked = [
        CONTRACT, CONTRACT.read_by("json"), CONTRACT.identified_by(parse_user_source("query:u")),
        CONTRACT.identified_by(parse_user_source("$.u")), loads("contract: agent-chat"),
    ]  # fmt: skip
    for number, contract in enumerate(asked, 1):
        judge_files([(recording, contract)], saved=kept)
        assert len(files_in(kept)) == number
    judge_files([(recording, CONTRACT)], saved=kept, spans=True)
    assert len(files_in(kept)) == len(asked) + 1
    os.utime(recording, ns=(1, 1))
    judge_files([(recording, CONTRACT)], saved=kept)
    assert len(files_in(kept)) == len(asked) + 2


def test_a_file_that_is_written_is_always_judged(recording: Path, kept: SavedVerdicts) -> None:
    held = lock.acquire(recording)
    try:
        assert state_of(recording) is None
        assert judge_files([(recording, CONTRACT)], saved=kept)[0].judgement is not None
    finally:
        held.release()
    assert files_in(kept) == []
    assert state_of(recording.with_name("none.db")) is None


def test_what_another_packages_decoder_reads_is_always_judged(recording: Path, kept: SavedVerdicts) -> None:
    with Recording.open(recording) as file:
        judgement = preview_by(file, CONTRACT)
    state = state_of(recording)
    assert judgement is not None and state is not None
    for decoder, is_kept in (("socket.io", True), ("theirs", False)):
        contract = CONTRACT.read_by(decoder)
        kept.keep(state, contract, judgement)
        assert (kept.find(state, contract) is not None) is is_kept


def test_what_cannot_be_read_is_judged_again(recording: Path, kept: SavedVerdicts) -> None:
    (fresh,) = judge_files([(recording, CONTRACT)], saved=kept)
    (kept.folder / files_in(kept)[0]).write_bytes(b"broken")
    assert judge_files([(recording, CONTRACT)], saved=kept) == [fresh]


def test_a_folder_that_cannot_be_written_keeps_nothing(recording: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert judge_files([(recording, CONTRACT)], saved=SavedVerdicts(tmp_path / "file" / "x"))[0].judgement is not None


def test_the_oldest_make_room(recording: Path, kept: SavedVerdicts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict_cache, "MOST_KEPT", 10)
    for number in range(12):
        os.utime(recording, ns=(number, number))
        judge_files([(recording, CONTRACT)], saved=kept)
    assert len(files_in(kept)) == 10


def test_a_list_shows_what_is_kept(recording: Path, kept: SavedVerdicts) -> None:
    with Recording.open(recording) as reader:
        fresh = preview_by(reader, CONTRACT, kept)
        assert len(files_in(kept)) == 1
        assert preview_by(reader, CONTRACT, kept) == fresh


def test_where_they_are_kept_is_the_users_to_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WSREPLAY_CACHE", "")
    assert SavedVerdicts.open() is None
    monkeypatch.setenv("WSREPLAY_CACHE", str(tmp_path))
    opened = SavedVerdicts.open()
    assert opened is not None and opened.folder == tmp_path
    monkeypatch.delenv("WSREPLAY_CACHE")
    opened = SavedVerdicts.open()
    assert opened is not None and opened.folder.parts[-2:] == ("wsreplay", "verdicts")
