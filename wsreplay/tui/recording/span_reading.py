"""The spans of a session, read from its recording beside the interface, and which of them are open at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from wsreplay.model import Session
from wsreplay.store import paging
from wsreplay.store.reader import Recording
from wsreplay.trace.sessions import stitch
from wsreplay.tui.jobs.jobs import RecordingJobs
from wsreplay.tui.jobs.task import JobContext
from wsreplay.units import SECOND

if TYPE_CHECKING:
    from wsreplay.tui.recording.lanes import DrawnSpan, Lane
    from wsreplay.tui.recording.open_recording import OpenRecording

LIVE_NS = 3 * SECOND  # a recording that grows is traced anew this often
READING = "reading runs and tools"
_FRAMES_PER_LOOK = 4096


class SpanReading(NamedTuple):
    """Spans in the order of their start, also by lane; `full` where there are more than are kept."""

    spans: list[DrawnSpan]
    lanes: list[Lane]
    full: bool


def read_spans(only: Sequence[int] | None, contracts: Sequence[str], reader: Recording, context: JobContext) -> None:
    """Publishes the spans of some connections (all: None) by the first of the contracts, as `SpanReading`."""
    from wsreplay.tui.recording.lanes import SpanTracker, lanes
    from wsreplay.validator.select import select_contracts

    connections = {connection.id: connection for connection in reader.connections()}
    known = [connections[number] for number in only if number in connections] if only is not None else [*connections.values()]
    users = {number: connection.user for number, connection in connections.items()}
    numbers = {connection.id: session.id for session in stitch(connections.values()) for connection in session.connections}
    tracker = SpanTracker(select_contracts(reader, contracts)[0], numbers, users)
    ends = ((connection.closed_ns, connection.id) for connection in known if connection.closed_ns is not None)
    waiting = sorted(ends, reverse=True)
    for count, frame in enumerate(paging.typed_frames(reader, only)):
        while waiting and waiting[-1][0] < frame.t_ns:
            closed_ns, connection = waiting.pop()
            tracker.end_connection(connection, closed_ns)
        tracker.take(frame)
        if count % _FRAMES_PER_LOOK == 0:
            if context.cancelled:
                return
            if tracker.full and not tracker.any_open:
                waiting.clear()
                break
    for closed_ns, connection in reversed(waiting):
        tracker.end_connection(connection, closed_ns)
    context.publish(SpanReading(tracker.spans, lanes(tracker.spans), tracker.full))


def open_at(spans: Sequence[DrawnSpan], t_ns: int) -> list[DrawnSpan]:
    """Those of the spans, which are in order of their start, that have begun at a time and not ended yet."""
    begun = spans[: bisect_right(spans, t_ns, key=lambda drawn: drawn.start_ns)]
    return [drawn for drawn in begun if drawn.end_ns is None or drawn.end_ns > t_ns]


class SpanReader:
    """When the spans of a session are to be read: by other contracts, or when more was recorded, but not all the time."""

    def __init__(
        self, recording: OpenRecording, jobs: RecordingJobs, on_reading: Callable[[SpanReading], object],
        on_failure: Callable[[str], object],
    ) -> None:  # fmt: skip
        self._recording = recording
        self._jobs = jobs
        self._on_reading, self._on_failure = on_reading, on_failure
        self._known: tuple[tuple[str, ...], int] | None = None  # the contracts, and the last frame
        # When they were read last, on the application's clock.
        self._asked_ns = 0

    def ask(self, session: Session | None, contracts: tuple[str, ...], now_ns: int) -> None:
        """Read them if what is known is old. `now_ns` is on the application's clock."""
        wanted = contracts, self._recording.last_id
        if wanted == self._known:
            return
        is_other = self._known is None or self._known[0] != contracts
        is_early = self._jobs.is_running(READING) or now_ns - self._asked_ns <= LIVE_NS
        if is_other or not self._recording.live or not is_early:
            self.ask_again(session, contracts, now_ns)

    def forget(self) -> None:
        """They are to be read again when they are asked for."""
        self._known = None

    def ask_again(self, session: Session | None, contracts: tuple[str, ...], now_ns: int) -> None:
        """Read them, whatever is known."""
        self._known, self._asked_ns = (contracts, self._recording.last_id), now_ns
        only = [connection.id for connection in session.connections] if session else None
        self._jobs.read_in_process(READING, partial(read_spans, only, contracts), self._on_reading, self._on_failure)
