"""Scans say what they find as they go on, each id once."""

from __future__ import annotations

from array import array
from functools import partial

import pytest

from wsreplay.store.reader import Recording
from wsreplay.trace import filter as filters
from wsreplay.trace.filter import Context
from wsreplay.tui.jobs.task import RecordingTask
from wsreplay.tui.recording import scan
from wsreplay.tui.recording.scan import FrameScan, ScanResult, matching_ids, near_match, next_match, session_ids


@pytest.fixture(autouse=True)
def every_piece_is_reported(monkeypatch):
    """Pieces of five frames, each reported as soon as it is read."""
    monkeypatch.setattr(scan, "CHUNK", 5)
    monkeypatch.setattr(scan, "REPORT_S", 0.0)


def put_together(results: list[ScanResult]) -> array[int]:
    ids = array("Q")
    for result in results:
        assert result.known == len(ids)
        ids = result.added_to(ids)
    return ids


@pytest.mark.parametrize("start", [0, 7, 15, 19])
@pytest.mark.parametrize("kept", [1, 2], ids=["all", "every_second"])
def test_what_is_in_sight_comes_first_and_nothing_comes_twice(script, results_of, start, kept):
    made = script("many.db")
    made.open(1, 0)
    for number in range(20):
        made.say(1, number, 1, "a" if number % kept == 0 else "b")
    path = made.write(30)
    work = partial(matching_ids, FrameScan(filters.parse("type:a"), Context()), range(1, 21), start)
    results = results_of(RecordingTask(path, work))
    assert list(put_together(results)) == list(range(1, 21, kept))
    assert len(results) > 4 and max(len(result.before) + len(result.after) for result in results) <= 5
    assert [frame_id for result in results for frame_id in result.after] == list(range(1, 21, kept))[-(-start // kept) :]
    assert [result.finished for result in results] == [False] * (len(results) - 1) + [True]
    assert results[-1].done == 1.0


def test_the_ids_of_a_session_come_once_each(script, results_of):
    made = script("two.db")
    for number in (1, 2):
        made.open(number, 0)
    for at in range(12):
        made.say(1 + at % 2, at, 1, "a")
    path = made.write(30)
    with Recording.open(path) as reader:
        second = reader.connections()[1:]
    results = results_of(RecordingTask(path, partial(session_ids, second)))
    assert list(put_together(results)) == [2, 4, 6, 8, 10, 12]


def test_what_came_meanwhile_stays_behind_what_the_scan_finds():
    ids = array("Q", [90, 91])
    for result in (
        ScanResult(0, array("Q"), array("Q", [10, 11]), 0.5, False),
        ScanResult(2, array("Q", [4, 5]), array("Q", [12]), 0.8, False),
        ScanResult(5, array("Q", [1]), array("Q"), 1.0, True),
    ):
        ids = result.added_to(ids)
    assert list(ids) == [1, 4, 5, 10, 11, 12, 90, 91]


def test_what_comes_before_leaves_a_view_that_is_shown_as_it_is():
    shown = array("Q", [10, 11])
    assert list(ScanResult(2, array("Q", [4]), array("Q"), 1.0, True).added_to(shown)) == [4, 10, 11]
    assert list(ScanResult(1, array("Q"), array("Q", [7]), 1.0, True).added_to(shown)) == [10, 7, 11]
    assert list(shown) == [10, 11]
    assert ScanResult(2, array("Q"), array("Q", [12]), 1.0, True).added_to(shown) is shown


@pytest.mark.parametrize(("start", "forward", "near", "found"), [
    (0, True, None, 12), (8, True, 12, 12), (12, True, None, 12),
    (20, True, None, 12), (12, False, 12, 12), (11, False, None, 12),
])  # fmt: skip
def test_a_match_that_is_near_is_found_among_the_first_that_are_looked_at(
    script, results_of, monkeypatch, start, forward, near, found
):
    monkeypatch.setattr(scan, "NEAR", 5)
    made = script("one.db")
    made.open(1, 0)
    for number in range(1, 21):
        made.say(1, number, 1, "a" if number == 12 else "b")
    path = made.write(30)
    where = FrameScan(filters.parse("type:a"), Context()), range(1, 21), start, forward
    assert results_of(RecordingTask(path, partial(near_match, *where))) == [near]
    assert results_of(RecordingTask(path, partial(next_match, *where))) == [found]
