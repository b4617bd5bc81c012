"""Where a missing event is drawn."""

from __future__ import annotations

import pytest
from judged_traces import NS, Trace, of

from wsreplay.contract import loads

RULES = {
    "existence": "existence: b",
    "responded existence": "responded_existence: [s, b]",
    "end": "end: b",
}


def place(rule: str, within: str, end: float) -> int | None:
    """Where the ghost of a `b` stands that never came in a run from 1 s to `end`."""
    contract = f"{{contract: x, spans: {{run: {{start: s, end: e{within}}}}}, rules: [{{id: r, {rule}, in: run}}]}}"
    (finding,) = of(Trace().open().at(1).s2c("s").at(end).s2c("e").close().judge(loads(contract)), "r")
    return finding.at_ns


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_missing_event_stands_at_the_deadline_of_its_span_or_at_its_end_whichever_comes_first(rule: str) -> None:
    assert place(rule, ", within: 2s", 9) == 3 * NS
    assert place(rule, ", within: 2s", 2) == 2 * NS
    assert place(rule, "", 9) == 9 * NS


def test_of_a_key_in_a_span_it_is_the_spans_deadline_too() -> None:
    contract = """{contract: x, keys: {k: $.k}, spans: {run: {start: s, end: e, within: 2s}},
                   rules: [{id: r, responded_existence: [a, b], in: run, by: k}]}"""
    trace = Trace().open().at(1).s2c("s").s2c("a", k="1").at(9).s2c("e").close()
    (finding,) = of(trace.judge(loads(contract)), "r")
    assert finding.at_ns == 3 * NS


def test_an_end_that_must_not_come_is_seen_at_the_last_frame_of_its_connection() -> None:
    trace = Trace().open().at(1).s2c("s").s2c("a").close().open(2).at(9).s2c("s", connection=2)
    (finding,) = of(trace.judge(loads("{contract: x, rules: [{id: r, absence: ws.close}]}")), "r")
    assert finding.frames == (2,)
