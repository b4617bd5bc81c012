"""Sessions as a contract tells users apart."""

from __future__ import annotations

from wsreplay.contract import loads
from wsreplay.model import Connection, Ending
from wsreplay.tui.recording.stitching import stitch_by

SECOND = 1_000_000_000
LOST = Connection(1, 1, 0, SECOND, path="/line?patient=kim", ending=Ending.DROPPED)
BACK = Connection(2, 1, 3 * SECOND, path="/line?patient=kim")


def test_without_a_contract_users_are_those_that_were_recorded() -> None:
    assert [session.user for session in stitch_by(None, [LOST, BACK])] == [None, None]


def test_a_contract_says_who_a_user_is_and_for_how_long_a_session_waits() -> None:
    contract = loads("contract: c\nuser: query:patient\nsession: {resume_within: 5s}\n")
    assert [(session.user, len(session.connections)) for session in stitch_by(contract, [LOST, BACK])] == [("kim", 2)]
    hasty = loads("contract: c\nuser: query:patient\nsession: {resume_within: 1s}\n")
    assert [session.user for session in stitch_by(hasty, [LOST, BACK])] == ["kim", "kim"]
