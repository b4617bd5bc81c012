"""An overview in each of its forms."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from lxml import html

from wsreplay.display import cells
from wsreplay.report import overview_html, overview_json, overview_text
from wsreplay.stats.overview import OverviewWatch, StatisticsOverview
from wsreplay.stats.totals import RecordingTotals

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"
HOSTILE = '<script>alert(1)</script>\x1b[2J"'


@pytest.fixture(scope="module")
def overview() -> StatisticsOverview:
    watch = OverviewWatch(SAMPLES)
    watch.look()
    return watch.overview()


@pytest.fixture
def hostile() -> StatisticsOverview:
    totals = RecordingTotals(recordings=1, live=1)
    totals.count_events(1, HOSTILE, second=1_700_000_000)
    totals.findings[HOSTILE, "error", "violated"] = 1
    return StatisticsOverview(HOSTILE, totals, (), (HOSTILE,), 1_700_000_001.0)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_every_line_fits(overview: StatisticsOverview, width: int) -> None:
    lines = overview_text.render(overview, width=width).splitlines()
    assert max(map(cells, lines)) <= width
    assert {"runs", "findings", "events", "day"} <= {line.split()[0] for line in lines if line}


def test_figures_of_days_stand_apart() -> None:
    days = tuple((date(2026, 11, day), RecordingTotals(recordings=day, runs=Counter(completed=day))) for day in (1, 2))
    for _, totals in days:
        totals.run_times.lasted.add(77_600_000)
        totals.findings["tool", "error", "violated"] = 12_345_678
    overview = StatisticsOverview("days", RecordingTotals(recordings=3), days, (), 0.0)
    lines = overview_text.render(overview, width=80).splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("day  "))
    assert [line.split() for line in lines[place:]] == [
        ["day", "recordings", "sessions", "runs", "completed", "p95", "findings"],
        *([f"2026-11-0{day}", str(day), "0", str(day), "100.0%", "77.6ms", "12,345,678"] for day in (1, 2)),
    ]


def test_one_line_says_how_it_stands(overview: StatisticsOverview) -> None:
    line = overview_text.summary(overview)
    assert "\n" not in line
    assert f"{overview.totals.event_total:,} events" in line
    assert " completed" in line


def test_the_document_says_what_the_totals_say(overview: StatisticsOverview) -> None:
    document = json.loads(overview_json.render(overview))
    totals = overview.totals
    assert document["recordings"] == totals.recordings == sum(day["recordings"] for day in document["days"])
    assert document["runs"] == {state: number for state, number in totals.runs.items() if number}
    assert sum(event["count"] for event in document["events"]) == totals.event_total
    assert overview_json.render(overview, indented=False).count("\n") == 1


def test_the_page_shows_the_same(overview: StatisticsOverview) -> None:
    page = html.fromstring(overview_html.render(overview, refresh_s=2))
    tables = {section.find("h2").text: section for section in page.iter("section")}
    runs = {row[0].text: row[1].text for row in tables["runs"].find("table/tbody")}
    assert runs == {state: f"{number:,}" for state, number in overview.totals.runs.items() if number}
    assert len(tables["day by day"].find("table/tbody")) == len(overview.days)
    assert not page.xpath("//meta[@http-equiv='refresh']")  # nothing is being recorded
    assert not page.xpath("//script")


def test_what_peers_sent_does_no_harm(hostile: StatisticsOverview) -> None:
    page = overview_html.render(hostile, refresh_s=2)
    assert "<script>" not in page
    assert '<meta http-equiv="refresh" content="2">' in page
    for text in (page, overview_text.render(hostile), overview_text.summary(hostile)):
        assert "\x1b" not in text
    assert json.loads(overview_json.render(hostile))["name"] == HOSTILE
