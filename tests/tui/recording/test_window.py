"""A stretch of time that is panned and zoomed."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from wsreplay.tui.recording.window import Window

FRAMES = 400

MS = 1_000_000

ids = st.sets(st.integers(1, FRAMES), max_size=60).map(sorted) | st.just(range(1, FRAMES + 1))

moves = st.lists(st.tuples(st.sampled_from(["horizon", "ids"]), st.none() | st.integers(-1, FRAMES)), max_size=12)


@given(st.lists(st.tuples(st.sampled_from("+-<>z"), st.floats(0, 1)), max_size=40))
def test_a_window_stays_inside_its_recording_however_it_is_zoomed_and_panned(moves):
    window = Window.fitting(0, 60_000 * MS)
    for move, share in moves:
        at = int(60_000 * MS * share)
        window = {
            "+": lambda w, at=at: w.zoomed(2, at), "-": lambda w, at=at: w.zoomed(0.5, at),
            "<": lambda w, at=at: w.panned(-0.25), ">": lambda w, at=at: w.panned(0.25), "z": lambda w, at=at: w.showing(at),
        }[move](window)  # fmt: skip
        assert 0 <= window.start_ns < window.end_ns <= 60_000 * MS
        columns = [x for x, _ in window.ticks(100)]
        assert columns == sorted(columns) and all(b - a >= 10 for a, b in itertools.pairwise(columns))
