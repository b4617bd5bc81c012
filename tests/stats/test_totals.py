"""Totals add up, and are bounded whatever peers send."""

from __future__ import annotations

from pathlib import Path

from wsreplay.contract import load
from wsreplay.stats.totals import MOST_NAMES, RecordingTotals
from wsreplay.stats.watch import RecordingWatch
from wsreplay.trace.statistics import OTHER

SAMPLES = sorted((Path(__file__).parents[2] / "recordings" / "samples").glob("*.db"))


def test_what_peers_make_up_is_bounded() -> None:
    counts = RecordingTotals()
    for number in range(1000):
        counts.count_events(0, f"made up {number}" + "x" * 500, second=number)
    counts.count_events(0, f"made up 3{'x' * 500}", second=1000)
    assert len(counts.events) == MOST_NAMES + 1
    assert counts.events[0, OTHER] == 1000 - MOST_NAMES
    assert max(len(name) for _, name in counts.events) == 100
    assert counts.event_total == 1001
    assert len(counts.seconds) <= 1200


def test_totals_add_up() -> None:
    totals = []
    for path in SAMPLES[:3]:
        with RecordingWatch(path, load("agent-chat")) as watch:
            watch.look()
            totals.append(watch.totals)
    total = RecordingTotals()
    for counts in totals:
        total.merge(counts)
    assert (total.recordings, total.live) == (3, 0)
    assert total.frame_total == sum(counts.frame_total for counts in totals)
    assert total.run_times.lasted.count == sum(counts.run_times.lasted.count for counts in totals)
    assert total.rate(max(total.seconds) + 1, over_s=1) == total.seconds[max(total.seconds)]
