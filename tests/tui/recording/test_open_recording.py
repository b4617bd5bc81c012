"""Readers of a recording that is being written."""

from __future__ import annotations

import sqlite3

from wsreplay.contract import loads
from wsreplay.store import lock, paging
from wsreplay.store.reader import Recording
from wsreplay.tui.recording.open_recording import OpenRecording


def test_opening_and_closing_readers_keeps_the_locks_of_those_that_stay_open(live_chat):
    """A writer that finds no reader replaces the WAL at its end: a reader that lost its lock would read other pages."""
    with Recording.open(live_chat.path) as first:
        assert first.last_id() == 5
        Recording.open(live_chat.path).close()
        live_chat.add(3_000)
        live_chat.finish()
        assert first.last_id() == 3_005
        assert [connection.id for connection in first.connections()] == [1]
        with sqlite3.connect(live_chat.path) as db:
            assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        db.close()


def test_a_session_that_is_not_indexed_yet_is_gathered_in_pieces(live_chat):
    live_chat.add(95)
    with Recording.open(live_chat.path) as reader:
        assert lock.is_held(live_chat.path) and not paging.is_indexed(reader)
        pieces = list(paging.ids_in_pieces(reader, [1], step=30))
        assert [len(piece) for piece in pieces] == [30, 30, 30, 10]
        assert [frame_id for piece in pieces for frame_id in piece] == list(range(1, 101))


def test_users_are_where_the_contract_says(script):
    recording = script("line.db")
    recording.open(1, 0, user=None, path="/line?patient=kim")
    recording.say(1, 10, 1, "hello")
    opened = OpenRecording.open(recording.write(100))
    assert opened.sessions[0].user is None
    opened.read_by(loads("contract: c\nuser: query:patient\n"))
    assert opened.sessions[0].user == opened.session_of[1].user == "kim"
    opened.close()
