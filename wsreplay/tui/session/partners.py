"""From what began something to what ended it, and back; from a request to its answer, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wsreplay.store.paging import Head
from wsreplay.tui.host import ScreenHost
from wsreplay.tui.recording.evidence import GhostRow
from wsreplay.tui.recording.extra_rows import EventRow, OwedRow
from wsreplay.tui.recording.goto import Target

if TYPE_CHECKING:
    from wsreplay.tui.recording.open_recording import OpenRecording
    from wsreplay.tui.recording.rows import Rows
    from wsreplay.tui.session.inspector import Inspector
    from wsreplay.validator.findings import Finding


class PartnerController:
    """Of one list. `current` gives the inspector once it has caught up with the cursor, `go_to` and `show` go to a frame and to
    where a finding stands."""

    def __init__(
        self, host: ScreenHost, recording: OpenRecording, rows: Rows, current: Callable[[], Inspector],
        go_to: Callable[[Target], object], show: Callable[[Finding], object],
    ) -> None:  # fmt: skip
        self._host = host
        self._recording = recording
        self._rows = rows
        self._current = current
        self._go_to = go_to
        self._show = show

    def go(self) -> None:
        """Go to the partner of the row that is looked at, or say why there is none."""
        item = self._current().item
        partner: int | None = None
        if isinstance(item, OwedRow):
            partner = item.start_frame
        elif isinstance(item, GhostRow):
            partner = item.finding.activation or next(iter(item.finding.frames), None)
        elif isinstance(item, Head | EventRow):
            frame_id = item.id if isinstance(item, Head) else item.frame.id
            if (never_came := self._never_came(frame_id)) is not None:
                self._show(never_came)
                return
            partner = self.partner_of(frame_id)
        if partner is not None:
            self._go_to(Target("frame", partner))
        else:
            self._host.notify(self._why_none(), title="no partner to go to")

    def partner_of(self, frame_id: int) -> int | None:
        """The frame that began what this one ended, or ended what it began; else its request or its answer."""
        pairs, links = self._recording.known_spans.pairs, self._recording.reading.links
        if (ended := pairs.ended_by(frame_id)) is not None:
            return ended.start
        if (begun := pairs.begun_by(frame_id)) is not None:
            return begun.end
        link = links.get(frame_id)
        return link.request if link is not None and link.request else links.answer_to(frame_id)

    def _never_came(self, frame_id: int) -> Finding | None:
        """What is missing of what a frame began."""
        ghosts = self._recording.evidence.ghosts_of(self._rows.number)
        return next((ghost.finding for ghost in ghosts if ghost.finding.activation == frame_id), None)

    def _why_none(self) -> str:
        if not self._recording.known_spans.revision:
            return "starts and ends are known once the recording is validated"
        return "it neither begins nor ends a run or a tool, and is neither request nor answer"
