"""Two sessions side by side."""

from __future__ import annotations

from random import Random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.diff.compare import FieldChange
from wsreplay.diff.conversation import Said
from wsreplay.diff.rows import Kind
from wsreplay.errors import RecordingError, UsageError
from wsreplay.store.reader import Recording
from wsreplay.tui.diff import alignment
from wsreplay.tui.diff import json_lines as jsondiff
from wsreplay.tui.diff.alignment import Payloads, align
from wsreplay.tui.diff.json_lines import changed_fields, difference

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


def test_what_could_not_be_read_for_a_moment_is_read_again_and_is_not_waited_for_at_each_row(written, monkeypatch):
    path = written("a", "one", "two")
    first, second = (row.a for row in rows(path, written("b", "one", "two")))
    now_s = 0.0
    payloads = Payloads(path, lambda: now_s)
    assert payloads.of(first) and list(payloads._reader.query("PRAGMA busy_timeout")) == [(50,)]
    asked, frame = [], Recording.frame

    def locked(_reader, frame_id):
        asked.append(frame_id)
        raise RecordingError("it is locked by another program")

    monkeypatch.setattr(Recording, "frame", locked)
    assert payloads.of(first) and [payloads.of(second) for _ in range(3)] == [b""] * 3 and len(asked) == 1
    monkeypatch.setattr(Recording, "frame", frame)
    now_s = 1.0
    assert b'"content":"two"' in payloads.of(second)
    payloads.close()


def test_not_more_is_kept_of_payloads_than_there_is_room_for(script, monkeypatch):
    made = script("a.db")
    made.open(1, 0, closed_ns=10**9)
    for number in range(20):
        made.say(1, number + 1, S2C, raw=b"%02d" % number * 500)
    monkeypatch.setattr(alignment, "KEPT_BYTES", 5_000)
    payloads = Payloads(made.write(2_000))
    for number in range(20):
        assert payloads.of(Said(0, S2C, "x", b"", number + 1, ())) == b"%02d" % number * 500
        assert sum(map(len, payloads._kept.values())) <= 5_000
    assert len(payloads._kept) == 4
    payloads.close()


def test_a_session_that_is_not_there(written):
    with pytest.raises(UsageError, match="has no session 2; it has 1"):
        rows(written("a", "one"), written("b", "one"), (1, 2))


def test_a_pair_is_compared_line_by_line():
    a, b = b'{"a":1,"b":1}', b'{"a":1,"b":2}'
    assert [text for kind, text in difference(a, b) if kind != "code"] == ['-   "b": 1', '+   "b": 2']
    assert [text[:1] for _, text in difference(a, None)] == ["-"] * 4


def sides(lines):
    """What a difference says that each side holds."""
    a = [text[2:] for kind, text in lines if kind in ("code", "error")]
    b = [text[2:] for kind, text in lines if kind in ("code", "ok")]
    return a, b


LINES = st.lists(st.sampled_from("abcdefgh") | st.integers(0, 400).map(str), max_size=40)


@given(LINES, LINES, LINES, LINES, st.sampled_from([0, 10, 100, 40_000]))
def test_a_difference_holds_both_sides_in_their_order(head, a, b, tail, most):
    a, b = [*head, *a, *tail], [*head, *b, *tail]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsondiff, "_MOST_PAIRS", most)
        found = difference("\n".join(a).encode(), "\n".join(b).encode())
    assert sides(found) == (a or [""], b or [""])
    assert [text for kind, text in found if kind == "code"][: len(head)] == [f"  {text}" for text in head]


@pytest.mark.parametrize("values", [10, 300, 10**9])
def test_the_difference_of_two_long_messages_takes_no_longer_than_a_key_may(monkeypatch, values):
    random = Random(1)
    a, b = (orjson.dumps([random.randrange(values) for _ in range(1_990)]) for _ in range(2))
    pairs = 0
    matched = jsondiff._matched

    def counted(left, right):
        nonlocal pairs
        pairs += len(left) * len(right)
        return matched(left, right)

    monkeypatch.setattr(jsondiff, "_matched", counted)
    found = difference(a, b)
    assert pairs <= jsondiff._MOST_PAIRS
    assert sides(found) == (jsondiff._lines(a), jsondiff._lines(b))


def test_of_a_long_message_only_what_differs_is_shown():
    a, b = list(range(1_900)), [-1, *range(900), *range(901, 1_899), -2]
    found = difference(orjson.dumps(a), orjson.dumps(b))
    assert [text for kind, text in found if kind != "code"] == ["+   -1,", "-   900,", "-   1899", "+   -2"]


@pytest.mark.parametrize(("typed", "why"), [
    ("9" * 5_000, "and so on is no number of a session"), ("x.db#" + "9" * 5_000, "is no number of a session"),
    ("0", "first session is number 1"), ("7", "has no session 7"), ("#x", "'x' is no number"),
])  # fmt: skip
async def test_a_number_that_no_session_has_is_refused_where_it_is_typed(stage, chat_recording, typed, why):
    async with stage(chat_recording) as on:
        await on.press("down", "enter", "D")
        prompt = on.app.screen
        on.app.focused.value = typed
        await on.press("enter")
        assert on.app.screen is prompt
        complaint = " ".join(on.text().replace("│", " ").split())
        assert why in complaint, complaint
