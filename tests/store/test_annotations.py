from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from wsreplay.errors import NotARecording, RecordingError
from wsreplay.store import annotations
from wsreplay.store.reader import Recording
from wsreplay.store.writer import Writer


def test_marks_and_findings_are_kept_beside_a_recorder(tmp_path: Path, make: Callable[..., Writer]) -> None:
    writer = make()
    path = tmp_path / "a.db"
    annotations.change_mark(path, None, 5, "now it froze", 3)
    annotations.change_mark(path, None, 1, "earlier")
    annotations.save_findings(path, "chat", "digest", [{"rule": "a"}, {"rule": "b"}])
    annotations.save_findings(path, "chat", "digest", [{"rule": "c"}])
    writer.add_mark(9, "the recorder's own")
    writer.commit()
    with Recording.open(path) as recording:
        assert [(mark.t_ns, mark.frame_id, mark.note) for mark in recording.marks()] == [
            (1, None, "earlier"), (5, 3, "now it froze"), (9, None, "the recorder's own")
        ]  # fmt: skip
        assert [body for _, digest, body in recording.all_findings() if digest == "digest"] == [{"rule": "c"}]
        first = recording.marks()[0].id
    annotations.change_mark(path, first, 1, "")
    with Recording.open(path) as recording:
        assert [mark.note for mark in recording.marks()] == ["now it froze", "the recorder's own"]
        first = recording.marks()[0].id
    annotations.change_mark(path, first, 5, "now it went on", 3)
    with Recording.open(path) as recording:
        assert [mark.note for mark in recording.marks()] == ["now it went on", "the recorder's own"]
    writer.close()


def test_a_locked_recording_or_another_file_is_refused(tmp_path: Path, make: Callable[..., Writer]) -> None:
    make().close()
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RecordingError, match="locked"):
            annotations.change_mark(tmp_path / "a.db", None, 1, "x")
    (tmp_path / "text").write_text("not a recording at all")
    with pytest.raises(NotARecording):
        annotations.change_mark(tmp_path / "text", None, 1, "x")
