"""Going from finding to finding in a list of frames, and from a finding to its witnesses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from wsreplay.model import NO_CONTRACT, NO_FIT
from wsreplay.tui.host import ScreenHost
from wsreplay.tui.recording.evidence import moment, place, seen_from
from wsreplay.tui.recording.finding_index import PAGE, FindingKind
from wsreplay.tui.recording.goto import why_unreachable
from wsreplay.tui.widgets.detail import Detail

if TYPE_CHECKING:
    from wsreplay.tui.recording.open_recording import OpenRecording
    from wsreplay.tui.recording.rows import Rows
    from wsreplay.tui.recording.view import Anchor, View
    from wsreplay.tui.widgets.frame_list import FrameList
    from wsreplay.validator.findings import Finding

class FindingNavigator:
    """The findings of a list. `looked_at` is the one whose witnesses are shown; `reveal` sees to it that one can be seen.

    `load` loads pages of findings that are not known yet, and says whether there are more than before.
    """

    def __init__(
        self, host: ScreenHost, recording: OpenRecording, rows: Rows, frames: FrameList, reveal: Callable[[Finding], object],
        load: Callable[[Iterable[int]], bool],
    ) -> None:  # fmt: skip
        self._host = host
        self._load = load
        self._recording = recording
        self._rows = rows
        self._frames = frames
        self._reveal = reveal
        # None: none is, or the user is done with it.
        self.looked_at: Finding | None = None
        # The rows where findings stand, in order, and the view and its version for which they were found.
        self._places: list[tuple[int, Finding]] = []
        self._places_of: tuple[View | None, int] = None, 0
        # Whether the user went to a finding: the row on which the list opens may be one.
        self._has_gone = False
        # Where the user wants to go when there is a verdict: steps, and the row from which.
        self._awaited: tuple[int, int] | None = None
        # The finding at which the list opened before there was a verdict, and what stood where it seemed to stand.
        self._begun: tuple[Finding, Anchor | None] | None = None
        # The way on that was offered last: steps, and the row of the cursor.
        self._offered: tuple[int, int] | None = None

    def begin_at(self, finding: Finding) -> None:
        """Go to a finding; where the verdict is still to come, to its row as soon as there is one."""
        self._point_at(finding)
        if not self._recording.evidence.is_there:
            self._begun = finding, self._frames.view.anchor(self._frames.cursor)

    def look_at(self, finding: Finding | None) -> None:
        self.looked_at = finding
        self._frames.set_witnesses(witnesses(finding) if finding else ())

    def rows(self) -> Sequence[tuple[int, Finding]]:
        """The rows where findings stand, in order; found once for what a view shows."""
        view, evidence = self._rows.view, self._recording.evidence
        if self._places_of[0] is not view or self._places_of[1] != view.version:
            ghosts = [(row, ghost.finding) for row, ghost in view.ghosts()]
            at_frames = [
                (view.row_of_frame(frame_id), finding)
                for frame_id, findings in evidence.by_frame.items()
                if view.holds(frame_id)
                for finding in findings
                if self._rows.number in (None, finding.session)
            ]
            self._places = sorted(ghosts + at_frames, key=lambda pair: pair[0])
            self._places_of = view, view.version
        return self._places

    def go(self, steps: int) -> None:
        """To the next finding, or the one before; where the verdict is still to come, as soon as it has come."""
        later = self._later(steps)
        while self._load_nearer(steps, later[0 if steps > 0 else -1][0] if later else None):
            later = self._later(steps)
        here, places = self._frames.cursor, self.rows()
        coming = self._coming() if steps > 0 and not later else None
        if coming is not None:
            self.show(coming)
        elif later:
            row, finding = later[0 if steps > 0 else -1]
            self.show(finding, row)
        elif not self._recording.evidence.is_there:
            self._awaited = steps, here
            self._host.notify("Goes there as soon as validation has found one.")
        else:
            self._go_beyond(steps, bool(places))

    def _go_beyond(self, steps: int, has_places: bool) -> None:
        """To the session or the file that has the next findings, if that was offered already; else offer it."""
        here = steps, self._frames.cursor
        beyond = self._host.host.place_beyond(self._rows.session, steps)
        if beyond is not None and self._offered == here:
            beyond.go()
            return
        self._offered = here
        key = self._host.look.key("trace.next_finding" if steps > 0 else "trace.previous_finding")
        on = f" {beyond.words}: press {key} again." if beyond is not None else ""
        first = self._why_no_other_way(steps) if has_places else self._why_none()
        self._host.notify(f"{first}{on}", markup=False)

    def _later(self, steps: int) -> Sequence[tuple[int, Finding]]:
        """The findings beyond the cursor in a direction, in order."""
        here = self._frames.cursor
        is_fresh = not self._has_gone and here == 0  # nobody went to the row on which the list opened
        return [(row, finding) for row, finding in self.rows() if (row >= here + (not is_fresh) if steps > 0 else row < here)]

    def _load_nearer(self, steps: int, row: int | None) -> bool:
        """Load what the next finding says that is not known yet, if it is nearer than that of a row; whether there was one."""
        evidence, view = self._recording.evidence, self._rows.view
        if evidence.all_places is None or not view.frames or self._rows.horizon is not None:
            return False
        here = view.ids[min(view.index_of_row(self._frames.cursor), view.frames - 1)]
        for number in evidence.all_places.onward(here, steps, self._rows.number):
            place, page = evidence.all_places.places[number], number // PAGE
            if page in evidence.loaded or not self._will_show(place, evidence.all_places.kind(number)):
                continue
            there = view.row_of_frame(place)
            if row is not None and (there > row if steps > 0 else there < row):
                return False
            return self._load([page])
        return False

    def _will_show(self, place: int, kind: FindingKind) -> bool:
        """Whether the list has a row for a finding that is not known yet."""
        if not kind.is_ghost:
            return self._rows.view.holds(place)
        return not kind.follows and self._rows.filter is None and not self._rows.only_marked

    def _coming(self) -> Finding | None:
        """The first finding that the replay has not shown yet."""
        horizon, session = self._rows.horizon, self._rows.number
        if horizon is None:
            return None
        findings = self._recording.evidence.of_session(session)
        later = (finding for finding in findings if seen_from(finding) > horizon and self._has_row(finding))
        return min(later, key=seen_from, default=None)

    def _has_row(self, finding: Finding) -> bool:
        """Whether the list will have a row where a finding stands: a filter may hide it."""
        at = place(finding)
        if at is None:
            return finding.is_ghost and not finding.caused_by and self._rows.filter is None and not self._rows.only_marked
        return self._rows.will_show(at)

    def verdict_changed(self) -> None:
        """There is another verdict: go where somebody wanted to go, if he still stands there."""
        begun, evidence = self._begun, self._recording.evidence
        if begun is not None and evidence.is_there:
            self._begun = None
            finding, stood_on = begun
            if stood_on == self._frames.view.anchor(self._frames.cursor):
                known = evidence.of_session(self._rows.number)
                same = (other for other in known if (other.rule, other.id) == (finding.rule, finding.id))
                self._point_at(next(same, finding))
        awaited = self._awaited
        if awaited is not None and self._recording.evidence.is_there:
            self._awaited = None
            if awaited[1] == self._frames.cursor:
                self.go(awaited[0])

    def _why_none(self) -> str:
        evidence = self._recording.evidence
        if NO_CONTRACT in evidence.names:
            return f"Nothing is judged: {NO_FIT}; {self._host.look.key('screen.contract')} chooses one."
        if not any(evidence.counts(self._rows.number)):
            return "No findings here." if any(evidence.counts()) else "No findings with this contract."
        return "None has come yet." if self._rows.horizon is not None else "The filter lets none through."

    def _why_no_other_way(self, steps: int) -> str:
        """Why there is no finding in a direction; never that there is none where some are counted only."""
        evidence = self._recording.evidence
        words = f"No more findings {'below' if steps > 0 else 'above'}"
        packed = len(evidence.packed) * PAGE
        if evidence.all_places is not None and packed < len(evidence.all_places):
            return f"{words} of the first {packed:,}; {len(evidence.all_places) - packed:,} more are counted only."
        if evidence.forgotten:
            return f"{words} of those that are kept; {evidence.forgotten:,} more were forgotten to bound memory."
        return f"{words}."

    def show(self, finding: Finding, row: int | None = None) -> None:
        """Go to where a finding stands, and show its witnesses."""
        self._point_at(finding, row)
        if not isinstance(self._frames.screen.focused, Detail):
            self._frames.focus()

    def _point_at(self, finding: Finding, row: int | None = None) -> None:
        """The same for who may be typing something by now: whatever has the focus keeps it."""
        self._reveal(finding)
        if row is None:
            row = self._row_of(finding)
        self.look_at(finding)
        self._has_gone = True
        frames = self._frames
        if row == frames.cursor:
            frames.tell_moved()  # the clock goes there though the cursor need not
        frames.move_to(row, centre=True)

    def _row_of(self, finding: Finding) -> int:
        view = self._rows.view
        return next((row for row, shown in self.rows() if shown == finding), view.row_at(moment(finding)))

    def next_witness(self) -> None:
        finding = self.looked_at
        if finding is None:
            key = self._host.look.key("trace.next_finding")
            self._host.notify(f"{key} goes to the next finding", title="no finding is selected")
            return
        view = self._rows.view
        home = self._row_of(finding)
        rows = [view.row_of_frame(frame) for frame in witnesses(finding) if view.holds(frame)]
        stops = [home, *(row for row in rows if row != home)]
        here = stops.index(self._frames.cursor) if self._frames.cursor in stops else -1
        if stops == [self._frames.cursor]:
            self._host.notify(self._why_no_other(finding))
        self._frames.move_to(stops[(here + 1) % len(stops)], centre=True)

    def _why_no_other(self, finding: Finding) -> str:
        """Why there is no other witness to go to."""
        hidden = [frame for frame in witnesses(finding) if not self._rows.view.holds(frame)]
        if not hidden:
            return "this is all that shows it"
        why = why_unreachable(self._recording, self._rows.session, hidden[0]) or self._rows.why_hidden(hidden[0])
        return f"frame {hidden[0]:,} shows it too: {why}"


def witnesses(finding: Finding) -> list[int]:
    """The frames that show a finding, in order: the one it began with, and its witnesses."""
    return sorted({*finding.frames, *([finding.activation] if finding.activation else [])})
