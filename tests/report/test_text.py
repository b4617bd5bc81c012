from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.report.conftest import CHAT, MISSING_TOOL, MS, NOT_WORKED, SLICE, Traces, judged
from wsreplay.display import cells, visible
from wsreplay.model import NO_CONTRACT, Connection, Ending
from wsreplay.report import FileResult, render
from wsreplay.report.timeline import why_decided, why_missing
from wsreplay.store.writer import Writer
from wsreplay.validator.findings import Finding, RuleVerdict, Severity, SpanRecord, Verdict

SGR = re.compile(r"\x1b\[[0-9;]*m")


def test_the_example_of_the_documentation(chat: FileResult) -> None:
    assert render("text", [chat], width=114).splitlines() == [
        "WEBSOCKET EVENT VALIDATION REPORT   recordings/chat.db   contract agent-chat v1",
        "session 1 · user u1 · /ws · 12.46s · 4 events of 4 types                                                    FAILED",
        "  event coverage    agent_started 1   agent_thinking 1   tool_executing 1   tool_completed 0 ✗   agent_completed 1",
        "  timeline",
        "   00:00.123  agent_started      Agent is starting to process your request",
        "   00:00.456  agent_thinking     I need to analyze the system performance",
        "   00:02.789  tool_executing     search",
        "   00:12.456  tool_completed     ◆ missing: due by 00:12.789, the run ended without it",
        "   00:12.456  agent_completed    Analysis is complete",
        "  runs   1 completed",
        "  findings",
        "    ✗ tool   tool_completed never came for call c7 in thread t1                frames 3, 4      agent-chat.yaml:18",
        "        also broken as a result: worked",
        "VIOLATED   1 error · 4 events in 1 session",
        "  4 rules: 1 violated, 1 broken as a result, 1 satisfied, 1 vacuous",
        "  look closer: wsreplay tui recordings/chat.db",
        "               wsreplay show recordings/chat.db 1",
    ]


def test_what_is_missing_stands_behind_what_calls_for_it_also_where_all_was_read_at_once(traces: Traces) -> None:
    path = traces.write("chat.db", [(12_456, event) for _, event in CHAT])
    lines = render("text", [FileResult(str(path), judged())], width=114).splitlines()
    start = lines.index("  timeline")
    assert [line.split()[1] for line in lines[start + 1 : start + 6]] == [
        "agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed",
    ]  # fmt: skip
    (at,) = (number for number, line in enumerate(lines) if "event coverage" in line)
    counted = " ".join(lines[at:start]).replace("✗", "").split()[2::2]
    assert counted == ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"]


def test_what_was_injected_stands_at_its_time_and_is_counted(chat: FileResult) -> None:
    writer = Writer(Path(chat.path))
    writer.add_fault(2_000 * MS, "drop", "drop:tool_completed \x1b[31m", 1, 1)
    writer.add_fault(12_400 * MS, "reset", "bytes=4kB", 1, None)
    writer.add_fault(12_400 * MS, "reset", "of another connection", 9, None)
    writer.close()
    lines = render("text", [chat], width=100).splitlines()
    assert lines[2] == "  ⚡ injected: 2 faults"
    start = lines.index("  timeline")
    assert lines[start + 2 : start + 6] == [
        "   00:00.456  agent_thinking     I need to analyze the system performance",
        "   00:02.000  ⚡ injected: drop:tool_completed ␛[31m",
        "   00:02.789  tool_executing     search",
        "   00:12.400  ⚡ injected: reset bytes=4kB",
    ]
    page = render("html", [chat])
    assert page.count('class="row fault"') == 2
    assert "drop:tool_completed ␛[31m" in page


def test_what_was_injected_into_sessions_without_a_finding_is_counted(traces: Traces) -> None:
    listed = [Connection(number, 1, number * 1000 * MS, path="/ws", user=f"u{number}") for number in (1, 2)]
    path = traces.write("quiet.db", [(1100, (1, {"type": "a"})), (2100, (2, {"type": "a"}))], connections=listed)
    writer = Writer(path)
    writer.add_fault(2_050 * MS, "latency", "latency=2s", 2, 1)
    writer.close()
    text = render("text", [FileResult(str(path), judged(findings=(), sessions=2))])
    assert "  ⚡ injected into them: 1 fault\n" in text


@pytest.mark.parametrize("width", [20, 60, 80, 100, 250])
def test_lines_fit_the_terminal_and_colour_changes_nothing_else(chat: FileResult, width: int) -> None:
    plain = render("text", [chat], width=width)
    for line in plain.splitlines():
        assert cells(line) <= max(width, 60) or str(chat.path) in line
    coloured = render("text", [chat], width=width, color=True)
    assert "\x1b[" in coloured
    assert [line.rstrip() for line in SGR.sub("", coloured).splitlines()] == plain.splitlines()


def test_a_long_trace_is_folded_around_what_matters(traces: Traces) -> None:
    ticks = [(10 * number, {"type": "tick", "message": f"tick {number}"}) for number in range(1, 2001)]
    late = Finding("pace", Verdict.VIOLATED, Severity.WARNING, "late", session=1, frames=(1000,), kind="late", late_by=250 * MS)
    path = traces.write("long.db", ticks)
    text = render("text", [FileResult(str(path), judged(findings=(late,), events=2000))], width=100)
    timeline = text[text.index("timeline") : text.index("  runs")].splitlines()[1:]
    assert timeline == [
        "   00:00.010  tick    tick 1",
        "   00:00.020  tick    tick 2",
        "   00:00.030  tick    tick 3",
        "              … 993 events …",
        "   00:09.970  tick    tick 997",
        "   00:09.980  tick    tick 998",
        "   00:09.990  tick    tick 999",
        "   00:10.000  tick    ▲ late by 250ms · tick 1000",
        "   00:10.010  tick    tick 1001",
        "   00:10.020  tick    tick 1002",
        "   00:10.030  tick    tick 1003",
        "              … 994 events …",
        "   00:19.980  tick    tick 1998",
        "   00:19.990  tick    tick 1999",
        "   00:20.000  tick    tick 2000",
    ]


def test_drops_and_reconnects_are_told_in_their_place(traces: Traces) -> None:
    connections = [
        Connection(1, 1, 0, 1000 * MS, path="/ws", user="u1", ending=Ending.DROPPED, closed_by="server"),
        Connection(
            2, 1, 2000 * MS, 3000 * MS, path="/ws", user="u1", ending=Ending.CLEAN, close_code=1011, close_reason="bye\x1b"
        ),
    ]
    path = traces.write("drop.db", [(500, (1, {"type": "a"})), (2500, (2, {"type": "b"}))], connections=connections)
    text = render("text", [FileResult(str(path), judged(findings=(), spans=(), verdict=Verdict.SATISFIED))])
    assert "session 1 · user u1 · /ws · 2 connections · 3s · 2 events of 2 types" in text
    assert "\n   00:00.500  a\n   00:01.000  ws.drop     dropped by the server without a close frame\n" in text
    assert "\n   00:02.000  ws.open     reconnected\n   00:02.500  b\n" in text
    assert "\n   00:03.000  ws.close    closed (1011, bye␛)\n" in text


def test_that_a_reconnect_was_late_stands_at_the_reconnect(traces: Traces) -> None:
    connections = [
        Connection(1, 1, 0, 1000 * MS, path="/ws", user="u1", ending=Ending.DROPPED, closed_by="server"),
        Connection(2, 1, 5000 * MS, 6000 * MS, path="/ws", user="u1", ending=Ending.CLEAN, close_code=1000),
    ]
    path = traces.write("late.db", [(500, (1, {"type": "a"})), (5500, (2, {"type": "b"}))], connections=connections)
    late = Finding(
        "reconnect", Verdict.VIOLATED, Severity.ERROR, "too late", session=1, connection=1, activation=1, after=1, before=2,
        kind="late", expected=("ws.open",), seen="ws.open", at_ns=5000 * MS, until=4000 * MS, late_by=1000 * MS,
    )  # fmt: skip
    lines = render("text", [FileResult(str(path), judged(findings=(late,), spans=(), verdict=Verdict.VIOLATED))])
    assert "\n   00:00.500  a\n" in lines
    assert "\n   00:05.000  ws.open    ✗ late by 1s · reconnected\n   00:05.500  b\n" in lines


def test_only_sessions_with_findings_are_told_where_there_are_many(traces: Traces) -> None:
    connections = [Connection(number, 1, number * MS, 5000 * MS, path="/ws") for number in range(1, 60)]
    path = traces.write("many.db", [(10, (7, {"type": "a"}))], connections=connections)
    findings = tuple(replace(MISSING_TOOL, session=number, connection=number) for number in range(5, 40))
    judgement = replace(judged(findings=findings, spans=(), sessions=59), session_verdicts={})
    text = render("text", [FileResult(str(path), judgement)])
    assert [int(number) for number in re.findall(r"^session (\d+)", text, re.MULTILINE)] == list(range(5, 25))
    assert "… 15 more sessions with findings" in text
    assert "✓ 24 other sessions without a finding" in text


def test_only_sessions_that_were_judged_to_their_end_are_said_to_have_passed(traces: Traces) -> None:
    connections = [Connection(number, 1, number * MS, 5000 * MS, path="/ws") for number in range(1, 5)]
    path = traces.write("quiet.db", [(10, (2, {"type": "a"}))], connections=connections)
    verdicts = {1: Verdict.SATISFIED, 2: Verdict.VIOLATED, 3: Verdict.INCONCLUSIVE, 4: Verdict.VACUOUS}
    finding = replace(MISSING_TOOL, session=2, connection=2)
    text = render("text", [FileResult(str(path), replace(judged(findings=(finding,), spans=()), session_verdicts=verdicts))])
    assert "\n✓ 1 other session without a finding\n? 1 other session inconclusive\n– 1 other session vacuous\n" in text
    passed_by = replace(judged(findings=(), spans=()), session_verdicts={1: Verdict.SATISFIED}, unjudged={4: {"connection": 1}})
    text = render("text", [FileResult(str(path), passed_by)])
    assert "\n– 1 session not validated\n" in text


def test_where_no_contract_fits_nothing_is_said_to_have_passed(traces: Traces) -> None:
    connections = [Connection(number, 1, number * MS, 5000 * MS, path="/ws") for number in (1, 2)]
    path = traces.write("foreign.db", [(10, (1, {"kind": "a"}))], connections=connections)
    judgement = replace(judged(findings=(), spans=(), verdict=Verdict.VACUOUS), contract=NO_CONTRACT)
    text = render("text", [FileResult(str(path), judgement)])
    assert text.splitlines()[1] == "– 2 sessions not validated"
    assert "✓" not in text
    assert "contract none" not in text


def test_every_run_gets_its_account(traces: Traces) -> None:
    stalled = SpanRecord(1, 1, SLICE, "stalled", 500 * MS, None, 1, detail="open past 30s")
    runs = (SpanRecord(1, 1, SLICE, "completed", 0, 1, 1, 2), stalled)
    text = render("text", [FileResult(str(traces.write("runs.db", CHAT)), judged(spans=runs))])
    assert "  runs   1 completed · 1 stalled\n    stalled   thread t1 · run r1, from 00:00.500, no end: open past 30s\n" in text


def test_what_a_baseline_accepts_is_said_to_be_known(chat: FileResult) -> None:
    text = render("text", [replace(chat, known=frozenset({"f-tool"}))], width=120)
    assert "KNOWN\n" in text
    assert "thread t1 (known)" in text
    assert "VIOLATED   1 known" in text


def test_several_files_end_in_a_summary(chat: FileResult) -> None:
    text = render("text", [chat, FileResult("nope.db", error="nope.db is not a recording")])
    assert "WEBSOCKET EVENT VALIDATION REPORT   nope.db\n  could not be validated: nope.db is not a recording\n" in text
    assert text.endswith(
        "2 results: error\n"
        "  recordings/chat.db   violated       agent-chat   1 error\n"
        "  nope.db              not validated  nope.db is not a recording\n"
    )


def test_a_recording_that_is_gone_still_has_its_findings() -> None:
    text = render("text", [FileResult("gone.db", judged())])
    assert "the recording can no longer be read" in text
    assert "✗ tool" in text


def test_a_contract_that_never_applied_is_not_green(traces: Traces) -> None:
    path = traces.write("other.db", [(1, {"type": "x"})])
    rules = (RuleVerdict("r", Verdict.VACUOUS),)
    judgement = judged(verdict=Verdict.VACUOUS, findings=(), rules=rules, session_verdicts={1: Verdict.VACUOUS})
    text = render("text", [FileResult(str(path), judgement)])
    assert "VACUOUS" in text.splitlines()[1]
    assert "no rule of this contract applied" in text


def test_nothing_from_the_wire_reaches_the_terminal_as_it_is(traces: Traces) -> None:
    evil = "\x1b]0;pwned\x07\u202e\u200b\x9b\n"
    path = traces.write("evil.db", [(1, {"type": evil, "message": evil}), (2, b"\x1b[2J\xff"), (3, b'{"type": "\x1b')])
    finding = replace(
        MISSING_TOOL, rule=evil, message=evil, slice=((evil, evil),), expected=(evil,), seen=evil, until=None, file=evil
    )
    account = SpanRecord(1, 1, ((evil, evil),), "stalled", 0, None, 1, detail=evil)
    judgement = judged(findings=(finding,), spans=(account,), contract=evil, notes=(evil,), contract_version=evil)
    for text in (render("text", [FileResult(str(path), judgement)]), render("text", [FileResult(evil, error=evil)])):
        for line in text.rstrip("\n").split("\n"):
            assert visible(line) == line


def test_what_came_is_parted_into_required_others_and_the_clients(traces: Traces) -> None:
    """One of several types that stand for each other is enough; of none the first one is missing."""
    events = ["agent_started", "ping", "tool_error", "ping", "user_message", "agent_completed"]
    path = traces.write("parted.db", [(100 * number, {"type": name}) for number, name in enumerate(events)])
    lines = render("text", [FileResult(str(path), judged(findings=()))], width=114).splitlines()
    start = next(number for number, line in enumerate(lines) if "event coverage" in line)
    assert lines[start : start + 3] == [
        "  event coverage    agent_started 1   agent_thinking 0   tool_executing 0   tool_error 1   agent_completed 1",
        "  also came         ping 2",
        "  from the client   user_message 1",
    ]


def test_an_end_that_never_came_is_said_to_miss_what_closed_it() -> None:
    assert why_missing(MISSING_TOOL) == why_missing(NOT_WORKED) == "the run ended without it"
    cut = replace(MISSING_TOOL, rule="run", slice=SLICE, seen=None)
    assert (why_missing(cut), why_decided(cut)) == ("the connection ended first", "when the connection ended")


def test_rules_that_could_not_be_decided_are_named(traces: Traces) -> None:
    path = traces.write("short.db", [(10, (1, {"type": "a"}))])
    first, *others = judged().rules
    rules = (replace(first, id="back\x1b", verdict=Verdict.INCONCLUSIVE), *others)
    text = " ".join(render("text", [FileResult(str(path), replace(judged(findings=(), spans=()), rules=rules))]).split())
    assert "inconclusive, since the recording does not hold all that would tell: back␛" in text
