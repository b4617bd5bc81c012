"""The spans of a session: as they came with the verdict, else read by page in the background; and which are open at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from wsreplay.display import user_text
from wsreplay.model import Session
from wsreplay.store.reader import Recording
from wsreplay.trace.decoder_choices import ReadAs
from wsreplay.tui.jobs.jobs import RecordingJobs
from wsreplay.tui.jobs.task import JobContext
from wsreplay.tui.recording.squeeze import Stretch, find_idle
from wsreplay.tui.recording.stitching import stitch_by
from wsreplay.units import SECOND

if TYPE_CHECKING:
    # Imported where spans are drawn: the first screen does without.
    from wsreplay.tui.recording.lanes import DrawnSpan, Lane
    from wsreplay.tui.recording.open_recording import OpenRecording

LIVE_NS = 3 * SECOND  # a recording that grows is read anew this often
TAKE_NS = SECOND  # and what came with its verdict is laid out anew this often
READING = "reading runs and tools"
PAGE = 20_000  # spans


class SpanReading(NamedTuple):
    """Spans in the order of their start, also by lane: those that had not ended at `from_ns` and began before `until_ns` (None:
    all). `left_out` says how many there are beside; `idle` are stretches of time in which nothing
    happens in them, between their first and last events, at `busy`."""

    spans: list[DrawnSpan]
    lanes: list[Lane]
    left_out: int = 0
    from_ns: int = 0
    until_ns: int | None = None
    idle: tuple[Stretch, ...] = ()
    busy: Stretch = (0, 0)

    @classmethod
    def of(cls, spans: list[DrawnSpan], left_out: int = 0, from_ns: int = 0, until_ns: int | None = None) -> SpanReading:
        """Spans, laid out."""
        from wsreplay.tui.recording.lanes import happened, lanes

        times = sorted(happened(spans)) or [0]
        return cls(spans, lanes(spans), left_out, from_ns, until_ns, tuple(find_idle(times)), (times[0], times[-1]))

    def reaches(self, t_ns: int) -> bool:
        """Whether all spans that are open at a time are among them."""
        is_full = self.until_ns is not None and self.until_ns > self.from_ns  # else more are open at once than a page holds
        return self.from_ns <= t_ns and (not is_full or t_ns < (self.until_ns or 0))


def read_spans(
    only: Sequence[int] | None, contracts: Sequence[str], read_as: ReadAs, from_ns: int, reader: Recording,
    context: JobContext,
) -> None:  # fmt: skip
    """Publishes a page of the spans of some connections (all: None) by the first of the contracts, as `SpanReading`."""
    from wsreplay.tui.recording.lanes import draw_spans
    from wsreplay.validator import SpanLog, judge
    from wsreplay.validator.select import select_contracts

    contract = select_contracts(reader, contracts, read_as.decoder)[0].read_as(read_as)
    log = SpanLog(from_ns=from_ns, most=PAGE)
    stitched = stitch_by(contract, reader)
    sessions = None
    if only is not None:
        wanted = frozenset(only)
        sessions = [session for session in stitched if any(connection.id in wanted for connection in session.connections)]
    judgement = judge(reader, contract, sessions=sessions, span_log=log)
    spans = draw_spans(judgement.spans, owners(stitched) if sessions is None else None)
    context.publish(SpanReading.of(spans, log.before + log.left_out, from_ns, log.full_at_ns))


def owners(sessions: Sequence[Session]) -> dict[int, str] | None:
    """What each of several sessions is called where all are shown; None where there is one."""
    named = {session.id: f"{session.id} · {user_text(session.user)}" for session in sessions}
    return named if len(named) > 1 else None


def open_at(spans: Sequence[DrawnSpan], t_ns: int) -> list[DrawnSpan]:
    """Those of the spans, which are in order of their start, that have begun at a time and not ended yet."""
    begun = spans[: bisect_right(spans, t_ns, key=lambda drawn: drawn.start_ns)]
    return [drawn for drawn in begun if drawn.end_ns is None or drawn.end_ns > t_ns]


class SpanReader:
    """When the spans of a session are taken from the verdict, and when they are to be read: where the verdict has not come, or
    there are too many to come with it; by other contracts, elsewhere, or when more was recorded, but not all the time."""

    def __init__(
        self, recording: OpenRecording, jobs: RecordingJobs, on_reading: Callable[[SpanReading], object],
        on_failure: Callable[[str], object],
    ) -> None:  # fmt: skip
        self._recording = recording
        self._jobs = jobs
        self._on_reading, self._on_failure = on_reading, on_failure
        # What was taken from the verdict last: the contracts, and how often it had said something by then.
        self._taken: tuple[tuple[str, ...], int] | None = None
        # What was read last: the contracts, and the last frame.
        self._known: tuple[tuple[str, ...], int] | None = None
        # From when on (ns).
        self._from_ns = 0
        # When they were read last, on the application's clock.
        self._asked_ns = 0

    def ask(self, session: Session | None, contracts: tuple[str, ...], now_ns: int) -> None:
        """Take or read them if what is known is old. `now_ns` is on the application's clock."""
        known = self._recording.known_spans
        if contracts and known.are_all_by(contracts[0]):
            if (contracts, known.revision) != self._taken and not (self._taken and self._is_early(now_ns, TAKE_NS)):
                self._taken, self._known, self._asked_ns = (contracts, known.revision), None, now_ns
                self._take(session)
            return
        wanted = contracts, self._recording.last_id
        if wanted == self._known:
            return
        is_other = self._known is None or self._known[0] != contracts
        is_early = self._jobs.is_running(READING) or self._is_early(now_ns, LIVE_NS)
        if is_other or not self._recording.live or not is_early:
            self.ask_again(session, contracts, now_ns, self._from_ns)

    def begin_at(self, from_ns: int) -> None:
        """Where spans are read by page, read first the page that begins at a time of the recording."""
        self._from_ns = from_ns

    def _is_early(self, now_ns: int, pause_ns: int) -> bool:
        """Whether a recording that grows was looked at not so long ago."""
        return self._recording.live and now_ns - self._asked_ns <= pause_ns

    def _take(self, session: Session | None) -> None:
        """Those that came with the verdict."""
        from wsreplay.tui.recording.lanes import draw_spans

        self._jobs.cancel(READING)
        records = self._recording.known_spans.of_session(session.id if session else None)
        self._on_reading(SpanReading.of(draw_spans(records, None if session else owners(self._recording.sessions))))

    def forget(self) -> None:
        """They are to be read again when they are asked for."""
        self._known = self._taken = None

    def ask_again(self, session: Session | None, contracts: tuple[str, ...], now_ns: int, from_ns: int = 0) -> None:
        """Read them, whatever is known: a page of those that had not ended at a time of the recording (ns)."""
        self._known, self._asked_ns, self._from_ns = (contracts, self._recording.last_id), now_ns, from_ns
        only = [connection.id for connection in session.connections] if session else None
        read = partial(read_spans, only, contracts, self._recording.read_as, from_ns)
        self._jobs.read_in_process(READING, read, self._on_reading, self._on_failure)
