"""The figures of a recording: what was slowest, who came back, and of which connections they are counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsreplay.contract import load
from wsreplay.stats import figures
from wsreplay.stats.figures import count_figures
from wsreplay.store.reader import Recording
from wsreplay.trace.statistics import collect
from wsreplay.validator.durations import tally_spans

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"


@pytest.mark.parametrize("name", ["slow-tool", "sub-agent", "leak"])
def test_the_parts_are_counted_together_as_they_are_alone(name: str) -> None:
    with Recording.open(SAMPLES / f"{name}.db") as recording:
        counted = count_figures(recording)
        assert counted.statistics.total.count == collect(recording).total.count
        assert counted.spans.keys() == tally_spans(recording, load("agent-chat")).keys()


def test_the_slowest_are_runs_and_their_tools_the_longest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    with Recording.open(SAMPLES / "sub-agent.db") as recording:
        every = count_figures(recording).slowest
        assert any(span.title.startswith("tool ") for span in every) and every[0].title.startswith("run ")
        assert [span.lasted_ns for span in every] == sorted((span.lasted_ns for span in every), reverse=True)
        monkeypatch.setattr(figures, "MOST_SLOWEST", 1)
        assert count_figures(recording).slowest == every[:1]


def test_of_some_connections_only_those_are_counted() -> None:
    with Recording.open(SAMPLES / "leak.db") as recording:
        whole, part = count_figures(recording), count_figures(recording, connections=[1])
        assert 0 < part.statistics.total.count < whole.statistics.total.count
        assert sum(group.states.total() for group in part.spans.values()) < sum(
            group.states.total() for group in whole.spans.values()
        )
