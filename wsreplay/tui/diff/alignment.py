"""Two sessions side by side, as `wsreplay diff` sees them."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from wsreplay.errors import UsageError, WsreplayError
from wsreplay.model import Session
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import AS_RECORDED, ReadAs
from wsreplay.tui.jobs.task import JobContext
from wsreplay.tui.recording.open_recording import LOCKED_S
from wsreplay.tui.recording.stitching import stitch_by
from wsreplay.tui.recording.view import RETRY_S

if TYPE_CHECKING:
    from wsreplay.contract import Contract
    from wsreplay.diff.conversation import ComparedMessage
    from wsreplay.diff.diff import SessionDiff
    from wsreplay.diff.rows import Kind, Row

MOST_FRAMES = 300_000  # of a session; more would take a minute and a gigabyte
KEPT_BYTES = 16 << 20  # of payloads
_ENTRY_BYTES = 128  # what one takes beside its bytes

Side = tuple[Path, int]
"""(recording, session)"""


class Alignment(NamedTuple):
    """All rows of two sessions, how many there are of each kind, and the first one that is a difference, else 0; and how many
    messages of which type were not compared, of both."""

    rows: Sequence[Row]
    counts: Counter[Kind]
    first: int
    left_out: Mapping[str, int] = {}


def aligned(
    other: Path, sessions: tuple[int, int], contract: str | None, read_as: ReadAs, ignore_types: Sequence[str],
    reader: Recording, context: JobContext,
) -> None:  # fmt: skip
    """Publishes the `Alignment` of a session with one of another recording, without some types. Raises WsreplayError."""
    with Recording.open(other) as b:
        pair = _compare(reader, b, sessions, contract, read_as, ignore_types)
        context.publish(look_through(pair.rows, Counter(pair.left_out[0]) + Counter(pair.left_out[1])))


def look_through(rows: Sequence[Row], left_out: Mapping[str, int] | None = None) -> Alignment:
    """Rows and what is to be said of them all: going through 300,000 would hold up keys."""
    from wsreplay.diff.rows import Kind

    first = next((number for number, row in enumerate(rows) if row.kind is not Kind.SAME), 0)
    return Alignment(rows, Counter(row.kind for row in rows), first, left_out or {})


def align(
    a: Recording, b: Recording, sessions: tuple[int, int], contract: str | None, read_as: ReadAs = AS_RECORDED
) -> list[Row]:
    """All rows of two sessions; a contract says where ids stand, the usual one for None. Raises WsreplayError."""
    return list(_compare(a, b, sessions, contract, read_as, ()).rows)


def _compare(
    a: Recording, b: Recording, sessions: tuple[int, int], contract: str | None, read_as: ReadAs, ignore_types: Sequence[str]
) -> SessionDiff:
    from wsreplay.contract import load  # for a child process: importing these would hold up keys
    from wsreplay.diff.diff import DiffOptions, diff
    from wsreplay.validator.select import DEFAULT_CONTRACT

    judged_by = load(contract or DEFAULT_CONTRACT).read_as(read_as)
    for recording, number in zip((a, b), sessions, strict=True):
        session = session_of(recording, number, judged_by)
        frames = len(recording.frame_ids([connection.id for connection in session.connections]))
        if frames > MOST_FRAMES:
            raise UsageError(f"session {number} of {recording.path.name} has {frames:,} frames: use `wsreplay diff`")
    options = DiffOptions(findings=False, whole=True, ignore_types=ignore_types)
    (pair,) = diff(a, b, judged_by, options, session_a=sessions[0], session_b=sessions[1]).sessions
    return pair


def session_of(recording: Recording, number: int, contract: Contract) -> Session:
    """Of those that the contract makes. Raises UsageError."""
    sessions = stitch_by(contract, recording)
    if not 1 <= number <= len(sessions):
        raise UsageError(f"{recording.path} has no session {number}; it has {len(sessions)}")
    return sessions[number - 1]


class RowPayloads:
    """What the messages of one recording say, read as they are looked at; the last `KEPT_BYTES` are kept.

    What cannot be read is asked for again after a second: a list would wait for each of its rows. `clock` gives seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        # before this time nothing is asked for
        self._again_s = 0.0
        # opened for the first payload
        self._reader: Recording | None = None
        # by frame, the one that was looked at last at the end; and how much room they take
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._kept_bytes = 0

    def of(self, message: ComparedMessage) -> bytes:
        """Nothing where the recording cannot be read now."""
        if message.payload or not message.frame_id:
            return message.payload
        payload = self._kept.get(message.frame_id)
        if payload is None:
            if self._clock() < self._again_s:
                return b""
            try:
                payload = self._read(message.frame_id)
            except WsreplayError:
                self._again_s = self._clock() + RETRY_S
                return b""
            self._keep(message.frame_id, payload)
        self._kept.move_to_end(message.frame_id)
        return payload

    def read_ahead(self, messages: Iterable[ComparedMessage]) -> None:
        """Read what some messages say in one go, which is faster; what cannot be read so is left to `of`."""
        ids = [message.frame_id for message in messages if not message.payload and message.frame_id not in self._kept]
        with suppress(WsreplayError):
            for frame in self._opened().frames_by_id(ids):
                if isinstance(frame.payload, bytes):  # a damaged row may hold anything
                    self._keep(frame.id, frame.payload)

    def _read(self, frame_id: int) -> bytes:
        return self._opened().frame(frame_id).payload

    def _opened(self) -> Recording:
        if self._reader is None:
            self._reader = Recording.open(self._path, LOCKED_S)
        return self._reader

    def _keep(self, frame_id: int, payload: bytes) -> None:
        self._kept[frame_id] = payload
        self._kept_bytes += len(payload) + _ENTRY_BYTES
        while self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= len(oldest) + _ENTRY_BYTES

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
