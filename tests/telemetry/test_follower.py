"""The recordings of a proxy, followed together."""

from __future__ import annotations

import shutil
from pathlib import Path

from wsreplay.contract import load
from wsreplay.telemetry.follower import RecordingsFollower
from wsreplay.telemetry.status import (
    Notice,
)

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"


def test_closed_recordings_stay_in_the_totals(tmp_path: Path) -> None:
    complaints: list[str] = []
    follower = RecordingsFollower(load("agent-chat"), complaints.append)
    follower.tell(Notice(str(SAMPLES / "healthy.db")))
    assert follower.look() is False
    once = follower.totals()
    follower.tell(Notice(str(SAMPLES / "leak.db")))
    assert follower.look() is False
    both = follower.totals()
    assert (once.recordings, both.recordings) == (1, 2)
    assert both.frame_total > once.frame_total > 0
    assert both.findings.total() > 0
    assert complaints == []


def test_what_cannot_be_followed_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "none.db").write_text("no recording")
    shutil.copy(SAMPLES / "healthy.db", tmp_path)
    complaints: list[str] = []
    follower = RecordingsFollower(None, complaints.append)
    for name in ("none.db", "nowhere.db", "healthy.db"):
        follower.tell(Notice(str(tmp_path / name)))
    assert follower.look() is False
    assert [name in complaint for name, complaint in zip(("none.db", "nowhere.db"), complaints, strict=True)] == [True, True]
    assert follower.totals().recordings == 1


def test_a_recording_that_was_moved_is_counted_once(tmp_path: Path) -> None:
    before, after = tmp_path / "a.db", tmp_path / "b.db"
    shutil.copy(SAMPLES / "healthy.db", before)
    follower = RecordingsFollower(None, lambda text: None)
    follower.tell(Notice(str(before)))
    follower._begin(follower._told.pop())
    before.rename(after)
    follower.tell(Notice(str(after), instead=str(before)))
    follower.look()
    assert follower.totals().recordings == 1
