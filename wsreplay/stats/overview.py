"""One or many recordings at a glance, also while they grow: their totals, and how they were from day to day."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from wsreplay.contract import Contract
from wsreplay.errors import RecordingError, UsageError
from wsreplay.stats.totals import RecordingTotals
from wsreplay.stats.watch import RecordingWatch
from wsreplay.trace.identity import UserSource
from wsreplay.units import SECOND

PLOTTED_S = 120  # of the rate, in a plot
RATE_OVER_S = 10


class Day(NamedTuple):
    """The recordings that began on one day of this computer's calendar (None: nobody knows when)."""

    day: date | None
    totals: RecordingTotals


class StatisticsOverview(NamedTuple):
    """What `OverviewWatch` has counted. `unreadable` are recordings that could not be read, and why."""

    name: str
    totals: RecordingTotals
    days: tuple[Day, ...]
    unreadable: tuple[str, ...]
    taken_at: float  # seconds since 1970

    @property
    def rate(self) -> float:
        """Events a second lately, while something is recorded; else over the time in which something was."""
        totals = self.totals
        if totals.live:
            return totals.rate(int(self.taken_at), RATE_OVER_S)
        return totals.event_total * SECOND / totals.lasted_ns if totals.lasted_ns else 0.0

    @property
    def rate_plot(self) -> list[int]:
        """Events in each of the last seconds: before now while something is recorded, else before the last event."""
        totals = self.totals
        end = int(self.taken_at) if totals.live else max(totals.seconds, default=0) + 1
        return [totals.seconds[second] for second in range(end - PLOTTED_S, end)]


class OverviewWatch:
    """Counts a recording, or all in a folder, look by look; in a folder also those that come while it looks.

    Whoever looks at a folder gets what can be read of it; a single file that cannot raises the error.
    """

    def __init__(
        self, path: Path, contract: Contract | None = None, decoder: str | None = None, users: Sequence[UserSource] = ()
    ) -> None:
        self._path, self._contract, self._decoder, self._users = path, contract, decoder, users
        # recordings that are being written, or were when they were looked at last
        self._watches: dict[Path, RecordingWatch] = {}
        # what was counted of recordings that nobody writes any more, by day
        self._ended: dict[date | None, RecordingTotals] = {}
        # all that were looked at; and why some could not be read
        self._seen: set[Path] = set()
        self._unreadable: dict[Path, str] = {}

    def look(self, progress: Callable[[], object] = lambda: None) -> bool:
        """Take what is new; False where nothing is being recorded. Raises UsageError, or a RecordingError for a single file."""
        for path in self._found():
            if path not in self._seen:
                self._seen.add(path)
                self._begin(path)
            if (watch := self._watches.get(path)) is not None and not self._is_live(path, watch):
                self._end(path, watch)
            progress()
        return bool(self._watches)

    def count(self) -> int:
        """How many recordings there are now."""
        return len(list(self._found()))

    def close(self) -> None:
        """Close all files."""
        for watch in self._watches.values():
            watch.close()
        self._watches.clear()

    def _found(self) -> Iterator[Path]:
        if not self._path.is_dir():
            yield self._path
            return
        yield from sorted(self._path.rglob("*.db"))

    def _begin(self, path: Path) -> None:
        try:
            self._watches[path] = RecordingWatch(path, self._contract, decoder=self._decoder, users=self._users)
        except (RecordingError, UsageError) as error:
            self._refuse(path, error)

    def _is_live(self, path: Path, watch: RecordingWatch) -> bool:
        try:
            return watch.look()
        except RecordingError as error:
            self._refuse(path, error)
            return False

    def _refuse(self, path: Path, error: RecordingError | UsageError) -> None:
        if not self._path.is_dir():
            raise error
        self._unreadable[path] = str(error)

    def _end(self, path: Path, watch: RecordingWatch) -> None:
        del self._watches[path]
        self._ended.setdefault(_day_of(watch), RecordingTotals()).merge(watch.totals)
        watch.close()

    def overview(self) -> StatisticsOverview:
        """The totals as they stand."""
        days: dict[date | None, RecordingTotals] = {}
        for day, totals in self._ended.items():
            days.setdefault(day, RecordingTotals()).merge(totals)
        for watch in self._watches.values():
            days.setdefault(_day_of(watch), RecordingTotals()).merge(watch.totals)
        total = RecordingTotals()
        for totals in days.values():
            total.merge(totals)
        ordered = sorted(days.items(), key=lambda item: item[0] or date.min)
        unreadable = tuple(self._unreadable[path] for path in sorted(self._unreadable))
        return StatisticsOverview(str(self._path), total, tuple(Day(*item) for item in ordered), unreadable, time.time())


def _day_of(watch: RecordingWatch) -> date | None:
    try:
        return datetime.fromtimestamp(watch.start_ns / SECOND, UTC).astimezone().date() if watch.start_ns else None
    except (OverflowError, ValueError, OSError):
        return None
