"""The recordings of a folder, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wsreplay.errors import WsreplayError
from wsreplay.store.reader import Recording
from wsreplay.trace.sessions import stitch
from wsreplay.tui.jobs.task import JobContext


@dataclass(frozen=True, slots=True)
class ListedRecording:
    """One file; `why` says why it cannot be read, and the rest is then empty."""

    path: Path
    why: str = ""
    started: str = ""
    lasted_ns: int = 0
    sessions: int = 0
    frames: int = 0
    size: int = 0
    changed_ns: int = 0  # the file's time of modification
    upstream: str = ""
    live: bool = False


def read_folder(folder: Path, context: JobContext) -> None:
    """Publishes what `*.db` of a folder and of its folders hold. A file that cannot be read is listed with the reason."""
    recordings: list[ListedRecording] = []
    for path in folder.glob("**/*.db") if folder.is_dir() else ():
        if context.cancelled:
            return
        recordings.append(_read(path))
    recordings.sort(key=lambda recording: (recording.started, recording.path.name), reverse=True)
    context.publish(recordings)


def _read(path: Path) -> ListedRecording:
    try:
        with Recording.open(path) as reader:
            status, runs = path.stat(), reader.runs()
            return ListedRecording(
                path,
                started=runs[0].started_at if runs else "",
                lasted_ns=reader.reached_ns() - runs[0].start_ns if runs else 0,
                sessions=len(stitch(reader.connections())),
                frames=reader.last_id(),
                size=status.st_size,
                changed_ns=status.st_mtime_ns,
                upstream=runs[-1].upstream if runs else "",
                live=reader.live,
            )
    except (WsreplayError, OSError) as error:
        return ListedRecording(path, str(error).removeprefix(str(path)).lstrip(": "))
