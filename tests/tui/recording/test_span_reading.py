"""Which spans are open at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wsreplay.tui.recording.lanes import DrawnSpan
from wsreplay.tui.recording.span_reading import open_at


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50) | st.none()), max_size=20), st.integers(-1, 60))
def test_what_has_begun_and_not_ended_is_open(times, at):
    spans = [DrawnSpan("run", "", "", start, 0, end_ns=None if lasted is None else start + lasted) for start, lasted in sorted(
        times, key=lambda pair: pair[0])]  # fmt: skip
    expected = [span for span in spans if span.start_ns <= at and (span.end_ns is None or at < span.end_ns)]
    assert open_at(spans, at) == expected
