"""How spans are tallied: as the span log has them, whatever is kept."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from wsreplay.contract import load
from wsreplay.store.reader import Recording
from wsreplay.trace.statistics import OTHER, Histogram
from wsreplay.validator import SpanLog, durations, judge
from wsreplay.validator.durations import SpanTally, tally_spans

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"
ENDED = ("completed", "failed", "cancelled")


def held(histogram: Histogram) -> list[object]:
    return [getattr(histogram, name) for name in Histogram.__slots__]


@pytest.mark.parametrize("sample", ["sub-agent.db", "failing-agent.db", "stalled-run.db", "lost-connection.db", "typing.db"])
@pytest.mark.parametrize("connections", [None, [1], []])
def test_spans_are_counted_by_kind_and_name_and_by_how_long_they_took(sample: str, connections: list[int] | None) -> None:
    contract, expected = load("agent-chat"), dict[tuple[str, str], tuple[Counter[str], Histogram]]()
    with Recording.open(SAMPLES / sample) as recording:
        records = judge(recording, contract, span_log=SpanLog()).spans
        groups = tally_spans(recording, contract, connections)
        sessions = {record.session for record in records} if connections is None else {*connections}
    for record in records:
        if record.session in sessions and record.end_ns is not None:
            states, lasted = expected.setdefault((record.span, record.label), (Counter(), Histogram()))
            states[record.state] += 1
            if record.state in ENDED and record.end_ns is not None:
                lasted.add(record.end_ns - record.start_ns)
    assert {key: (group.states, held(group.lasted)) for key, group in groups.items()} == {
        key: (states, held(lasted)) for key, (states, lasted) in expected.items()
    }


def test_names_beyond_the_first_thousands_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durations, "_MOST_GROUPS", 1)
    with Recording.open(SAMPLES / "sub-agent.db") as recording:
        groups = tally_spans(recording, load("agent-chat"))
    assert len(groups) <= 3 and {label for _, label in list(groups)[1:]} == {OTHER}
    assert sum(group.states.total() for group in groups.values()) == 4


def test_who_asks_is_told_of_each_span_with_the_outermost_one_that_it_is_part_of() -> None:
    told = []
    tally = SpanTally(lambda record, outermost: told.append((record.id, record.state, outermost.id)))
    with Recording.open(SAMPLES / "sub-agent.db") as recording:
        judge(recording, load("agent-chat"), span_log=tally)
    assert sorted(told) == [
        ("1.run.1", "completed", "1.run.1"), ("1.run.2", "completed", "1.run.1"), ("1.tool.1", "completed", "1.run.1"),
        ("1.tool.2", "completed", "1.run.1"),
    ]  # fmt: skip
    assert tally.open_counts() == Counter()
