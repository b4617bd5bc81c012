"""What the decoder takes is what stands at the paths, whatever stands where an object or an array is looked for."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import orjson
import pytest

from wsreplay.contract.paths import parse
from wsreplay.validator.emit.partial_decoder import PartialDecoder

PATHS = {
    "places": ["$.type", "$.a[0].id", "$.a[2].b", "$.a[2].c[1]"],
    "one of all": ["$.type", "$.a[0].id", "$.a"],
    "behind": ["$.type", "$.a[0].id", "$.a[100].id", "$.a[-1].id"],
    "object or array": ["$.type", "$.a[0].id", "$.a.id"],
    "in an object": ["$.type", "$.a.b[0]", "$.a.b[1].id"],
    "of an array": ["$.type", "$[0].id", "$.a[0].id"],
}
ITEMS: list[Any] = [
    {"id": 1, "b": "two", "c": ["x", {"y": 1}], "f1": 0}, {"id": None}, {}, [], ["x", [1, {"id": 3}]], "text", 7, None,
]  # fmt: skip
DOCUMENTS: list[Any] = [
    *({"type": "t", "a": [item, *rest]} for item in ITEMS for rest in ([], [1], ["x", ITEMS[0]], [None, None, ITEMS[0], 4])),
    *({"type": "t", "a": {"id": 2, "b": item}} for item in ITEMS),
    *({"type": "t", "a": item} for item in ITEMS),
    *([item] for item in ITEMS),
    {},
]


@pytest.mark.parametrize("name", PATHS)
def test_it_takes_what_stands_at_its_paths(name: str) -> None:
    paths = [parse(text) for text in PATHS[name]]
    partial = PartialDecoder(paths)
    decode, getters = partial.decoder(), [partial.getter(path) for path in paths]
    taken = 0
    for document in DOCUMENTS:
        wanted = [path.find(document) for path in paths]
        kind = wanted[0] if isinstance(wanted[0], str) else "other"
        whole = partial.from_document(document, kind)
        assert [get(whole) for get in getters[1:]] == wanted[1:], document
        with suppress(msgspec.DecodeError):
            message = decode(orjson.dumps(document))
            assert [get(message) for get in getters] == wanted, document
            taken += 1
    assert taken > 4


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.a.id", ("d.f1", "d.f1.f0")),
        ("$.a.type", ("d.f1", "d.f1.f1")),
        ("$.a.b.id", None),
        ("$.a.b", None),
        ("$.a.other", None),
        ("$.b", None),
        ("$.other.id", None),
    ],
)
def test_only_what_stands_right_in_an_object_is_read_where_there_is_one(path: str, expected: tuple[str, str] | None) -> None:
    partial = PartialDecoder([parse(text) for text in ("$.type", "$.a.id", "$.a.type", "$.a.b.id", "$.b")])
    assert partial.guarded(parse(path)) == expected


def test_items_that_nothing_is_read_of_are_passed_over() -> None:
    partial = PartialDecoder([parse("$.type"), parse("$.a[0].id")])
    message = partial.decoder()(b'{"type":"t","a":[{"id":"x","more":1},7,{"id":2}]}')
    assert partial.getter(parse("$.a[0].id"))(message) == "x"
    assert partial.expression(parse("$.a[0].id"))[1] is None
