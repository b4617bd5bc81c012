"""Every view of every sample shows the span log: the same spans, in the same states."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wsreplay.contract import Contract
from wsreplay.report import FileResult, render
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import AS_RECORDED
from wsreplay.tui.recording.known_spans import KnownSpans, SpanNews
from wsreplay.tui.recording.lanes import draw_spans
from wsreplay.tui.recording.span_reading import SpanReading, read_spans
from wsreplay.tui.validation import tasks
from wsreplay.validator import Judgement, SpanLog, judge
from wsreplay.validator.durations import tally_spans
from wsreplay.validator.select import select_contracts

SAMPLES = Path(__file__).parents[1] / "recordings" / "samples"
ALL = sorted(str(path.relative_to(SAMPLES)) for path in SAMPLES.rglob("*.db"))


def log_of(sample: str) -> tuple[Contract, Judgement]:
    with Recording.open(SAMPLES / sample) as recording:
        contract = select_contracts(recording)[0]
        return contract, judge(recording, contract, span_log=SpanLog())


def spans_of_the_interface(sample: str) -> dict[str, str]:
    """What the terminal interface draws: what its validator sends, and what it reads by page."""
    published: list[Any] = []
    context = SimpleNamespace(cancelled=False, publish=published.append)
    with Recording.open(SAMPLES / sample) as recording:
        read_spans(None, (), AS_RECORDED, 0, recording, context)
    tasks._validate(SAMPLES / sample, (), AS_RECORDED, context)
    known = KnownSpans()
    known.take(next(news for news in published if isinstance(news, SpanNews)))
    drawn = {span.id: span.state for span in draw_spans(known.of_session(None))}
    page = next(reading for reading in published if isinstance(reading, SpanReading))
    assert drawn == {span.id: span.state for span in page.spans} == {
        span.id: span.state for lane in page.lanes for span in lane.spans
    }
    return drawn


@pytest.mark.parametrize("sample", ALL)
def test_all_views_agree(sample: str) -> None:
    contract, judgement = log_of(sample)
    states = {record.id: str(record.state) for record in judgement.spans}
    result = FileResult(str(SAMPLES / sample), judgement, contract=contract, every_span=True)

    (file,) = json.loads(render("json", [result]))["files"]
    assert {span["id"]: span["state"] for span in file["spans"]} == states
    assert [run["id"] for run in file["runs"]] == [record.id for record in judgement.runs]
    assert file["run_counts"] == Counter(run["state"] for run in file["runs"])

    drawn = re.findall(r'data-state="(\w+)" data-span="[^"]*" data-id="([^"]*)"', render("html", [result]))
    assert {id_: state for state, id_ in drawn} == states and len(drawn) == len(states)

    assert spans_of_the_interface(sample) == states

    with Recording.open(SAMPLES / sample) as recording:
        tallied = tally_spans(recording, contract)
    counted = Counter[tuple[str, str]]()
    for (kind, _), group in tallied.items():
        counted.update({(kind, state): number for state, number in group.states.items()})
    assert counted == Counter((record.span, record.state) for record in judgement.spans)

    with Recording.open(SAMPLES / sample) as recording:
        unlogged = judge(recording, contract)
    assert unlogged.run_counts == judgement.run_counts
    assert [(run.state, run.start_frame, run.end_frame) for run in unlogged.runs] == [
        (run.state, run.start_frame, run.end_frame) for run in judgement.runs
    ]
