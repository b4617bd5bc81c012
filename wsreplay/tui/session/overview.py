"""The overview of a session: counted beside the interface, with what is to be seen where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from wsreplay.store.reader import Recording
from wsreplay.tui.jobs.jobs import RecordingJobs
from wsreplay.tui.jobs.task import JobContext
from wsreplay.tui.look.appearance import Wrong
from wsreplay.tui.recording import density as sketch
from wsreplay.tui.recording.evidence import moment
from wsreplay.tui.recording.extra_rows import MOST_FAULTS, NoteRow, PlacedRow, place_rows, when
from wsreplay.units import SECOND

if TYPE_CHECKING:
    from wsreplay.model import Mark
    from wsreplay.tui.recording.open_recording import OpenRecording
    from wsreplay.tui.recording.rows import Rows
    from wsreplay.tui.widgets.overview import Overview

ExtraCount = tuple[int, "tuple[Mark, ...]"]
COUNTING, PLACING = "counting the overview", "placing injected faults and notes"


class OverviewController:
    """Keeps an `Overview` at what a session holds. `placed_anew` hears that other faults or notes are known.

    Times are in ns: `origin_ns` on the recording's axis, `now_ns` on the application's clock.
    """

    def __init__(
        self, recording: OpenRecording, rows: Rows, overview: Overview, jobs: RecordingJobs, origin_ns: int,
        placed_rows_changed: Callable[[], object],
    ) -> None:  # fmt: skip
        self._recording = recording
        self._rows = rows
        self._overview = overview
        self._jobs = jobs
        self._origin_ns = origin_ns
        self._placed_rows_changed = placed_rows_changed
        # When frames were counted last, on the application's clock, and for how many columns.
        self._counted_ns = 0
        self._counted_bins: int | None = None
        # The faults and notes whose places are known; and whether others are being placed.
        self._known: ExtraCount | None = (0, ())
        self._is_placing = False

    def count(self, end_ns: int, now_ns: int) -> None:
        """Count frames per column up to a time: all of the session's, whatever a filter lets through."""
        span = (self._origin_ns, max(end_ns, self._origin_ns + 1))
        ids, bins = self._rows.base[:], self._overview.bins
        self._counted_ns, self._counted_bins = now_ns, bins

        def work(reader: Recording, context: JobContext) -> None:
            context.publish(sketch.density(reader, ids, *span, bins))

        self._jobs.read_in_thread(COUNTING, work, partial(self._draw, span))

    def resized(self, end_ns: int, now_ns: int) -> None:
        """There may be other columns to count for."""
        if self._counted_bins not in (None, self._overview.bins):
            self.count(end_ns, now_ns)

    def grown(self, end_ns: int, now_ns: int) -> None:
        """The recording has more frames: count again, but not all the time."""
        is_due = now_ns - self._counted_ns > SECOND and not self._jobs.is_running(COUNTING)
        if is_due or not self._recording.live:
            self.count(end_ns, now_ns)
        self.place_extra_rows()

    def _draw(self, span: tuple[int, int], counts: Sequence[int]) -> None:
        self._overview.draw(counts, span)
        self.place_signs()

    def place_signs(self) -> None:
        """Show where findings, faults and marks are."""
        evidence, session = self._recording.evidence, self._rows.number
        if evidence.all_places is not None:
            known: Iterable[tuple[int, Wrong]] = evidence.all_places.sketch(session)
        else:
            known = ((moment(finding), finding) for finding in evidence.of_session(session) if not finding.caused_by)
        places = [(t_ns, str(finding.severity)) for t_ns, finding in known if finding.severity != "info"]
        placed_rows = self._recording.placed_rows_of(self._rows.session)
        between = [(when(row), "mark" if isinstance(row, NoteRow) else "fault") for row in placed_rows]
        on_frames = [(mark.t_ns, "mark") for mark in self._recording.marks if mark.frame_id and self._rows.holds(mark.frame_id)]
        self._overview.place([*places, *between, *on_frames])

    def place_extra_rows(self) -> None:
        """Find where injected faults and notes stand, beside the interface, if there are others than are known."""
        there = self._count_extra_rows()
        if there == self._known or self._is_placing:
            return
        self._is_placing = True

        def work(reader: Recording, context: JobContext) -> None:
            context.publish(place_rows(reader))

        self._jobs.read_in_thread(PLACING, work, partial(self._take_places, there), partial(self._places_failed, there))

    def forget(self) -> None:
        """Where they stand is to be found again."""
        self._known = None

    def _count_extra_rows(self) -> ExtraCount:
        """How many faults there are, and which notes."""
        notes = tuple(mark for mark in self._recording.marks if mark.frame_id is None)
        return min(self._recording.faults(None), MOST_FAULTS), notes

    def _take_places(self, there: ExtraCount, rows: Sequence[PlacedRow]) -> None:
        self._known, self._is_placing = there, False
        self._recording.take_placed_rows(rows)
        self._placed_rows_changed()
        self.place_extra_rows()  # there may be more by now

    def _places_failed(self, there: ExtraCount, _why: str) -> None:
        self._known, self._is_placing = there, False  # until there are others
