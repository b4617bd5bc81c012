"""How many frames there are of which kind, counted where they lie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, cast

from wsreplay.store.reader import Recording
from wsreplay.units import SECOND

BY_KIND = (
    f"SELECT t_ns / {SECOND}, connection_id, direction, opcode, type, count(*), total(length(payload)) FROM frame"
    " WHERE id > ? AND id <= ? GROUP BY 1, 2, 3, 4, 5"
)


class FrameCount(NamedTuple):
    """Frames of one second (since the recording began), connection, direction, opcode and recorded type, in that order."""

    second: int
    connection_id: int
    direction: int
    opcode: int
    type: str | None
    frames: int
    payload_bytes: float


def counted_frames(recording: Recording, after_id: int, last_id: int) -> Iterator[FrameCount]:
    """The frames behind `after_id` up to `last_id`, counted. Raises the errors of the RecordingError family."""
    rows = recording.query(BY_KIND, (after_id, last_id))
    return map(FrameCount._make, cast("Iterator[tuple[int, int, int, int, str | None, int, float]]", rows))
