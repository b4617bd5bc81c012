"""What patterns fit, and which messages that nobody can read may matter to a rule."""

from __future__ import annotations

import pytest

from wsreplay.contract import loads
from wsreplay.contract.model import Pattern
from wsreplay.contract.paths import parse

HEAD = "contract: x\nenvelope: {sent: $.at}\nkeys: {run: $.run}\n"


@pytest.mark.parametrize(
    ("pattern", "direction", "type", "fits"),
    [
        (Pattern("a"), 0, "a", True),
        (Pattern("a"), 1, "ab", False),
        (Pattern("a", 1), 1, "a", True),
        (Pattern("a", 1), 0, "a", False),
        (Pattern("*"), 0, "a", True),
        (Pattern("*"), 0, "", True),
        (Pattern("a*c"), 0, "ac", True),
        (Pattern("a*c"), 0, "a.b\nc", True),
        (Pattern("a*c"), 0, "acd", False),
        (Pattern("a.c*"), 0, "abc", False),
        (Pattern("*"), None, "ws.open", False),
        (Pattern("ws.open"), None, "ws.open", True),
        (Pattern("ws.open"), 1, "ws.close", False),
        (Pattern("ws.ping"), 1, "a", False),
    ],
)
def test_a_pattern_fits_type_and_direction(pattern: Pattern, direction: int | None, type: str, fits: bool):
    assert pattern.fits(direction, type) is fits


def test_a_pattern_is_written_as_in_a_contract():
    conditions = ((parse("$.a"), (1, "x")), (parse("$.b"), (None,)))
    assert [str(pattern) for pattern in (Pattern("a"), Pattern("a*", 0), Pattern("b", 1, conditions))] == [
        "a", "c2s:a*", "s2c:b (a 1 or x and b null)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "directions"),
    [
        ("rules: [{id: r, absence: 'c2s:a'}]", [0]),
        ("rules: [{id: r, absence: 's2c:a'}]", [1]),
        ("rules: [{id: r, absence: a}]", [0, 1]),
        ("rules: [{id: r, absence: ws.ping}]", []),
        ("rules: [{id: r, absence: 'c2s:a', after: 's2c:b'}]", [0, 1]),
        ("rules: [{id: r, response: ['c2s:a', 'c2s:b']}]", [0]),
        ("rules: [{id: r, response: ['c2s:a', 'c2s:b'], mode: alternate}]", [0]),
        ("rules: [{id: r, response: ['c2s:a', 'c2s:b'], mode: chain}]", [0, 1]),
        ("rules: [{id: r, init: 'c2s:a'}]", [0, 1]),
        ("rules: [{id: r, end: 'c2s:a'}]", [0, 1]),
        ("rules: [{id: r, latency: 's2c:*', max: 1s}]", [1]),
        ("spans: {r: {start: 's2c:a', end: 's2c:b', after: 's2c:c', outside: 's2c:d'}}", [1]),
        ("spans: {r: {start: 's2c:a', end: 's2c:b', body: 'c2s:c'}}", [0, 1]),
        ("sequence: {id: r, field: $.n}", [0, 1]),
        ("unique: {id: r, field: $.n}", [0, 1]),
        ("schema: {'s2c:a': {}}", [1]),
        ("json: {}", []),
        ("unknown: warn", [0, 1]),
    ],
)
def test_a_message_that_nobody_can_read_may_matter_to_a_rule(text: str, directions: list[int]):
    (rule,) = loads(HEAD + text).rules
    assert [direction for direction in (0, 1) if rule.may_concern(direction)] == directions


def test_a_contract_knows_the_types_that_it_names():
    contract = loads(f"{HEAD}known: [k, 'c2s:l']\njson: {{}}\nrules: [{{id: r, response: ['c2s:a', '*'], after: b*}}]")
    assert [name for name in ("a", "b", "b1", "k", "l", "z") if contract.is_known(0, name)] == ["a", "b", "b1", "k", "l"]
    assert [name for name in ("a", "b", "b1", "k", "l", "z") if contract.is_known(1, name)] == ["b", "b1", "k"]
    assert [name for name in ("a", "b", "k") if contract.is_named(0, name)] == ["a", "b"]


def test_runs_are_told_by_the_span_of_that_name_or_by_the_first():
    first, second = "a: {start: s, end: e}", "run: {start: t, end: f}"
    assert loads(f"{HEAD}spans: {{{first}, {second}}}").run_span.id == "run"  # type: ignore[union-attr]
    assert loads(f"{HEAD}spans: {{{first}, b: {{start: t, end: f}}}}").run_span.id == "a"  # type: ignore[union-attr]
    assert loads(f"{HEAD}rules: [{{id: r, absence: a}}]").run_span is None
