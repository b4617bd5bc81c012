"""The recordings of a running proxy, followed together: each look counts what is new in them, and exports spans that ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from wsreplay.contract import Contract
from wsreplay.errors import RecordingError, UsageError
from wsreplay.stats.totals import RecordingTotals
from wsreplay.stats.watch import RecordingWatch
from wsreplay.telemetry.status import Notice, RelayStatus


class Watcher(Protocol):
    """What looks at one recording: a watch, or a collector of spans that has one."""

    @property
    def totals(self) -> RecordingTotals:
        """The totals as they stand."""

    def look(self) -> bool:
        """Take what is new; False where everything is taken. Raises the errors of the RecordingError family."""

    def close(self) -> None:
        """Close the file."""


MakeWatcher = Callable[[Path, Contract | None], Watcher]


class RecordingsFollower:
    """Looks from one thread, is told and read from others. `complain` is told what cannot be followed."""

    def __init__(
        self, contract: Contract | None, complain: Callable[[str], None], make_watcher: MakeWatcher = RecordingWatch
    ) -> None:
        self._contract, self._complain, self._make_watcher = contract, complain, make_watcher
        self._lock = threading.Lock()
        # of recordings that are being written
        self._watches: dict[Path, Watcher] = {}
        # of recordings that are closed
        self._ended = RecordingTotals()
        self._told: list[Notice] = []
        self.status = RelayStatus()

    def tell(self, notice: Notice) -> None:
        """What the relay said."""
        if notice.status is not None:
            self.status = notice.status
        if notice.recording:
            self._told.append(notice)  # taken by the thread that looks

    def look(self) -> bool:
        """Take what is new in all of them. False where none is being written."""
        while self._told:
            self._begin(self._told.pop(0))
        for path, watch in list(self._watches.items()):
            with self._lock:
                try:
                    live = watch.look()
                except RecordingError as error:
                    self._complain(str(error))
                    live = False
                if not live:
                    self._end(path, watch)
        return bool(self._watches)

    def _begin(self, notice: Notice) -> None:
        if notice.instead and (moved := self._watches.pop(Path(notice.instead), None)) is not None:
            moved.close()  # the same frames are counted where the file is now
        path = Path(notice.recording)
        if path in self._watches:
            return
        try:
            self._watches[path] = self._make_watcher(path, self._contract)
        except (RecordingError, UsageError) as error:
            self._complain(str(error))

    def _end(self, path: Path, watch: Watcher) -> None:
        del self._watches[path]
        self._ended.merge(watch.totals)
        watch.close()

    def totals(self) -> RecordingTotals:
        """Of all recordings together, those that are closed too."""
        total = RecordingTotals()
        with self._lock:
            total.merge(self._ended)
            for watch in self._watches.values():
                total.merge(watch.totals)
        return total
