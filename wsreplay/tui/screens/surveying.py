"""The overview of a session: counted beside the interface, with what is to be seen where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsreplay.store.reader import Recording
from wsreplay.tui.data import overview as sketch
from wsreplay.tui.data.between import MOST_FAULTS, Noted, placed, when
from wsreplay.tui.data.errand import Errands, Told
from wsreplay.tui.data.evidence import moment
from wsreplay.tui.messages import BetweenPlaced, JumpTo, OverviewCounted
from wsreplay.tui.screens.player import PlayerScreen

if TYPE_CHECKING:
    from wsreplay.model import Mark
    from wsreplay.tui.data.opened import Opened
    from wsreplay.tui.data.rows import Rows
    from wsreplay.tui.widgets.overview import Overview


class SurveyingScreen(PlayerScreen):
    """A screen with a playhead and an overview to see it in."""

    opened: Opened
    rows: Rows
    overview: Overview
    errands: Errands
    origin_ns: int
    _sought: tuple[int, tuple[Mark, ...]] = (0, ())
    counted_ns = 0  # when the overview was last counted, by the application's clock

    def count_overview(self) -> None:
        """Count frames per column, beside the interface: all of the session's, whatever a filter lets through."""
        span = (self.origin_ns, max(self.player.end_ns, self.origin_ns + 1))
        ids, bins = self.rows.base[:], self.overview.bins
        self.counted_ns = self.now()

        def work(reader: Recording, errand: Told) -> None:
            errand.tell(OverviewCounted(sketch.density(reader, ids, *span, bins), span))

        self.errands.send("overview", work, self.post_message, self.fail("the overview"))

    def on_overview_counted(self, message: OverviewCounted) -> None:
        self.overview.draw(message.counts, message.span)
        self.place_marks()

    def place_marks(self) -> None:
        """Show where findings and marks are."""
        kinds = {"missing": "missing", "order": "order", "late": "late"}
        places = [
            (moment(finding), kinds.get(finding.kind, str(finding.severity)))
            for finding in self.opened.evidence.of_session(self.rows.number)
            if not finding.caused_by and finding.severity != "info"
        ]
        here = self.opened.placed_in(self.rows.session)
        between = [(when(one), "mark" if isinstance(one, Noted) else "fault") for one in here]
        on_frames = [(mark.t_ns, "mark") for mark in self.opened.marks if mark.frame_id and self.rows.holds(mark.frame_id)]
        self.overview.place([*places, *between, *on_frames])

    def place_between(self) -> None:
        """Find where injected faults and notes stand, beside the interface, if there are others than were looked for."""
        notes = tuple(mark for mark in self.opened.marks if mark.frame_id is None)
        there = min(self.opened.faults(None), MOST_FAULTS), notes
        if there == self._sought:
            return
        self._sought = there

        def work(reader: Recording, errand: Told) -> None:
            errand.tell(BetweenPlaced(placed(reader)))

        self.errands.send("between", work, self.post_message, self.fail("the injected faults and notes"))

    def on_jump_to(self, message: JumpTo) -> None:
        self.seek(message.t_ns)
