"""Duplicates, and history that is sent again after a reconnect."""

from __future__ import annotations

import pytest
from judged_traces import Trace, said

from wsreplay.contract import loads
from wsreplay.validator.rules.unique import KEEP_IDS

UNIQUE = "unique: {id: once, field: envelope.id, by: conn.session}\n"
COUNTED = "contract: x\nenvelope: {type: $.type, id: $.id}\nrules: [{id: only-one, existence: a, max: 1, across: user}]\n"


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
    assert "only-one: a came 2 times, at most 1 expected for user u1" in said(judgement)


def test_as_many_ids_are_remembered_as_is_promised_and_no_more_than_twice_as_many() -> None:
    def twice(between: int) -> list[str]:
        trace = Trace().open().s2c("a", id="first")
        for number in range(between):
            trace.s2c("a", id=number)
        contract = loads("contract: x\nenvelope: {type: $.type, id: $.id}\n" + UNIQUE)
        return said(trace.s2c("a", id="first").close().judge(contract))

    assert twice(2 * KEEP_IDS - 2) == ["once: a came twice: $.id first"]
    assert twice(2 * KEEP_IDS - 1) == []
