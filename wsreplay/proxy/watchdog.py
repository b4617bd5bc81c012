"""How a recorder does, as the relay sees for itself four times a second: it does not rely on what the event loop reports.

A recorder that is stopped (SIGSTOP) is told of and left alone: when it goes on, nothing has happened. One that is silent for a
minute without being stopped is to be killed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum, auto

from wsreplay.proxy.spawned_recorder import SpawnedRecorder

WATCH_EVERY_S = 0.25
SILENT_AFTER_S = 1.0
HOPELESS_AFTER_S = 60.0


class RecorderSilence(Enum):
    """Why a recorder has said nothing for SILENT_AFTER_S, though something is due."""

    STOPPED = auto()  # by a signal
    ABSENT = auto()  # it died, and the next one is not ready
    MUTE = auto()  # it runs, and does not answer
    HOPELESS = auto()  # it has not answered for HOPELESS_AFTER_S


class Watchdog:
    """Calls `look` again and again, and knows how long the recorder has been silent. Times are monotonic, in s."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        # Of the next look; None until the first.
        self._timer: asyncio.TimerHandle | None = None
        # Since when the recorder has said nothing though something is due.
        self._quiet_since: float | None = None
        # Whether it was stopped while it was silent: when it goes on, its time to answer begins anew.
        self._was_stopped = False

    def start(self) -> None:
        """Look now, and every WATCH_EVERY_S from now on."""
        self._timer = asyncio.get_running_loop().call_later(WATCH_EVERY_S, self.start)
        self._look()

    def cancel(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def hear(self) -> None:
        """The recorder has said something, or another one has begun."""
        self._quiet_since = None

    def silence(self, recorder: SpawnedRecorder | None, now: float, *, connected: bool, due: bool) -> RecorderSilence | None:
        """Why the recorder is silent; None while it is not, or not for long.

        `connected`: it takes records. `due`: there are records that it has not committed.
        """
        if not (due or (recorder is not None and recorder.stopped)):
            self._quiet_since = None
            return None
        if self._quiet_since is None:
            self._quiet_since = now
        seconds = now - self._quiet_since
        if seconds < SILENT_AFTER_S:
            return None
        if recorder is not None and recorder.stopped:
            self._was_stopped = True
            return RecorderSilence.STOPPED
        if recorder is None or not connected:
            return RecorderSilence.ABSENT
        if self._was_stopped:
            self._was_stopped, self._quiet_since = False, None
            return None
        return RecorderSilence.MUTE if seconds < HOPELESS_AFTER_S else RecorderSilence.HOPELESS
