"""Documents are compared as JSON: by what they say, not by how it is written."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from wsreplay.validator.emit.exact import DEEPEST, is_same


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("1", "1.0", True), ("[1, 2]", "[1.0, 2]", True), ("1e2", "100", True),
        ("9007199254740993", "9007199254740992.0", False),
        ("true", "1", False), ("[false]", "[0]", False), ("true", "true", True), ("null", "0", False), ("null", "null", True),
        ('{"a": 1, "b": [2]}', '{"b": [2.0], "a": 1}', True), ('{"a": 1}', '{"a": 1, "b": null}', False),
        ('{"a": 1}', '{"b": 1}', False), ("[1]", "[1, 1]", False), ("{}", "[]", False), ('"1"', "1", False),
    ],
)  # fmt: skip
def test_equal_as_json(first: str, second: str, same: bool) -> None:
    assert is_same(orjson.loads(first), orjson.loads(second)) is same
    assert is_same(orjson.loads(second), orjson.loads(first)) is same


def test_documents_of_any_depth_are_compared() -> None:
    first: Any = orjson.loads("[" * (DEEPEST - 1) + "1" + "]" * (DEEPEST - 1))
    assert is_same(first, orjson.loads("[" * (DEEPEST - 1) + "1.0" + "]" * (DEEPEST - 1)))
    assert not is_same(first, orjson.loads("[" * (DEEPEST - 1) + "2" + "]" * (DEEPEST - 1)))
