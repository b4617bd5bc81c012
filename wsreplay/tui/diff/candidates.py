"""What a session can be compared with: the other sessions of its recording, and those of the recordings beside it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from wsreplay.display import user_text
from wsreplay.errors import WsreplayError
from wsreplay.model import moment_at
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.tui.diff.alignment import Side
from wsreplay.tui.jobs.task import JobContext
from wsreplay.tui.recording.open_recording import LOCKED_S
from wsreplay.tui.recording.stitching import Stitch, stitcher

AT_ONCE = 25  # candidates that are told of together


class Candidate(NamedTuple):
    """A session of a recording. `began` is its day and time by this computer's clock, `lasted_ns` None while it is open."""

    side: Side
    name: str  # of its file, in the folder
    user: str
    began: str
    lasted_ns: int | None


def read_candidates(
    own: Side, folder: Path, is_deep: bool, contract: str | None, read_as: ReadAs, context: JobContext
) -> None:
    """Publishes the candidates, some at a time, and (None) that these were all: those of the own recording first.

    A folder is looked through with its own folders where it `is_deep`. `read_as`, then the contract, say where users are named.
    A recording that cannot be read is left out. Raises ContractError.
    """
    candidates = _candidates(own, folder, is_deep, stitcher(contract, read_as), context)
    while some := list(islice(candidates, AT_ONCE)):
        context.publish(some)
        importlib.import_module("wsreplay.tui.diff.screen")  # which a choice shows: that would hold up keys
    context.publish(None)


def _candidates(own: Side, folder: Path, is_deep: bool, stitched: Stitch, context: JobContext) -> Iterator[Candidate]:
    here, number = own
    yield from (candidate for candidate in _sessions(here, here.name, stitched) if candidate.side[1] != number)
    for path in sorted(folder.glob("**/*.db" if is_deep else "*.db")):
        if context.cancelled:
            return
        if not path.samefile(here):
            yield from _sessions(path, str(path.relative_to(folder)), stitched)


def _sessions(path: Path, name: str, stitched: Stitch) -> Iterator[Candidate]:
    try:
        with Recording.open(path, LOCKED_S) as reader:
            runs, sessions = reader.runs(), stitched(reader)
    except WsreplayError:
        return
    for session in sessions:
        moment = moment_at(runs, session.opened_ns)
        began = "" if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
        lasted_ns = None if session.closed_ns is None else session.closed_ns - session.opened_ns
        yield Candidate((path, session.id), name, user_text(session.user), began, lasted_ns)
