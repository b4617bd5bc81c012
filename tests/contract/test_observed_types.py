"""What is seen in a recording: where the types of its messages stand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from wsreplay.contract import load, loads
from wsreplay.contract.model import Contract
from wsreplay.contract.observed_types import ObservedTypes, look, told_by_path
from wsreplay.formats.import_file import import_file
from wsreplay.store.reader import Recording


def imported(source: Path, out: Path) -> None:
    with source.open("rb") as file:
        import_file(file, out)


def seen(documents: Sequence[Any], folder: Path, base: Contract | None = None) -> ObservedTypes:
    """What is seen in a recording of these messages of a server, or of a client where they are tuples of one."""
    lines = '{"wsreplay": 1}\n{"connection": 1, "t": 0, "open": {"path": "/"}}\n'
    for number, document in enumerate(documents, 1):
        is_clients = isinstance(document, tuple)
        data = json.dumps(document[0] if is_clients else document)
        message = {"connection": 1, "t": number, "dir": "c2s" if is_clients else "s2c", "opcode": "text", "data": data}
        lines += json.dumps(message) + "\n"
    (folder / "a.jsonl").write_text(lines)
    imported(folder / "a.jsonl", folder / "a.db")
    with Recording.open(folder / "a.db") as recording:
        return look(recording, base)


@pytest.mark.parametrize(
    ("documents", "path"),
    [
        ([{"kind": "x", "a": {"event": "y"}}], ("a", "event")),
        ([{"z": {"event": "y"}, "event": "x"}], ("event",)),
        ([{"a": {"b": {"event": "y"}}, "b": {"event": "x"}}], ("b", "event")),
        ([{"eventType": "x", "t": 1}], ("eventType",)),
        ([{"a": {"b": {"c": {"event": "x"}}}}], ("a", "b", "c", "event")),
        ([{"a": {"b": {"c": {"d": {"event": "x"}}}}}], None),
        ([{"event": {"more": 1}}], None),
        ([{"name": "x"}] * 4 + [{}], ("name",)),
        ([{"name": "x"}] * 3 + [{}], None),
        ([{"name": f"x{number}"} for number in range(201)], None),
        ([{"name": f"x{number % 200}"} for number in range(201)], ("name",)),
        ([{"text": "x"}], None),
        ([{"cmd": "say", "to": "ann", "text": "x"}, {"cmd": "leave", "to": "bob"}] * 6, ("cmd",)),
        ([{"head": {"was": "a.b"}, "n": 1}, {"head": {"was": "c.d"}, "m": 2}] * 6, ("head", "was")),
        ([{"who": f"u{number % 3}", "text": "x"} for number in range(12)], None),
        ([], None),
    ],
)
def test_where_a_type_stands_is_seen(documents: list[Any], path: tuple[str, ...] | None, tmp_path: Path) -> None:
    assert seen(documents, tmp_path).type_path == path


@pytest.mark.parametrize(("count", "told", "more"), [(12, 12, ""), (13, 12, ", and 1 more"), (1_200, 12, ", and 188 more")])
def test_of_many_types_the_most_frequent_are_told(count: int, told: int, more: str, tmp_path: Path) -> None:
    documents = [{"event": f"e{number % 200:03}"} for number in range(count)]
    seen(documents, tmp_path)
    with Recording.open(tmp_path / "a.db") as recording:
        text = told_by_path(recording)
    assert text is not None
    shown = min(count, 200)
    each = f"{count // shown:,}"
    assert text == f"json, by $.event: {', '.join(f's2c:e{number:03} {each}' for number in range(told))}{more}"


NAMED = [
    ({"type": "request", "name": "chat", "data": {"text": "x"}},),
    {"type": "event", "name": "agent_started", "data": {"run_id": "r"}},
    {"type": "event", "name": "agent_completed", "data": {"run_id": "r"}},
]
AS_ARRAYS = [(["chat", {"text": "x"}],), ["agent_started", {"run_id": "r"}], ["agent_completed", {"run_id": "r"}]]


def test_a_type_that_only_tells_the_direction_is_not_the_type(tmp_path: Path) -> None:
    found = seen(NAMED, tmp_path, load("agent-chat"))
    assert found.type_path == ("name",)
    assert dict(found.counts) == {(0, "chat"): 1, (1, "agent_started"): 1, (1, "agent_completed"): 1}


def test_without_a_contract_the_other_members_tell(tmp_path: Path) -> None:
    documents = [{"type": "event", "topic": "a.b", "n": 1}, {"type": "event", "topic": "c.d", "m": 1}] * 3
    assert seen(documents, tmp_path).type_path == ("topic",)


@pytest.mark.parametrize("documents", [
    [({"type": "say", "name": "ann", "text": "x"},), {"type": "message", "name": "ann", "text": "x"},
     {"type": "message", "name": "bob", "text": "y"}] * 4,
    [{"type": "message", "name": "ann"}],
    [{"type": "a", "name": "agent_started"}, {"type": "b", "name": "agent_completed"}],
])  # fmt: skip
def test_a_name_that_means_something_else_is_no_type(documents: list[Any], tmp_path: Path) -> None:
    assert seen(documents, tmp_path, load("agent-chat")).type_path is None


def test_what_is_a_list_now_and_then_is_no_hindrance(tmp_path: Path) -> None:
    documents = [{"type": "x", "name": "ab", "n": 1}, {"type": "x", "name": "cd", "m": 1}] * 4
    assert seen([*documents, {"type": "x", "name": ["a"], "data": [1]}], tmp_path).type_path == ("name",)


@pytest.mark.parametrize(("documents", "path"), [
    (AS_ARRAYS, (0,)),
    ([["say", "x"], ["bye", "y"]], (0,)),
    ([["msg", {"type": "a"}], ["msg", {"type": "b"}]], (1, "type")),
    ([["one word or more", 1], ["of a text", 2]], None),
    ([[1, 2], [3, 4]], None),
])  # fmt: skip
def test_the_type_of_an_array_is_its_first_element(documents: list[Any], path: Any, tmp_path: Path) -> None:
    assert seen(documents, tmp_path).type_path == path


def test_a_contract_that_says_where_types_are_is_followed(tmp_path: Path) -> None:
    base = loads("contract: draft\nenvelope: {type: $.data.kind}\n")
    documents = [{"type": f"t{number}", "data": {"kind": f"k{number}"}} for number in range(3)]
    found = seen(documents, tmp_path, base)
    assert (found.as_contract, found.type_path, [type_ for _, type_ in found.counts]) == (True, None, ["k0", "k1", "k2"])


def test_unless_no_message_has_one_there(tmp_path: Path) -> None:
    found = seen(NAMED, tmp_path, loads("contract: draft\nextends: agent-chat\nenvelope: {type: $.kind}\n"))
    assert (found.as_contract, found.type_path) == (False, ("name",))
