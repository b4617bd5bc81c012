from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from wsreplay.contract.model import Contract
from wsreplay.diff import report as diff_report
from wsreplay.diff.diff import Diff, DiffOptions, diff
from wsreplay.diff.rows import Kind
from wsreplay.model import Ending
from wsreplay.store.reader import Recording
from wsreplay.validator.findings import Severity

Write = Callable[..., Path]


def event(kind: str, number: int, tag: str = "a", **more: Any) -> dict[str, Any]:
    """An event whose ids end in `tag`."""
    ids = {"message_id": f"m{number}-{tag}", "thread_id": f"t-{tag}", "run_id": f"r-{tag}"}
    return {"type": kind, "timestamp": 1.7e9 + ord(tag), "seq": number} | ids | {"payload": {"content": kind}} | more


def tool(kind: str, number: int, call: str, tag: str = "a", name: str = "search") -> dict[str, Any]:
    return event(kind, number, tag, tool_call_id=f"{call}-{tag}", tool_name=name)


def run(tag: str = "a") -> list[dict[str, Any]]:
    """A run with two tools, with ids of its own."""
    return [
        event("agent_started", 1, tag), event("agent_thinking", 2, tag), tool("tool_executing", 3, "c1", tag),
        tool("tool_executing", 4, "c2", tag, "read"), tool("tool_completed", 5, "c1", tag),
        tool("tool_completed", 6, "c2", tag, "read"), event("partial_result", 7, tag), event("agent_completed", 8, tag),
    ]  # fmt: skip


@pytest.fixture
def compare(write: Write, contract: Contract) -> Callable[..., Diff]:
    def compare(a: list[Any], b: list[Any], step_b: int = 10, facts_b: dict[str, Any] | None = None, **options: Any) -> Diff:
        paths = write("a.db", [(10 * i, "s2c", one) for i, one in enumerate(a)]), write(
            "b.db", [(step_b * i, "s2c", one) for i, one in enumerate(b)], facts=[facts_b or {}]
        )
        with Recording.open(paths[0]) as left, Recording.open(paths[1]) as right:
            return diff(left, right, contract, DiffOptions(**{"findings": False, **options}))

    return compare


def said(found: Diff) -> list[tuple[Kind, str]]:
    return [(one.kind, one.said.name) for session in found.sessions for one in session.differences]


def test_ids_and_times_may_differ(compare: Callable[..., Diff]) -> None:
    found = compare(run("a"), run("b"))
    assert said(found) == []
    assert found.same
    assert found.sessions[0].alike == 8 + 2


def test_a_lost_event_is_one_difference_and_shifts_nothing(compare: Callable[..., Diff]) -> None:
    for lost in range(8):
        b = run("b")
        gone = b.pop(lost)
        assert (Kind.ONLY_A, gone["type"]) in said(compare(run("a"), b))
        assert len([kind for kind, _ in said(compare(run("a"), b)) if kind is Kind.ONLY_A]) == 1
        assert set(said(compare(run("a"), b))) <= {(Kind.ONLY_A, gone["type"])} | {(Kind.CHANGED, one["type"]) for one in b}


def test_an_added_event_is_only_in_b(compare: Callable[..., Diff]) -> None:
    b = run("b")
    b.insert(3, event("agent_thinking", 2, "b", payload={"content": "again"}))
    assert (Kind.ONLY_B, "agent_thinking") in said(compare(run("a"), b))


def test_swapped_ids_show(compare: Callable[..., Diff]) -> None:
    b = run("b")
    b[4]["tool_call_id"], b[5]["tool_call_id"] = b[5]["tool_call_id"], b[4]["tool_call_id"]
    assert not compare(run("a"), b).same


def test_a_lost_id_shows(compare: Callable[..., Diff]) -> None:
    b = run("b")
    del b[6]["message_id"]
    (only,) = compare(run("a"), b).sessions[0].differences
    assert [(change.path, change.b) for change in only.fields] == [("$.message_id", None)]


def test_an_id_that_is_used_twice_shows(compare: Callable[..., Diff]) -> None:
    b = run("b")
    b[6]["message_id"] = b[1]["message_id"]
    (only,) = compare(run("a"), b).sessions[0].differences
    assert only.kind is Kind.CHANGED
    assert only.fields[0].note == "elsewhere m2-b is m2-a"


def test_a_changed_value_is_told_with_its_path(compare: Callable[..., Diff]) -> None:
    b = run("b")
    b[6]["payload"] = {"content": "something else", "more": 1}
    (only,) = compare(run("a"), b).sessions[0].differences
    assert [(change.path, change.a, change.b) for change in only.fields] == [
        ("$.payload.content", '"partial_result"', '"something else"'),
        ("$.payload.more", None, "1"),
    ]


def test_parallel_tools_may_interleave_but_a_runs_own_order_counts(compare: Callable[..., Diff]) -> None:
    b = run("b")
    b[4], b[5] = b[5], b[4]
    b[4]["seq"], b[5]["seq"] = 5, 6
    assert compare(run("a"), b).same
    b = run("b")
    b[1], b[2] = b[2], b[1]
    b[1]["seq"], b[2]["seq"] = 2, 3
    assert [kind for kind, _ in said(compare(run("a"), b))] == [Kind.MOVED]


def test_what_is_ignored_must_still_be_there(compare: Callable[..., Diff]) -> None:
    b = run("b")
    b[6]["payload"] = {"content": "else"}
    assert compare(run("a"), b, ignore=["$.payload.content"]).same
    assert compare(run("a"), b, ignore=["content"]).same
    assert compare(run("a"), b, shape=True).same
    b[6]["payload"] = {}
    assert not compare(run("a"), b, ignore=["content"]).same


def test_streams_of_parts_are_one_where_that_is_asked_for(compare: Callable[..., Diff]) -> None:
    def parts(tag: str, *texts: str) -> list[dict[str, Any]]:
        stream = [event("partial_result", 2 + i, tag, payload={"content": text, "role": "x"}) for i, text in enumerate(texts)]
        return [event("agent_started", 1, tag), *stream, event("agent_completed", 2 + len(texts), tag)]

    a, b = parts("a", "Hel", "lo", " you"), parts("b", "Hello", " you")
    assert not compare(a, b).same
    assert compare(a, b, coalesce=["partial_result"]).same
    assert not compare(a, parts("b", "Hello", " me"), coalesce=["partial_result"]).same


def test_timing_is_told_above_a_threshold(compare: Callable[..., Diff]) -> None:
    assert compare(run("a"), run("b"), step_b=40).same
    found = compare(run("a"), run("b"), step_b=40, timing_ns=20_000_000)
    assert {one.kind for one in found.sessions[0].differences} == {Kind.TIMING}
    assert found.sessions[0].differences[0].later_ns == 30_000_000


def test_another_ending_shows(compare: Callable[..., Diff]) -> None:
    found = compare(run("a"), run("b"), facts_b={"ending": Ending.DROPPED, "close_code": None, "closed_by": "server"})
    assert [change.path for change in found.sessions[0].differences[0].fields] == ["$.ending", "$.by", "$.code"]
    assert compare(run("a"), run("b"), facts_b={"ending": Ending.TRUNCATED}).same


def test_findings_that_only_one_has(compare: Callable[..., Diff]) -> None:
    b = run("b")
    del b[5]
    (session,) = compare(run("a"), b, findings=True).sessions
    assert "tool" in {finding.rule for finding in session.findings_b}
    (change,) = session.spans
    assert (change.a and change.a.state, change.b and change.b.state, change.record.span) == ("completed", "cut", "tool")
    same = compare(b, [dict(one) for one in b], findings=True)
    assert same.same and same.sessions[0].spans == ()


def test_a_finding_has_the_sign_of_its_severity(compare: Callable[..., Diff]) -> None:
    b = [one for one in run("b") if one["type"] not in ("agent_thinking", "tool_completed")]
    found = compare(run("a"), b, 11_000, findings=True)
    (session,) = found.sessions
    expected = ["✗" if finding.severity is Severity.ERROR else "▲" for finding in session.findings_b]
    assert [line[4] for line in diff_report.text(found, "a", "b") if line[:4] == "  + " and line[4] in "✗▲"] == expected
    assert {*expected} == {"✗", "▲"}


def test_sessions_are_found_whatever_their_order(write: Write, contract: Contract) -> None:
    def talk(tag: str, kinds: list[str]) -> list[Any]:
        return [(i, "s2c", event(kind, i, tag)) for i, kind in enumerate(kinds)]

    one, two = ["agent_started", "agent_completed"], ["agent_started", "agent_thinking", "agent_completed"]
    a, b = write("a.db", talk("a", one), talk("b", two)), write("b.db", talk("c", two), talk("d", one), talk("e", one))
    with Recording.open(a) as left, Recording.open(b) as right:
        found = diff(left, right, contract, DiffOptions(findings=False))
        alone = diff(left, right, contract, DiffOptions(findings=False), session_a=1, session_b=1)
    pairs = [(session.a and session.a.id, session.b and session.b.id) for session in found.sessions]
    assert pairs == [(1, 2), (2, 1), (None, 3)]
    assert all(not session.differences for session in found.sessions)
    assert not alone.same


def test_heartbeats_make_no_difference_unless_they_are_asked_for(compare: Callable[..., Diff]) -> None:
    def beating(*places: int) -> list[dict[str, Any]]:
        events = run("a")
        for place in places:
            events.insert(place, {"type": "heartbeat"})
        return [event | {"seq": number} for number, event in enumerate(events, 1)]

    a, b = beating(2, 5, 7), beating(0, 3)
    found = compare(a, b)
    assert said(found) == [] and found.sessions[0].left_out == ({"heartbeat": 3}, {"heartbeat": 2})
    assert "   not compared: heartbeat (3 in a, 2 in b)" in diff_report.text(found, "a.db", "b.db")
    assert "heartbeat" in [name for _, name in said(compare(a, b, heartbeats=True))]


def test_types_are_left_out_where_that_is_asked_for(compare: Callable[..., Diff]) -> None:
    b = [*run("b"), event("notice.sent", 9, "b")]
    assert said(compare(run("a"), b)) == [(Kind.ONLY_B, "notice.sent")]
    assert said(compare(run("a"), b, ignore_types=["c2s:notice.*"])) == [(Kind.ONLY_B, "notice.sent")]
    found = compare(run("a"), b, ignore_types=["s2c:notice.*"])
    assert found.same
    assert orjson.loads(diff_report.json(found, "a", "b"))["sessions"][0]["left_out"] == {"a": {}, "b": {"notice.sent": 1}}


def test_the_end_of_a_connection_has_the_name_of_contracts_and_is_left_out_by_it(compare: Callable[..., Diff]) -> None:
    dropped = {"ending": Ending.DROPPED, "closed_by": "server", "close_code": None}
    found = compare(run("a"), run("b"), facts_b=dropped)
    (row,) = found.sessions[0].differences
    assert row.a is not None and row.b is not None
    assert (row.kind, row.a.shown_name, row.b.shown_name) == (Kind.CHANGED, "ws.close", "ws.drop")
    without = compare(run("a"), run("b"), facts_b=dropped, ignore_types=["ws.*"])
    assert without.same and without.sessions[0].left_out == ({"ws.open": 1, "ws.close": 1}, {"ws.open": 1, "ws.drop": 1})
    assert not compare(run("a"), run("b"), facts_b=dropped, ignore_types=["ws.open"]).same


def test_the_last_line_counts_what_the_headings_count(compare: Callable[..., Diff]) -> None:
    b = run("b")
    del b[5]
    found = compare(run("a"), b, findings=True)
    lines = list(diff_report.text(found, "a", "b"))
    (session,) = found.sessions
    different, only = len(session.differences), len(session.findings_b)
    counted = f"{only} finding{'s' * (only > 1)}"
    events = f"{different} event{'s' * (different > 1)}"
    assert f" alike, {different} different; {counted} only in b" in lines[3]
    assert lines[-1] == f"{different + only} differences: {events}, {counted}"


def test_frames_are_told_as_whole_numbers(write: Write, contract: Contract) -> None:
    kinds = ("agent_started", "agent_thinking", "agent_completed")
    one, two, three = (event(kind, number) for number, kind in enumerate(kinds, 1))

    def batch(*events: dict[str, Any]) -> list[Any]:
        return [(number, "s2c", orjson.dumps([event])) for number, event in enumerate(events[:-1])] + [
            (9, "s2c", orjson.dumps([{"type": "other"}, events[-1]]))
        ]

    a, b = write("a.db", batch(one, two, three)), write("b.db", batch(two, three, one))
    with Recording.open(a) as left, Recording.open(b) as right:
        found = diff(left, right, contract, DiffOptions(findings=False, shape=True))
    lines = [line.strip() for line in diff_report.text(found, "a.db", "b.db")]
    assert [line for line in lines if line.startswith("in another order")] == [
        "in another order: frame 1 of a, event 2 of frame 3 of b",
    ]  # fmt: skip
    (only,) = orjson.loads(diff_report.json(found, "a.db", "b.db"))["sessions"][0]["differences"]
    assert (only["a"]["frame"], only["b"]["frame"], only["b"]["place"]) == (1, 3, 1)


def test_text_and_json_say_the_same(compare: Callable[..., Diff]) -> None:
    b = run("b")
    b[6]["payload"] = {"content": "\x1b[31mred"}
    found = compare(run("a"), b)
    for width in (80, 160):
        text = "\n".join(diff_report.text(found, "a.db", "b.db", width))
        assert "$.payload.content" in text
        assert "1 difference" in text
        assert "\x1b" not in text
        assert all(len(line) <= width for line in text.splitlines())
    document = orjson.loads(diff_report.json(found, "a.db", "b.db"))
    assert (document["version"], document["same"], document["differences"]) == (1, False, 1)
    (only,) = document["sessions"][0]["differences"]
    assert (only["kind"], only["type"], only["fields"][0]["b"]) == ("changed", "partial_result", "\x1b[31mred")


@pytest.mark.parametrize("options", [{}, {"ignore": ["v"]}, {"coalesce": ["x"]}])
def test_json_nested_deeper_than_it_is_written_is_compared_as_text(write: Write, options: dict[str, Any]) -> None:
    """Any recording can be compared: what is read may still be too deep for what walks through it."""
    made = [write(f"{n}.db", [(1, "s2c", b'{"type":"x","v":' + b"[" * 600 + b"%d" % n + b"]" * 600 + b"}")]) for n in (1, 2)]
    with Recording.open(made[0]) as a, Recording.open(made[1]) as b:
        found = diff(a, b, None, DiffOptions(**options))
        assert said(found) == [(Kind.CHANGED, "x")]
        assert list(diff_report.text(found, "a", "b"))
        assert orjson.loads(diff_report.json(found, "a", "b"))["differences"] == 1
        assert diff(a, a, None, DiffOptions(**options)).same


@pytest.mark.parametrize("depth", [100, 240, 250])
def test_a_report_can_be_written_around_values_of_any_depth(write: Write, depth: int) -> None:
    ends = b"", b",1"  # lists of two lengths are compared as a whole
    deep = [b'{"type":"x","v":' + b"[" * depth + b"]" * (depth - 1) + end + b"]}" for end in ends]
    made = [write(f"{number}.db", [(1, "s2c", payload)]) for number, payload in enumerate(deep)]
    with Recording.open(made[0]) as a, Recording.open(made[1]) as b:
        document = orjson.loads(diff_report.json(diff(a, b, None, DiffOptions()), "a", "b"))
    (field,) = document["sessions"][0]["differences"][0]["fields"]
    assert isinstance(field["b"], list if depth == 100 else str)
