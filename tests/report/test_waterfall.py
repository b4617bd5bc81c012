"""The waterfall draws the span log, no more and no less."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.report.conftest import MISSING_TOOL, MS, RUN, TOOL
from wsreplay.model import Message
from wsreplay.report import waterfall
from wsreplay.validator.findings import Finding, SpanRecord


def draw(spans: Iterable[SpanRecord], types: Iterable[str] = (), findings: Iterable[Finding] = ()) -> str:
    """The drawing of spans, and of one message each second."""
    messages = [
        Message(number, 1, number, number * 1000 * MS, 1, 1, type_, b"{}", number) for number, type_ in enumerate(types, 1)
    ]
    return waterfall.WaterfallChart(list(spans), messages, findings, 0, 20_000 * MS, {}, {}).svg()


def lanes(svg: str) -> list[str]:
    return re.findall(r'class="lane"[^>]*>([^<]*)<', svg)


def test_a_tool_is_on_the_lane_of_its_run() -> None:
    svg = draw([RUN, TOOL])
    assert lanes(svg) == ["thread t1 · run r1"]
    assert re.findall(r'data-state="(\w+)" data-span="(\w+)"', svg) == [("completed", "run"), ("cut", "tool")]
    assert "tool search · tool c7 · never ended" in svg and "left open by agent_completed" in svg


def test_an_event_is_a_tick_on_its_span_s_lane_else_in_the_conversation() -> None:
    svg = draw([RUN._replace(start_frame=2, end_frame=4, events=((3, 3000 * MS),))], ["chat", "start", "thinking", "end"])
    assert lanes(svg) == ["conversation", "thread t1 · run r1"]
    assert re.findall(r"<title>(\w+) at", svg) == ["chat", "thinking"]


def test_many_runs_share_the_lane_of_their_thread() -> None:
    runs = [RUN._replace(id=f"1.run.{n}", slice=(("thread", "t1"), ("run", f"r{n}")), start_ns=n * MS) for n in range(13)]
    assert lanes(draw(runs)) == ["thread t1"]


def test_many_operations_share_a_lane() -> None:
    operations = [RUN._replace(id=f"1.operation.{n}", span="operation", slice=(("id", str(n)),)) for n in range(13)]
    assert lanes(draw(operations)) == ["operation"]


def test_what_has_no_room_is_said(monkeypatch) -> None:
    monkeypatch.setattr(waterfall, "_MOST_TRACKS", 1)
    monkeypatch.setattr(waterfall, "_MOST_SPANS", 3)
    runs = [RUN._replace(id=f"1.run.{n}", start_ns=0, end_ns=1000 * MS) for n in range(5)]
    assert lanes(draw(runs))[-1] == "… 4 more spans not drawn …"


def test_a_ghost_hangs_on_the_span_that_lacks_it() -> None:
    svg = draw([RUN, TOOL], findings=[MISSING_TOOL])
    assert "◆ tool_completed or tool_error missing" in svg


def test_a_span_whose_start_never_came_says_so() -> None:
    svg = draw([RUN._replace(implied=True)])
    assert 'data-start="implied"' in svg and "its start never came" in svg


def test_where_nothing_is_there_nothing_is_drawn() -> None:
    assert draw([]) == ""
