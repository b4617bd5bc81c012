from __future__ import annotations

from itertools import islice

from wsreplay.proxy.poison_record import HASTY_RESTARTS, QUICK_S, RESTART_PAUSE_S, PoisonRecordDetector


def _life(detector: PoisonRecordDetector, at: int | None, *, seconds: float = 0.1, failed: bool = False) -> None:
    detector.ready(100.0)
    detector.hears(at)
    detector.died(100.0 + seconds, failed=failed)


def test_one_death_says_nothing() -> None:
    detector = PoisonRecordDetector()
    _life(detector, None)
    assert (detector.careful, detector.found()) == (False, None)


def test_the_second_quick_death_makes_the_next_recorder_careful() -> None:
    detector = PoisonRecordDetector()
    _life(detector, None)
    _life(detector, None)
    assert detector.careful
    _life(detector, None, seconds=QUICK_S + 1)
    assert not detector.careful, "it has lived: whatever killed it was not what it was sent first"


def test_three_deaths_at_one_record_convict_it_and_once() -> None:
    detector = PoisonRecordDetector()
    for deaths in (1, 2, 3):
        assert detector.found() is None, deaths
        _life(detector, 7)
    assert detector.found() == (7, 0)
    assert detector.found() is None
    for _ in range(3):
        _life(detector, 7)
    assert detector.found() == (7, 1), "its outline is not better"


def test_deaths_at_different_records_convict_none() -> None:
    detector = PoisonRecordDetector()
    for number in (7, 8, 7, 8, 7, 8):
        _life(detector, number)
    assert detector.found() is None


def test_what_died_after_it_said_something_else_did_not_die_at_the_record() -> None:
    detector = PoisonRecordDetector()
    for _ in range(5):
        detector.ready(1.0)
        detector.hears(7)
        detector.hears(None)  # it is committed, or the file is locked
        detector.died(1.1)
    assert detector.found() is None


def test_a_recorder_that_was_never_ready_says_nothing() -> None:
    detector = PoisonRecordDetector()
    for _ in range(5):
        detector.died(1.0)
    assert (detector.quick_deaths, detector.found()) == (0, None)


def test_one_that_fails_makes_the_next_careful_at_once() -> None:
    detector = PoisonRecordDetector()
    _life(detector, 3, failed=True, seconds=100)
    assert detector.careful


def test_restarts_become_slower_unless_the_record_is_not_known_yet() -> None:
    detector = PoisonRecordDetector()
    assert tuple(islice(detector.pauses(), len(RESTART_PAUSE_S) + 1)) == (*RESTART_PAUSE_S, RESTART_PAUSE_S[-1])
    for _ in range(HASTY_RESTARTS + 2):
        _life(detector, None)
    assert next(detector.pauses()) == RESTART_PAUSE_S[2]
