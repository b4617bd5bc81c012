"""The waterfall as a profiler: where the time went, of one session or of many at once, at any size of recording."""

from __future__ import annotations

import time

import pytest
from sample_chat import as_evidence, chat_findings

from wsreplay.model import Ending
from wsreplay.tui.findings.screen import FindingsScreen
from wsreplay.tui.recording import span_reading
from wsreplay.tui.recording.known_spans import SpanNews
from wsreplay.tui.validation.tasks import ValidationResult
from wsreplay.tui.waterfall import screen as screen_module
from wsreplay.validator import span_log

MS = 1_000_000
STANDSTILL_S = 0.1  # of computing: a busy machine takes longer


def say_run(made, connection, at, number=1, tools=("search", "fetch"), thread=None):
    """A run of 2.8 s whose tools follow each other; the n-th takes n times 100 ms."""
    thread = thread or f"t{connection}"
    ids = {"thread_id": thread, "run_id": f"r{connection}-{number}"}
    made.say(connection, at + 1, 0, "chat", thread_id=thread)
    made.say(connection, at + 10, 1, "agent_started", **ids, agent_name="analyst")
    made.say(connection, at + 20, 1, "agent_thinking", **ids)
    for place, tool in enumerate(tools, 1):
        call = {**ids, "tool_call_id": f"c{connection}-{number}-{place}", "tool_name": tool}
        made.say(connection, at + 300 * place, 1, "tool_executing", **call)
        made.say(connection, at + 300 * place + 100 * place, 1, "tool_completed", **call)
    made.say(connection, at + 2_800, 1, "agent_completed", **ids)


@pytest.fixture
def many_at_once(script):
    """Twenty-three users at once."""
    made = script("many.db")
    for number in range(1, 24):
        made.open(number, number * 20, user=f"user{number}", closed_ns=(number * 20 + 3_000) * MS, ending=Ending.CLEAN)
        say_run(made, number, number * 20)
    return made.write(60_000)


async def waterfall(on, *keys):
    await on.until(lambda: on.app.recording.known_spans.revision and on.app.recording.evidence.is_there)
    await on.press(*keys, "w")
    await on.until(lambda: on.app.screen.canvas.count)
    return on.app.screen


async def test_sessions_at_once_stand_apart_and_the_ruler_stays(stage, many_at_once):
    async with stage(many_at_once, validating=True, steady=True) as on:
        screen = await waterfall(on, "a")
        titles = [lane.title for lane in screen.canvas.lanes if lane.title]
        assert titles == [f"{number} · user{number}" for number in range(1, 24)]
        ruler = on.text().splitlines()[2]
        assert "00:00.500" in ruler and "│1 · user1 " in on.text()
        await on.press("G")
        assert on.text().splitlines()[2] == ruler
        assert "23 · user23" in on.text() and "│1 · user1 " not in on.text()
        await on.press("g", "down")
        assert screen.canvas.cursor == 2 and "│1 · user1 " in on.text()


async def test_lanes_are_called_as_the_tools_are_and_bars_say_how_long(stage, many_at_once):
    async with stage(many_at_once, validating=True, steady=True, session=2) as on:
        screen = await waterfall(on)
        assert [lane.name for lane in screen.canvas.lanes] == ["analyst", "search", "fetch"]
        lines = on.text().splitlines()
        assert "analyst 2.79s" in lines[3] and "100ms" in lines[4] and "200ms" in lines[5]


async def test_idle_time_is_drawn_short_until_it_is_asked_for(stage, many_at_once):
    async with stage(many_at_once, validating=True, steady=True) as on:
        screen = await waterfall(on, "a")
        assert "⋯" in on.text() and not any(lane.spans[-1].end_ns > 4_000 * MS for lane in screen.canvas.lanes)
        squeezed = screen.canvas.window.column(3_300 * MS, 100)
        await on.press("I")
        assert "⋯" not in on.text() and screen.canvas.window.column(3_300 * MS, 100) < 10 < 60 < squeezed
        await on.press("I")
        assert "⋯" in on.text()


async def test_lanes_are_sorted_by_what_took_longest_and_back(stage, many_at_once):
    async with stage(many_at_once, validating=True, steady=True, session=1) as on:
        screen = await waterfall(on)
        await on.press("s")
        assert [lane.name for lane in screen.canvas.lanes] == ["analyst", "fetch", "search"]
        assert "by duration" in screen.canvas.border_title
        await on.press("s")
        assert [lane.name for lane in screen.canvas.lanes] == ["analyst", "search", "fetch"]


async def test_the_ten_slowest_are_gone_through(stage, script):
    made = script("slow.db")
    made.open(1, 0)
    say_run(made, 1, 0, tools=[f"tool{number}" for number in range(1, 5)])
    async with stage(made.write(5_000), validating=True, steady=True) as on:
        screen = await waterfall(on)
        gone = []
        for key in ("x", "x", "x", "x", "x", "X"):
            await on.press(key)
            gone.append(screen.canvas.selected.name)
        assert gone == ["tool4", "tool3", "tool2", "tool1", "tool4", "tool1"]
        assert "slowest 4" in screen.about.text and screen.playback.at_ns == 300 * MS


async def test_what_is_wrong_where_no_span_is_known_is_not_passed_over(stage, script, tmp_path):
    contract = tmp_path / "mine.yaml"
    contract.write_text("contract: mine\nversion: 1\nrules: [{id: quiet, absence: [chat]}]\n")
    made = script("talk.db")
    made.open(1, 0)
    made.say(1, 1, 0, "chat")
    async with stage(made.write(10), validating=True, steady=True, contracts=(str(contract),)) as on:
        await on.until(lambda: on.app.recording.known_spans.revision and on.app.recording.evidence.is_there)
        assert on.app.recording.evidence.counts() == (1, 0)
        await on.press("w")
        await on.until(lambda: "No run or tool is known here by mine." in on.text())
        assert "1 finding: ] goes to the next, in the list" in on.text() and "no finding" not in on.text()
        await on.press("right_square_bracket")
        assert isinstance(on.app.screen, FindingsScreen)


async def test_from_a_late_frame_of_a_long_log_its_own_page_is_read(stage, script, monkeypatch):
    monkeypatch.setattr(span_reading, "PAGE", 6)
    monkeypatch.setattr(screen_module, "LONG", 100)
    monkeypatch.setattr(span_log, "MOST_RUNS", 0)
    made = script("long.db")
    made.open(1, 0)
    for number in range(30):
        say_run(made, 1, number * 20_000, number)
    async with stage(made.write(700_000), validating=True, steady=True) as on:
        await on.until(lambda: on.app.recording.evidence.is_there)
        on.app.recording.take_spans(SpanNews("agent-chat", (), is_all=True, left_out=90))
        await on.press("G", "w")
        screen = on.app.screen
        await on.until(lambda: screen.canvas.count)
        assert screen.canvas.selected.start_ns == (29 * 20_000 + 10) * MS and screen.canvas.selected.name == "analyst"
        assert screen.canvas.window.start_ns <= screen.canvas.selected.start_ns <= screen.canvas.window.end_ns
        assert "of 90 spans from" in on.text() and "2.79s" in on.text()


@pytest.fixture
def parallel(script):
    """Five hundred tools at once."""
    made = script("parallel.db")
    made.open(1, 0)
    ids = {"thread_id": "t", "run_id": "r"}
    made.say(1, 1, 1, "agent_started", **ids)
    for number in range(500):
        made.say(1, 10 + number / 2, 1, "tool_executing", **ids, tool_call_id=f"c{number}", tool_name="search")
    for number in range(500):
        made.say(1, 300 + number, 1, "tool_completed", **ids, tool_call_id=f"c{number}", tool_name="search")
    made.say(1, 1_500, 1, "agent_completed", **ids)
    return made.write(2_000)


async def test_five_hundred_at_once_keep_no_key_waiting(stage, parallel):
    async with stage(parallel, validating=True, steady=True, width=200, height=60) as on:
        screen = await waterfall(on)
        assert len(screen.canvas.lanes) == 501
        longest = 0.0
        for act in (screen.action_sort, screen.action_squeeze, lambda: screen.action_zoom(2.0), screen.action_fit,
                    lambda: screen.action_next_slowest(1), screen.canvas.action_bottom):  # fmt: skip
            began = time.thread_time()
            act()
            for y in range(screen.canvas.size.height):
                screen.canvas.render_line(y)
            longest = max(longest, time.thread_time() - began)
            await on.settle()
        assert longest < STANDSTILL_S


async def test_what_is_not_decided_is_not_called_well(stage, script):
    made = script("cut.db")
    made.open(1, 0)
    made.say(1, 1, 0, "chat", thread_id="t")
    made.say(1, 10, 1, "agent_started", thread_id="t", run_id="r")
    made.say(1, 20, 1, "agent_thinking", thread_id="t", run_id="r")
    made.say(1, 30, 1, "tool_executing", thread_id="t", run_id="r", tool_call_id="c", tool_name="search")
    async with stage(made.write(500), validating=True, steady=True) as on:
        await waterfall(on)
        assert not sum(on.app.recording.evidence.counts())
        assert "no findings" not in on.text() and "? not all is decided" in on.text()


async def test_how_a_span_ended_can_be_seen_without_colours(stage, script):
    made = script("ends.db")
    made.open(1, 0)
    ids = {"thread_id": "t", "run_id": "r"}
    made.say(1, 1, 0, "chat", thread_id="t")
    made.say(1, 10, 1, "agent_started", **ids)
    made.say(1, 20, 1, "agent_thinking", **ids)
    for number, end in enumerate(("tool_completed", "tool_error", None)):
        call = {**ids, "tool_call_id": f"c{number}", "tool_name": f"tool{number}"}
        made.say(1, 30 + number, 1, "tool_executing", **call)
        if end is not None:
            made.say(1, 400 + number, 1, end, **call)
    made.say(1, 500, 1, "agent_completed", **ids)
    async with stage(made.write(600), validating=True, steady=True) as on:
        await waterfall(on)
        well, failed, cut = (line for line in on.text().splitlines() if "│  tool" in line)
        assert "✗" not in well and "failed" not in well and "never ended" not in well
        assert "✗" in failed and "failed" in failed
        assert "◆" in cut and "cut" in cut


async def test_findings_that_are_not_kept_are_counted_and_said_not_to_be_drawn(stage, script, chat_recording):
    made = script("talk.db")
    made.open(1, 0)
    made.say(1, 1, 0, "chat")
    path = made.write(10)
    async with stage(path) as on:
        on.app.validation.take(ValidationResult(as_evidence(path, [])._replace(tallies={1: (20_000, 10_000)}, left_out=20_000)))
        await on.press("w")
        await on.until(lambda: "30,000 findings: ] goes to the next, in the list" in on.text())
    async with stage(chat_recording, session=2) as on:
        await on.press("w")
        assert "not drawn" not in on.text()
        on.app.validation.take(ValidationResult(as_evidence(chat_recording, chat_findings())._replace(left_out=1)))
        await on.settle()
        assert "1 finding of the recording not drawn" in on.text()
