"""Each span and each finding is sent once, whether the recording grows or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsreplay.store.reader import Recording
from wsreplay.telemetry.collect import SpanCollector
from wsreplay.telemetry.traces import TraceSpan
from wsreplay.validator.judge import judge
from wsreplay.validator.select import select_contracts
from wsreplay.validator.span_log import SpanLog

SAMPLES = sorted((Path(__file__).parents[2] / "recordings" / "samples").rglob("*.db"))


def rules_of(spans: list[TraceSpan]) -> list[str]:
    return sorted(str(event.attributes["wsreplay.finding.rule"]) for span in spans for event in span.events)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_all_spans_and_findings_are_there(path: Path) -> None:
    spans: list[TraceSpan] = []
    with SpanCollector(path, None, spans.extend) as collector:
        collector.look()
    with Recording.open(path) as recording:
        judgement = judge(recording, select_contracts(recording)[0], span_log=SpanLog())
    assert collector.spans == len(judgement.spans)
    assert rules_of(spans) == sorted(finding.rule for finding in judgement.findings if finding.caused_by is None)
    assert collector.findings == len(rules_of(spans))


def test_one_session_alone() -> None:
    spans: list[TraceSpan] = []
    with SpanCollector(next(path for path in SAMPLES if path.stem == "leak"), None, spans.extend, session=2) as collector:
        collector.look()
    assert {span.attributes["wsreplay.session"] for span in spans} == {2}
    assert rules_of(spans) == ["thread-owner"]
