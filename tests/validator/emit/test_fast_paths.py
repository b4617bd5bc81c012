"""Each rule's fast path does exactly what its slow path does, on any trace."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from every_rule import HEAD, RULES
from example_count import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st
from judged_traces import Trace

from wsreplay.contract import loads
from wsreplay.validator import Engine, Judgement, SpanLog

# Few values, so that they meet; and such as a fast path must not take for what they are not.
VALUES = {
    "id": st.sampled_from(["m1", "m2", 1, 1.0, True, 1e30, [1]]),
    "seq": st.one_of(st.integers(0, 5), st.sampled_from([2.0, "3", True, 2.5, None])),
    "at": st.sampled_from([1.7e9, 1.7e9 + 0.01, 1.7e12, 1_700_000_000, "2023-11-14T22:13:20.02Z", -1, True, 1e300, "soon"]),
    "t": st.sampled_from(["t1", "t2", 1]),
    "r": st.sampled_from(["r1", "r2", "t1", 1.5]),
    "p": st.sampled_from(["r1", "r2", 7]),
    "c": st.sampled_from(["c1", "c2", {}]),
    "n": st.sampled_from(["search", "fetch"]),
    "u": st.sampled_from(["u1", "u2", 1]),
}
STEP = st.tuples(
    st.sampled_from([0, 0, 0.03, 0.3]),
    st.sampled_from(["message", "message", "message", "message", "message", "cut", "drop", "open"]),
    st.integers(1, 3),
    st.integers(0, 3),
    st.sampled_from("sabef"),
    st.fixed_dictionaries({}, optional=VALUES),
)
Step = tuple[float, str, int, int, str, dict[str, Any]]


def trace_of(steps: list[Step], complete: bool) -> Trace:
    """Three users, one of them anonymous, whose connections may drop and come back."""
    trace = Trace().open(1, "u1").open(2, "u2").open(3, None)
    current = {1: 1, 2: 2, 3: 3}
    for wait, what, user, direction, type_, values in steps:
        trace.at(round(trace.now + wait, 3))
        connection = current[user]
        open_now = trace.connections[connection].closed_ns is None
        if what == "open" and not open_now:
            current[user] = len(trace.connections) + 1
            trace.open(current[user], trace.connections[connection].user)
        elif what == "drop" and open_now:
            trace.drop(connection).at(round(trace.now + 0.01, 3))
        elif what == "cut" and open_now:
            trace.cut(min(direction, 1), connection)
        elif what == "message" and open_now:
            (trace.s2c if direction else trace.c2s)(type_, connection, **values)
    for connection, state in list(trace.connections.items()):
        if complete and state.closed_ns is None:
            trace.close(connection)
    return trace if complete else trace.truncate()


def check_log(judgement: Judgement) -> None:
    """Each span stands in the log once, in the state in which it was counted, and is part of one that is there."""
    ids = {record.id for record in judgement.spans}
    assert len(ids) == len(judgement.spans)
    assert {record.parent for record in judgement.spans} <= {None, *ids}
    counts = {(span, state): count for span, states in judgement.span_counts.items() for state, count in states.items()}
    assert Counter((record.span, record.state) for record in judgement.spans) == counts


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
@settings(max_examples=examples(20), deadline=None)
@given(steps=st.lists(STEP, max_size=14), complete=st.booleans())
# The third start interrupts the second, which is part of the first; the first goes on.
@example(steps=[(0, "message", 1, 0, "s", values) for values in ({}, {"p": "r1"}, {})], complete=False)
def test_fast_and_slow_paths_come_to_the_same_verdict(rules: str, steps: list[Step], complete: bool) -> None:
    contract, trace = loads(HEAD + rules), trace_of(steps, complete)
    judgement = trace.judge(contract)
    assert judgement == trace.judge(contract, inline=False)
    logged = trace.judge(contract, span_log=SpanLog())
    check_log(logged)
    assert [run._replace(id="", parent=None, label="", events=()) for run in logged.runs] == list(judgement.runs)
    assert (logged.findings, logged.run_counts) == (judgement.findings, judgement.run_counts)
    assert logged == trace.judge(contract, inline=False, span_log=SpanLog())


@pytest.mark.parametrize(
    "name",
    ["latency", "sequence by session", "sequence of what is found", "unique", "bind", "confine", "templates in spans"],
)
def test_a_rule_has_a_fast_path(name: str) -> None:
    """So that the two that are compared are two."""
    contract = loads(HEAD + RULES[name])
    fast, slow = (Engine(contract, inline=inline).handler_source(1, "b") for inline in (True, False))
    assert fast != slow
