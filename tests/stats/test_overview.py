"""Many recordings at a glance: what is in a folder, what comes into it, and how it was from day to day."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from wsreplay.errors import RecordingError
from wsreplay.stats.overview import OverviewWatch
from wsreplay.store import lock
from wsreplay.store.writer import Writer

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"


def copied(folder: Path, *names: str, day: str | None = None) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        target = folder / f"{name}-{day or 'as-it-was'}.db"
        shutil.copy(SAMPLES / f"{name}.db", target)
        if day is not None:
            writer = Writer(target)
            writer.update_run(1, started_at=f"{day}T12:00:00Z")
            writer.close()


def test_days_hold_the_recordings_that_began_on_them(tmp_path: Path) -> None:
    copied(tmp_path, "healthy", "leak", day="2026-11-28")
    copied(tmp_path, "missing-event", day="2026-11-30")
    watch = OverviewWatch(tmp_path)
    assert watch.count() == 3
    assert watch.look() is False
    overview = watch.overview()
    assert [(day, totals.recordings) for day, totals in overview.days] == [(date(2026, 11, 28), 2), (date(2026, 11, 30), 1)]
    assert overview.totals.recordings == 3
    assert overview.totals.event_total == sum(totals.event_total for _, totals in overview.days)
    assert overview.rate > 0
    assert sum(overview.rate_plot) > 0


def test_what_comes_later_is_counted_and_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    copied(tmp_path, "healthy")
    (tmp_path / "none.db").write_text("no recording")
    watch = OverviewWatch(tmp_path)
    watch.look()
    copied(tmp_path, "leak")
    watch.look()
    watch.look()
    overview = watch.overview()
    assert overview.totals.recordings == 2
    assert len(overview.unreadable) == 1
    assert "none.db" in overview.unreadable[0]


def test_a_single_file_that_cannot_be_read_raises(tmp_path: Path) -> None:
    (tmp_path / "none.db").write_text("no recording")
    with pytest.raises(RecordingError, match=r"none\.db"):
        OverviewWatch(tmp_path / "none.db").look()


def test_one_that_is_being_written_is_looked_at_again(tmp_path: Path) -> None:
    copied(tmp_path, "healthy")
    (path,) = tmp_path.glob("*.db")
    held = lock.acquire(path)
    watch = OverviewWatch(tmp_path)
    assert watch.look() is True
    assert watch.overview().totals.live == 1
    held.release()
    assert watch.look() is False
    assert watch.overview().totals.live == 0
    watch.close()
