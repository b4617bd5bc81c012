"""What befalls connections, in the order in which it is to be judged; and fragments that become messages."""

from __future__ import annotations

import pytest

from wsreplay.model import Connection, Ending, Run
from wsreplay.trace.sessions import stitch
from wsreplay.trace.stream import Closed, Lifecycle, Lost, Opened, Truncated, lifecycle


def connection(id: int, opened: int, closed: int | None = None, ending: Ending = Ending.CLEAN, run: int = 1) -> Connection:
    still_open = closed is None and ending is Ending.CLEAN
    return Connection(id, run, opened, closed, ending=Ending.OPEN if still_open else ending)


def run(id: int, start: int, reached: int, ended: int | None = None) -> Run:
    return Run(id, "2026-11-20T10:00:00+00:00", start, reached, ended, "ws://upstream", "ws://proxy", "1", {})


def story(*connections: Connection, runs: tuple[Run, ...] = (), losses: dict[int, int] | None = None) -> list[Lifecycle]:
    return lifecycle(connections, stitch(connections), runs, losses)


def test_an_end_comes_before_an_opening_at_the_same_time():
    first, second = connection(1, 0, 10), connection(2, 10, 20)
    assert story(second, first) == [Opened(0, first, 1), Closed(10, first), Opened(10, second, 2), Closed(20, second)]


def test_a_connection_opens_before_it_ends_even_at_once():
    at_once, back = connection(1, 5, 5), connection(2, 7, 6)
    assert story(at_once, back) == [Opened(5, at_once, 1), Closed(5, at_once), Opened(7, back, 2), Closed(7, back)]


def test_a_refused_connection_never_opens():
    assert story(connection(1, 0, 0, Ending.REFUSED)) == []


def test_frames_are_missing_from_a_time_on_but_not_before_the_opening():
    first, second = connection(1, 5, 30), connection(2, 6)
    assert story(first, second, losses={1: 2, 2: 9}) == [
        Opened(5, first, 1), Lost(5, first), Opened(6, second, 2), Lost(9, second), Closed(30, first),
    ]  # fmt: skip


@pytest.mark.parametrize("ending", [Ending.TRUNCATED, Ending.OPEN])
def test_a_connection_ends_with_its_run_if_a_later_one_follows(ending: Ending):
    cut, late = connection(1, 0, None, ending), connection(2, 60, None, ending)
    runs = (run(1, 0, 50), run(2, 100, 200))
    last = connection(3, 110, None, ending, run=2)
    assert story(cut, late, last, runs=runs) == [
        Opened(0, cut, 1), Truncated(50, cut), Opened(60, late, 2), Truncated(60, late), Opened(110, last, 3),
    ]  # fmt: skip


def test_an_orderly_end_of_a_run_counts_before_how_far_it_is_known_to_reach():
    cut = connection(1, 0, None, Ending.TRUNCATED)
    runs = (run(1, 0, 50, ended=40), run(2, 100, 200))
    assert story(cut, runs=runs) == [Opened(0, cut, 1), Truncated(40, cut)]
    assert story(cut) == [Opened(0, cut, 1)]
