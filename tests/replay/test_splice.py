from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.replay.splice import splice
from wsreplay.trace import jsonpath as paths

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def places(value: Any, path: paths.Path = ()) -> list[paths.Path]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, each in inner for place in places(each, (*path, name)))]


@given(VALUES, st.data())
def test_only_the_value_at_the_path_is_another_one(document: Any, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(places(document)))
    old = paths.get(document, path)
    found = splice(orjson.dumps(document), [(path, old, "new value")])
    if path:
        paths.replace(document, path, "new value")
        assert orjson.loads(found) == document


def test_every_other_byte_stays() -> None:
    payload = b'{ "a" : "x",\n "n":1.50, "b":{"c":["x", "say \\"x\\""]}, "big":123456789012345678901234567890 }'
    assert splice(payload, [(("b", "c", 0), "x", "y")]) == payload.replace(b'["x"', b'["y"')
    assert splice(payload, [(("a",), "x", "y")]) == payload.replace(b': "x",', b': "y",')


def test_an_id_written_with_escapes_is_found() -> None:
    assert splice(b'{"id":"\\u00e9"}', [(("id",), "é", "e")]) == b'{"id":"e"}'


def test_of_a_name_that_stands_twice_the_last_counts() -> None:
    assert splice(b'{"id":"a","id":"b"}', [(("id",), "b", "c")]) == b'{"id":"a","id":"c"}'


def test_what_is_no_json_stays_as_it_is() -> None:
    assert splice(b'{"id":1', [(("id",), 1, 2)]) == b'{"id":1'
