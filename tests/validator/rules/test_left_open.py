"""Connections that are left open for nothing."""

from __future__ import annotations

from judged_traces import Trace, said

from wsreplay.contract import loads

CONTRACT = loads("""
contract: x
spans: {run: {start: begin, end: done}}
left_open: {in: run, after: 60s, severity: warning}
""")


def done() -> Trace:
    return Trace().open().s2c("begin").s2c("done")


def test_one_that_is_idle_when_the_recording_ends_is_a_warning() -> None:
    judgement = done().at(100.01).truncate().judge(CONTRACT)
    assert said(judgement) == ["left-open: the connection was left open, idle for 1m40s when the recording ended"]
    assert (judgement.findings[0].after, judgement.findings[0].severity) == (2, "warning")


def test_not_for_long_is_nothing() -> None:
    assert said(done().at(59).truncate().judge(CONTRACT)) == []


def test_one_that_is_closed_is_not_open() -> None:
    assert said(done().at(100).close().judge(CONTRACT)) == []


def test_one_in_use_is_not_idle() -> None:
    assert said(done().at(99).s2c("begin").at(100).truncate().judge(CONTRACT)) == []


def test_one_on_which_nothing_ever_went_on_may_be_for_something_else() -> None:
    assert said(Trace().open().at(100).truncate().judge(CONTRACT)) == []
