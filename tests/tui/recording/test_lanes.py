"""The span log, laid out for the waterfall."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wsreplay.contract import load
from wsreplay.store.reader import Recording
from wsreplay.tui.recording.lanes import DrawnSpan, draw_spans, in_sight, instants_in_sight, lanes, nearest
from wsreplay.tui.recording.window import Window
from wsreplay.validator import SpanLog, SpanRecord, judge


def read(path) -> list[DrawnSpan]:
    """The spans of a recording by agent-chat."""
    with Recording.open(path) as reader:
        return draw_spans(judge(reader, load("agent-chat"), span_log=SpanLog()).spans)


def test_runs_hold_their_tools_and_what_never_ended_says_so(chat_recording):
    assert [(span.kind, span.name, span.state, span.depth) for span in read(chat_recording)] == [
        ("run", "triage", "completed", 0), ("run", "performance", "completed", 0), ("tool", "git_log", "completed", 1),
        ("tool", "metrics", "completed", 1), ("tool", "search", "stalled", 1), ("run", "performance", "cut", 0),
    ]  # fmt: skip


def test_a_sub_agents_run_is_nested_and_parallel_tools_get_lanes_of_their_own(script):
    made = script("nested.db")
    made.open(1, 0)
    thread = {"thread_id": "t"}
    made.say(1, 1, 1, "agent_started", **thread, run_id="outer")
    made.say(1, 2, 1, "agent_started", **thread, run_id="inner", parent_run_id="outer")
    for at, call in ((3, "a"), (4, "b")):
        made.say(1, at, 1, "tool_executing", **thread, run_id="inner", tool_call_id=call, tool_name=f"tool {call}")
    for at, call in ((5, "b"), (6, "a")):
        made.say(1, at, 1, "tool_completed", **thread, run_id="inner", tool_call_id=call)
    made.say(1, 7, 1, "agent_completed", **thread, run_id="inner")
    made.say(1, 8, 1, "agent_error", **thread, run_id="outer")
    spans = read(made.write(20))
    assert [(span.kind, span.name, span.state, span.depth) for span in spans] == [
        ("run", "run outer", "failed", 0), ("run", "run inner", "completed", 1), ("tool", "tool a", "completed", 2),
        ("tool", "tool b", "completed", 2),
    ]  # fmt: skip
    assert [(lane.depth, lane.name, lane.title) for lane in lanes(spans)] == [
        (0, "run outer", "t"), (1, "run inner", ""), (2, "tool a", ""), (2, "tool b", ""),
    ]  # fmt: skip


def record(number: int, keys: dict[str, str], kind: str = "operation", parent: str | None = None) -> SpanRecord:
    return SpanRecord(
        1, 1, tuple(keys.items()), "completed", number, number + 1, number, span=kind, id=f"1.{kind}.{number}", parent=parent
    )


def test_spans_that_would_each_stand_alone_stand_together_where_they_are_many():
    few, many = ([record(n, {"id": f"op{n}"}) for n in range(count)] for count in (12, 13))
    assert {lane.group for lane in lanes(draw_spans(few))} == {f"op{n}" for n in range(12)}
    assert {lane.group for lane in lanes(draw_spans(many))} == {"operation"}


def test_spans_may_be_nested_as_deep_as_somebody_sends_them():
    depth = 3000
    records = [record(n, {"thread": "t", "run": f"r{n}"}, "run", f"1.run.{n - 1}" if n else None) for n in range(depth)]
    assert draw_spans(records)[-1].depth == depth - 1


def test_what_is_part_of_a_span_that_is_not_there_stands_for_itself():
    (span,) = draw_spans([record(1, {"thread": "t", "run": "r"}, parent="1.run.7")])
    assert (span.group, span.depth) == ("t", 0)


starts_and_lengths = st.lists(st.tuples(st.integers(0, 60), st.none() | st.integers(0, 40)), max_size=60)


@given(starts_and_lengths.map(lambda made: sorted(made, key=lambda span: span[0])))
def test_each_span_goes_into_the_first_lane_that_is_free(made):
    spans = [
        DrawnSpan("run", "", "t", start, number, end_ns=None if length is None else start + length)
        for number, (start, length) in enumerate(made)
    ]
    plain: list[list[DrawnSpan]] = []
    for drawn in spans:
        free = (lane for lane in plain if lane[-1].end_ns is not None and lane[-1].end_ns <= drawn.start_ns)
        lane = next(free, None)
        if lane is None:
            plain.append([drawn])
        else:
            lane.append(drawn)
    assert [list(lane.spans) for lane in lanes(spans)] == plain


def test_laying_spans_into_lanes_looks_at_each_lane_once():
    class Looked(DrawnSpan):
        looks = 0

        def __getattribute__(self, name):
            Looked.looks += name == "end_ns"
            return super().__getattribute__(name)

    spans = [Looked("run", "", "t", number, number, end_ns=10_000 + number) for number in range(1000)]
    assert len(lanes(spans)) == 1000 and Looked.looks < 5000


@st.composite
def lane_spans(draw) -> list[DrawnSpan]:
    """Spans that follow each other, with pauses or without, some of no length, the last perhaps open."""
    spans, t_ns = [], 0
    for frame, (pause, length) in enumerate(draw(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 900)), max_size=60))):
        start = t_ns + pause
        t_ns = start + length
        spans.append(DrawnSpan("run", f"{frame}", "t", start, frame, end_ns=t_ns))
    if spans and draw(st.booleans()):
        spans[-1].end_ns = None
    return spans


@given(lane_spans(), st.integers(0, 30_000), st.integers(1, 30_000), st.integers(1, 80), st.none() | st.integers(0, 40_000))
def test_no_column_is_empty_that_a_span_would_fill(spans, start, length, width, horizon):
    window = Window(start, start + length, 0, 60_000)
    chosen = list(in_sight(spans, window, width, horizon))
    until = window.end_ns if horizon is None else min(window.end_ns, horizon)

    def columns(some) -> set[int]:
        begun = [span for span in some if span.start_ns <= until]
        ends = [until if span.end_ns is None else min(span.end_ns, until) for span in begun]
        starts = [window.column(span.start_ns, width) for span in begun]
        bounds = list(zip(starts, [window.column(end, width) for end in ends], strict=True))
        return {x for left, right in bounds for x in range(max(0, left), min(width, right + 1))}

    assert columns(chosen) == columns(spans)
    assert len(chosen) <= 2 * (width + 2)
    assert chosen == [span for span in spans if span in chosen]  # in order, none twice


@given(
    st.lists(st.integers(0, 40_000), max_size=80).map(sorted), st.integers(0, 30_000), st.integers(1, 30_000),
    st.integers(1, 80), st.none() | st.integers(0, 40_000),
)  # fmt: skip
def test_every_column_in_which_something_happened_is_named_once(times, start, length, width, horizon):
    window = Window(start, start + length, 0, 60_000)
    until = window.end_ns if horizon is None else min(window.end_ns, horizon)
    seen = list(instants_in_sight(DrawnSpan("run", "r", "t", 0, 1, instants=times), window, width, horizon))
    assert seen == sorted({window.column(t, width) for t in times if window.start_ns <= t <= until})


@given(lane_spans().filter(bool), st.integers(0, 60_000))
def test_the_nearest_span_is_the_nearest_of_all(spans, t_ns):
    def distance(span: DrawnSpan) -> int:
        end = t_ns if span.end_ns is None else span.end_ns
        return max(span.start_ns - t_ns, t_ns - end, 0)

    assert distance(nearest(spans, t_ns)) == min(map(distance, spans))
