"""What must come once, how long it is remembered, and history that is sent again after a reconnect."""

from __future__ import annotations

from typing import Any

import pytest
from judged_traces import Trace, said

from wsreplay.contract import loads
from wsreplay.validator import Judgement
from wsreplay.validator.rules.unique import KEEP_IDS, SeenIds

UNIQUE = "unique: {id: once, field: envelope.id, by: conn.session}\n"
COUNTED = "contract: x\nenvelope: {type: $.type, id: $.id}\nrules: [{id: only-one, existence: a, max: 1, across: user}]\n"

ONCE = "keys: {thread: $.t}\nenvelope: {type: $.type, id: $.id}\nunique: {id: u, field: envelope.id, by: thread}"


def judge(text: str, trace: Trace, inline: bool) -> Judgement:
    return trace.judge(loads(f"contract: x\n{text}"), inline=inline)


@pytest.mark.parametrize("inline", [True, False])
def test_a_value_comes_once_in_a_slice(inline: bool):
    trace = Trace().open().s2c("a", t=1, id="x").s2c("b", t=2, id="x").s2c("c", t=1, id="y").c2s("d", t=1, id="x").close()
    judgement = judge(ONCE, trace, inline)
    assert said(judgement) == ["u: d came twice: $.id x"]
    assert (judgement.rules[0].activations, judgement.rules[0].violations) == (4, 1)


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize(
    ("first", "second", "same"),
    [(1, 1, True), (1, 1.0, True), (1, "1", False), (True, 1, False), ([1, "a"], [1, "a"], True), ([1], [2], False),
     ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True), ("x" * 100, "x" * 100, True)],
)  # fmt: skip
def test_values_are_compared_as_json(first: Any, second: Any, same: bool, inline: bool):
    judgement = judge("unique: {id: u, field: $.id}", Trace().open().s2c("a", id=first).s2c("b", id=second).close(), inline)
    assert (len(judgement.findings) == 1) is same


@pytest.mark.parametrize("inline", [True, False])
def test_events_without_a_value_or_a_key_are_left_out(inline: bool):
    trace = Trace().open().s2c("a", t=1).s2c("a", t=1, id=None).s2c("a", id="x").s2c("a", id="x").close()
    assert judge(ONCE, trace, inline).rules[0].activations == 0


@pytest.mark.parametrize("rules", [COUNTED, COUNTED + UNIQUE], ids=["without a unique rule", "with one"])
def test_history_that_is_sent_again_is_no_business_of_any_rule(rules: str) -> None:
    trace = Trace().open().s2c("a", id="m1").drop().at(1).open(2)
    trace.s2c("a", connection=2, id="m1").s2c("b", connection=2, id="m2").close(2)
    assert said(trace.judge(loads(rules))) == []


@pytest.mark.parametrize("rules", [COUNTED, COUNTED + UNIQUE], ids=["without a unique rule", "with one"])
@pytest.mark.parametrize("id", ["m2", None, 1.5, ["m1"]])
def test_what_a_session_has_not_seen_before_is_judged(rules: str, id: object) -> None:
    """A new id, none, or what is no id at all."""
    trace = Trace().open().s2c("a", id="m1").drop().at(1).open(2).s2c("a", connection=2, id=id).close(2)
    assert said(trace.judge(loads(rules))) == ["only-one: a came 2 times, at most 1 expected for user u1"]


@pytest.mark.parametrize("rules", [COUNTED, COUNTED + UNIQUE], ids=["without a unique rule", "with one"])
def test_within_one_connection_nothing_is_history(rules: str) -> None:
    judgement = Trace().open().s2c("a", id="m1").s2c("a", id="m1").close().judge(loads(rules))
    assert "a came 2 times, at most 1 expected for user u1" in [finding.message for finding in judgement.findings]


@pytest.mark.parametrize("inline", [True, False])
def test_what_a_message_breaks_that_came_twice_follows_from_that(inline: bool) -> None:
    rules = loads("contract: x\nunique: {id: once, field: $.id}\nsequence: {id: n, field: $.n}\nrules: [{id: r, absence: b}]")
    trace = Trace().open().s2c("a", id=1, n=1).s2c("a", id=1, n=1).s2c("b", id=2, n=2).close()
    assert said(trace.judge(rules, inline)) == ["once: a came twice: $.id 1", "r: b must not come"]


@pytest.mark.parametrize("inline", [True, False])
def test_only_the_events_that_are_named_are_looked_at(inline: bool) -> None:
    rules = loads("contract: x\nunique: {id: once, field: $.id, event: [s2c:a, {event: b, where: {$.k: 1}}]}")
    trace = Trace().open().s2c("a", id=1).c2s("a", id=1).s2c("b", id=1, k=2).s2c("b", id=1, k=1).close()
    judgement = trace.judge(rules, inline)
    assert said(judgement) == ["once: b came twice: $.id 1"]
    assert judgement.rules[0].activations == 2


def test_as_many_ids_are_remembered_as_is_promised_and_no_more_than_twice_as_many() -> None:
    def twice(between: int) -> list[str]:
        trace = Trace().open().s2c("a", id="first")
        for number in range(between):
            trace.s2c("a", id=number)
        contract = loads("contract: x\nenvelope: {type: $.type, id: $.id}\n" + UNIQUE)
        return said(trace.s2c("a", id="first").close().judge(contract))

    assert twice(2 * KEEP_IDS - 2) == ["once: a came twice: $.id first"]
    assert twice(2 * KEEP_IDS - 1) == []


def test_how_many_ids_were_forgotten_is_said() -> None:
    trace = Trace().open()
    for number in range(2 * KEEP_IDS):
        trace.s2c("a", id=number)
    contract = loads("contract: x\nenvelope: {type: $.type, id: $.id}\n" + UNIQUE)
    assert trace.close().judge(contract).forgotten == {"ids": KEEP_IDS}


def test_another_session_has_another_history():
    trace = Trace().open(1).s2c("a", id=1).close(1).open(2).s2c("a", 2, id=1).s2c("a", 2, id=2).s2c("a", 2, id=3).close(2)
    once = loads("contract: x\nenvelope: {type: $.type, id: $.id}\nrules: [{id: r, existence: a, max: 2, by: conn.session}]")
    assert said(trace.judge(once)) == ["r: a came 3 times, at most 2 expected for session 2"]


def test_values_are_remembered_in_two_generations():
    seen = SeenIds(0)
    assert [seen.add("a", 1, 10), seen.add("a", 2, 20), seen.t] == [1, 1, 20]
    assert seen.rotate() == 0
    assert "a" in seen
    assert [seen.add("a", 3, 30), seen.add("b", 4, 30)] == [1, 4]
    assert seen.rotate() == 1
    assert "b" in seen
    assert seen.rotate() == 2
    assert "a" not in seen
