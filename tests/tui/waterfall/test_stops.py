"""The order in which `]` and `[` go through what is wrong in the waterfall."""

from __future__ import annotations

from wsreplay.tui.recording.lanes import DrawnSpan
from wsreplay.tui.waterfall.stops import frame_beyond, next_stop, stop_at
from wsreplay.validator.findings import Finding, Severity, Verdict

FIRST, TWIN, LAST = (DrawnSpan("run", name, "t", at, frame) for name, at, frame in (("a", 10, 4), ("b", 10, 4), ("c", 50, 9)))
BETWEEN = Finding("json", Verdict.VIOLATED, Severity.ERROR, "not JSON", frames=(7,), decided_at=30)
STOPS = [FIRST, TWIN, BETWEEN, LAST]


def test_each_is_gone_to_once_there_and_back():
    assert [next_stop(STOPS, here, 1) for here in (None, *STOPS)] == [*STOPS, None]
    assert [next_stop(STOPS, here, -1) for here in STOPS] == [None, *STOPS[:-1]]


def test_from_what_is_no_stop_the_nearest_is_gone_to():
    here = DrawnSpan("run", "fine", "t", 40, 8)
    assert next_stop(STOPS, here, 1) is LAST and next_stop(STOPS, here, -1) is BETWEEN


def test_a_frame_names_the_span_it_began_else_the_finding_that_stands_there():
    assert stop_at(9, [FIRST, LAST], [BETWEEN]) is LAST
    assert stop_at(7, [FIRST, LAST], [BETWEEN]) is BETWEEN
    assert stop_at(8, [FIRST, LAST], [BETWEEN]) is None


def test_what_lies_on_another_page_is_not_passed_over():
    assert frame_beyond([5, 20], BETWEEN, LAST, 1) == 0
    assert frame_beyond([8, 20], BETWEEN, LAST, 1) == 8
    assert frame_beyond([8, 20], LAST, None, 1) == 20
    assert frame_beyond([1, 5], LAST, BETWEEN, -1) == 0
    assert frame_beyond([1, 5], FIRST, None, -1) == 1
    assert frame_beyond([1], None, None, 1) == 0
