"""A connection is over with its second close frame, whoever sent the first one."""

from __future__ import annotations

import pytest

from wsreplay.model import Connection, Ending
from wsreplay.validator.state.closing import ClosingHandshake

CLIENT, SERVER = 0, 1
GOING_AWAY = b"\x03\xe9idle"


def ended(connection: Connection, *frames: tuple[int, bytes]) -> list[Connection | None]:
    handshake = ClosingHandshake()
    return [
        handshake.see(connection, direction, number, number * 10, payload)
        for number, (direction, payload) in enumerate(frames, 1)
    ]


def test_one_close_frame_ends_nothing_and_neither_does_its_repetition() -> None:
    assert ended(Connection(1, 1, 0), (CLIENT, GOING_AWAY), (CLIENT, GOING_AWAY)) == [None, None]


@pytest.mark.parametrize("ending", [Ending.OPEN, Ending.TRUNCATED])
def test_the_second_one_ends_it_as_the_first_one_says_where_the_recording_does_not_know_yet(ending: Ending) -> None:
    _, whole = ended(Connection(1, 1, 0, ending=ending), (SERVER, GOING_AWAY), (CLIENT, b""))
    assert whole is not None
    assert (whole.closed_ns, whole.ending, whole.closed_by) == (20, Ending.CLEAN, "server")
    assert (whole.close_code, whole.close_reason) == (1001, "idle")


def test_how_it_ended_stays_as_the_recording_says() -> None:
    known = Connection(1, 1, 0, closed_ns=90, ending=Ending.MALFORMED, closed_by="server", close_code=1002)
    assert ended(known, (SERVER, b"\x03\xea"), (CLIENT, b"\x03\xea")) == [None, known]
