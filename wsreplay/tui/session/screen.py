"""A session: its frames, the detail of one, the overview, the playback."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from textual import events
from textual.widget import Widget

from wsreplay import units
from wsreplay.errors import WsreplayError
from wsreplay.model import Session
from wsreplay.tui.messages import JumpTo, PaneChosen, QueryLeft, QueryTyped, RowChosen
from wsreplay.tui.recording.open_recording import OpenRecording
from wsreplay.tui.recording.playback import Playback
from wsreplay.tui.recording.rows import Rows
from wsreplay.tui.screens.base import BaseScreen
from wsreplay.tui.session.actions import SESSION_KEYS, SessionActions
from wsreplay.tui.session.following import FollowController
from wsreplay.tui.session.playback import SessionPlayback
from wsreplay.tui.session.words import list_title, place_runs, why_empty
from wsreplay.tui.widgets.frame_list import FrameList
from wsreplay.tui.widgets.ground import Ground
from wsreplay.tui.widgets.head import contract_runs, verdict_runs
from wsreplay.tui.widgets.overview import Overview
from wsreplay.tui.widgets.query_bar import QueryBar
from wsreplay.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from wsreplay.tui.recording.scan import ScanResult
    from wsreplay.tui.session.inspector import Inspector
    from wsreplay.validator.findings import Finding

PER_DETAIL_NS = units.SECOND // 2
MOST_PAGES_IN_SIGHT = 3  # of findings, which are loaded as they are seen
_BEHIND_ALL = 2**63 - 1  # no frame has such an id


class SessionScreen(SessionPlayback, SessionActions, BaseScreen):
    """`session` None shows all frames of the recording; `at` is a finding to begin at."""

    DEFAULT_CSS = """
    SessionScreen #body { height: 1fr; layout: horizontal; background: $ws-ground; }
    SessionScreen #frames { width: 60%; }
    SessionScreen #detail { width: 1fr; }
    SessionScreen.-narrow #detail, SessionScreen.-list-only #detail { display: none; }
    SessionScreen.-narrow #frames, SessionScreen.-list-only #frames { width: 1fr; }
    SessionScreen.-detail-only #detail { display: block; width: 1fr; }
    SessionScreen.-detail-only #frames { display: none; }
    """

    BINDINGS = SESSION_KEYS

    def __init__(self, recording: OpenRecording, session: Session | None, at: Finding | None = None) -> None:
        super().__init__()
        self._begin_at = at
        self.recording, self.session = recording, session
        self.rows = Rows(recording, session)
        self.origin_ns = recording.start_ns(session)
        self.playback = Playback(self.origin_ns, recording.reached_ns(session), self.origin_ns)
        self.frames = FrameList(
            recording, self.rows.view, session, users=recording.users(session), on_move=self._cursor_moved, id="frames"
        )
        self.follow = FollowController(self, self.frames, live=recording.live)
        self.overview = Overview(id="overview")
        self.bar = QueryBar(id="query")
        self.head = StatusLine(id="head")
        self.foot = StatusLine(id="foot")
        # Whether the detail is to be shown anew, and when it was shown last, on the application's clock.
        self.detail_due, self._detailed_ns = True, 0

    def compose(self) -> Iterable[Widget]:
        yield self.head
        yield self.bar
        with Ground(id="body"):
            yield self.frames
        yield self.overview
        yield self.foot

    def on_mount(self) -> None:
        self.frames.focus()
        self.frames.set_empty_lines(why_empty(self.look, self.rows, self.recording))
        self.name_list()
        self.paint_lines()
        self.call_after_refresh(self._begin)

    async def _begin(self) -> None:
        """What can wait until the first rows are on the screen."""
        if not self.is_attached:
            return  # it was left at once
        self.detail.show_pane(self.inspector.pane)
        await self.bar.make_ready()
        self._read()
        if self.follow.on:
            self.frames.move_to_last()
        self._lead_clock()
        self.paint_lines()
        if self._begin_at is not None:
            self.finding_navigator.begin_at(self._begin_at)

    def highlight(self, needle: str) -> None:
        self.frames.set_needle(needle)
        self.detail.find(needle)

    def show_finding(self, finding: Finding) -> None:
        """Go to where a finding stands, and show its witnesses."""
        self.finding_navigator.show(finding)

    def go_on_from(self, playback: Playback, replaying: bool, at: int | Finding | None) -> None:
        """Go on where the waterfall was left, at a frame or a finding if one was chosen there."""
        was = self.handed_over
        as_it_was = None if was is None else (playback._replace(since_ns=was[0].since_ns, end_ns=was[0].end_ns), replaying)
        if as_it_was != was or playback.playing:  # else the list stays where it is, maybe at the end of what grows
            self.call_after_refresh(self.take_over, playback, replaying)
        if isinstance(at, int):
            from wsreplay.tui.recording.goto import Target

            self.call_after_refresh(self.go_to_target, Target("frame", at))
        elif at is not None:
            self.call_after_refresh(self.show_finding, at)

    def _read(self) -> None:
        """All that the recording is asked for, but for the rows in sight."""
        self._read_session()
        self.decoding.link()
        self._show_detail(again=True)
        self.count_overview()
        self.overview_controller.place_extra_rows()

    def _read_session(self) -> None:
        if not self.rows.complete and self.session is not None:
            from wsreplay.tui.recording.scan import session_ids

            self.jobs.read_in_process("reading the session", partial(session_ids, self.session.connections), self._take_ids)

    def on_unmount(self) -> None:
        if "inspector" in vars(self):
            self.inspector.show(None)

    # What is shown.

    def _cursor_moved(self) -> None:
        led, self._led_to = self._led_to, None
        if self.frames.cursor != led:
            self._lead_clock()
        self.follow.moved()
        self.paint_lines()
        self.show_detail_soon()

    def show_detail_soon(self) -> None:
        """After the list is painted, and once for many moves; of what flies past while it is followed, what can be read."""
        if self.detail_due:
            return
        self.detail_due = True
        if not self.follow.on:
            self.call_after_refresh(self._show_detail)
        elif self.now() - self._detailed_ns < PER_DETAIL_NS:
            self.set_timer(PER_DETAIL_NS / units.SECOND, self._show_detail)
        else:
            self._show_detail()

    def caught_up(self) -> Inspector:
        """The inspector, looking at the row where the cursor stands now: it follows after the list is painted."""
        view = self.rows.view
        if self.detail_due or (len(view) and view.row(self.frames.cursor) != self.inspector.item):
            self._show_detail()
        return self.inspector

    def _show_detail(self, *, again: bool = False) -> None:
        self.detail_due, self._detailed_ns = False, self.now()
        view = self.rows.view
        if self.load_findings(self.pages_in_sight()):
            return  # it is shown by now
        item = view.row(self.frames.cursor) if len(view) else None
        self.inspector.show(item, again=again, trouble="" if item else view.pages.trouble)
        findings = self.inspector.findings()
        if findings and self.finding_navigator.looked_at not in findings:
            self.finding_navigator.look_at(findings[0])

    def paint_lines(self) -> None:
        look = self.look
        place = place_runs(self.host, self.recording, self.rows, following=self.follow.on, unseen=self.follow.unseen)
        verdict = verdict_runs(look, self.host.validation.status, self.recording, self.rows.number)
        self.head.say(place, verdict, extra=contract_runs(look, self.recording))
        view = self.rows.view
        at = view.index_of_row(self.frames.cursor) + 1 if len(view) else 0
        count = f"   {min(at, view.frames):,}/{len(view.ids):,}"
        foot = [*self.playback_runs(), (count, look.style("dim"))]
        self.foot.say(foot, extra=look.keys(("app.help", "help"), ("ctrl+p", "palette")))
        seen = self.frames.seen()
        span = None
        if len(seen) < len(view):
            span = view.time_of_row(seen.start), view.time_of_row(seen.stop - 1)
        self.overview.point(self.playback.at_ns, span, self.playback.at_ns if self.replaying else None)

    def name_list(self) -> None:
        in_the_past = self.replaying and not self.playback.at_end
        self.frames.border_title, self.frames.border_subtitle = list_title(self.look, self.rows, in_the_past=in_the_past)

    def looks_changed(self) -> None:
        super().looks_changed()
        self.bar.hint()
        self.show_open()
        self._show_detail(again=True)

    def show_rows(self) -> None:
        """Show the rows after they have changed, the cursor on what it stood on.

        The clock goes with the cursor where that is gone; a replay and the end of a recording that grows stay where they are.
        """
        stood_on = self.frames.view.anchor(self.frames.cursor)
        was_last = self.frames.cursor >= self.frames.view.last_row
        self.frames.set_empty_lines(why_empty(self.look, self.rows, self.recording))
        self.frames.show_view(self.rows.view, anchor=stood_on)
        if self.follow.on or (self.replaying and was_last):
            self.frames.move_to_last()
        elif stood_on is None and len(self.rows.view):  # the list was empty before
            self.frames.move_to(self.rows.view.row_at(self.playback.at_ns), quiet=True)
            if self.rows.matches is not None:
                self._lead_clock()
        elif len(self.rows.view) and self.frames.view.anchor(self.frames.cursor) != stood_on:
            self._lead_clock()
        self.name_list()
        self.paint_lines()
        self._show_detail(again=True)

    def _lead_clock(self) -> None:
        """The clock goes to the row that the cursor is on now, unless it leads the cursor itself."""
        if not self.replaying and len(self.rows.view):
            self.playback = self.playback.seek(self.rows.view.time_of_row(self.frames.cursor), self.now())

    def count_overview(self) -> None:
        self.overview_controller.count(self.playback.end_ns, self.now())

    def marks_changed(self) -> None:
        self.overview_controller.place_extra_rows()
        self.overview_controller.place_signs()

    def pages_in_sight(self) -> Iterable[int]:
        """The pages of findings that stand among the rows in sight, or behind the last row where that is in sight."""
        places, view, seen = self.recording.evidence.all_places, self.rows.view, self.frames.seen()
        if places is None or not view.frames or not seen:
            return ()
        first, last = (view.ids[min(view.index_of_row(row), view.frames - 1)] for row in (seen.start, seen.stop - 1))
        return places.pages_of(first, last if seen.stop < len(view) else _BEHIND_ALL)[:MOST_PAGES_IN_SIGHT]

    def load_findings(self, pages: Iterable[int]) -> bool:
        """Take in what findings say that were not known yet; whether there are more than before."""
        is_more = self.recording.load_findings(pages)
        if is_more:
            self._show_verdict()
        return is_more

    # Answers.

    def _take_ids(self, result: ScanResult) -> None:
        self.rows.take_ids(result)
        self.show_rows()
        if result.finished:
            self._read_session()  # it may have turned out to be longer
            self.count_overview()
            self.search.ask_again()

    def events_changed(self, at_frame: int | None) -> None:
        """Frames say something else than before, or one was unfolded, to which the cursor goes."""
        self.show_rows()
        if at_frame is None:
            self.search.ask_again()
        else:
            self.frames.move_to(self.rows.view.row_of_frame(at_frame))

    def job_failed(self, name: str, why: str) -> None:
        super().job_failed(name, why)
        self.search.job_failed(name)
        self.inspector.job_failed(name, why)

    def verdict_changed(self) -> None:
        self._follow_session()
        self.frames.show_durations(self.recording.known_spans.revision)
        if self.rows.shows(self.recording.evidence, self.recording.reading):
            self.paint_lines()
            return
        self._show_verdict()
        self.search.verdict_changed()

    def _follow_session(self) -> None:
        """Another contract may name other users, and so make other sessions: show the one with the same first connection."""
        shown = self.session
        if shown is None or (now := self.recording.session_now(shown)) is shown:
            return
        is_other = [connection.id for connection in now.connections] != [connection.id for connection in shown.connections]
        self.session = self.rows.session = now
        self.frames.set_users(self.recording.users(now))
        self.playback = self.playback.reaching(self.recording.reached_ns(now))
        if is_other:
            self.rows.take_session(now)
            self._read_session()

    def _show_verdict(self) -> None:
        self.show_open()
        self.rows_changed()
        self.finding_navigator.verdict_changed()

    def rows_changed(self) -> None:
        """What stands between the frames is another."""
        self.rows.rebuild()
        self.overview_controller.place_signs()
        self.show_rows()

    def recording_grew(self, last_id: int) -> None:
        was_complete = self.rows.complete
        grown = self.rows.grown(last_id)
        if was_complete:
            self._read_session()
        self.session = self.rows.session  # which may have got another connection
        self.frames.set_users(self.recording.users(self.session))
        self.playback = self.playback.reaching(self.recording.reached_ns(self.session))
        if self.frames.count != len(self.rows.view):
            self.frames.show_change()
        if not (self.follow.on and self.replaying):
            self.follow.grown(grown)
        if self.replaying:
            self.show_playhead()  # what was the end is the end no more
        self.decoding.link()
        self.search.grown()
        self.overview_controller.grown(self.playback.end_ns, self.now())

    def clock_ticked(self) -> None:
        if self.host.growth.live:
            self.playback = self.playback.reaching(self.recording.reached_ns(self.session))
        self.show_open()
        self.paint_lines()
        if self.detail_due and self.now() - self._detailed_ns > 2 * PER_DETAIL_NS:
            self._show_detail()  # a process that was suspended has missed its timer

    # Actions.

    def narrowed(self) -> None:
        """Only marked rows are shown now, or all again."""
        self.search.say()
        self.show_rows()

    def on_query_typed(self, _message: QueryTyped) -> None:
        self.search.typed()

    def on_query_left(self, message: QueryLeft) -> None:
        self.search.left(message.keep)

    def on_resize(self, _event: events.Resize) -> None:
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        self.bar.hint()
        self.overview_controller.resized(self.playback.end_ns, self.now())

    def on_pane_chosen(self, message: PaneChosen) -> None:
        self.inspector.choose_pane(message.pane)

    def on_row_chosen(self, _message: RowChosen) -> None:
        self.panes.focus_detail()

    def on_jump_to(self, message: JumpTo) -> None:
        self.seek(message.t_ns)

    def action_escape(self) -> None:
        """Undo the last thing that is open: the maximised pane, the search, the filter, the replay; then go back."""
        if self.panes.restore() or self.search.stop_searching():
            return
        if self.replaying:
            self.end_replay()
        elif not self.search.clear():
            super().action_escape()

    def action_read_again(self) -> None:
        """After something could not be read."""
        try:
            self.recording.reopen()
        except WsreplayError as error:
            self.job_failed("the file cannot be read", str(error))
            return
        self.overview_controller.forget()
        if self.open_line is not None:
            self.open_line.forget()
        self.rows_changed()
        self._read()
