"""Each kind of finding of messages and spans, whole: what is said, of which frames, decided when and by what.

The same on both paths: the one that is written out for the usual case, and the one that only calls the rules.
"""

from __future__ import annotations

import pytest
from judged_traces import Trace
from whole_findings import CS, NESTED, SENT, SPAN, check, finding, rule

from wsreplay.validator.findings import Finding, Verdict


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize(
    ("text", "trace", "expected"),
    [
        pytest.param(
            rule("latency: a, max: 100ms, severity: error", SENT),
            Trace().open().s2c("a", at=1000.0).at(1).s2c("a", at=1000.5).close(),
            [
                finding(
                    "r", "a took 500ms to arrive, at most 100ms allowed", activation=2, frames=(2,), kind="late",
                    until=60 * CS, seen="a", decided_at=100 * CS, late_by=40 * CS, blame="server"
                ),
            ],
            id="latency",
        ),
        pytest.param(
            rule("latency: a, max: 100ms, severity: error", SENT),
            Trace().open().s2c("a", at=1000.0).s2c("a", at=1).s2c("a", at=1).close(),
            [
                finding(
                    "r", "the sender's clock was set meanwhile; latency is measured anew from here", verdict=Verdict.ERROR,
                    activation=2, frames=(2,), kind="clock", seen="a", decided_at=1 * CS
                ),
            ],
            id="a clock that was set",
        ),
        pytest.param(
            "sequence: {field: $.n}",
            Trace().open().s2c("a", n=1).s2c("a", n=4).s2c("a", n=6).s2c("a", n=6).s2c("a", n=2).s2c("a", n="x").close(),
            [
                finding(
                    "sequence", "$.n 6 came twice", activation=4, frames=(4,), kind="duplicate", seen="a", decided_at=3 * CS,
                    blame="server"
                ),
                finding(
                    "sequence", "$.n is not a whole number in a", activation=6, frames=(6,), kind="format", seen="a",
                    decided_at=5 * CS, blame="server"
                ),
                finding(
                    "sequence", "$.n 3 missing before 4", activation=2, frames=(2,), kind="gap", expected=("n 3",), seen="a",
                    decided_by="scope_close", decided_at=6 * CS, at_ns=1 * CS, blame="server"
                ),
                finding(
                    "sequence", "$.n 5 missing before 6", activation=3, frames=(3,), kind="gap", expected=("n 5",), seen="a",
                    decided_by="scope_close", decided_at=6 * CS, at_ns=2 * CS, blame="server"
                ),
            ],
            id="sequence",
        ),
        pytest.param(
            "unique: {field: $.id}",
            Trace().open().s2c("a", id="x").s2c("b", id="x").close(),
            [
                finding(
                    "unique", "b came twice: $.id x", activation=1, frames=(1, 2), kind="duplicate", seen="b",
                    decided_at=1 * CS, at_ns=1 * CS, blame="server"
                ),
            ],
            id="unique",
        ),
        pytest.param(
            "keys: {thread: $.t}\nisolation: [{id: r, bind: thread}]",
            Trace().open(1, "u1").open(2, "u2").s2c("a", t=1).s2c("b", connection=2, t=1).close().close(2),
            [
                finding(
                    "r", "thread 1 of user u1 reached user u2: b", session=2, connection=2, activation=1,
                    frames=(1, 2), kind="isolation", seen="b", decided_at=1 * CS, blame="server"
                ),
            ],
            id="bind",
        ),
        pytest.param(
            "keys: {owner: $.o}\nisolation: [{id: r, confine: owner}]",
            Trace().open().s2c("a", o="u2").s2c("a", o="u1").close(),
            [
                finding(
                    "r", "an event for owner u2 reached user u1: a", activation=1, frames=(1,), kind="isolation", seen="a",
                    blame="server"
                ),
            ],
            id="confine",
        ),
        pytest.param(
            rule("absence: z", "json: {type: required}\n"),
            Trace().open().raw(b"{").raw(b"[]").raw(b'{"type": 1}').raw(b"{}", direction=0).close(),
            [
                finding(
                    "json", "not JSON: unexpected end of data at character 2", activation=1, frames=(1,),
                    kind="format", blame="server"
                ),
                finding(
                    "json", "an array instead of a JSON object", activation=2, frames=(2,), kind="format", decided_at=1 * CS,
                    blame="server"
                ),
                finding(
                    "json", "the message has a type that is not a string: 1", activation=3, frames=(3,), kind="format",
                    decided_at=2 * CS, blame="server"
                ),
                finding(
                    "json", "the message has no type", activation=4, frames=(4,), kind="format", decided_at=3 * CS,
                    blame="client"
                ),
            ],
            id="json",
        ),
        pytest.param(
            rule("absence: z", "unknown: warn\n"),
            Trace().open().s2c("q").s2c("q").c2s("p").close(),
            [
                finding("unknown", "unknown type q", activation=1, frames=(1,), kind="unknown", seen="q", blame="server"),
                finding(
                    "unknown", "unknown type p", activation=3, frames=(3,), kind="unknown", seen="p", decided_at=2 * CS,
                    blame="client"
                ),
            ],
            id="unknown",
        ),
        pytest.param(
            "schema: {a: {properties: {n: {type: integer}}}}",
            Trace().open().s2c("a", n=1).s2c("a", n="x").close(),
            [
                finding(
                    "schema", "a: data.n must be integer", activation=2, frames=(2,), kind="schema", seen="a",
                    decided_at=1 * CS, blame="server"
                ),
            ],
            id="schema",
        ),
        pytest.param(
            rule("absence: z, by: tool", SPAN),
            Trace().open().s2c("z").s2c("z").close(),
            [
                finding("r", "z lacks a key: tool", verdict=Verdict.ERROR, activation=1, frames=(1,), kind="key", seen="z"),
            ],
            id="a missing key",
        ),
        pytest.param(
            SPAN,
            Trace().open().s2c("s", run=1).at(20).close(),
            [
                finding(
                    "run", "e or f did not come within 10s for run 1", slice=(("run", "1"),), activation=1, frames=(1,),
                    kind="missing", expected=("e", "f"), until=1000 * CS, decided_by="deadline", decided_at=1000 * CS,
                    at_ns=1000 * CS
                ),
            ],
            id="a span that never ends",
        ),
        pytest.param(
            SPAN,
            Trace().open().s2c("s", run=1).at(20).s2c("e", run=1).close(),
            [
                finding(
                    "run", "e came 10s too late for run 1", slice=(("run", "1"),), activation=1, frames=(1, 2),
                    kind="late", expected=("e", "f"), until=1000 * CS, seen="e", decided_by="deadline", decided_at=1000 * CS,
                    at_ns=1000 * CS, late_by=1000 * CS
                ),
            ],
            id="a span that ends too late",
        ),
        pytest.param(
            SPAN,
            Trace().open().s2c("s", run=1).close(code=1001, by="server", reason="away"),
            [
                finding(
                    "run", "e or f never came for run 1; the connection was closed by the server (1001, away)",
                    slice=(("run", "1"),), activation=1, frames=(1,), kind="missing", expected=("e", "f"), until=1000 * CS,
                    decided_by="trace_end", decided_at=1 * CS, at_ns=1 * CS
                ),
            ],
            id="a span whose connection ends",
        ),
        pytest.param(
            SPAN,
            Trace().open().s2c("b", run=1).s2c("e", run=1).s2c("b", run=1).close(),
            [
                finding(
                    "run", "s never came for run 1; b came without it", slice=(("run", "1"),), activation=1, frames=(1,),
                    kind="missing",
                    expected=("s",), seen="b", at_ns=0, blame="server"
                ),
                finding(
                    "run", "b came after the end of its run for run 1", slice=(("run", "1"),), activation=2, frames=(2, 3),
                    kind="unexpected", seen="b", decided_at=2 * CS, at_ns=2 * CS, blame="server"
                ),
            ],
            id="what comes too early or too late",
        ),
        pytest.param(
            SPAN,
            Trace().open().s2c("s", run=1).s2c("s", run=1).s2c("e", run=1).close(),
            [
                finding(
                    "run", "s came again before the first had ended for run 1", slice=(("run", "1"),), activation=1,
                    frames=(1, 2), kind="order", expected=("e", "f"), seen="s", decided_at=1 * CS, at_ns=1 * CS
                ),
            ],
            id="a span that starts again",
        ),
        pytest.param(
            NESTED,
            Trace().open().s2c("s", run=1).s2c("ts", run=1, tool=1).s2c("e", run=1).close(),
            [
                finding(
                    "tool", "te never came for tool 1 in run 1", slice=(("run", "1"), ("tool", "1")), activation=2,
                    frames=(2, 3), kind="missing", expected=("te",), seen="e", decided_by="scope_close", decided_at=2 * CS,
                    at_ns=2 * CS
                ),
            ],
            id="a span inside another that never ends",
        ),
        pytest.param(
            NESTED,
            Trace().open().s2c("ts", run=1, tool=1).close(),
            [
                finding(
                    "tool", "ts came outside of a run for tool 1 in run 1", slice=(("run", "1"), ("tool", "1")),
                    activation=1, frames=(1,), kind="order", seen="ts", at_ns=0, blame="server"
                ),
            ],
            id="a span outside of the other",
        ),
        pytest.param(
            NESTED,
            Trace().open().s2c("s", run=1).s2c("ts", run=1, tool=1).s2c("f", run=1).close(),
            [
            ],
            id="a span whose parent failed",
        ),
        pytest.param(
            NESTED,
            Trace().open().s2c("s", run=1).s2c("ts", run=1, tool=1).drop().at(100).truncate(),
            [
                finding(
                    "run", "e or f did not come within 10s for run 1; the connection was dropped by the server",
                    slice=(("run", "1"),), activation=1, frames=(1,), kind="missing", expected=("e", "f"), until=1000 * CS,
                    decided_by="deadline", decided_at=1000 * CS, at_ns=1000 * CS
                ),
                finding(
                    "tool", "te never came for tool 1 in run 1; the connection was dropped by the server",
                    slice=(("run", "1"), ("tool", "1")), activation=2, frames=(2,), kind="missing", expected=("te",),
                    decided_by="scope_close", decided_at=3002 * CS, at_ns=3002 * CS, caused_by="run"
                ),
            ],
            id="a connection that drops",
        ),
    ],
)
def test_a_finding_says_all_that_is_known(text: str, trace: Trace, expected: list[Finding], inline: bool):
    check(text, trace, expected, inline)
