"""The difference of two messages, in lines."""

from __future__ import annotations

from random import Random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.diff.conftest import S2C, rows
from wsreplay.diff.compare import FieldChange
from wsreplay.diff.rows import Kind
from wsreplay.store.reader import Recording
from wsreplay.tui.diff import json_lines as jsondiff
from wsreplay.tui.diff.json_lines import changed_fields, difference


def test_what_differs_in_a_pair_is_said_value_by_value(written):
    (row,) = rows(written("a", "one"), written("b", "two"))
    assert row.kind is Kind.CHANGED
    assert [text for _, text in changed_fields(row.fields)] == ["$.content", '  - "one"', '  + "two"']
    swapped = FieldChange("$.id", '"x"', '"z"', "elsewhere y")
    assert next(changed_fields((swapped,))) == ("accent", "$.id  (elsewhere y)")


def test_numbers_are_shown_as_they_were_sent(script):
    paths = []
    for name, large, share in (("a", "1E15", "1234567.0"), ("b", "2E15", "7.50")):
        made = script(name)
        made.open(1, 0, closed_ns=10**9)
        payload = f'{{"type":"partial_result","message_id":"m","n":{large},"inner":[{share}]}}'.encode()
        made.say(1, 1, S2C, "partial_result", raw=payload)
        paths.append(made.write(2000))
    (row,) = rows(*paths)
    assert [text.strip() for _, text in changed_fields(row.fields)] == [
        "$.n", "- 1E15", "+ 2E15", "$.inner[0]", "- 1234567.0", "+ 7.50",
    ]  # fmt: skip
    with Recording.open(paths[0]) as a, Recording.open(paths[1]) as b:
        lines = [text.strip() for _, text in difference(a.frame(1).payload, b.frame(1).payload)]
    assert {'-   "n": 1E15,', '+   "n": 2E15,', "-     1234567.0", "+     7.50"} <= set(lines)


def test_a_pair_is_compared_line_by_line():
    a, b = b'{"a":1,"b":1}', b'{"a":1,"b":2}'
    assert [text for kind, text in difference(a, b) if kind != "code"] == ['-   "b": 1', '+   "b": 2']
    assert [text[:1] for _, text in difference(a, None)] == ["-"] * 4


def sides(lines):
    """What a difference says that each side holds."""
    a = [text[2:] for kind, text in lines if kind in ("code", "error")]
    b = [text[2:] for kind, text in lines if kind in ("code", "ok")]
    return a, b


LINES = st.lists(st.sampled_from("abcdefgh") | st.integers(0, 400).map(str), max_size=40)


@given(LINES, LINES, LINES, LINES, st.sampled_from([0, 10, 100, 40_000]))
def test_a_difference_holds_both_sides_in_their_order(head, a, b, tail, most):
    a, b = [*head, *a, *tail], [*head, *b, *tail]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsondiff, "_MOST_PAIRS", most)
        lines = difference("\n".join(a).encode(), "\n".join(b).encode())
    assert sides(lines) == (a or [""], b or [""])
    assert [text for kind, text in lines if kind == "code"][: len(head)] == [f"  {text}" for text in head]


@pytest.mark.parametrize("values", [10, 300, 10**9])
def test_the_difference_of_two_long_messages_takes_no_longer_than_a_key_may(monkeypatch, values):
    random = Random(1)
    a, b = (orjson.dumps([random.randrange(values) for _ in range(1_990)]) for _ in range(2))
    pairs = 0
    matched = jsondiff._matched

    def counted(left, right):
        nonlocal pairs
        pairs += len(left) * len(right)
        return matched(left, right)

    monkeypatch.setattr(jsondiff, "_matched", counted)
    lines = difference(a, b)
    assert pairs <= jsondiff._MOST_PAIRS
    assert sides(lines) == (jsondiff._lines(a), jsondiff._lines(b))


def test_of_a_long_message_only_what_differs_is_shown():
    a, b = list(range(1_900)), [-1, *range(900), *range(901, 1_899), -2]
    lines = difference(orjson.dumps(a), orjson.dumps(b))
    assert [text for kind, text in lines if kind != "code"] == ["+   -1,", "-   900,", "-   1899", "+   -2"]
