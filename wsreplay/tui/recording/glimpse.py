"""A few frames of a session around a place, for a list in which the session is one row."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from wsreplay.model import Run, Session
from wsreplay.store import paging
from wsreplay.store.paging import Head
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import Choices, ReadAs
from wsreplay.trace.frame_reading import FrameReading
from wsreplay.trace.links import Links
from wsreplay.tui.jobs.task import JobContext
from wsreplay.tui.recording.decoded_heads import decode_heads
from wsreplay.tui.recording.evidence import NO_EVIDENCE, Evidence, GhostRow, place
from wsreplay.tui.recording.stitching import stitch_by

if TYPE_CHECKING:
    from wsreplay.contract import Contract
    from wsreplay.validator.findings import Finding

MOST_FRAMES = 80
_REACHES = (200, 5_000, 100_000)  # frames of the recording that are looked through, to both sides


class Glimpse(NamedTuple):
    """Rows of a session: frames, and what is missing between them. `at` is the row that it is about, `sessions` how many the
    recording has, `runs` its recorder's."""

    session: Session
    sessions: int
    evidence: Evidence
    rows: Sequence[Head | GhostRow]
    at: int = 0
    runs: tuple[Run, ...] = ()


def read_glimpse(
    number: int, evidence: Evidence | None, finding: Finding | None, read_as: ReadAs, contract: str | None,
    reader: Recording, context: JobContext,
) -> None:  # fmt: skip
    """Publishes a `Glimpse` of session `number` around the place of a finding (None: its beginning); None: no such session.

    `contract` is the name or file of the one that says where types and users are.
    """
    read_by = None if contract is None else _load(contract)
    sessions = stitch_by(read_by, reader, read_as)
    session = sessions[number - 1] if 1 <= number <= len(sessions) else None
    if session is None:
        context.publish(None)
        return
    reading = _reading(reader, session, read_as.decoder, read_by)
    context.publish(glimpse(reader, session, len(sessions), evidence or NO_EVIDENCE, finding, reading))


def _load(contract: str) -> Contract:
    from wsreplay.contract import load

    return load(contract)


def _reading(reader: Recording, session: Session, decoder: str | None, contract: Contract | None) -> FrameReading:
    """Raises WsreplayError."""
    if contract is None:
        choices = Choices(decoder)
        reading = FrameReading(choices, Links())
    else:
        from wsreplay.contract.decoding import choices_of, frame_reading_of

        choices = choices_of(contract, decoder)
        reading = frame_reading_of(choices, Links(), contract)
    choices.refresh(reader, session.connections)
    return reading


def show_glimpse(
    session: Session, sessions: int, evidence: Evidence, finding: Finding | None, reading: FrameReading, reader: Recording,
    context: JobContext,
) -> None:  # fmt: skip
    """Publishes the `Glimpse` of a session that is known, and of which it is known how its messages are read."""
    context.publish(glimpse(reader, session, sessions, evidence, finding, reading))


def glimpse(
    reader: Recording, session: Session, sessions: int, evidence: Evidence, finding: Finding | None, reading: FrameReading
) -> Glimpse:
    """The frames around a finding. Raises the errors of the RecordingError family."""
    ghosts = evidence.ghosts_of(session.id)
    centre = _place_of(finding, ghosts) or paging.first_at(reader, session.opened_ns)
    connections = [connection.id for connection in session.connections]
    ids = _ids_around(reader, connections, centre)
    heads = decode_heads(reader, reading, paging.heads(reader, ids))
    rows: list[Head | GhostRow] = list(heads)
    for ghost in reversed(ghosts):
        if ids and ids[0] < ghost.before_id <= ids[-1] + 1:
            rows.insert(bisect_left(ids, ghost.before_id), ghost)
    return Glimpse(session, sessions, evidence, rows, _row_of(rows, finding, centre), tuple(reader.runs()))


def _place_of(finding: Finding | None, ghosts: Sequence[GhostRow]) -> int | None:
    """The frame at which, or before which, a finding stands."""
    if finding is None:
        return None
    return place(finding) or next((ghost.before_id for ghost in ghosts if ghost.finding == finding), finding.before)


def _ids_around(reader: Recording, connections: Sequence[int], centre: int) -> array[int]:
    """The ids of a session's frames before and after one, as many as there may be rows."""
    first, last = paging.bounds(reader)
    ids: array[int] = array("Q")
    for reach in _REACHES:
        low, high = max(first, centre - reach), min(last, centre + reach)
        ids = paging.ids_between(reader, low, high, connections)
        if len(ids) >= MOST_FRAMES or (low == first and high == last):
            break
    middle = bisect_left(ids, centre)
    return ids[max(0, middle - MOST_FRAMES // 2) : middle + MOST_FRAMES // 2]


def _row_of(rows: Sequence[Head | GhostRow], finding: Finding | None, centre: int) -> int:
    if finding is None:
        return 0
    ghosts = (row for row, item in enumerate(rows) if isinstance(item, GhostRow) and item.finding == finding)
    frames = (row for row, item in enumerate(rows) if isinstance(item, Head) and item.id >= centre)
    return next(ghosts, next(frames, 0))
