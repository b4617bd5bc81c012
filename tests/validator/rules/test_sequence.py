"""Counters: gaps, disorder, restarts."""

from __future__ import annotations

from judged_traces import Trace, said

from wsreplay.contract import loads

CONTRACT = loads("{contract: x, envelope: {type: $.type, seq: $.seq}, sequence: {id: seq, field: envelope.seq}}")


def findings(*numbers: object) -> list[str]:
    trace = Trace().open()
    for number in numbers:
        trace.s2c("x", seq=number)
    return said(trace.close().judge(CONTRACT))


def test_a_counter_may_begin_anywhere() -> None:
    assert findings(7, 8, 9) == []


def test_a_number_that_follows_on_a_disorder_shows_a_restart() -> None:
    assert findings(5, 6, 7, 1, 2, 3, 4) == ["seq: $.seq 1 came after 7"]


def test_after_a_restart_disorder_is_disorder_again() -> None:
    """What followed the disorder is used up: the same number a second time is no further restart."""
    assert findings(5, 6, 7, 1, 2, 3, 2) == ["seq: $.seq 1 came after 7", "seq: $.seq 2 came after 3"]


def test_after_a_restart_a_gap_is_counted_from_there() -> None:
    assert findings(5, 6, 7, 1, 2, 5) == ["seq: $.seq 1 came after 7", "seq: 3 to 4 missing before 5"]


def test_a_counter_may_start_again_twice() -> None:
    assert findings(5, 6, 1, 2, 3, 1, 2, 3) == ["seq: $.seq 1 came after 6", "seq: $.seq 1 came after 3"]


def test_what_is_no_whole_number_is_said_to_be_none() -> None:
    assert findings(1, 2.0, "3", 3, True, 4.5, 4) == [
        "seq: $.seq is no whole number in x",
        "seq: $.seq is no whole number in x",
        "seq: $.seq is no whole number in x",
    ]
