from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.report.conftest import CHAT, Traces
from wsreplay.cli.stats import command
from wsreplay.contract import load
from wsreplay.display import cells, visible
from wsreplay.report import stats_json, stats_text
from wsreplay.store.reader import Recording
from wsreplay.trace.statistics import Statistics, collect
from wsreplay.validator.durations import SpanGroup, tally_spans

LASTED_NS = 12_330_000_000


@pytest.fixture
def chat_statistics(traces: Traces) -> Statistics:
    with Recording.open(traces.write("chat.db", CHAT)) as recording:
        return collect(recording)


def test_the_tables_of_a_chat(chat_statistics: Statistics) -> None:
    lines = stats_text.render("chat.db", chat_statistics, {}, LASTED_NS, width=80).splitlines()
    assert lines[0] == "chat.db   4 events in 12.33s · 405B of payload"
    assert lines[3] == "event type                                    count      p50      p95      max"
    assert lines[4] == "agent_started                                     1        –        –        –"
    assert "agent_started → agent_thinking                    1    333ms    333ms    333ms" in lines
    assert "tool_executing → agent_completed                  1   9.667s   9.667s   9.667s" in lines
    assert any(line.startswith("u1 ") for line in lines)
    assert any(line.startswith("session 1 ") for line in lines)


@pytest.mark.parametrize("width", [60, 80, 109, 110, 200])
def test_every_line_fits_and_wide_terminals_get_plots(chat_statistics: Statistics, width: int) -> None:
    text = stats_text.render("chat.db", chat_statistics, {}, LASTED_NS, width=width)
    assert all(cells(line) <= width for line in text.splitlines())
    assert ("1µs … 30s" in text) == (width >= 110)


@given(st.lists(st.integers(0, 10**9), max_size=40))
def test_a_plot_shows_every_count_and_the_highest_in_full(counts: list[int]) -> None:
    drawn = stats_text.plot(counts)
    assert len(drawn) == len(counts)
    assert [character != " " for character in drawn] == [count > 0 for count in counts]
    assert not any(counts) or "█" in drawn


def test_the_json_document(chat_statistics: Statistics) -> None:
    document = json.loads(stats_json.render("chat.db", chat_statistics, {}, LASTED_NS))
    assert (document["version"], document["count"], document["types"][0]["type"]) == (1, 4, "agent_started")
    (transition,) = [one for one in document["transitions"] if one["to"] == "tool_executing"]
    assert transition["from"] == "agent_thinking"
    assert transition["gap"]["max"] == 2.333
    assert document["types"][0]["gap"] is None


def test_an_empty_recording_has_statistics_too(traces: Traces) -> None:
    with Recording.open(traces.write("empty.db", [])) as recording:
        result = collect(recording)
    assert stats_text.render("empty.db", result, {}, 0) == "empty.db   0 events in 0s · 0B of payload\n"
    assert json.loads(stats_json.render("empty.db", result, {}, 0))["count"] == 0


def test_names_from_the_wire_are_harmless(traces: Traces) -> None:
    path = traces.write("evil.db", [(1, {"type": "\x1b[2J\u202e"}), (2, {"type": "b\n"})])
    with Recording.open(path) as recording:
        text = stats_text.render("\x1b", collect(recording), {("t", "\x1b[2J"): SpanGroup()}, 0, width=120)
    assert all(visible(line) == line for line in text.rstrip("\n").split("\n"))


def test_spans_say_how_long_they_took_and_what_did_not_complete(traces: Traces) -> None:
    with Recording.open(traces.write("chat.db", CHAT)) as recording:
        result, spans = collect(recording), tally_spans(recording, load("agent-chat"))
    lines = stats_text.render("chat.db", result, spans, LASTED_NS, width=80).splitlines()
    assert "run                                               1   12.33s   12.33s   12.33s" in lines
    assert "tool search · 1 cut                               1        –        –        –" in lines
    document = json.loads(stats_json.render("chat.db", result, spans, LASTED_NS))
    assert document["duration"] == LASTED_NS / 1e9
    run, tool = sorted(document["spans"], key=lambda span: span["span"])
    assert (run["label"], run["states"], run["lasted"]["max"]) == (None, {"completed": 1}, 12.333)
    assert (tool["label"], tool["states"], tool["lasted"]) == ("search", {"cut": 1}, None)


def test_the_command_prints_tables_or_json(traces: Traces) -> None:
    path = traces.write("chat.db", CHAT)
    run = CliRunner().invoke(command, [str(path)])
    assert run.exit_code == 0 and "event type" in run.output
    run = CliRunner().invoke(command, [f"{path}#1", "--json"])
    assert json.loads(run.output)["spans"][0]["span"] in ("run", "tool")
    assert run.exit_code == 0 and json.loads(run.output)["file"] == str(Path("recordings/chat.db"))
