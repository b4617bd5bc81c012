"""Names that stand twice in one object, against a reader of JSON that sees every pair."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judged_traces import Trace, said

from wsreplay.contract import loads
from wsreplay.validator import Verdict
from wsreplay.validator.emit.repeated_names import RepeatedName, repeated_name, strict

STRICT = loads(
    """
contract: strict
json: {text: object, type: required, names: unique}
rules: [{id: b-comes, existence: b}]
"""
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """JSON with few names, so that some are repeated; escapes, colons and quotes where they mislead."""

    def name() -> str:
        plain = draw(st.sampled_from(["a", "b", ":", '"a":', "\\", "ä"]))
        quoted = json.dumps(plain)
        return draw(st.sampled_from([quoted, json.dumps(plain, ensure_ascii=False), quoted.replace("a", "\\u0061")]))

    def value(depth: int) -> str:
        kind = draw(st.sampled_from(["object", "list", "text", "number"] if depth else ["text", "number"]))
        parts = range(draw(st.integers(0, 3)))
        if kind == "object":
            space = draw(st.sampled_from(["", " "]))
            return "{" + ",".join(f"{name()}{space}:{space}{value(depth - 1)}" for _ in parts) + "}"
        if kind == "list":
            return "[" + ", ".join(value(depth - 1) for _ in parts) + "]"
        return name() if kind == "text" else "1"

    return value(3)


def oracle(document: str) -> bool:
    found = False

    def pairs(members: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len({name for name, _ in members}) < len(members)

    json.loads(document, object_pairs_hook=pairs)
    return found


@given(documents())
def test_a_repeated_name_is_found_as_by_a_reader_that_sees_every_pair(document: str) -> None:
    payload = document.encode()
    assert (repeated_name(payload) is not None) == oracle(document)
    if oracle(document):
        with pytest.raises(RepeatedName):
            strict(json.loads)(payload)
    else:
        assert strict(json.loads)(payload) == json.loads(document)


@given(documents(), st.sampled_from(["42/chat,", "]}", 'a:"b\n\n', '"\\q":', "{", "]"]))
def test_what_stands_around_json_is_no_part_of_it(document: str, around: str) -> None:
    found = repeated_name((around + document).encode())
    if around[0] in "4]":
        assert (found is not None) == oracle(document)
    assert repeated_name(around.encode()) is None


@pytest.mark.parametrize(
    ("decoder", "good", "bad"),
    [
        ("json-rpc", '{"method":"m","params":{"n":1}}', '{"method":"m","params":{"n":1,"n":2}}'),
        ("json-rpc", '{"jsonrpc":"2.0","id":1,"method":"m"}', '{"jsonrpc":"2.0","id":1,"method":"m","id":2,"n":1,"n":2}'),
        ("phoenix", '[null,"1","t","m",{"n":1}]', '[null,"1","t","m",{"n":1,"n":2}]'),
        ("socket.io", '42["m",{"n":1}]', '42["m",{"n":1,"n":2}]'),
        ("signalr", '{"type":1,"target":"m"}\x1e', '{"type":1,"target":"m","arguments":[{"n":1,"n":2}]}\x1e'),
        ("stomp", "MESSAGE\ndestination:{m\n\n{\"n\":1}\0", 'MESSAGE\ndestination:m\n\n{"n":1,"n":2}\0'),
        ("actioncable", '{"identifier":"c","message":{"type":"m"}}', '{"identifier":"c","message":{"type":"m","n":1,"n":2}}'),
    ],
)
def test_names_are_unique_in_the_messages_of_every_protocol(decoder: str, good: str, bad: str) -> None:
    contract = loads(f"contract: x\nenvelope: {{decoder: {decoder}}}\njson: {{names: unique}}\nrules: [{{id: r, absence: z}}]")
    trace = Trace().open().raw(good.encode()).raw(bad.encode()).raw(bad.encode(), 0).close()
    judgement = trace.judge(contract)
    assert [(finding.rule, finding.frames) for finding in judgement.findings] == [("json", (2,)), ("json", (3,))]
    assert judgement.events == 3


def test_an_event_of_two_types_is_a_finding_and_counts_as_the_last_one() -> None:
    judgement = Trace().open().raw(b'{"type":"a","type":"b"}').close().judge(STRICT)
    assert said(judgement) == [
        "json: the key type appears twice in one object: a reader may take either value"
    ]
    assert (judgement.verdict, judgement.events) == (Verdict.VIOLATED, 1)


def test_names_that_are_escaped_or_deep_in_the_message_are_found_too() -> None:
    for payload in (rb'{"type":"b","t\u0079pe":"b"}', b'{"type":"b","payload":[{"x":{"id":1,"id" : 2}}]}'):
        (finding,) = Trace().open().raw(payload).close().judge(STRICT).findings
        assert (finding.rule, finding.kind, finding.blame) == ("json", "format", "server")


def test_a_name_may_stand_in_several_objects_and_in_texts() -> None:
    payload = rb'{"type":"b","payload":{"type":"b","text":"\"type\":"},"list":[{"type":1},{"type":2}]}'
    judgement = Trace().open().raw(payload).close().judge(STRICT)
    assert (said(judgement), judgement.verdict) == ([], Verdict.SATISFIED)


def test_a_contract_that_does_not_ask_does_not_look() -> None:
    lenient = loads("contract: lenient\njson: {text: object, type: required}\nrules: [{id: b-comes, existence: b}]\n")
    assert said(Trace().open().raw(b'{"type":"a","type":"b"}').close().judge(lenient)) == []


def test_deep_nesting_is_no_trouble() -> None:
    payload = b'{"type":"b","x":' + b'{"x":' * 900 + b'{"y":1,"y":2}' + b"}" * 901
    (finding,) = Trace().open().raw(payload).close().judge(STRICT).findings
    assert finding.message.startswith("the key y appears twice")
