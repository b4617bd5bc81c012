"""What Prometheus reads is what the totals say, by names that hold still."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from wsreplay.stats.totals import RecordingTotals
from wsreplay.stats.watch import RecordingWatch
from wsreplay.telemetry.metrics import BUCKETS_S, registry_of
from wsreplay.telemetry.status import RelayStatus

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"


def scraped(totals: RecordingTotals, status: RelayStatus | None = None) -> dict[tuple[str, ...], float]:
    """Samples by their name and the values of their labels."""
    text = generate_latest(registry_of(lambda: (totals, status or RelayStatus()))).decode()
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture(scope="module")
def totals() -> RecordingTotals:
    with RecordingWatch(SAMPLES / "missing-event.db") as watch:
        watch.look()
        return watch.totals


def test_counts_are_those_of_the_totals(totals: RecordingTotals) -> None:
    values = scraped(totals)
    assert values["wsreplay_events_total", "s2c", "tool_executing"] == totals.events[1, "tool_executing"] > 0
    assert values["wsreplay_frames_total", "s2c", "text"] == totals.frames[1, "text"]
    assert values["wsreplay_runs_total", "completed"] == totals.runs["completed"]
    assert values["wsreplay_runs_total", "stalled"] == 0
    broken = {name[1]: value for name, value in values.items() if name[0] == "wsreplay_findings_total" and value}
    assert broken == {rule: number for (rule, _, _), number in totals.findings.items() if number}
    assert values["wsreplay_findings_total", "run", "error", "violated"] == 0  # so that the first one is an increase
    assert values["wsreplay_unjudged_frames",] == 0


def test_histograms_are_cumulative(totals: RecordingTotals) -> None:
    values = scraped(totals)
    name = next(name for kind, name in totals.spans if kind == "run")
    counts = [values["wsreplay_span_duration_seconds_bucket", str(bound), name, "run"] for bound in BUCKETS_S]
    whole = values["wsreplay_span_duration_seconds_count", name, "run"]
    assert counts == sorted(counts)
    assert values["wsreplay_span_duration_seconds_bucket", "+Inf", name, "run"] == whole == totals.run_times.lasted.count
    assert values["wsreplay_span_duration_seconds_sum", name, "run"] == pytest.approx(totals.run_times.lasted.total / 1e9)


def test_the_relay_tells_of_itself() -> None:
    status = RelayStatus(bytes=7, recorder_lag_ns=1_500_000_000, recorder_restarts=2, stalled="disk full")
    values = scraped(RecordingTotals(), status)
    assert values["wsreplay_relayed_bytes_total",] == 7
    assert values["wsreplay_recorder_lag_seconds",] == 1.5
    assert values["wsreplay_recorder_restarts_total",] == 2
    assert values["wsreplay_recorder_stalled",] == 1


def test_hostile_names_are_labels_and_nothing_else() -> None:
    totals = RecordingTotals()
    totals.count_events(0, 'a"} 1\nwsreplay_up 1\x1b[2J\ud800', second=1)
    values = scraped(totals)
    (name,) = (name for name in values if name[0] == "wsreplay_events_total")
    assert name[2].startswith('a"} 1␊wsreplay_up 1␛[2J')
    assert ("wsreplay_up",) not in values
