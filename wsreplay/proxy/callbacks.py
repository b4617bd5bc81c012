"""What a recorder's client tells of it: while it runs, and of what was left when its time was over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wsreplay.errors import WsreplayError
from wsreplay.proxy.recording_files import Relocated
from wsreplay.recorder.protocol import ConnectionEnded, ConnectionOpened


@dataclass
class Callbacks:
    """What the user is told about the recorder and the connections. Each is called from the event loop.

    `stalled` is told why nothing is written at the moment, and how many bytes of traffic can be kept before it waits; `waiting`
    that it waits now; `resumed` that all is well again. `left_out` is told of a record that recorders die at.
    `relocated` is told of a recording that somebody has moved or removed, `mended` of one whose `-wal` or `-shm` was removed
    and is there again, `rotated` where new connections are recorded from now on, `stayed` why they go on where they were.
    """

    stalled: Callable[[str, int], None] = lambda reason, keeps: None
    waiting: Callable[[], None] = lambda: None
    resumed: Callable[[], None] = lambda: None
    restarted: Callable[[str], None] = lambda reason: None
    left_out: Callable[[str], None] = lambda what: None
    opened: Callable[[ConnectionOpened], None] = lambda opened: None
    ended: Callable[[ConnectionEnded], None] = lambda ended: None
    warn: Callable[[str], None] = lambda text: None
    relocated: Callable[[Relocated], None] = lambda relocated: None
    mended: Callable[[Path], None] = lambda path: None
    rotated: Callable[[Path], None] = lambda path: None
    stayed: Callable[[Path, WsreplayError], None] = lambda path, error: None


@dataclass(frozen=True)
class Leftover:
    """What was not in the recording yet when its time was over.

    `saved` is the file that holds it. None with `goes_on`: the recorder has it all, and is still writing; else it is lost.
    """

    recording: Path
    reason: str
    records: int
    bytes: int
    goes_on: bool = False
    saved: Path | None = None
