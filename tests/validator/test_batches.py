"""Lists of events are taken apart; what is no such list for certain is left alone."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from wsreplay.contract.paths import parse
from wsreplay.decode.json import MOST_PARTS
from wsreplay.validator.batches import BatchReader


class Message(msgspec.Struct):
    kind: Any = msgspec.field(name="type", default=None)


def read(payload: bytes, *unpack: str) -> list[tuple[bytes, str]]:
    reader = BatchReader(msgspec.json.Decoder(Message).decode, [parse(path) for path in unpack])
    return [(item, message.kind) for item, message in reader.read(payload)]


A, B = b'{"type":"a"}', b'{"n":1,"type":"b"}'
BOTH = [(A, "a"), (B, "b")]


@pytest.mark.parametrize("payload", [b"[%b,%b]" % (A, B), b"[ %b,\n%b ]\n" % (A, B), b"%b\n\n%b\n" % (A, B)])
def test_arrays_and_lines_are_taken_apart(payload: bytes) -> None:
    assert read(payload) == BOTH


def test_lists_in_objects_are_taken_apart_where_told() -> None:
    flat, deep = b'{"events":[%b,%b],"type":"x"}' % (A, B), b'{"data":{"items":[%b,%b]}}' % (A, B)
    assert read(flat, "$.events") == read(deep, "$.data.items") == read(deep, "$.events", "$.data.items") == BOTH
    assert read(flat, "$.other") == read(flat) == read(b'{"events":[]}', "$.events") == []
    assert read(b'{"a":[[%b]]}' % A, "$.a[0]") == []


@pytest.mark.parametrize(
    "payload",
    [b"", b"[]", b"[", A, b"[1]", b"[%b,1]" % A, b"[%b,{}]" % A, b'[{"type":7}]', b"[%b]x" % A, b'[{"type":"a","x":"\xff"}]',
     b"%b\n1" % A, b"%b\n%b" % (A, b"{}"), b"[" * 5_000, b"[" + b",".join([A] * (MOST_PARTS + 1)) + b"]"],
)  # fmt: skip
def test_what_is_not_a_list_of_events_for_certain_is_left_alone(payload: bytes) -> None:
    assert read(payload) == []
