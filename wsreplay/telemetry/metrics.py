"""Totals and a relay's status as metrics of Prometheus, by the names of docs/how-to/observe.md.

Their number is bounded: types, labels and endings come from `stats.totals`, which bounds them; rules come from contracts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

import wsreplay
from wsreplay.display import visible
from wsreplay.model import Direction
from wsreplay.stats.totals import RecordingTotals
from wsreplay.telemetry.status import RelayStatus
from wsreplay.trace.statistics import Histogram
from wsreplay.units import SECOND

# Upper bounds of the histograms, in seconds.
BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_STATES = ("completed", "failed", "cancelled", "cut", "stalled")
_EDGES_NS = (0, *(round(bound * SECOND) for bound in BUCKETS_S))


def registry_of(read: Callable[[], tuple[RecordingTotals, RelayStatus]]) -> CollectorRegistry:
    """A registry whose every scrape reads the totals and the status as they stand."""
    registry = CollectorRegistry()
    registry.register(_AccountCollector(read))
    return registry


class _AccountCollector(Collector):
    """Makes the metrics anew for each scrape: nothing is counted twice."""

    def __init__(self, read: Callable[[], tuple[RecordingTotals, RelayStatus]]) -> None:
        self._read = read

    def describe(self) -> list[Metric]:
        """Nothing is to be read when it is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        totals, status = self._read()
        yield from _relay_metrics(status)
        yield from _traffic_metrics(totals)
        yield from _verdict_metrics(totals)


def _relay_metrics(status: RelayStatus) -> Iterator[Metric]:
    info = GaugeMetricFamily("wsreplay_build_info", "Always 1; the label is the version.", labels=["version"])
    info.add_metric([wsreplay.__version__], 1)
    yield info
    counters = (
        ("relayed_bytes", "Bytes received from clients and backend.", status.bytes),
        ("recorder_restarts", "Restarts of the recorder process.", status.recorder_restarts),
        ("http_requests", "Plain HTTP requests forwarded.", status.http_requests),
        ("faults", "Faults injected on purpose.", status.faults),
    )
    for name, text, value in counters:
        yield CounterMetricFamily(f"wsreplay_{name}", text, value=value)
    gauges = (
        ("open_connections", "Open WebSockets.", status.open_connections),
        ("recorder_lag_seconds", "Age of the oldest bytes not yet committed to the file.",
         status.recorder_lag_ns / SECOND),
        ("recorder_uncommitted_bytes", "Bytes not yet committed to the file.", status.uncommitted_bytes),
        ("recorder_stalled", "1 while recording is impossible.", bool(status.stalled)),
    )  # fmt: skip
    for name, text, number in gauges:
        yield GaugeMetricFamily(f"wsreplay_{name}", text, value=number)


def _traffic_metrics(totals: RecordingTotals) -> Iterator[Metric]:
    frames = CounterMetricFamily("wsreplay_frames", "Recorded WebSocket frames.", labels=["direction", "opcode"])
    for (direction, opcode), number in totals.frames.items():
        frames.add_metric([_short(direction), opcode], number)
    yield frames
    payload = CounterMetricFamily("wsreplay_payload_bytes", "Recorded payload, inflated.", labels=["direction"])
    for direction, number in totals.payload_bytes.items():
        payload.add_metric([_short(direction)], number)
    yield payload
    events = CounterMetricFamily("wsreplay_events", "Events by type.", labels=["direction", "type"])
    for (direction, type_), number in totals.events.items():
        events.add_metric([_short(direction), _label(type_)], number)
    yield events
    endings = CounterMetricFamily("wsreplay_connections_ended", "Connections by how they ended.", labels=["ending"])
    for ending, number in totals.connections.items():
        if ending != "open":
            endings.add_metric([ending], number)
    yield endings
    yield GaugeMetricFamily("wsreplay_recordings_live", "Recordings being written.", value=totals.live)
    yield GaugeMetricFamily("wsreplay_unjudged_frames", "Frames recorded and not validated yet.", value=totals.unread_frames)


def _verdict_metrics(totals: RecordingTotals) -> Iterator[Metric]:
    open_spans = GaugeMetricFamily("wsreplay_spans_open", "Open runs, tools and operations.", labels=["span"])
    for kind in sorted({kind for kind, _ in totals.spans} | totals.open_spans.keys()):
        open_spans.add_metric([_label(kind)], totals.open_spans[kind])
    yield open_spans
    runs = CounterMetricFamily("wsreplay_runs", "Runs by how they ended.", labels=["state"])
    for state in _STATES:
        runs.add_metric([state], totals.runs[state])
    yield runs
    ended = CounterMetricFamily(
        "wsreplay_spans_ended", "Runs, tools and operations by how they ended.", labels=["span", "name", "state"]
    )
    lasted = HistogramMetricFamily(
        "wsreplay_span_duration_seconds", "Durations of those that ended themselves.", labels=["span", "name"]
    )
    for (kind, name), group in totals.spans.items():
        for state, number in group.states.items():
            ended.add_metric([_label(kind), _label(name), state], number)
        buckets, total_s = _buckets(group.lasted)
        lasted.add_metric([_label(kind), _label(name)], buckets, total_s)
    yield ended
    yield lasted
    findings = CounterMetricFamily(
        "wsreplay_findings", "Findings by rule; inconclusive ones could not be decided.",
        labels=["rule", "severity", "verdict"],
    )  # fmt: skip
    for (rule, severity, verdict), number in totals.findings.items():
        findings.add_metric([_label(rule), severity, verdict], number)
    yield findings


def _buckets(times: Histogram) -> tuple[list[tuple[str, float]], float]:
    """Cumulative counts up to each bound, and the sum in seconds."""
    sums = list(accumulate(times.spread(_EDGES_NS)))
    bounds = [*(str(bound) for bound in BUCKETS_S), "+Inf"]
    return [(bound, float(number)) for bound, number in zip(bounds, sums, strict=True)], times.total / SECOND


def _short(direction: int) -> str:
    return Direction(direction).short


def _label(text: str) -> str:
    return visible(text)
