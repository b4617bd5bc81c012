"""What holds for every filter and every frame."""

from __future__ import annotations

import sqlite3

import orjson
import pytest
from example_count import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from wsreplay.errors import FilterError
from wsreplay.model import Frame
from wsreplay.trace import filter as filters
from wsreplay.trace.filter import Context, Filter, ast

words = st.text(st.sampled_from("ab*?[]\\\"/.é漢 \0\n_-"), max_size=4)
globs = st.lists(words, min_size=1, max_size=5).map(lambda parts: ast.Glob(tuple(part.replace("*", "") for part in parts)))
some_globs = globs.filter(lambda glob: len(glob.parts) > 1)
comparisons = st.sampled_from(["=", ">=", ">", "<=", "<"])
numbers = st.integers(0, 12)

fields = st.one_of(
    st.builds(ast.Field, st.sampled_from(["type", "user", "thread", "run", "rule"]), st.just("="), globs),
    st.builds(ast.Field, st.just("dir"), st.just("="), st.integers(0, 1)),
    st.builds(ast.Field, st.just("op"), st.just("="), st.sampled_from([0, 1, 2, 8, 9, 10])),
    st.builds(ast.Field, st.just("sev"), comparisons, st.integers(0, 2)),
    st.builds(ast.Field, st.sampled_from(["conn", "session", "size", "t"]), comparisons, numbers),
)
segments = st.one_of(st.sampled_from(["a", "b", "é", "thread_id", "a b"]), st.integers(-2, 2))
json_paths = st.lists(segments, max_size=3).map(tuple)
json_leaves = st.one_of(
    st.builds(ast.Json, json_paths),
    st.builds(ast.Json, json_paths, comparisons, st.one_of(words, st.integers(-5, 5), st.floats(-2, 2))),
    st.builds(ast.Json, json_paths, st.just("="), st.one_of(st.none(), st.booleans(), some_globs)),
)
leaves = st.one_of(
    fields,
    json_leaves,
    st.builds(ast.Text, words),
    st.builds(ast.Regex, st.sampled_from(["a", "/", "[ab]+", "a.b", "é", r"\\"]), st.booleans()),
)
nodes = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(ast.Not, inner),
        st.lists(inner, min_size=1, max_size=3).map(ast.conjunction),
        st.lists(inner, min_size=1, max_size=3).map(ast.disjunction),
    ),
    max_leaves=8,
)

documents = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(-2, 2), words),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(st.sampled_from(["a", "b", "é", "thread_id", "run_id", "payload", "a b"]), inner, max_size=3),
    ),
    max_leaves=5,
)


def escaped(document: object) -> bytes:
    return orjson.dumps(document).decode().encode("ascii", "backslashreplace").replace(b"\\x", b"\\u00")


payloads = st.one_of(documents.map(orjson.dumps), documents.map(escaped), words.map(str.encode), st.binary(max_size=6))
frames = st.lists(
    st.builds(
        Frame, st.just(0), st.integers(1, 4), st.integers(1, 9), st.integers(0, 12), st.integers(0, 1),
        st.sampled_from([0, 1, 2, 8, 9, 10]), st.just(1), st.just(0), st.just(0), st.one_of(st.none(), words), payloads,
    ),
    max_size=8,
).map(lambda listed: [one._replace(id=number) for number, one in enumerate(listed, 1)])  # fmt: skip
contexts = st.builds(
    Context,
    sessions=st.dictionaries(st.integers(1, 4), st.integers(1, 3)),
    users=st.dictionaries(st.integers(1, 4), st.one_of(st.none(), words)),
    judged=st.dictionaries(st.integers(1, 8), st.lists(st.tuples(st.integers(0, 2), words), max_size=2).map(tuple)),
)


@given(nodes)
def test_a_filter_written_and_read_again_is_the_same(node: ast.Node) -> None:
    assert filters.parse(str(node)) == Filter(node)


@given(st.text(st.sampled_from('ab()|!"/\\$.[]=<>: *té1'), max_size=30))
@settings(max_examples=examples(150))
def test_any_text_is_a_filter_or_a_mistake_with_a_place_inside_it(text: str) -> None:
    try:
        parsed = filters.parse(text)
    except FilterError as error:
        assert 0 <= error.position <= len(text)
    else:
        assert filters.parse(str(parsed)) == parsed


@pytest.fixture(scope="module")
def table() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.execute(
        "CREATE TABLE frame (id INTEGER PRIMARY KEY, connection_id, seq, t_ns, direction, opcode, flags, wire_length, offset,"
        " type TEXT, payload BLOB)"
    )
    return database


@given(nodes, frames, contexts, st.booleans())
@settings(max_examples=examples(150))
def test_sql_narrows_and_the_predicate_decides(
    table: sqlite3.Connection, node: ast.Node, listed: list[Frame], context: Context, no_payload_is_null: bool
) -> None:
    table.execute("DELETE FROM frame")
    rows = [(*one[:-1], (one.payload or None) if no_payload_is_null else one.payload) for one in listed]
    table.executemany("INSERT INTO frame VALUES (?,?,?,?,?,?,?,?,?,?,?)", rows)
    one_filter = Filter(node)
    condition, parameters = one_filter.where(context)
    narrowed = {row[0] for row in table.execute(f"SELECT id FROM frame WHERE {condition}", parameters)}
    (nulls,) = table.execute(f"SELECT count(*) FROM frame WHERE ({condition}) IS NULL", parameters).fetchone()
    matching = {one.id for one in listed if one_filter.matches(one, context)}
    assert matching <= narrowed
    assert nulls == 0
    assert matching == {one.id for one in listed if one.id in narrowed and one_filter.matches(one, context)}


@given(some_globs, st.text(st.sampled_from("ab"), max_size=8))
def test_a_glob_is_its_parts_in_their_order(glob: ast.Glob, text: str) -> None:
    import re

    assert glob.matches(text) == bool(re.fullmatch(".*".join(map(re.escape, glob.parts)), text, re.DOTALL))
