"""Sessions as a contract tells users apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from sample_chat import MS, Script

from wsreplay.contract import loads
from wsreplay.errors import ContractError
from wsreplay.model import Ending
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import AS_RECORDED, ReadAs
from wsreplay.trace.identity import parse_user_source
from wsreplay.tui.recording.stitching import stitch_by, stitcher

CONTRACT = "contract: c\nuser: query:patient\nsession: {resume_within: %s}\n"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    script = Script(tmp_path / "a.db")
    script.open(1, 0, user=None, path="/line?patient=kim", closed_ns=1_000 * MS, ending=Ending.DROPPED)
    script.open(2, 3_000, user=None, path="/line?patient=kim")
    return script.write(4_000)


def test_without_a_contract_users_are_those_that_were_recorded_or_that_the_reader_names(recording: Path) -> None:
    with Recording.open(recording) as reader:
        assert [session.user for session in stitch_by(None, reader)] == [None, None]
        named = stitch_by(None, reader, ReadAs(users=(parse_user_source("query:patient"),)))
        assert [session.user for session in named] == ["kim"]


def test_a_contract_says_who_a_user_is_and_for_how_long_a_session_waits(recording: Path, tmp_path: Path) -> None:
    patient = tmp_path / "patient.yaml"
    patient.write_text(CONTRACT % "5s")
    with Recording.open(recording) as reader:
        (session,) = stitcher(str(patient), AS_RECORDED)(reader)
        assert (session.user, len(session.connections)) == ("kim", 2)
        assert [session.user for session in stitch_by(loads(CONTRACT % "1s"), reader)] == ["kim", "kim"]
        assert len(stitcher(None, AS_RECORDED)(reader)) == 2
    with pytest.raises(ContractError):
        stitcher("nowhere.yaml", AS_RECORDED)
