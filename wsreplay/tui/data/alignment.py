"""Two sessions side by side, as `wsreplay diff` sees them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from wsreplay.contract import load
from wsreplay.errors import UsageError, WsreplayError
from wsreplay.model import Session
from wsreplay.replay.diff import DiffOptions, diff
from wsreplay.replay.rows import Row
from wsreplay.replay.talk import Said
from wsreplay.store.reader import Recording
from wsreplay.trace.sessions import stitch
from wsreplay.tui.data.errand import Told

MOST_FRAMES = 300_000  # of a session; more would take a minute and a gigabyte
_MOST_KEPT = 2048

Side = tuple[Path, int]
"""(recording, session)"""


def aligned(other: Path, sessions: tuple[int, int], contract: str, reader: Recording, errand: Told) -> None:
    """Tells all rows of a session beside one of another recording. Raises WsreplayError."""
    with Recording.open(other) as b:
        errand.tell(align(reader, b, sessions, contract))


def align(a: Recording, b: Recording, sessions: tuple[int, int], contract: str) -> list[Row]:
    """All rows of two sessions; a contract says where ids stand. Raises WsreplayError."""
    for recording, number in zip((a, b), sessions, strict=True):
        session = session_of(recording, number)
        frames = len(recording.frame_ids([one.id for one in session.connections]))
        if frames > MOST_FRAMES:
            raise UsageError(f"session {number} of {recording.path.name} has {frames:,} frames: use `wsreplay diff`")
    options = DiffOptions(findings=False, whole=True)
    found = diff(a, b, load(contract), options, session_a=sessions[0], session_b=sessions[1])
    return [row for one in found.sessions for row in one.rows]


def session_of(recording: Recording, number: int) -> Session:
    """Raises UsageError."""
    sessions = stitch(recording.connections())
    if not 1 <= number <= len(sessions):
        raise UsageError(f"{recording.path} has no session {number}; it has {len(sessions)}")
    return sessions[number - 1]


class Payloads:
    """What the messages of one recording say, read as they are looked at."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader: Recording | None = None
        self._cached = lru_cache(_MOST_KEPT)(self._read)

    def of(self, said: Said) -> bytes:
        """Nothing where the recording can no longer be read."""
        return said.payload if said.payload or not said.frame_id else self._cached(said.frame_id)

    def _read(self, frame_id: int) -> bytes:
        try:
            if self._reader is None:
                self._reader = Recording.open(self._path)
            return self._reader.frame(frame_id).payload
        except WsreplayError:
            return b""

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
