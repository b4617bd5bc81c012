"""What decoders tell of the frames of a list that a frame alone does not: its request, and each of its events."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from wsreplay.store.paging import Head
from wsreplay.trace.links import Links
from wsreplay.tui.host import ScreenHost
from wsreplay.tui.jobs.jobs import RecordingJobs
from wsreplay.tui.recording.extra_rows import EventRow
from wsreplay.tui.recording.scan import gather_links

if TYPE_CHECKING:
    from wsreplay.tui.recording.open_recording import OpenRecording
    from wsreplay.tui.recording.rows import Rows
    from wsreplay.tui.session.inspector import Inspector

LINKING = "reading which request each answer has"


class DecodingController:
    """Of one list. `current` gives the inspector once it has caught up with the cursor.

    `changed` shows the rows after they have changed: all of them, or below the frame whose number it is given.
    """

    def __init__(
        self, host: ScreenHost, recording: OpenRecording, rows: Rows, jobs: RecordingJobs, current: Callable[[], Inspector],
        changed: Callable[[int | None], object],
    ) -> None:  # fmt: skip
        self._host = host
        self._recording = recording
        self._rows = rows
        self._jobs = jobs
        self._current = current
        self._changed = changed

    def link(self) -> None:
        """Find which request each answer has, beside the interface, where a protocol has such."""
        if self._recording.is_unlinked and not self._jobs.is_running(LINKING):
            work = partial(gather_links, self._recording.reading.unlinked())
            self._jobs.read_in_process(LINKING, work, self._take)

    def _take(self, links: Links) -> None:
        self._recording.reading.take_links(links)
        self._rows.rebuild()
        self._changed(None)

    def fold(self) -> None:
        """Show each event of the frame that is looked at in a row of its own, or hide them again."""
        item = self._current().item
        frame_id = item.id if isinstance(item, Head) else item.frame.id if isinstance(item, EventRow) else None
        if frame_id is None or self._rows.fold(frame_id) is None:
            self._host.notify("this row does not hold several events", title="nothing to unfold")
        else:
            self._changed(frame_id)
