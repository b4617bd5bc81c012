"""What is no JSON, no object or has no type; and what cannot be told, since nobody could read it."""

from __future__ import annotations

import pytest
from judged_traces import Trace

from wsreplay.contract import loads
from wsreplay.model import Connection, Opcode, lane_of
from wsreplay.trace.stream import Opened
from wsreplay.validator import Engine
from wsreplay.validator.rules.format import DEEPEST, why_undecodable

STRICT = "json: {text: object, type: required, names: unique}"


def judged(text: str, payload: bytes) -> list[tuple[str, str]]:
    judgement = Trace().open().raw(payload).close().judge(loads(f"contract: x\n{text}\nrules: [{{id: r, absence: z}}]"))
    return [(str(finding.verdict), finding.message) for finding in judgement.findings if finding.rule == "json"]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b'{"type": "a"}', None),
        (b"[1]", "an array instead of a JSON object"),
        (b'"a"', "a string instead of a JSON object"),
        (b"true", "a boolean instead of a JSON object"),
        (b"null", "null instead of a JSON object"),
        (b"1.5", "a number instead of a JSON object"),
        (b"{}", "the message has no type"),
        (b'{"type": null}', "the message has no type"),
        (b'{"type": 3}', "the message has a type that is not a string: 3"),
        (b'{"type": "a", "n": 1, "n": 2}', "the key n appears twice in one object: a reader may take either value"),
        (b'{"type": "a", "m": {"n": 1, "n": 2}}',
         "the key n appears twice in one object: a reader may take either value"),
        (b'{"type": "a", "m": {"n": 1}, "n": 2}', None),
    ],
)  # fmt: skip
def test_a_message_is_an_object_with_a_type(payload: bytes, message: str | None):
    assert judged(STRICT, payload) == ([] if message is None else [("violated", message)])


@pytest.mark.parametrize(
    ("text", "payload"),
    [("json: {text: json}", b"[1]"), ("json: {text: any}", b"no JSON"), ("json: {}", b'{"type": 3}'), ("json: {}", b"{}"),
     ("json: {}", b'{"type": "a", "n": 1, "n": 2}')],
)  # fmt: skip
def test_what_is_not_asked_for_is_not_judged(text: str, payload: bytes):
    assert judged(text, payload) == []


@pytest.mark.parametrize(
    ("payload", "undecodable"),
    [
        (b"[" * DEEPEST, False),
        (b"[" * (DEEPEST + 1), True),
        (b'{"a":' * (DEEPEST + 1), True),
        (b"[]" * (DEEPEST + 1), False),
        (b'"' + b"[" * (DEEPEST + 1) + b'"', False),
        (b'"\\"' + b"[" * (DEEPEST + 1) + b'"', False),
        (b'"\\\\"' + b"[" * (DEEPEST + 1), True),
        (b'"a"' + b"[" * (DEEPEST + 1), True),
    ],
)
def test_what_is_nested_deeper_than_can_be_read_may_be_json(payload: bytes, undecodable: bool):
    expected = f"nested deeper than {DEEPEST:,} levels" if undecodable else None
    assert why_undecodable(payload, cut=False) == expected
    assert why_undecodable(payload, cut=True) == "its payload was cut when it was recorded"


def test_each_frame_that_was_cut_is_remembered():
    """A fragment that was cut makes its whole message one that was; the others that were stay so."""
    engine = Engine(loads("contract: x\njson: {text: object}\nrules: [{id: r, absence: z}]"))
    engine.feed([Opened(0, Connection(1, 1, 0, user="u1", status=101), 1)])
    engine.set_cut_frames([1, 3])
    text, more = lane_of(1, 1, Opcode.TEXT), lane_of(1, 1, Opcode.CONTINUATION)
    begin = (1, 5, lane_of(1, 1, Opcode.TEXT, 0), b'{"type": "x')
    engine.run([begin, (2, 6, more, b'"'), (3, 7, text, b'{"t'), (4, 8, text, b'{"t')])
    assert [(finding.frames, str(finding.verdict)) for finding in engine.findings] == [
        ((2,), "inconclusive"), ((3,), "inconclusive"), ((4,), "violated"),
    ]  # fmt: skip
