"""Rules and spans that name what befalls a connection."""

from __future__ import annotations

import pytest
from judged_traces import Trace, said

from wsreplay.contract import loads
from wsreplay.validator import Judgement

SPAN = "keys: {run: $.run, k: $.k}\nspans: {run: {by: run, start: s, end: e}}\n"


def judge(text: str, trace: Trace) -> Judgement:
    return trace.judge(loads(f"contract: x\n{text}"))


def test_a_condition_asks_for_the_code_and_the_reason_of_a_close():
    text = "rules: [{id: r, absence: {event: ws.close, where: {$.code: [1001, 1011], $.by: server}}}]"
    assert said(judge(text, Trace().open().s2c("a").close(code=1011, by="server"))) == [
        "r: ws.close by the server (1011) must not come"
    ]
    assert said(judge(text, Trace().open().s2c("a").close(code=1000, by="server"))) == []
    assert said(judge(text, Trace().open().s2c("a").close(code=1011, by="client"))) == []
    text = "rules: [{id: r, absence: {event: ws.close, where: {$.reason: away}}}]"
    assert said(judge(text, Trace().open().s2c("a").close(reason="away"))) == [
        "r: ws.close by the client (1000, away) must not come"
    ]
    assert said(judge(text, Trace().open().s2c("a").close(reason="back"))) == []


@pytest.mark.parametrize(
    ("scope", "where"),
    [
        ("", [""]),
        (", in: run", [" for run 1", " for run 2"]),
        (", by: k", [" for k 1", " for k 2"]),
        (", in: run, by: k", [" for k 1 in run 1", " for k 2 in run 2"]),
    ],
)
def test_it_happens_in_every_open_slice_of_its_connection(scope: str, where: list[str]):
    text = f"{SPAN}rules: [{{id: r, not_co_existence: [a, ws.ping]{scope}}}]"
    trace = Trace().open(1).open(2, "u2")
    for run in (1, 2):
        trace.s2c("s", run=run).s2c("a", run=run, k=run)
    trace.s2c("s", run=3).s2c("s", 2, run=4).s2c("a", 2, run=4, k=4).raw(b"", opcode=9)
    trace.s2c("e", run=1).s2c("e", run=2).s2c("e", run=3).s2c("e", 2, run=4)
    assert said(judge(text, trace.close(1).close(2))) == [f"r: a and ws.ping both came{place}" for place in where]


def test_across_a_user_it_happens_on_each_connection():
    text = "rules: [{id: r, response: [ws.drop, ws.open], across: user, within: 3s}]"
    again = Trace().open(1).s2c("a").drop(1).at(2).open(2).s2c("a", 2).close(2)
    assert said(judge(text, again)) == []
    late = Trace().open(1).s2c("a").drop(1).at(9).open(2).s2c("a", 2).close(2)
    assert said(judge(text, late)) == ["r: ws.open came 5.99s too late for user u1"]
    other = Trace().open(1).s2c("a").drop(1).at(2).open(2, "u2").at(9).close(2)
    assert said(judge(text, other)) == ["r: ws.open did not come within 3s after ws.drop for user u1"]


def test_across_a_user_a_connection_without_one_cannot_be_judged():
    text = "rules: [{id: r, response: [ws.drop, ws.open], across: user, within: 3s}]"
    judgement = judge(text, Trace().open(1, None).s2c("a").drop(1).at(9).open(2, None).close(2))
    (finding,) = judgement.findings
    assert (finding.verdict, finding.message) == ("error", "the connection lacks a key: conn.user")
    assert (finding.frames, finding.connection, finding.decided_at, finding.seen) == ((), 1, 10_000_000, "the connection")
    assert judgement.rules[0].errors == 1


def test_across_a_user_and_a_key_it_happens_in_the_slices_that_there_are():
    text = "keys: {k: $.k}\nrules: [{id: r, not_co_existence: [a, ws.ping], across: user, by: k}]"
    trace = Trace().open(1).open(2, "u2").s2c("a", k=1).s2c("a", 2, k=2).s2c("b", k=3).raw(b"", opcode=9).close(1).close(2)
    assert said(judge(text, trace)) == ["r: a and ws.ping both came for k 1 in user u1"]


def test_a_span_may_end_with_its_connection():
    text = """keys: {run: $.run}
spans:
  run: {by: run, start: s, end: {ok: [e, {event: ws.close, where: {$.code: 1000}}], failed: ws.drop}}
rules: [{id: r, existence: a, in: run, unless: failed}]"""
    closed = judge(text, Trace().open(1).open(2, "u2").s2c("s", run=1).s2c("s", 2, run=2).close(1).close(2, code=1001))
    assert said(closed) == [
        "run: e, ws.close (code 1000) or ws.drop never came for run 2; the connection was closed by the client (1001)",
        "r: a never came for run 1",
    ]
    dropped = judge(text, Trace().open(1).s2c("s", run=1).drop(1))
    assert said(dropped) == []
    assert [(run.state, run.end_ns) for run in dropped.runs] == [("failed", 10_000_000)]
