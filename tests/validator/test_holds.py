"""While the recorder held traffic back no bound is violated: nobody knows whose time it was."""

from __future__ import annotations

import pytest
from judged_traces import Trace
from whole_findings import SENT

from wsreplay.contract import loads
from wsreplay.validator.findings import Finding, Verdict

RUN = "keys: {thread: $.t}\nspans: {run: {by: thread, start: s, end: e, body: b, within: 5s}}\n"
ASKED = RUN + "questions: {asks: ['c2s:q'], by: thread, answered_by: run, within: 2s, done_within: 3s}\n"


def asked() -> Trace:
    return Trace().open().at(10).c2s("q", t=1)


BOUNDS = {
    "a span": (RUN, lambda: Trace().open().at(10).s2c("s", t=1).at(18).s2c("e", t=1)),
    "a span that never ends": (RUN, lambda: Trace().open().at(10).s2c("s", t=1).at(18)),
    "an answer": (ASKED, lambda: asked().at(13).s2c("s", t=1).s2c("e", t=1)),
    "a whole answer": (ASKED, lambda: asked().at(11).s2c("s", t=1).at(14).s2c("e", t=1)),
    "silence": (RUN + "silence: {in: run, max: 1s}", lambda: Trace().open().at(10).s2c("s", t=1).at(13).s2c("e", t=1)),
    "a response": ("rules: [{id: r, response: [a, b], within: 1s}]", lambda: Trace().open().at(10).s2c("a").at(13).s2c("b")),
    "a recurrence": ("rules: [{id: r, recurrence: a, every: 9s}]", lambda: Trace().open().at(8).s2c("a").at(19)),
    "a latency": (SENT + "latency: {latency: a, max: 1s, severity: error}",
                  lambda: Trace().open().s2c("a", at=1000.0003).at(13).s2c("a", at=1010.0003)),
    "a reconnect": (RUN + "reconnect: {in: run, within: 1s, lost: [ws.drop]}",
                    lambda: Trace().open().at(10).s2c("s", t=1).drop().at(13).open(2).s2c("e", 2, t=1)),
}  # fmt: skip


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("name", BOUNDS)
def test_a_bound_is_inconclusive_where_the_recorder_held_traffic_back(name: str, inline: bool) -> None:
    text, make = BOUNDS[name]
    contract = loads(f"contract: x\n{text}")

    def found(*hold: float) -> tuple[Finding, ...]:
        trace = make().hold(*hold) if hold else make()
        for connection in list(trace.connections.values()):
            if connection.closed_ns is None:
                trace.close(connection.id)
        return trace.judge(contract, inline=inline).findings

    plain = found()
    assert plain and {finding.verdict for finding in plain} == {Verdict.VIOLATED}
    assert found(2, 3) == found(25, 26) == plain, "before and after it nothing is different"
    held = found(10.2, 10.9)
    assert [finding.rule for finding in held] == [finding.rule for finding in plain]
    assert {finding.verdict for finding in held} == {Verdict.INCONCLUSIVE}
