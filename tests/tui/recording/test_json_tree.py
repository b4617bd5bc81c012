"""JSON as a tree of lines."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.model import Frame
from wsreplay.trace import filter as filters
from wsreplay.trace import jsonpath
from wsreplay.tui.recording.json_tree import filter_term, nodes_of, tree_lines, value_text
from wsreplay.tui.recording.layout import json_lines

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts
documents = st.dictionaries(texts, st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8), max_size=4)  # noqa: E501  # fmt: skip


def lines_of(document: Any) -> list[tuple[str, str]]:
    shortened = json_lines(orjson.dumps(document))
    assert shortened is not None
    return [("json", text) for text in shortened.lines]


@given(documents)
def test_every_line_leads_to_its_node_and_back(document):
    lines = lines_of(document)
    for node in nodes_of(lines):
        assert node is not None
        value = jsonpath.get(document, jsonpath.parse(node.path))
        text = value_text(lines, node)
        assert text == value if isinstance(value, str) else orjson.loads(text) == value


@given(documents)
def test_a_value_is_found_by_the_filter_made_of_it(document):
    lines = lines_of(document)
    payload = orjson.dumps(document)
    frame = Frame(1, 1, 1, 0, 1, 1, 1, len(payload), 0, None, payload)
    for node in nodes_of(lines):
        assert node is not None
        term = filter_term(lines, node)
        if term is not None:
            assert filters.parse(term).predicate(filters.Context())(frame), term


@given(documents, st.data())
def test_a_folded_node_leaves_one_line_that_says_how_many_it_hides(document, data):
    lines = lines_of(document)
    foldable = [node for node in nodes_of(lines) if node is not None and node.is_foldable]
    if not foldable:
        return
    node = data.draw(st.sampled_from(foldable))
    shown = tree_lines(lines, {node.path})
    assert len(shown) == len(lines) - (node.last - node.first)
    assert f"{node.last - node.first - 1} line" in shown[node.first].line[1]
    assert [line for line, _ in tree_lines(lines, ())] == lines


def test_what_is_cut_off_or_no_json_has_no_end_of_its_own():
    lines = [("head", "chat"), ("json", "{"), ("json", '  "a": ['), ("json", "    1,")]
    nodes = nodes_of(lines)
    assert nodes[0] is None and [node.path for node in nodes[1:]] == ["$", "$.a", "$.a[0]"] and nodes[1].last == 3
