"""The recordings of a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from wsreplay.display import local_time
from wsreplay.errors import WsreplayError
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.tui.jobs.task import JobContext
from wsreplay.tui.recording.open_recording import LOCKED_S
from wsreplay.tui.recording.stitching import Stitch, stitch_by

if TYPE_CHECKING:
    from wsreplay.contract import Contract


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


def read_folder(folder: Path, contracts: Sequence[str], read_as: ReadAs, context: JobContext) -> None:
    """Publishes what `*.db` of a folder and of its folders hold, some at a time, and (None) that these were all. `read_as`,
    then the first of the contracts, say where connections name their users.

    A file that cannot be read is listed with the reason: one that another program has locked keeps nobody waiting.
    """
    contract = _contract(contracts)
    recordings = _read_all(folder, partial(stitch_by, contract, read_as=read_as), context)
    while some := list(islice(recordings, AT_ONCE)):
        context.publish(some)
    if not context.cancelled:
        context.publish(None)


def _contract(names: Sequence[str]) -> Contract | None:
    """None without any, and where it cannot be loaded: whoever validates by it says why."""
    if not names:
        return None
    from wsreplay.contract import load  # the first screen does without, unless one is asked for

    with suppress(WsreplayError):
        return load(names[0])
    return None


def _read_all(folder: Path, stitched: Stitch, context: JobContext) -> Iterator[ListedRecording]:
    for path in sorted(folder.glob("**/*.db")) if folder.is_dir() else ():
        if context.cancelled:
            return
        yield _read(path, str(path.relative_to(folder)), stitched)


def _read(path: Path, name: str, stitched: Stitch) -> ListedRecording:
    try:
        with Recording.open(path, LOCKED_S) as reader:
            status, runs = path.stat(), reader.runs()
            sessions = stitched(reader)
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
