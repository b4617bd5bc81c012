"""How runs end: completed, failed, cut, stalled, open."""

from __future__ import annotations

import pytest
from judged_traces import NS, Trace

from wsreplay.contract import loads
from wsreplay.validator import Judgement, span_log

RUNS = loads("""contract: x
keys: {run: $.run}
spans: {run: {by: run, start: s, end: {ok: e, failed: f, refused: g}, within: 10s}}""")


def ends(judgement: Judgement) -> list[tuple[str, str, float, float | None, int, int | None]]:
    """Of each run its key, its state, when and with which frames it began and ended."""
    return [
        (run.slice[0][1], run.state, run.start_ns / NS, run.end_ns and run.end_ns / NS, run.start_frame, run.end_frame)
        for run in judgement.runs
    ]


def test_every_run_has_an_account():
    trace = Trace().open().s2c("s", run=1).s2c("e", run=1).s2c("s", run=2).s2c("f", run=2).s2c("s", run=3).s2c("g", run=3)
    judgement = trace.at(1).s2c("s", run=4).s2c("s", run=4).s2c("e", run=4).close().judge(RUNS)
    assert ends(judgement) == [
        ("1", "completed", 0.0, 0.01, 1, 2),
        ("2", "failed", 0.02, 0.03, 3, 4),
        ("3", "failed", 0.04, 0.05, 5, 6),
        ("4", "cut", 1.0, 1.01, 7, 8),
        ("4", "completed", 1.01, 1.02, 8, 9),
    ]
    assert judgement.run_counts == {"completed": 2, "cut": 1, "failed": 2}
    assert {(run.session, run.connection) for run in judgement.runs} == {(1, 1)}


def test_a_run_whose_connection_ends_is_cut_and_says_how():
    trace = Trace().open().s2c("s", run=1).at(2).close(code=1001, by="server", reason="away")
    (run,) = trace.judge(RUNS).runs
    assert (run.state, run.detail, run.end_ns, run.end_frame) == (
        "cut", "the connection was closed by the server (1001, away)", 2 * NS, None,
    )  # fmt: skip


def test_a_run_past_its_deadline_is_stalled_and_one_before_it_is_open():
    stalled = Trace().open().s2c("s", run=1).at(20).s2c("s", run=2).truncate().judge(RUNS)
    assert [(key, state) for key, state, *_ in ends(stalled)] == [("1", "stalled"), ("2", "open")]


@pytest.mark.parametrize("count", [2, 3])
def test_of_runs_that_went_well_and_of_others_as_many_are_kept(monkeypatch: pytest.MonkeyPatch, count: int):
    monkeypatch.setattr(span_log, "MOST_RUNS", 2)
    trace = Trace().open()
    for run in range(count):
        trace.s2c("s", run=run).s2c("e", run=run).s2c("s", run=f"f{run}").s2c("f", run=f"f{run}")
    judgement = trace.close().judge(RUNS)
    assert [run.slice[0][1] for run in judgement.runs] == ["0", "f0", "1", "f1"]
    assert judgement.run_counts == {"completed": count, "failed": count}
