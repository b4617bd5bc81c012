"""Going from finding to finding in a list of frames, and from a finding to its witnesses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from wsreplay.tui.data.evidence import moment
from wsreplay.tui.messages import RowMoved
from wsreplay.tui.screens.base import BaseScreen
from wsreplay.tui.widgets.detail import Detail

if TYPE_CHECKING:
    from wsreplay.tui.data.opened import Opened
    from wsreplay.tui.data.rows import Rows
    from wsreplay.tui.widgets.frame_list import FrameList
    from wsreplay.validator.findings import Finding


_NAMED = 5  # sessions


class TracingScreen(BaseScreen):
    """A screen with a list of frames in which findings stand. `looked_at` is the finding whose witnesses are shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_square_bracket", "finding(1)", "Next finding", id="trace.next_finding", show=False),
        Binding("left_square_bracket", "finding(-1)", "Previous finding", id="trace.previous_finding", show=False),
        Binding("x", "witness", "Next witness frame of the finding", id="trace.witness", show=False),
    ]

    opened: Opened
    rows: Rows
    frames: FrameList
    looked_at: Finding | None = None
    _found: list[tuple[int, Finding]] | None = None
    _gone_to: Finding | None = None

    def forget_findings(self) -> None:
        """The view has other rows now."""
        self._found = None

    def look_at(self, finding: Finding | None) -> None:
        self.looked_at = finding
        self.frames.set_witnesses(witnesses(finding) if finding else ())

    def finding_rows(self) -> Sequence[tuple[int, Finding]]:
        """The rows where findings stand, in order; found once for a view."""
        if self._found is None:
            view, evidence = self.rows.view, self.opened.evidence
            ghosts = [(row, ghost.finding) for row, ghost in view.ghosts()]
            at_frames = [
                (view.row_of_frame(frame_id), finding)
                for frame_id, findings in evidence.by_frame.items()
                if view.holds(frame_id)
                for finding in findings
                if self.rows.number in (None, finding.session)
            ]
            self._found = sorted(ghosts + at_frames, key=lambda pair: pair[0])
        return self._found

    def action_finding(self, steps: int) -> None:
        here = self.frames.cursor
        found = self.finding_rows()
        is_fresh = self._gone_to is None and here == 0  # nobody went to the row on which the list opened
        later = [(row, one) for row, one in found if (row >= here + (not is_fresh) if steps > 0 else row < here)]
        if not found:
            self.notify(self._why_none())
        elif not later:
            self.notify("no finding further on" if steps > 0 else "no finding before this one")
        else:
            row, finding = later[0 if steps > 0 else -1]
            self.show_finding(finding, row)

    def _why_none(self) -> str:
        if not self.opened.evidence.is_there:
            return "there is no verdict yet"
        if not self.opened.evidence.of_session(self.rows.number):
            others = sorted(number for number, counts in self.opened.evidence.tallies.items() if any(counts) and number)
            elsewhere = ", ".join(map(str, others[:_NAMED])) + (" …" if len(others) > _NAMED else "")
            return f"nothing is wrong in this session, but in {elsewhere}" if others else "nothing is wrong by this contract"
        return "none has come yet" if self.rows.horizon is not None else "the filter lets none through"

    def show_finding(self, finding: Finding, row: int | None = None) -> None:
        """Go to where a finding stands, and show its witnesses."""
        if row is None:
            row = next((at for at, one in self.finding_rows() if one is finding), None)
        if row is None:
            row = self.rows.view.row_at(moment(finding))
        self.look_at(finding)
        self._gone_to = finding
        if row == self.frames.cursor:
            self.post_message(RowMoved(self.frames, row))  # the clock goes there though the cursor need not
        self.frames.move_to(row, centre=True)
        if not isinstance(self.focused, Detail):
            self.frames.focus()

    def action_witness(self) -> None:
        finding = self.looked_at
        if finding is None:
            how = f"{self.look.key('trace.next_finding')} goes to the next finding"
            self.notify(how, title="no finding is looked at", markup=False)
            return
        view = self.rows.view
        home = next((at for at, one in self.finding_rows() if one is finding), view.row_at(moment(finding)))
        rows = [view.row_of_frame(frame) for frame in witnesses(finding) if view.holds(frame)]
        stops = [home, *(row for row in rows if row != home)]
        here = stops.index(self.frames.cursor) if self.frames.cursor in stops else -1
        self.frames.move_to(stops[(here + 1) % len(stops)], centre=True)


def witnesses(finding: Finding) -> list[int]:
    """The frames that show a finding, in order: the one it began with, and its witnesses."""
    return sorted({*finding.frames, *([finding.activation] if finding.activation else [])})
