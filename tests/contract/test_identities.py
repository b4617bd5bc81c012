"""Where the ids of messages stand, as a contract says it, and which of one conversation stands for which of another."""

from __future__ import annotations

from typing import Any

import pytest

from wsreplay.contract import loads
from wsreplay.contract.identities import Fields, IdFinder, IdLayout, IdMap, fields_of, is_telling
from wsreplay.errors import UsageError
from wsreplay.trace.jsonpath import parse

CONTRACT = """
contract: x
envelope: {sent: $.at, seq: $.n, id: $.message_id}
keys:
  thread: [$.thread_id, $.payload.thread_id, conn.id]
  run: [$.run_id, thread]
  tool: $.tool_id
  tool_name: $.tool.name
  owner: $.user_id
  unused: $.unused
spans:
  tool: {by: [run, tool], inside: run, start: a, end: b}
  run: {by: [thread, run], start: c, end: d, parent: $.parent_run}
rules: [{id: r, absence: e, by: unused}]
unique: [{id: event, field: $.event_id}, {id: message-id, field: envelope.id}]
isolation: [{id: own, confine: owner, to: conn.user}]
"""


def fields(*also: str, ignore: tuple[str, ...] = (), contract: str = CONTRACT) -> Fields:
    return fields_of(loads(contract), also, ignore)


def where(finder: IdFinder, document: Any) -> list[tuple[str, str, Any]]:
    return [(domain, ".".join(map(str, path)), value) for domain, path, value in finder(document)]


def test_the_ids_of_a_contract_are_found():
    document = {
        "thread_id": "t1", "run_id": "r1", "tool_id": 7, "user_id": "u1", "parent_run": "r0", "message_id": "m1",
        "event_id": "e1", "at": 12, "n": 1, "payload": {"thread_id": "t2", "run_id": "not an id"}, "tool": {"name": "search"},
    }  # fmt: skip
    assert where(fields().of, document) == [
        ("thread", "thread_id", "t1"),
        ("run", "run_id", "r1"),
        ("tool", "tool_id", 7),
        ("owner", "user_id", "u1"),
        ("run", "parent_run", "r0"),
        ("message", "message_id", "m1"),
        ("event", "event_id", "e1"),
        ("thread", "payload.thread_id", "t2"),
    ]
    assert fields().label(document) == ("search",)


def test_what_the_fields_of_a_contract_mean():
    found = fields()
    assert found.levels == ("thread", "run", "tool")
    assert found.unique == {"message", "event"}
    assert found.owners == {"owner"}
    assert found.volatile == (parse("$.at"),)
    assert found.seq == parse("$.n")
    assert found.references == {parse("$.parent_run")}
    assert found.akin == {"run": ["thread"], "thread": ["run"]}
    assert found.of.domains == ["event", "message", "owner", "run", "thread", "tool", "unused"]


def test_without_a_contract_only_what_is_asked_for_is_an_id():
    found = fields_of(None, ["$.id", "$.items[0].id"], ["$.at", "cost"])
    assert where(found.of, {"id": 1, "items": [{"id": "x"}]}) == [("$.id", "id", 1), ("$.items[0].id", "items.0.id", "x")]
    assert (found.levels, found.unique, found.owners, found.seq, found.akin) == ((), frozenset(), frozenset(), None, {})
    assert (found.volatile, found.anywhere) == ((parse("$.at"),), {"cost"})
    assert fields_of(None).of({"id": 1}) == []


@pytest.mark.parametrize(("text", "expected"), [("a1", True), ("a", False), ("7", False), ("12345", False), ("", False)])
def test_a_number_or_a_letter_tells_nothing(text: str, expected: bool):
    assert is_telling(text) is expected


def test_what_is_ignored_is_no_id():
    assert where(fields("$.at", "$.more", ignore=("$.run_id",)).of, {"run_id": "r", "at": 1, "more": "m"}) == [
        ("$.more", "more", "m")
    ]


@pytest.mark.parametrize(("also", "ignore", "option"), [(["$.["], [], "--map"), ([], ["$.["], "--ignore")])
def test_a_path_that_is_none_is_refused_with_its_option(also: list[str], ignore: list[str], option: str):
    with pytest.raises(UsageError, match=rf"^{option} .*\$\.\["):
        fields_of(None, also, ignore)


def test_keys_that_fall_back_on_each_other_are_akin():
    text = """
contract: x
keys: {a: [$.a, b], b: [$.b, c], c: $.c, d: [$.d, e], e: $.e, f: $.f}
isolation: [{id: i, bind: [a, d, f], to: conn.user}]
"""
    assert fields(contract=text).akin == {"a": ["b", "c"], "b": ["a", "c"], "c": ["a", "b"], "d": ["e"], "e": ["d"]}


@pytest.fixture
def finder() -> IdFinder:
    return IdFinder([("a", parse("$.a")), ("b", parse("$.b")), ("inner", parse("$.in.id")), ("other", parse("$.in.other"))])


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"a": "x", "b": 2, "c": 3}, [("a", "a", "x"), ("b", "b", 2)]),
        ({"b": "y", "a": "x"}, [("a", "a", "x"), ("b", "b", "y")]),
        ({"a": None, "b": 2}, [("b", "b", 2)]),
        ({"a": True, "b": 2.5}, []),
        ({"a": "", "b": 0}, [("b", "b", 0)]),
        ({"a": ["x"], "b": {}}, []),
        ({"a": "x", "in": {"id": "i", "more": 1}}, [("a", "a", "x"), ("inner", "in.id", "i")]),
        ({"a": "x", "in": {"other": "o", "id": "i"}}, [("a", "a", "x"), ("inner", "in.id", "i"), ("other", "in.other", "o")]),
        ({"a": "x", "in": {"more": 1}}, [("a", "a", "x")]),
        ({"a": "x", "in": ["id"]}, [("a", "a", "x")]),
        ({"in": {"id": None, "other": False}}, []),
        ({"in": {"id": "", "other": ""}}, []),
        ({}, []),
        (["a"], []),
        ("a", []),
        (None, []),
    ],
)
def test_a_text_or_a_whole_number_is_an_id(finder: IdFinder, document: Any, expected: list[tuple[str, str, Any]]):
    assert where(finder, document) == expected
    assert where(finder, document) == expected, "a second message of the same names"


def test_messages_of_the_same_names_have_one_layout(finder: IdFinder):
    first, values = finder.lay_out({"a": "x", "b": 1})
    second, others = finder.lay_out({"a": "y", "b": 2})
    assert isinstance(first, IdLayout)
    assert first is second
    assert (values, others) == (["x", 1], ["y", 2])
    assert finder.lay_out({"a": "y", "b": None})[0] is finder.lay_out({"a": "y"})[0]
    assert finder.lay_out([])[0] is finder.lay_out({})[0]


def test_deep_places_are_searched():
    finder = IdFinder([("list", parse("$.items[1]")), ("deep", parse("$.a.b.c")), ("top", parse("$.top"))])
    found = where(finder, {"top": 1, "items": ["x", "y"], "a": {"b": {"c": "z"}}})
    assert sorted(found) == [("deep", "a.b.c", "z"), ("list", "items.1", "y"), ("top", "top", 1)]
    assert where(finder, {"items": ["x"], "a": {"b": []}}) == []


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ([{"id": "x"}, {"id": "y"}], [("first", "0.id", "x")]),
        ([{"id": 7}], [("first", "0.id", 7)]),
        ([{"id": None}], []),
        ([], []),
        ({"id": "x"}, []),
    ],
)
def test_ids_in_a_list_are_searched(document: Any, expected: list[tuple[str, str, Any]]):
    assert where(IdFinder([("first", parse("$[0].id"))]), document) == expected


def test_the_first_pair_of_an_id_stays():
    ids = IdMap()
    assert not ids
    assert ids.fits("run", "r1", "live1")
    ids.learn("run", "r1", "live1")
    ids.learn("run", "r1", "live2")
    assert ids
    assert (ids.live("run", "r1"), ids.recorded("run", "live1"), ids.recorded("run", "live2")) == ("live1", "r1", "r1")
    assert ids.fits("run", "r1", "live1")
    assert not ids.fits("run", "r1", "live2")
    assert not ids.fits("run", "r2", "live1")
    assert ids.fits("run", "r2", "live3")
    assert ids.fits("tool", "r1", "live2")
    ids.learn("run", "r9", "live1")
    assert (ids.live("run", "r9"), ids.recorded("run", "live1")) == ("live1", "r1")


def test_a_map_knows_what_the_one_below_it_knows():
    below = IdMap()
    above = IdMap(below)
    assert not above
    below.learn("run", "r1", "live1")
    assert above
    assert above.live("run", "r1") == "live1"
    assert above.recorded("run", "live1") is None
    above.learn("run", "r2", "live2")
    assert (below.live("run", "r2"), below.recorded("run", "live2")) == ("live2", "r2")
    above.learn("run", "r1", "mine")
    assert (above.live("run", "r1"), below.live("run", "r1")) == ("mine", "live1")
    assert above.live("run", "r3") is None


def test_a_map_renames_as_soon_as_an_id_that_tells_itself_stands_for_another():
    below = IdMap()
    above = IdMap(below)
    for domain, recorded, live in (("run", "run-0000001", "run-0000001"), ("run", "1", "2"), ("run", 7, 8)):
        above.learn(domain, recorded, live)
        assert (above.renames, below.renames) == (False, False)
    below.learn("run", "run-0000002", "run-0000009")
    assert (above.renames, below.renames) == (True, True)
    below.learn("run", "run-0000003", "run-0000003")
    assert below.renames
    assert (above.by_value("run-0000002"), above.by_value("run-0000003")) == ("run-0000009", "run-0000003")
    assert above.by_value("run-0000004") is None
    below.learn("tool", "run-0000002", "call-0000001")
    assert above.by_value("run-0000002") is None, "it may be either"


def test_ids_are_changed_into_what_stands_for_them():
    akin = {"run": ["thread"], "thread": ["run"]}
    ids = IdMap()
    ids.learn("thread", "t1", "T1")
    ids.learn("tool", "c1", "c1")
    run, tool, thread = parse("$.run"), parse("$.tool"), parse("$.thread")
    assert ids.stand_in("run", "t1", akin) == "T1"
    assert ids.stand_in("tool", "t1", akin) is None
    found = [("run", run, "t1"), ("tool", tool, "c1"), ("tool", tool, "c2"), ("thread", thread, "t2")]
    assert ids.changes(found, akin) == [(run, "t1", "T1")]
    assert (ids.live("run", "t1"), ids.live("thread", "t2"), ids.live("tool", "c2")) == ("T1", "t2", None)


def test_a_key_that_no_rule_uses_is_an_id() -> None:
    contract = loads("contract: x\nkeys: {sess: [$.session.id]}\nrules: [{id: r, existence: [hello]}]\n")
    assert [value for _, _, value in fields_of(contract).of({"session": {"id": "s-1"}})] == ["s-1"]
