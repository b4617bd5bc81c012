"""Two sessions side by side."""

from __future__ import annotations

import pytest

from wsreplay.errors import UsageError
from wsreplay.replay.compare import FieldChange
from wsreplay.replay.rows import Kind
from wsreplay.store.reader import Recording
from wsreplay.tui.data.alignment import Payloads, align
from wsreplay.tui.data.jsondiff import changed_fields, difference

S2C = 1


@pytest.fixture
def written(script):
    """A recording of one session, in which a run says these words."""

    def written(name, *words):
        made = script(name)
        made.open(1, 0, closed_ns=10**9)
        for number, word in enumerate(words):
            ids = {"message_id": f"{name}-{number}", "thread_id": f"t-{name}", "run_id": f"r-{name}"}
            made.say(1, number + 1, S2C, "partial_result", content=word, **ids)
        return made.write(2000)

    return written


def rows(a, b, sessions=(1, 1)):
    with Recording.open(a) as left, Recording.open(b) as right:
        return [row for row in align(left, right, sessions, "agent-chat") if row.said.name == "partial_result"]


def test_every_message_is_in_one_row_and_ids_may_differ(written):
    longer, shorter = written("a", "one", "two", "three"), written("b", "one", "three")
    found = rows(longer, shorter)
    assert [row.kind for row in found] == [Kind.SAME, Kind.ONLY_A, Kind.SAME]
    assert [row.a.frame_id for row in found] == [1, 2, 3]
    assert [row.kind for row in rows(shorter, longer)] == [Kind.SAME, Kind.ONLY_B, Kind.SAME]


def test_what_differs_in_a_pair_is_said_value_by_value(written):
    (row,) = rows(written("a", "one"), written("b", "two"))
    assert row.kind is Kind.CHANGED
    assert [text for _, text in changed_fields(row.fields)] == ["$.content", '  - "one"', '  + "two"']
    swapped = FieldChange("$.id", '"x"', '"z"', "elsewhere y")
    assert next(changed_fields((swapped,))) == ("accent", "$.id  (elsewhere y)")


def test_what_is_alike_is_read_as_it_is_looked_at(written):
    path = written("a", "one")
    (row,) = rows(path, written("b", "one"))
    payloads = Payloads(path)
    assert b'"content":"one"' in payloads.of(row.a)
    payloads.close()
    assert Payloads(path.with_name("gone.db")).of(row.a) == b""


def test_a_session_that_is_not_there(written):
    with pytest.raises(UsageError, match="has no session 2; it has 1"):
        rows(written("a", "one"), written("b", "one"), (1, 2))


def test_a_pair_is_compared_line_by_line():
    a, b = b'{"a":1,"b":1}', b'{"a":1,"b":2}'
    assert [text for kind, text in difference(a, b) if kind != "code"] == ['-   "b": 1', '+   "b": 2']
    assert [text[:1] for _, text in difference(a, None)] == ["-"] * 4
