from __future__ import annotations

from itertools import islice

from wsreplay.proxy.suspect import HASTY_RESTARTS, QUICK_S, RESTART_PAUSE_S, SuspectRecord


def _life(suspect: SuspectRecord, at: int | None, *, seconds: float = 0.1, failed: bool = False) -> None:
    suspect.ready(100.0)
    suspect.hears(at)
    suspect.died(100.0 + seconds, failed=failed)


def test_one_death_says_nothing() -> None:
    suspect = SuspectRecord()
    _life(suspect, None)
    assert (suspect.careful, suspect.convicted()) == (False, None)


def test_the_second_quick_death_makes_the_next_recorder_careful() -> None:
    suspect = SuspectRecord()
    _life(suspect, None)
    _life(suspect, None)
    assert suspect.careful
    _life(suspect, None, seconds=QUICK_S + 1)
    assert not suspect.careful, "it has lived: whatever killed it was not what it was sent first"


def test_three_deaths_at_one_record_convict_it_and_once() -> None:
    suspect = SuspectRecord()
    for deaths in (1, 2, 3):
        assert suspect.convicted() is None, deaths
        _life(suspect, 7)
    assert suspect.convicted() == (7, 0)
    assert suspect.convicted() is None
    for _ in range(3):
        _life(suspect, 7)
    assert suspect.convicted() == (7, 1), "its outline is not better"


def test_deaths_at_different_records_convict_none() -> None:
    suspect = SuspectRecord()
    for number in (7, 8, 7, 8, 7, 8):
        _life(suspect, number)
    assert suspect.convicted() is None


def test_what_died_after_it_said_something_else_did_not_die_at_the_record() -> None:
    suspect = SuspectRecord()
    for _ in range(5):
        suspect.ready(1.0)
        suspect.hears(7)
        suspect.hears(None)  # it is committed, or the file is locked
        suspect.died(1.1)
    assert suspect.convicted() is None


def test_a_recorder_that_was_never_ready_says_nothing() -> None:
    suspect = SuspectRecord()
    for _ in range(5):
        suspect.died(1.0)
    assert (suspect.quick_deaths, suspect.convicted()) == (0, None)


def test_one_that_fails_makes_the_next_careful_at_once() -> None:
    suspect = SuspectRecord()
    _life(suspect, 3, failed=True, seconds=100)
    assert suspect.careful


def test_restarts_become_slower_unless_the_record_is_not_known_yet() -> None:
    suspect = SuspectRecord()
    assert tuple(islice(suspect.pauses(), len(RESTART_PAUSE_S) + 1)) == (*RESTART_PAUSE_S, RESTART_PAUSE_S[-1])
    for _ in range(HASTY_RESTARTS + 2):
        _life(suspect, None)
    assert next(suspect.pauses()) == RESTART_PAUSE_S[2]
