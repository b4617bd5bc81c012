"""Which spans are open at a time, and how they are read by page."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from published_here import PublishedHere

from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import AS_RECORDED
from wsreplay.tui.recording import span_reading
from wsreplay.tui.recording.lanes import DrawnSpan
from wsreplay.tui.recording.span_reading import SpanReading, open_at, read_spans
from wsreplay.validator import span_log


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50) | st.none()), max_size=20), st.integers(-1, 60))
def test_what_has_begun_and_not_ended_is_open(times, at):
    spans = [DrawnSpan("run", "", "", start, 0, end_ns=None if lasted is None else start + lasted) for start, lasted in sorted(
        times, key=lambda pair: pair[0])]  # fmt: skip
    expected = [span for span in spans if span.start_ns <= at and (span.end_ns is None or at < span.end_ns)]
    assert open_at(spans, at) == expected


def page(path, from_ns: int = 0) -> SpanReading:
    published = PublishedHere()
    with Recording.open(path) as reader:
        read_spans(None, ("agent-chat",), AS_RECORDED, from_ns, reader, published)
    (reading,) = published.values
    return reading


def test_a_page_reaches_as_far_as_it_is_full_and_the_next_one_goes_on(script, monkeypatch):
    made = script("runs.db")
    made.open(1, 0)
    for run in range(5):
        made.say(1, 10 * run + 1, 1, "agent_started", thread_id="t", run_id=f"r{run}")
        made.say(1, 10 * run + 5, 1, "agent_completed", thread_id="t", run_id=f"r{run}")
    path = made.write(100)
    assert (len(page(path).spans), page(path).left_out, page(path).until_ns) == (5, 0, None)
    monkeypatch.setattr(span_reading, "PAGE", 2)
    monkeypatch.setattr(span_log, "MOST_RUNS", 0)
    first = page(path)
    assert ([span.name for span in first.spans], first.left_out) == (["run r0", "run r1"], 3)
    third_ns = first.until_ns
    assert third_ns is not None and first.reaches(third_ns - 1) and not first.reaches(third_ns)
    second = page(path, third_ns)
    assert ([span.name for span in second.spans], second.left_out) == (["run r2", "run r3"], 3)
    assert second.reaches(third_ns) and not second.reaches(third_ns - 1)
    last = page(path, second.until_ns or 0)
    assert ([span.name for span in last.spans], last.until_ns) == (["run r4"], None)


def test_a_page_on_which_more_is_open_than_it_holds_is_not_read_again_and_again():
    assert SpanReading([], [], 7, from_ns=10, until_ns=5).reaches(20)
