"""While a session is played: which runs and tools are open at the playhead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from wsreplay import units
from wsreplay.model import Session
from wsreplay.tui.jobs.jobs import RecordingJobs
from wsreplay.tui.recording.span_reading import READING, SpanReader, open_at
from wsreplay.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from wsreplay.tui.recording.lanes import DrawnSpan
    from wsreplay.tui.recording.open_recording import OpenRecording
    from wsreplay.tui.recording.span_reading import SpanReading


class OpenLine(StatusLine):
    """Says what is open. Spans are read when they are first needed: `spans` is None until then.

    `spans_changed` hears that other spans are known.
    """

    def __init__(
        self, recording: OpenRecording, jobs: RecordingJobs, spans_changed: Callable[[], object], *, id: str | None = None
    ) -> None:
        super().__init__(id=id, ground="ground")
        # As of the page of spans that was read last.
        self.spans: Sequence[DrawnSpan] | None = None
        self._reading: SpanReading | None = None
        self._spans_changed = spans_changed
        # Whether the last attempt to read spans failed; nothing else is said then.
        self._has_failed = False
        self._span_reader = SpanReader(recording, jobs, self._take, self._fail)

    def show(self, session: Session | None, contracts: tuple[str, ...], at_ns: int, now_ns: int) -> Sequence[DrawnSpan]:
        """Say what is open in a session at a time of the recording; that is given."""
        self._span_reader.ask(session, contracts, now_ns)
        if self._reading is not None and not self._reading.reaches(at_ns):
            self._reading = self.spans = None
            self._span_reader.ask_again(session, contracts, now_ns, at_ns)
        look = self.look
        if self._has_failed:
            self.say([(f"{READING} failed: {look.key('session.read_again')} tries again", look.style("warning"))])
            return ()
        if self.spans is None:
            self.say([(f"{READING} {look.signs.ellipsis}", look.style("dim"))])
            return ()
        spans = open_at(self.spans, at_ns)
        self._say(spans, at_ns)
        return spans

    def _say(self, spans: Sequence[DrawnSpan], at_ns: int) -> None:
        look = self.look
        count = f"{len(spans)} open" if spans else "nothing is open"
        entries = [
            (f"{look.signs.open_end} {look.safe(drawn.kind)}",
             f"{look.safe(drawn.name)} {look.own(units.duration_text(at_ns - drawn.start_ns))}")
            for drawn in spans
        ]  # fmt: skip
        self.say([], [(count, look.style("dim"))], entries=entries)

    def forget(self) -> None:
        """The recording is read again."""
        self._has_failed = False
        self._span_reader.forget()

    def _fail(self, _why: str) -> None:
        self._has_failed = True
        self._spans_changed()

    def _take(self, read_spans: SpanReading) -> None:
        self._reading, self.spans = read_spans, read_spans.spans
        self._has_failed = False
        self._spans_changed()
