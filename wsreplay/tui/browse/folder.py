"""The recordings of a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from wsreplay.display import local_time
from wsreplay.errors import WsreplayError
from wsreplay.store.reader import Recording
from wsreplay.trace.sessions import stitch
from wsreplay.tui.jobs.task import JobContext
from wsreplay.tui.recording.open_recording import LOCKED_S

AT_ONCE = 25  # recordings that are told of together


@dataclass(frozen=True, slots=True)
class ListedRecording:
    """One file; `why` says why it cannot be read, and the rest is then empty. `user` is that of its first session.

    `name` is its path in the folder, `started` when it began as the reader's clock had it.
    """

    path: Path
    name: str = ""
    why: str = ""
    started: str = ""
    lasted_ns: int = 0
    sessions: int = 0
    user: str = ""
    frames: int = 0
    size: int = 0
    changed_ns: int = 0  # the file's time of modification
    upstream: str = ""
    live: bool = False


def read_folder(folder: Path, context: JobContext) -> None:
    """Publishes what `*.db` of a folder and of its folders hold, some at a time, and (None) that these were all.

    A file that cannot be read is listed with the reason: one that another program has locked keeps nobody waiting.
    """
    recordings = _read_all(folder, context)
    while some := list(islice(recordings, AT_ONCE)):
        context.publish(some)
    if not context.cancelled:
        context.publish(None)


def _read_all(folder: Path, context: JobContext) -> Iterator[ListedRecording]:
    for path in sorted(folder.glob("**/*.db")) if folder.is_dir() else ():
        if context.cancelled:
            return
        yield _read(path, str(path.relative_to(folder)))


def _read(path: Path, name: str) -> ListedRecording:
    try:
        with Recording.open(path, LOCKED_S) as reader:
            status, runs = path.stat(), reader.runs()
            sessions = stitch(reader.connections())
            return ListedRecording(
                path,
                name,
                started=local_time(runs[0].started_at) if runs else "",
                lasted_ns=reader.reached_ns() - runs[0].start_ns if runs else 0,
                sessions=len(sessions),
                user=(sessions[0].user or "") if sessions else "",
                frames=reader.last_id(),
                size=status.st_size,
                changed_ns=status.st_mtime_ns,
                upstream=runs[-1].upstream if runs else "",
                live=reader.live,
            )
    except (WsreplayError, OSError) as error:
        return ListedRecording(path, name, str(error).removeprefix(str(path)).lstrip(": "))
