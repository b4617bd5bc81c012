"""What a careful tester says of counters: what they belong to, what was lost, what was only late. Each case with its reason."""

from __future__ import annotations

import pytest
from judged_traces import Trace, of

from wsreplay.contract import loads

CONTRACT = loads("""
contract: x
envelope: {type: $.type, seq: $.seq, id: $.id}
keys: {thread: [$.t, conn.id], run: [$.r, thread]}
spans: {run: {by: [thread, run], start: s, end: e}}
known: "*"
sequence: {field: envelope.seq}
""")

Step = tuple[object, ...]


def trace_of(*steps: Step) -> Trace:
    """Steps are `(seq, thread, run)` on the open connection, `(seconds,)` to wait, `("drop",)` or `("open",)`."""
    trace, connection = Trace().open(1), 1
    for number, step in enumerate(steps):
        if step == ("drop",):
            trace.drop(connection)
        elif step == ("open",):
            connection += 1
            trace.open(connection)
        elif len(step) == 1:
            trace.at(round(trace.now + float(str(step[0])), 3))
        else:
            seq, thread, *run = step
            keys = {"t": thread, **({"r": run[0]} if run else {})}
            trace.s2c("a", connection, seq=seq, id=f"m{number}", **keys)
    return trace.close(connection) if trace.connections[connection].closed_ns is None else trace


def said_of(trace: Trace, inline: bool = True) -> list[tuple[str, str, int | None, str]]:
    """Severity, kind, the frame it stands before, and the words."""
    findings = of(trace.judge(CONTRACT, inline=inline), "sequence")
    return [(finding.severity, finding.kind, finding.before, finding.message) for finding in findings]


CASES = {
    "one counter over two threads: nothing is wrong": (
        [(1, "t1"), (2, "t2"), (3, "t1"), (4, "t2")], []),
    "each thread has its own: nothing is wrong": (
        [(1, "t1"), (1, "t2"), (2, "t1"), (2, "t2"), (3, "t2"), (3, "t1")], []),
    "each thread has its own, one after the other, from 0": (
        [(0, "t1"), (1, "t1"), (2, "t1"), (0, "t2"), (1, "t2"), (0, "t3")], []),
    "each run of one thread has its own": (
        [(1, "t1", "r1"), (2, "t1", "r1"), (1, "t1", "r2"), (2, "t1", "r2"), (1, "t1", "r3")], []),
    "each thread has its own, which goes on in its second run": (
        [(1, "t1", "r1"), (2, "t1", "r1"), (1, "t2", "r2"), (3, "t1", "r3"), (2, "t2", "r2"), (4, "t1", "r3")], []),
    "each thread has its own from 0, which goes on in each of its runs": (
        [(0, "t1", "r1"), (0, "t2", "r2"), (1, "t1", "r3"), (2, "t1", "r4")], []),
    "the session's counter goes on in a second run, and each further thread still has its own": (
        [(1, "t1", "r1"), (2, "t1", "r2"), (1, "t2", "r3"), (2, "t2", "r4"), (3, "t1", "r5")], []),
    "each thread has its own, and its history is sent again when the session connects again": (
        [(1, "t1"), (1, "t2"), (2, "t1"), (2, "t2"), ("drop",), ("open",), (1, "t1"), (2, "t1"), (3, "t1"), (3, "t2")], []),
    "a number is lost in a thread that has its own counter": (
        [(1, "t1"), (1, "t2"), (2, "t1"), (2, "t2"), (4, "t2"), (3, "t1")],
        [("error", "gap", 5, "$.seq 3 missing before 4")]),
    "the first number of a run is lost, where each run has its own": (
        [(1, "t1", "r1"), (2, "t1", "r1"), (1, "t2", "r2"), (2, "t3", "r3"), (3, "t3", "r3")],
        [("error", "gap", 4, "$.seq 1 missing before 2")]),
    "a number comes twice in a thread that has its own counter": (
        [(1, "t1"), (1, "t2"), (2, "t2"), (2, "t2"), (2, "t1")],
        [("error", "duplicate", 4, "$.seq 2 came twice")]),
    "one counter, whose number comes twice in another thread: its own ones would have gaps": (
        [(1, "t1"), (1, "t2"), (2, "t1"), (3, "t2"), (4, "t1")],
        [("error", "duplicate", 2, "$.seq 1 came twice")]),
    "one counter that two threads have shared starts again in a third one: it is out of order, once": (
        [(1, "t1"), (2, "t2"), (3, "t1"), (1, "t3"), (2, "t3"), (3, "t1")],
        [("error", "order", 4, "$.seq 1 came after 3")]),
    "one counter over two threads loses a number": (
        [(1, "t1"), (2, "t2"), (4, "t1"), (5, "t2")],
        [("error", "gap", 3, "$.seq 3 missing before 4")]),
    "what was lost is sent again in time: a warning": (
        [(1, "t1"), (2, "t1"), (4, "t1"), (0.5,), (3, "t1"), (5, "t1")],
        [("warning", "order", 4, "$.seq 3 came after 4: recovered within 510ms")]),
    "two neighbours are swapped: one finding, a warning": (
        [(1, "t1"), (3, "t1"), (2, "t1"), (4, "t1")],
        [("warning", "order", 3, "$.seq 2 came after 3: recovered within 10ms")]),
    "several are lost and sent again in time, in whatever order: one warning": (
        [(1, "t1"), (5, "t1"), (3, "t1"), (2, "t1"), (4, "t1"), (6, "t1")],
        [("warning", "order", 5, "$.seq 2 to 4 came after 5: recovered within 30ms")]),
    "of several that were lost one is sent again: the others are missing": (
        [(1, "t1"), (5, "t1"), (3, "t1"), (6, "t1"), (2,), (7, "t1")],
        [("error", "gap", 2, "$.seq 2 and 4 missing before 5")]),
    "what was lost comes too late: the finding is amended, and not doubled": (
        [(1, "t1"), (3, "t1"), (1.5,), (2, "t1"), (4, "t1")],
        [("error", "late", 2, "$.seq 2 came 1.51s after 3, at most 1s allowed")]),
    "of two that were lost one comes too late: the other is missing": (
        [(1, "t1"), (4, "t1"), (1.5,), (2, "t1")],
        [("error", "gap", 2, "$.seq 3 missing before 4")]),
    "an event is lost with the connection": (
        [(1, "t1"), (2, "t1"), ("drop",), ("open",), (4, "t1"), (5, "t1")],
        [("error", "gap", 3, "$.seq 3 missing before 4")]),
    "an event is lost with the connection, and sent again in time": (
        [(1, "t1"), (2, "t1"), ("drop",), ("open",), (4, "t1"), (3, "t1"), (5, "t1")],
        [("warning", "order", 4, "$.seq 3 came after 4: recovered within 10ms")]),
    "an event is lost with the connection, where each thread has its own counter": (
        [(1, "t1"), (1, "t2"), (2, "t1"), ("drop",), ("open",), (2, "t2"), (4, "t1")],
        [("error", "gap", 5, "$.seq 3 missing before 4")]),
    "the counter starts again on a new connection, and loses a number there": (
        [(1, "t1"), (2, "t1"), (3, "t1"), (4, "t1"), ("drop",), ("open",), (1, "t1"), (2, "t1"), (4, "t1")],
        [("error", "gap", 7, "$.seq 3 missing before 4")]),
    "a number comes twice after a reconnect": (
        [(1, "t1"), (2, "t1"), ("drop",), ("open",), (3, "t1"), (3, "t1")],
        [("error", "duplicate", 4, "$.seq 3 came twice")]),
    "a lost number is missing though the session ends before its time is up": (
        [(1, "t1"), (3, "t1")], [("error", "gap", 2, "$.seq 2 missing before 3")]),
}  # fmt: skip


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize(("steps", "expected"), CASES.values(), ids=CASES)
def test_a_careful_tester_says(steps: list[Step], expected: list[tuple[str, str, int | None, str]], inline: bool) -> None:
    assert said_of(trace_of(*steps), inline) == expected


def test_a_lost_number_is_a_ghost_where_it_was_due():
    trace = trace_of((1, "t1"), (2, "t1"), (5, "t1"), (2,), (6, "t1"))
    (finding,) = of(trace.judge(CONTRACT), "sequence")
    assert (finding.is_ghost, finding.expected, finding.after, finding.before) == (True, ("seq 3 to 4",), 2, 3)
    assert (finding.decided_by, finding.decided_at - trace.messages[2].t_ns, finding.at_ns) == (
        "deadline", 1_000_000_000, trace.messages[2].t_ns,
    )  # fmt: skip


def test_it_is_the_same_fault_whatever_number_is_lost():
    first, second = (
        of(trace_of((1, "t1"), *steps).judge(CONTRACT), "sequence")[0].fingerprint
        for steps in ([(3, "t1")], [(2, "t1"), (5, "t1")])
    )
    assert first == second


def test_where_the_recording_ends_meanwhile_it_cannot_be_told():
    trace = Trace().open().s2c("a", seq=1, t="t1").s2c("a", seq=3, t="t1").truncate()
    judgement = trace.judge(CONTRACT)
    assert of(judgement, "sequence") == []
    assert [rule.verdict for rule in judgement.rules if rule.id == "sequence"] == ["inconclusive"]
