"""Which frame began what another ended."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wsreplay.tui.recording.pairs import Pair, Pairs

frames = st.tuples(st.integers(1, 30), st.integers(0, 9), st.integers(0, 99))
some_pairs = st.lists(frames.map(lambda pair: Pair(pair[0] + pair[1], pair[0], pair[2])))


@given(some_pairs, st.integers(1, 40))
def test_a_pair_is_found_by_either_end(all_pairs, frame_id):
    pairs = Pairs(all_pairs)
    ended, begun = pairs.ended_by(frame_id), pairs.begun_by(frame_id)
    assert ended == max((pair for pair in all_pairs if pair.end == frame_id), default=None)
    first_end = min((pair.end for pair in all_pairs if pair.start == frame_id), default=None)
    assert (None if begun is None else begun.end) == first_end
    assert begun is None or begun in all_pairs
