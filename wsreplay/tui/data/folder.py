"""The recordings of a folder, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wsreplay.errors import WsreplayError
from wsreplay.store.reader import Recording
from wsreplay.trace.sessions import stitch


@dataclass(frozen=True, slots=True)
class Listed:
    """One file; `why` says why it cannot be read, and the rest is then empty."""

    path: Path
    why: str = ""
    started: str = ""
    lasted_ns: int = 0
    sessions: int = 0
    frames: int = 0
    size: int = 0
    upstream: str = ""
    live: bool = False


def listed(folder: Path) -> list[Listed]:
    """What `*.db` of a folder and of its folders hold. A file that cannot be read is listed with the reason."""
    found = [_listed(path) for path in folder.glob("**/*.db")] if folder.is_dir() else []
    return sorted(found, key=lambda one: (one.started, one.path.name), reverse=True)


def _listed(path: Path) -> Listed:
    try:
        with Recording.open(path) as reader:
            sessions, frames, size = len(stitch(reader.connections())), reader.last_id(), path.stat().st_size
            runs = reader.runs()
            if not runs:
                return Listed(path, "", "", 0, sessions, frames, size, "", reader.live)
            lasted_ns = reader.reached_ns() - runs[0].start_ns
            return Listed(path, "", runs[0].started_at, lasted_ns, sessions, frames, size, runs[-1].upstream, reader.live)
    except (WsreplayError, OSError) as error:
        return Listed(path, str(error).removeprefix(str(path)).lstrip(": "))
