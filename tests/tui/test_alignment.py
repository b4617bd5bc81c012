"""Aligning two sessions."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.tui.data.alignment import Entry, Renaming, align
from wsreplay.tui.data.jsondiff import difference


def entries(names: str, start: int = 0) -> list[Entry]:
    return [Entry(start + n + 1, n, 1, name, orjson.dumps({"type": name})) for n, name in enumerate(names)]


def kinds(a: str, b: str) -> str:
    signs = {"same": "=", "changed": "~", "only_a": "-", "only_b": "+"}
    return "".join(signs[pair.kind] for pair in align(entries(a), entries(b)))


def test_a_missing_event_is_found_where_it_is_missing():
    assert kinds("sxtcxtce", "sxtcxte") == "======-="
    assert kinds("ab", "") == "--" and kinds("", "ab") == "++" and kinds("", "") == ""


@given(st.text("abc", max_size=30), st.text("abc", max_size=30))
def test_each_entry_is_in_one_pair_and_in_order(a, b):
    pairs = align(entries(a), entries(b))
    assert "".join(pair.a.name for pair in pairs if pair.a) == a
    assert "".join(pair.b.name for pair in pairs if pair.b) == b
    assert all(pair.a.name == pair.b.name for pair in pairs if pair.a and pair.b)


@given(st.text("abc", max_size=12), st.integers(0, 11))
def test_one_event_that_is_left_out_is_the_only_difference(text, place):
    if place < len(text):
        pairs = align(entries(text), entries(text[:place] + text[place + 1 :]))
        assert [pair.a.name for pair in pairs if pair.b is None] == [text[place]]
        assert all(pair.a is not None for pair in pairs)


def test_frames_that_say_the_same_are_aligned_before_those_that_are_only_of_a_kind():
    a = [Entry(1, 0, 1, "part", b'{"text":"one"}'), Entry(2, 0, 1, "part", b'{"text":"two"}')]
    b = [Entry(1, 0, 1, "part", b'{"text":"two"}')]
    assert [(pair.kind, pair.a.id) for pair in align(a, b)] == [("only_a", 1), ("same", 2)]


def test_sessions_that_have_little_in_common_are_aligned_all_the_same():
    pairs = align(entries("ab" * 3000), entries("cd" * 3000))
    assert len(pairs) == 12_000


def test_ids_may_be_renamed_one_for_one_and_times_may_differ():
    same = Renaming()
    assert same.same(b'{"run_id":"a","timestamp":1}', b'{"run_id":"x","timestamp":2.5}')
    assert same.same(b'{"run_id":"a","n":[1,{"id":7}]}', b'{"run_id":"x","n":[1,{"id":9}]}')
    assert not same.same(b'{"run_id":"b"}', b'{"run_id":"x"}')
    assert not same.same(b'{"text":"a"}', b'{"text":"b"}')
    assert not same.same(b"no json", b"{}")


def test_a_pair_is_compared_line_by_line():
    a, b = (Entry(1, 0, 1, "x", orjson.dumps({"a": 1, "b": n})) for n in (1, 2))
    assert [text for kind, text in difference(a, b) if kind != "code"] == ['-   "b": 1', '+   "b": 2']
    assert [text[:1] for _, text in difference(a, None)] == ["-"] * 4
