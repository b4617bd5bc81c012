"""Contracts that cannot mean anything are refused; those that look like it and can are not."""

from __future__ import annotations

import pytest

from wsreplay.contract import loads
from wsreplay.errors import ContractError

SPANS = "spans: {run: {start: a, end: {ok: b, failed: c}}}\n"


def check(text: str) -> str | None:
    """What is wrong with the contract, if anything, from the line on."""
    try:
        loads(f"contract: x\n{text}", "c.yaml")
    except ContractError as error:
        return str(error).removeprefix("c.yaml:")
    return None


def rules(*texts: str) -> str | None:
    return check(f"{SPANS}rules: [{', '.join(texts)}]")


def test_a_span_does_not_start_with_what_ends_it():
    assert check("spans: {run: {start: 'a*', end: [b, a1]}}") is None
    assert check("spans: {run: {start: [x, a1], end: 'a*'}}") == (
        "2:9: spans.run: a1 both starts and ends span run: it could never be open"
    )
    assert check("spans: {run: {start: 'c2s:a', end: 's2c:a'}}") is None
    assert check("spans: {run: {start: a, end: 's2c:a'}}") is not None
    assert check("spans: {run: {start: 'c2s:a', end: a}}") is not None
    assert check("spans: {run: {start: 'c2s:a', end: 'c2s:*'}}") is not None
    assert check("spans: {run: {start: 'c2s:a', end: 's2c:*'}}") is None
    assert check("spans: {run: {start: {event: a, where: {$.first: true}}, end: a}}") is None
    assert check("spans: {run: {start: a, end: {event: a, where: {$.last: true}}}}") is None


def test_an_event_is_one_end_of_a_span():
    found = check("spans: {run: {start: a, end: {ok: [b, d], failed: [c, b]}}}")
    assert found == "2:9: spans.run: b is an end of span run both as 'ok' and as 'failed'"
    found = check("spans: {run: {start: a, end: {ok: b, failed: c, cut: c}}}")
    assert found == "2:9: spans.run: c is an end of span run both as 'failed' and as 'cut'"
    assert check("spans: {run: {start: a, end: {ok: [b, b]}}}") is None


def test_what_comes_after_an_end_names_one_that_there_is():
    assert check("spans: {run: {start: a, end: {ok: b, failed: c}, after: {failed: d}}}") is None
    found = check("spans: {run: {start: a, end: {ok: b, failed: c}, after: {faild: d}}}")
    assert found == "2:9: spans.run: span run has no end 'faild'; did you mean 'failed'?"


@pytest.mark.parametrize("end", ["ws.open", "[ws.ping, ws.pong]"])
def test_a_span_can_end(end: str):
    found = check(f"spans: {{run: {{start: a, end: {end}}}}}")
    assert found == "2:9: spans.run: span run cannot end: no message and no close ends it"
    assert check(f"spans: {{run: {{start: a, end: {{ok: {end}, gone: ws.drop}}}}}}") is None


def test_spans_inside_each_other_come_to_an_end():
    inside = "spans: {{a: {{start: a, end: b}}, b: {{start: c, end: d, inside: {0}}}, c: {{start: e, end: f, inside: {1}}}}}"
    assert check(inside.format("a", "b")) is None
    assert check(inside.format("a", "a")) is None
    found = check(inside.format("c", "b"))
    assert found == "2:32: spans.b: spans inside each other in a circle: b → c → b"


def test_a_rule_is_in_a_span_that_ends_so():
    assert rules("{id: r, absence: d, in: run, unless: failed}") is None
    assert rules("{id: r, absence: d, in: run, unless: [ok, flaed]}") == (
        "3:9: rules[0]: span run has no end 'flaed'; did you mean 'failed'?"
    )
    assert rules("{id: r, absence: d, in: run, across: user}") == (
        "3:9: rules[0]: a rule is either in a span or across a user's sessions"
    )


def test_a_scope_is_closed_by_another_event_than_it_is_opened_by():
    assert rules("{id: r, absence: d, after: e, until: f}") is None
    assert rules("{id: r, absence: d, after: e}") is None
    assert rules("{id: r, absence: d, until: e}") is None
    assert rules("{id: r, absence: d, after: [e, f], until: f}") == "3:9: rules[0]: the same event opens and closes the scope"


def test_alternate_needs_two_events():
    assert rules("{id: r, response: [d, d], mode: alternate}") == "3:9: rules[0]: alternate needs two different events"
    assert rules("{id: r, response: [d, e], mode: alternate}") is None
    assert rules("{id: r, response: [d, d], mode: chain}") is None


def test_what_one_rule_demands_no_other_forbids_in_the_same_scope():
    demand, forbid = "{id: r, existence: [d, [e, f]]}", "{id: s, absence: [f, 'e*']}"
    assert rules(demand, forbid) == "3:42: rules[1]: s forbids e or f, which r requires: nothing can satisfy both"
    assert rules(forbid, demand) == "3:9: rules[0]: s forbids e or f, which r requires: nothing can satisfy both"
    assert rules(demand, "{id: s, absence: f}") is None
    assert rules("{id: r, existence: d, min: 0, max: 2}", "{id: s, absence: d}") is None
    assert rules("{id: r, init: d}", "{id: s, absence: d}") is None
    assert rules("{id: r, existence: d}", "{id: s, existence: d}") is None


@pytest.mark.parametrize("scope", ["in: run", "by: conn.user", "across: user", "after: g", "until: g"])
def test_in_another_scope_it_may_be_forbidden(scope: str):
    assert rules("{id: r, existence: d}", f"{{id: s, absence: d, {scope}}}") is None
    assert rules(f"{{id: r, existence: d, {scope}}}", "{id: s, absence: d}") is None
    assert rules(f"{{id: r, existence: d, {scope}}}", f"{{id: s, absence: d, {scope}}}") is not None


def test_a_span_that_is_named_is_there():
    two = "spans: {{run: {{start: a, end: b}}, tool: {{inside: {}, start: c, end: d}}}}"
    assert check(two.format("run")) is None
    assert check(two.format("rum")) == "2:49: spans.tool.inside: expected run, found 'rum'; did you mean 'run'?"
    assert rules("{id: r, existence: a, in: rum}") == "3:35: rules[0].in: expected run, found 'rum'; did you mean 'run'?"
