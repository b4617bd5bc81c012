from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.trace import jsonpath

DOCUMENT = {"a": {"b": [10, 20, {"c d": "x"}]}, "": 1, "it's": 2, "null": None}


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("$", (), DOCUMENT), ("$.a.b[0]", ("a", "b", 0), 10), ("$.a.b[-1]['c d']", ("a", "b", -1, "c d"), "x"),
        ('$["a"]["b"][1]', ("a", "b", 1), 20), ("$['']", ("",), 1), (r"$['it\'s']", ("it's",), 2),
        (r"$['\u0061']", ("a",), DOCUMENT["a"]),
        ("$.null", ("null",), None), ("$.a.x", ("a", "x"), jsonpath.MISSING), ("$.a.b[3]", ("a", "b", 3), jsonpath.MISSING),
        ("$.a.b[-4]", ("a", "b", -4), jsonpath.MISSING), ("$.a[0]", ("a", 0), jsonpath.MISSING),
        ("$.null.x", ("null", "x"), jsonpath.MISSING),
        ("$.a.b.c", ("a", "b", "c"), jsonpath.MISSING), ("$[ 'a' ]", ("a",), DOCUMENT["a"]),
    ],
)  # fmt: skip
def test_a_path_selects_one_value_or_none(text: str, path: jsonpath.Path, value: object) -> None:
    assert jsonpath.parse(text) == path
    assert jsonpath.get(DOCUMENT, path) is value or jsonpath.get(DOCUMENT, path) == value


@pytest.mark.parametrize(
    "text", ["", "a", "$a", "$.", "$..a", "$.*", "$[*]", "$[0:2]", "$[a]", "$['a'", "$.a b", "$[01]", r"$['\q']", "$.1a"]
)
def test_what_is_no_singular_path_says_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"path"):
        jsonpath.parse(text)


@given(st.lists(st.text() | st.integers(-(10**9), 10**9)))
def test_what_is_shown_is_read_again(segments: list[str | int]) -> None:
    path = tuple(segments)
    try:
        shown = jsonpath.show(path)
        shown.encode()
    except UnicodeEncodeError:
        return
    assert jsonpath.parse(shown) == path


@given(st.lists(st.sampled_from(("a", "b", 0, 1, -1)), min_size=1), st.integers())
def test_replacing_touches_what_is_selected_and_nothing_else(segments: list[str | int], value: int) -> None:
    document = {"a": [1, {"a": [2], "b": 3}], "b": {"a": 4, "b": [5, 6]}}
    before = {"a": [1, {"a": [2], "b": 3}], "b": {"a": 4, "b": [5, 6]}}
    path = tuple(segments)
    found = jsonpath.get(document, path) is not jsonpath.MISSING
    assert jsonpath.replace(document, path, value) is found
    if found:
        assert jsonpath.get(document, path) == value
    else:
        assert document == before


def test_texts_are_found_wherever_they_are_values() -> None:
    document = {"a": "x", "b": [1, "y", {"c": None, "d": "z"}, []], "e": {"f": True}, "g": ["w"]}
    assert dict(jsonpath.texts_in(document)) == {("a",): "x", ("b", 1): "y", ("b", 2, "d"): "z", ("g", 0): "w"}
    assert list(jsonpath.texts_in("alone")) == [((), "alone")]
    assert list(jsonpath.texts_in(7)) == []


def test_the_root_cannot_be_replaced() -> None:
    assert not jsonpath.replace({}, (), 1)
