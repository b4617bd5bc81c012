from __future__ import annotations

import re
import time
from typing import Any

import fastjsonschema
import pytest
from fastjsonschema.draft07 import CodeGeneratorDraft07
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.contract.payload_schema import compile_schema
from wsreplay.trace.regex import PatternError


def fits(schema: Any, value: Any) -> bool:
    try:
        compile_schema(schema)(value)
    except fastjsonschema.JsonSchemaValueException:
        return False
    return True


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 100_000 + "b"),
        ({"pattern": "a*a*b"}, "a" * 100_000),
        ({"patternProperties": {"^(a|aa)+$": False}}, {"a" * 100_000 + "b": 1}),
        ({"properties": {"id": {"allOf": [{"pattern": "(x+x+)+y"}]}}}, {"id": "x" * 100_000}),
        ({"format": "email"}, "." * 100_000),
        ({"format": "email"}, "a@" + "." * 100_000 + "@"),
        ({"format": "idn-email"}, "a@" + "." * 100_000 + "@"),
        ({"format": "hostname"}, "a-" * 50_000),
        ({"format": "uri"}, "a" * 100_000),
        ({"format": "json-pointer"}, "/a" * 50_000 + "~"),
    ],
)
def test_no_text_holds_a_schema_up(schema: Any, value: Any) -> None:
    check = compile_schema({"$schema": "http://json-schema.org/draft-07/schema#", **schema})
    begun = time.process_time()
    try:
        check(value)
    except fastjsonschema.JsonSchemaValueException:
        pass
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("^c[0-9]+$", "c12", True), ("^c[0-9]+$", "c12\n", False), ("b", "abc", True), (r"^\d+$", "٣", False),
        ("^x_re_pattern$", "x_re_pattern", True), ("é", "caf\u00e9", True), ("^.$", "\U0001f600", True),
    ],
)  # fmt: skip
def test_a_pattern_is_searched_for_as_json_schema_says(pattern: str, text: str, matches: bool) -> None:
    assert fits({"pattern": pattern}, text) is matches
    assert fits({"patternProperties": {pattern: False}}, {text: 1}) is not matches


@pytest.mark.parametrize("pattern", ["(", "(?=a)b", r"(a)\1", "a{2000}"])
def test_a_pattern_that_cannot_be_used_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_schema({"properties": {"a": {"pattern": pattern}}})


@given(st.text(st.sampled_from("a.@- "), max_size=9))
def test_addresses_are_told_as_the_library_tells_them(text: str) -> None:
    for name in ("email", "idn-email"):
        expected = re.match(CodeGeneratorDraft07.FORMAT_REGEXS[name], text) is not None
        assert fits({"format": name}, text) is expected
