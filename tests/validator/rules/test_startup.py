"""What comes first on a connection, where it comes at all."""

from __future__ import annotations

from judged_traces import Trace, said

from wsreplay.contract import loads

CONTRACT = loads("contract: x\nstartup: {first: hello, before: [a, b], severity: warning}\n")
LATE = "startup: hello came when the connection was already in use, but should come first"


def test_first_is_first() -> None:
    assert said(Trace().open().s2c("hello").s2c("a").close().judge(CONTRACT)) == []


def test_a_product_that_never_says_it_breaks_nothing() -> None:
    assert said(Trace().open().s2c("a").s2c("b").close().judge(CONTRACT)) == []


def test_after_what_it_comes_before_is_said_once() -> None:
    judgement = Trace().open().s2c("b").s2c("hello").s2c("hello").close().judge(CONTRACT)
    assert said(judgement) == [LATE]
    (finding,) = judgement.findings
    assert (finding.kind, finding.frames, finding.before) == ("order", (1, 2), 2)


def test_each_connection_has_its_own() -> None:
    trace = Trace().open(1).open(2).s2c("a", 1).s2c("hello", 2).s2c("a", 2).close(1).close(2)
    assert said(trace.judge(CONTRACT)) == []
