"""Idle time drawn short: an axis that goes on, and back."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from wsreplay.tui.recording.squeeze import AS_IT_WAS, LEAST_IDLE_NS, MOST_STRETCHES, find_idle, squeeze
from wsreplay.tui.recording.window import Window
from wsreplay.units import MILLISECOND, SECOND

END_NS = 600 * SECOND
times = st.lists(st.integers(0, END_NS), min_size=1, max_size=60)


def axis(moments):
    return squeeze(find_idle([0, END_NS, *moments]), 0, END_NS)


@given(times, st.lists(st.integers(0, END_NS), min_size=2, max_size=20))
def test_places_keep_the_order_of_times_and_lead_back(moments, looked_at):
    made = axis(moments)
    places = [made.place(t_ns) for t_ns in sorted(looked_at)]
    assert places == sorted(places)
    for t_ns in looked_at:
        first_ns = made.time(made.place(t_ns))
        assert first_ns <= t_ns and made.place(first_ns) >= made.place(t_ns)
        assert made.place(first_ns - 1) < made.place(t_ns) or first_ns == 0
    for before, after in pairwise(sorted(moments)):
        if made.stretch_at(before + 1) is None and after > before:
            assert made.place(after) - made.place(before) == after - before or made.stretches


@given(times)
def test_only_long_pauses_are_drawn_short_and_none_of_them_longer(moments):
    made = axis(moments)
    assert len(made.stretches) <= MOST_STRETCHES
    for start, end in made.stretches:
        assert end - start >= LEAST_IDLE_NS and made.place(end) - made.place(start) == made.kept_ns <= end - start
        assert not [t_ns for t_ns in moments if start < t_ns < end]


def test_where_little_is_idle_time_is_as_it_was():
    assert axis(range(0, END_NS, SECOND // 2)) == AS_IT_WAS
    assert squeeze([], 0, END_NS) == AS_IT_WAS


def test_a_tenth_of_a_second_of_work_before_ten_seconds_of_waiting_has_the_room():
    work = [0, 30 * MILLISECOND, 100 * MILLISECOND, 10 * SECOND]
    window = Window.fitting(0, 10 * SECOND, squeeze(find_idle(work), 0, 10 * SECOND))
    assert window.column(100 * MILLISECOND, 100) > 80
    ((first, after, stretch),) = window.idle(100)
    assert stretch == (100 * MILLISECOND, 10 * SECOND) and 80 < first < after <= 100


@given(times, st.lists(st.tuples(st.sampled_from("+-<>z"), st.floats(0, 1)), max_size=20), st.integers(20, 200))
def test_a_window_on_it_stays_inside_and_its_columns_lead_back(moments, moves, width):
    window = Window.fitting(0, END_NS, axis(moments))
    for move, share in moves:
        at = int(END_NS * share)
        window = {
            "+": lambda w, at=at: w.zoomed(2, at), "-": lambda w, at=at: w.zoomed(0.5, at),
            "<": lambda w, at=at: w.panned(-0.25), ">": lambda w, at=at: w.panned(0.25), "z": lambda w, at=at: w.showing(at),
        }[move](window)  # fmt: skip
        assert 0 <= window.start_ns < window.end_ns <= END_NS
        for column in range(0, width, 7):
            begins_ns = window.begins(column, width)
            assert window.column(begins_ns, width) >= column
            assert begins_ns <= 0 or window.column(begins_ns - 1, width) < column
        columns = [x for x, _ in window.ticks(width)]
        assert columns == sorted(columns) and len(columns) <= width
