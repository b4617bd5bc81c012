"""How dense a session is over time, in one line."""

from __future__ import annotations

from array import array

from example_count import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tui.recording.conftest import FRAMES, MS
from wsreplay.tui.recording.density import bars, column, density, time_of_column

ids = st.sets(st.integers(1, FRAMES), max_size=60).map(sorted) | st.just(range(1, FRAMES + 1))


@settings(max_examples=examples(20), deadline=None)
@given(ids=ids, bins=st.integers(1, 120))
def test_density_counts_every_frame_once(reader, ids, bins):
    ids = ids if isinstance(ids, range) else array("Q", ids)
    counts = density(reader, ids, 0, FRAMES * MS, bins)
    expected = [0] * bins
    for frame_id in ids:
        edge = next(n for n in range(bins - 1, -1, -1) if n == 0 or FRAMES * MS * n // bins <= (frame_id - 1) * MS)
        expected[edge] += 1
    assert counts == expected


@given(st.lists(st.integers(0, 1000), max_size=200))
def test_bars_are_one_glyph_a_count_and_only_nothing_looks_like_nothing(counts):
    drawn = bars(counts, " ▁▂▃▄▅▆▇█")
    assert len(drawn) == len(counts)
    assert [glyph == " " for glyph in drawn] == [not count for count in counts]


@given(start=st.integers(0, 10**6), span=st.integers(1, 10**12), width=st.integers(1, 300), share=st.floats(0, 1))
def test_a_time_and_its_column_belong_together(start, span, width, share):
    t = start + int(span * share)
    x = column(t, start, start + span, width)
    assert 0 <= x < width
    assert time_of_column(x, start, start + span, width) <= max(t, start)
