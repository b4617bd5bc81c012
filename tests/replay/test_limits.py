from __future__ import annotations

import pytest

from wsreplay.replay.latencies import LatencyRow
from wsreplay.replay.limits import parse_limit, span_rows
from wsreplay.units import SECOND
from wsreplay.validator.durations import SpanGroup

ROWS = {row.name: row for row in (LatencyRow("tool", 3, 1.0, 2.0, 3.0, 4.0), LatencyRow("a → b", 1, 1, 1, 1, 1))}


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("tool p50<2s", None), ("tool p95<2s", "p95 was 2s"), ("tool p95<=2s", None), ("tool max < 4500ms", None),
        ("tool p99<100ms", "p99 was 3s"), ("a → b max<=1s", None),
        ("run p50<1s", "nothing was called 'run'; measured were tool, a → b"),
    ],
)  # fmt: skip
def test_a_limit_is_kept_or_says_why_not(text: str, broken: str | None) -> None:
    assert parse_limit(text).why_broken(ROWS) == broken


@pytest.mark.parametrize("text", ["", "tool", "tool p95", "tool<2s", "p95<2s", "tool p95>2s", "tool p95<2x", "tool p95<2 s x"])
def test_what_is_no_limit_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"limit|duration|2"):
        parse_limit(text)


def test_spans_are_told_by_kind_and_by_name() -> None:
    groups = {("run", ""): SpanGroup(), ("tool", "a"): SpanGroup(), ("tool", "b"): SpanGroup(), ("turn", ""): SpanGroup()}
    for (kind, label), seconds in {("run", ""): 9, ("tool", "a"): 1, ("tool", "b"): 3}.items():
        groups[kind, label].lasted.add(seconds * SECOND)
    rows = list(span_rows(groups))
    assert [(row.name, row.times, row.max) for row in rows] == [
        ("run", 1, 9.0), ("tool", 2, 3.0), ("tool a", 1, 1.0), ("tool b", 1, 3.0),
    ]  # fmt: skip
