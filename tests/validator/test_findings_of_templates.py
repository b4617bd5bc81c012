"""Each kind of finding of a DECLARE template, whole: what is said, of which frames, decided when, and where a ghost row stands.

The same on both paths: the one that is written out for the usual case, and the one that only calls the rules.
"""

from __future__ import annotations

import pytest
from judged_traces import Trace
from whole_findings import CS, SPAN, check, finding, rule

from wsreplay.validator.findings import Finding


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize(
    ("text", "trace", "expected"),
    [
        pytest.param(
            rule("existence: [a, [c, d]], in: run", SPAN),
            Trace().open().s2c("s", run=1).s2c("a", run=1).at(2).s2c("e", run=1).close(),
            [
                finding(
                    "r", "c or d never came for run 1", slice=(("run", "1"),), activation=1, frames=(1,), kind="missing",
                    expected=("c", "d"), decided_by="scope_close", decided_at=200 * CS, at_ns=200 * CS
                ),
            ],
            id="existence",
        ),
        pytest.param(
            rule("existence: a, in: run", SPAN),
            Trace().open().at(1).s2c("s", run=1).at(20).s2c("e", run=1).close(),
            [
                finding(
                    "run", "e came 9s too late for run 1", slice=(("run", "1"),), activation=1, frames=(1, 2),
                    kind="late", expected=("e", "f"), until=1100 * CS, seen="e", decided_by="deadline", decided_at=1100 * CS,
                    at_ns=1100 * CS, late_by=900 * CS
                ),
                finding(
                    "r", "a never came for run 1", slice=(("run", "1"),), activation=1, frames=(1,), kind="missing",
                    expected=("a",), decided_by="scope_close", decided_at=2000 * CS, at_ns=1100 * CS
                ),
            ],
            id="existence after the deadline of its span",
        ),
        pytest.param(
            rule("existence: a, min: 0, max: 1"),
            Trace().open().s2c("a").s2c("a").close(),
            [
                finding(
                    "r", "a came 2 times, at most 1 expected", frames=(2,), kind="unexpected", seen="a", decided_at=1 * CS,
                    blame="server"
                ),
            ],
            id="existence too often",
        ),
        pytest.param(
            rule("existence: [a, b], min: 2, max: 3"),
            Trace().open().s2c("a").s2c("b").s2c("b").close(),
            [
                finding(
                    "r", "a came once, at least 2 expected", kind="missing", expected=("a",), decided_by="scope_close",
                    decided_at=3 * CS, at_ns=3 * CS
                ),
            ],
            id="existence too seldom",
        ),
        pytest.param(
            rule("existence: [e, a], in: run", SPAN),
            Trace().open().s2c("s", run=1).close(),
            [
                finding(
                    "run", "e or f never came for run 1; the connection was closed by the client (1000)",
                    slice=(("run", "1"),), activation=1, frames=(1,), kind="missing", expected=("e", "f"), until=1000 * CS,
                    decided_by="scope_close", decided_at=1 * CS, at_ns=1 * CS
                ),
                finding(
                    "r", "e never came for run 1", slice=(("run", "1"),), activation=1, frames=(1,), kind="missing",
                    expected=("e",), decided_by="scope_close", decided_at=1 * CS, at_ns=1 * CS, caused_by="run"
                ),
                finding(
                    "r", "a never came for run 1", slice=(("run", "1"),), activation=1, frames=(1,), kind="missing",
                    expected=("a",), decided_by="scope_close", decided_at=1 * CS, at_ns=1 * CS, caused_by="run"
                ),
            ],
            id="existence caused by the span",
        ),
        pytest.param(
            rule("existence: a, max: 1"),
            Trace().open().c2s("a").c2s("a").close(),
            [
                finding(
                    "r", "a came 2 times, at most 1 expected", frames=(2,), kind="unexpected", seen="a", decided_at=1 * CS,
                    blame="client"
                ),
            ],
            id="existence once",
        ),
        pytest.param(
            rule("absence: a, in: run", SPAN),
            Trace().open().s2c("s", run=1).c2s("a", run=1).s2c("e", run=1).close(),
            [
                finding(
                    "r", "a must not come for run 1", slice=(("run", "1"),), activation=2, frames=(2,), kind="unexpected",
                    seen="a", decided_at=1 * CS, blame="client"
                ),
            ],
            id="absence",
        ),
        pytest.param(
            rule("init: [a, b], in: run", SPAN),
            Trace().open().s2c("s", run=1).s2c("e", run=1).close(),
            [
                finding(
                    "r", "s came first, a or b expected for run 1", slice=(("run", "1"),), activation=1, frames=(1,),
                    kind="order", expected=("a", "b"), seen="s", at_ns=0, blame="server"
                ),
            ],
            id="init",
        ),
        pytest.param(
            rule("end: [a, b], in: run", SPAN),
            Trace().open().s2c("s", run=1).s2c("b", run=1).s2c("e", run=1).close(),
            [
                finding(
                    "r", "e came last, a or b expected for run 1", slice=(("run", "1"),), activation=3, frames=(3,),
                    kind="missing", expected=("a", "b"), seen="e", decided_by="scope_close", decided_at=2 * CS, at_ns=2 * CS
                ),
            ],
            id="end",
        ),
        pytest.param(
            rule("response: [a, b]"),
            Trace().open().s2c("a").s2c("a").close(),
            [
                finding(
                    "r", "b did not come after 2 × a", activation=1, frames=(1,), kind="missing", expected=("b",),
                    decided_by="scope_close", decided_at=2 * CS, at_ns=2 * CS, count=2
                ),
            ],
            id="response",
        ),
        pytest.param(
            rule("response: [a, [b, c]], within: 1s"),
            Trace().open().s2c("a").at(3).s2c("c").close(),
            [
                finding(
                    "r", "c came 2s too late", activation=1, frames=(1, 2), kind="late", expected=("b", "c"),
                    until=100 * CS, seen="c", decided_by="deadline", decided_at=100 * CS, at_ns=100 * CS, late_by=200 * CS
                ),
            ],
            id="response too late",
        ),
        pytest.param(
            rule("response: [a, b], within: 1s"),
            Trace().open().s2c("a").at(3).close(),
            [
                finding(
                    "r", "b did not come within 1s after a", activation=1, frames=(1,), kind="missing", expected=("b",),
                    until=100 * CS, decided_by="deadline", decided_at=100 * CS, at_ns=100 * CS
                ),
            ],
            id="response never in time",
        ),
        pytest.param(
            rule("response: [a, b], mode: alternate"),
            Trace().open().s2c("a").s2c("a").s2c("b").close(),
            [
                finding(
                    "r", "b did not come before a after a", activation=1, frames=(1, 2), kind="missing", expected=("b",),
                    seen="a", decided_at=1 * CS, at_ns=1 * CS
                ),
            ],
            id="response alternate",
        ),
        pytest.param(
            rule("response: [a, b], mode: alternate, within: 1s"),
            Trace().open().s2c("a").s2c("a").s2c("b").close(),
            [
                finding(
                    "r", "b did not come before a after a", activation=1, frames=(1, 2), kind="missing", expected=("b",),
                    until=100 * CS, seen="a", decided_at=1 * CS, at_ns=1 * CS
                ),
            ],
            id="response alternate in time",
        ),
        pytest.param(
            rule("response: [a, b], mode: chain"),
            Trace().open().s2c("a").s2c("c").s2c("b").close(),
            [
                finding(
                    "r", "b did not come before c after a", activation=1, frames=(1, 2), kind="missing", expected=("b",),
                    seen="c", decided_at=1 * CS, at_ns=1 * CS
                ),
            ],
            id="response chain",
        ),
        pytest.param(
            rule("response: [b, [e, f]], in: run", SPAN),
            Trace().open().s2c("s", run=1).s2c("b", run=1).close(),
            [
                finding(
                    "run", "e or f never came for run 1; the connection was closed by the client (1000)",
                    slice=(("run", "1"),), activation=1, frames=(1,), kind="missing", expected=("e", "f"), until=1000 * CS,
                    decided_by="scope_close", decided_at=2 * CS, at_ns=2 * CS
                ),
                finding(
                    "r", "e or f did not come after b for run 1", slice=(("run", "1"),), activation=2, frames=(2,),
                    kind="missing", expected=("e", "f"), decided_by="scope_close", decided_at=2 * CS, at_ns=2 * CS,
                    caused_by="run"
                ),
            ],
            id="response caused by the span",
        ),
        pytest.param(
            rule("precedence: [a, b], in: run", SPAN),
            Trace().open().s2c("s", run=1).s2c("b", run=1).s2c("a", run=1).s2c("b", run=1).s2c("e", run=1).close(),
            [
                finding(
                    "r", "a came after b for run 1", slice=(("run", "1"),), activation=2, frames=(1, 2, 3), kind="order",
                    expected=("a",), seen="a", decided_at=1 * CS, at_ns=1 * CS, blame="server"
                ),
            ],
            id="precedence",
        ),
        pytest.param(
            rule("precedence: [a, b], within: 1s"),
            Trace().open().s2c("a").at(1).s2c("b").at(3).c2s("b").close(),
            [
                finding(
                    "r", "b without a in the 1s before", activation=3, frames=(3,), kind="order", expected=("a",),
                    seen="b", decided_at=300 * CS, at_ns=300 * CS, blame="client"
                ),
            ],
            id="precedence too long ago",
        ),
        pytest.param(
            rule("precedence: [a, b], mode: alternate"),
            Trace().open().s2c("a").s2c("b").s2c("b").close(),
            [
                finding(
                    "r", "b without a since the one before", activation=3, frames=(3,), kind="order", expected=("a",),
                    seen="b", decided_at=2 * CS, at_ns=2 * CS, blame="server"
                ),
            ],
            id="precedence alternate",
        ),
        pytest.param(
            rule("precedence: [a, b], mode: chain"),
            Trace().open().s2c("a").s2c("c").s2c("b").close(),
            [
                finding(
                    "r", "b without a just before", activation=3, frames=(3,), kind="order", expected=("a",), seen="b",
                    decided_at=2 * CS, at_ns=2 * CS, blame="server"
                ),
            ],
            id="precedence chain",
        ),
        pytest.param(
            rule("responded_existence: [a, b]"),
            Trace().open().s2c("a").s2c("a").close(),
            [
                finding(
                    "r", "a came, but never b", activation=1, frames=(1,), kind="missing", expected=("b",),
                    decided_by="scope_close", decided_at=2 * CS, at_ns=2 * CS
                ),
            ],
            id="responded existence",
        ),
        pytest.param(
            rule("not_co_existence: [a, b]"),
            Trace().open().s2c("a").s2c("b").close(),
            [
                finding(
                    "r", "a and b both came", activation=1, frames=(1, 2), kind="unexpected", seen="b", decided_at=1 * CS,
                    blame="server"
                ),
            ],
            id="not co-existence",
        ),
    ],
)
def test_a_finding_says_all_that_is_known(text: str, trace: Trace, expected: list[Finding], inline: bool):
    check(text, trace, expected, inline)
