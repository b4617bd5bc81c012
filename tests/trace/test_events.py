"""The type of a message."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.trace import events
from wsreplay.trace.events import event_type


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"type":"token","n":1}', "token"),
        (b'{"type": "token", "n": 1}', "token"),
        (b'{"type":"token"}', "token"),
        (b'{"type":""}', ""),
        (b' {\n"type"\t: "token" , "n": 1}', "token"),
        (b'{"n":1,"type":"token"}', "token"),
        ('{"type":"größe"}'.encode(), "größe"),
        (b'{"type":"a\\u0062"}', "ab"),
        (b'{"type":"token", broken', "token"),
        (b'{"type":7}', None),
        (b'{"type":{"type":"inner"}}', None),
        (b'["type","token"]', None),
        (b'{"type":"\xff"}', None),
        (b"ping", None),
        (b"", None),
    ],
)
def test_the_type_is_the_top_level_string_of_that_name(payload: bytes, expected: str | None) -> None:
    assert event_type(payload) == expected
    assert event_type(payload) == expected  # also when its start has been seen


_KEYS = st.sampled_from(["type", "n", "a"])
_TEXTS = st.sampled_from(["token", "to", 'to",', "to\\", ""])
_VALUES = st.one_of(_TEXTS, st.integers(0, 99), st.dictionaries(_KEYS, st.just("x")))


@given(st.lists(st.dictionaries(_KEYS, _VALUES), max_size=20), st.booleans())
def test_what_was_seen_before_changes_no_answer(documents: list[dict[str, object]], indented: bool) -> None:
    for document in documents:
        value = document.get("type")
        payload = orjson.dumps(document, option=orjson.OPT_INDENT_2 if indented else 0)
        assert event_type(payload) == (value if isinstance(value, str) else None)


def test_memory_of_starts_is_bounded() -> None:
    for number in range(10_000):
        assert event_type(b'{"type":"t%d"}' % number) == f"t{number}"
    assert len(events._seen) <= 4096
