"""Events with conditions, in words."""

from __future__ import annotations

from typing import Any

import pytest

from wsreplay.contract.conditions import ValueGlob, schema_of
from wsreplay.contract.event_words import merge_alike, one_of, with_conditions, without_conditions
from wsreplay.contract.paths import parse


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({}, "done"),
        ({"$.how": ["ok"]}, "done (how ok)"),
        ({"$.b.how": ["ok", "stop"]}, "done (how ok or stop)"),
        ({"$.code": [1000, 1001, None]}, "done (code 1000, 1001 or null)"),
        ({"$.how": ["ok"], "$.by": [True]}, "done (how ok and by true)"),
        ({"$.a.id": [1], "$.b.id": [2]}, "done ($.a.id 1 and $.b.id 2)"),
        ({"$[3]": ["x"]}, "done ($[3] x)"),
        ({"$.how": [""]}, 'done (how "")'),
        ({"$.how": [ValueGlob("e*")]}, "done (how e*)"),
        ({"$.n": [schema_of({"minimum": 1})]}, "done (n minimum 1)"),
    ],
)
def test_conditions_stand_behind_the_event(conditions: dict[str, list[Any]], words: str) -> None:
    where = [(parse(path), tuple(values)) for path, values in conditions.items()]
    assert with_conditions("done", where) == words
    assert without_conditions(words) == "done"


@pytest.mark.parametrize(
    ("names", "merged"),
    [
        (["a", "b"], ["a", "b"]),
        (["a (how x)", "a (how y)"], ["a (how x or y)"]),
        (["a (how x)", "b", "a (how y or z)"], ["a (how x, y or z)", "b"]),
        (["a (how x)", "a (by y)", "a"], ["a (how x)", "a (by y)", "a"]),
        (["a (how x and by y)", "a (how z)"], ["a (how x and by y)", "a (how z)"]),
    ],
)
def test_events_that_differ_in_one_value_are_told_as_one(names: list[str], merged: list[str]) -> None:
    assert merge_alike(names) == merged


def test_a_name_without_conditions_stays() -> None:
    assert [without_conditions(name) for name in ("a (b", "(a)", "a b")] == ["a (b", "(a)", "a b"]


def test_the_last_of_several_is_joined_with_or() -> None:
    assert [one_of("a"), one_of("ab"), one_of("abc")] == ["a", "a or b", "a, b or c"]
