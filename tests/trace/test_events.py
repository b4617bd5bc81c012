from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.trace.events import event_type


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"type":"agent_started"}', "agent_started"),
        (b' { "type" : "a" , "type2": 1}', "a"),
        (b'{"n": 1, "type": "late"}', "late"),
        (b'{"payload": {"type": "inner"}}', None),
        (b'{"type": 5}', None),
        (b'{"type": null}', None),
        (b'{"type": ""}', ""),
        (b'{"type": "caf\xc3\xa9"}', "café"),
        (b'{"type": "\\u0061"}', "a"),
        (b'["type", "a"]', None),
        (b"not JSON", None),
        (b"", None),
        (b'{"type": "ok", broken', "ok"),
        (b'{"type": "\xff"}', None),
        (b'{"type": "first", "type": "last"}', "first"),
    ],
)
def test_the_type_is_the_top_level_string_of_that_name(payload: bytes, expected: str | None) -> None:
    assert event_type(payload) == expected


values = st.text() | st.integers(-9, 9) | st.none()


@given(st.dictionaries(st.sampled_from(("type", "a", "b")), values, max_size=3), st.booleans())
def test_it_is_what_a_json_parser_says(document: dict[str, object], spaced: bool) -> None:
    payload = json.dumps(document).encode() if spaced else orjson.dumps(document)
    value = document.get("type")
    assert event_type(payload) == (value if isinstance(value, str) else None)


@given(st.binary(max_size=100))
def test_nothing_raises(payload: bytes) -> None:
    event_type(payload)
    event_type(b'{"type":"' + payload)
