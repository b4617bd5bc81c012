"""Two sessions side by side."""

from __future__ import annotations

import pytest

from tests.tui.diff.conftest import S2C, rows
from wsreplay.diff.conversation import ComparedMessage
from wsreplay.diff.rows import Kind
from wsreplay.errors import RecordingError, UsageError
from wsreplay.store.reader import Recording
from wsreplay.tui.diff import alignment
from wsreplay.tui.diff.alignment import RowPayloads, look_through


def test_every_message_is_in_one_row_and_ids_may_differ(written):
    longer, shorter = written("a", "one", "two", "three"), written("b", "one", "three")
    aligned = rows(longer, shorter)
    assert [row.kind for row in aligned] == [Kind.SAME, Kind.ONLY_A, Kind.SAME]
    assert [row.a.frame_id for row in aligned] == [1, 2, 3]
    assert [row.kind for row in rows(shorter, longer)] == [Kind.SAME, Kind.ONLY_B, Kind.SAME]


def test_what_is_said_of_all_rows_comes_with_them(written):
    longer, shorter = written("a", "one", "two", "three"), written("b", "one", "three")
    alignment = look_through(rows(longer, shorter))
    assert len(alignment.rows) == 3 and alignment.first == 1
    assert alignment.counts == {Kind.SAME: 2, Kind.ONLY_A: 1}
    assert look_through(rows(longer, longer)).first == 0


def test_what_is_alike_is_read_as_it_is_looked_at(written):
    path = written("a", "one")
    (row,) = rows(path, written("b", "one"))
    payloads = RowPayloads(path)
    assert b'"content":"one"' in payloads.of(row.a)
    payloads.close()
    assert RowPayloads(path.with_name("gone.db")).of(row.a) == b""


def test_what_could_not_be_read_for_a_moment_is_read_again_and_is_not_waited_for_at_each_row(written, monkeypatch):
    path = written("a", "one", "two")
    first, second = (row.a for row in rows(path, written("b", "one", "two")))
    now_s = 0.0
    payloads = RowPayloads(path, lambda: now_s)
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


def test_what_is_read_ahead_is_not_read_again(written):
    path = written("a", "one", "two")
    messages = [row.a for row in rows(path, written("b", "one", "two"))]
    expected = [RowPayloads(path).of(message) for message in messages]
    payloads = RowPayloads(path)
    payloads.read_ahead(messages)
    path.unlink()
    assert [payloads.of(message) for message in messages] == expected
    payloads.close()


def test_what_cannot_be_read_ahead_is_left_to_be_read_when_it_is_looked_at(written):
    path = written("a", "one")
    (row,) = rows(path, written("b", "one"))
    payloads = RowPayloads(path.with_name("gone.db"))
    payloads.read_ahead([row.a])
    assert payloads.of(row.a) == b""


def test_not_more_is_kept_of_payloads_than_there_is_room_for(script, monkeypatch):
    made = script("a.db")
    made.open(1, 0, closed_ns=10**9)
    for number in range(20):
        made.say(1, number + 1, S2C, raw=b"%02d" % number * 500)
    monkeypatch.setattr(alignment, "KEPT_BYTES", 5_000)
    payloads = RowPayloads(made.write(2_000))
    for number in range(20):
        assert payloads.of(ComparedMessage(0, S2C, "x", b"", number + 1, ())) == b"%02d" % number * 500
        assert sum(map(len, payloads._kept.values())) <= 5_000
    assert len(payloads._kept) == 4
    payloads.close()


def test_a_session_that_is_not_there(written):
    with pytest.raises(UsageError, match="has no session 2; it has 1"):
        rows(written("a", "one"), written("b", "one"), (1, 2))
