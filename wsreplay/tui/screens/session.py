"""A session: its frames, the detail of one, the overview, the player."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget

from wsreplay.errors import WsreplayError
from wsreplay.model import Session
from wsreplay.store.paging import Head
from wsreplay.tui import times
from wsreplay.tui.data.errand import Errands
from wsreplay.tui.data.evidence import Ghost
from wsreplay.tui.data.gathering import Gathered, session_ids
from wsreplay.tui.data.opened import Opened
from wsreplay.tui.data.playback import Player
from wsreplay.tui.data.rows import Rows
from wsreplay.tui.data.view import Anchor
from wsreplay.tui.messages import (
    BetweenPlaced,
    DetailReady,
    IdsGathered,
    RowMoved,
    WorkFailed,
)
from wsreplay.tui.screens.asking import Asking
from wsreplay.tui.screens.going import GoingScreen
from wsreplay.tui.screens.head import (
    fault_runs,
    head_runs,
    joined,
    judge_runs,
    live_runs,
    new_runs,
    session_name,
    verdict_runs,
)
from wsreplay.tui.screens.inspecting import Inspector
from wsreplay.tui.screens.keeping import KeepingScreen
from wsreplay.tui.screens.panes import PanedScreen
from wsreplay.tui.screens.querying import QueryingScreen
from wsreplay.tui.screens.spanning import SpanningScreen
from wsreplay.tui.screens.surveying import SurveyingScreen
from wsreplay.tui.screens.tracing import TracingScreen
from wsreplay.tui.widgets.detail import Detail
from wsreplay.tui.widgets.frame_list import FrameList
from wsreplay.tui.widgets.overview import Overview
from wsreplay.tui.widgets.query_bar import QueryBar
from wsreplay.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from wsreplay.validator.findings import Finding

PER_DETAIL_NS = times.SECOND // 2
SESSION_TICKET = 0  # of the ids of the session itself; a filter's tickets count from 1


class SessionScreen(PanedScreen, GoingScreen, SurveyingScreen, SpanningScreen, QueryingScreen, KeepingScreen, TracingScreen):
    """`session` None shows all frames of the recording; `at` is a finding to begin at."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "waterfall", "Waterfall", id="session.waterfall", show=False),
        Binding("v", "findings", "Findings", id="session.findings", show=False),
        Binding("D", "diff", "Compare with another session", id="session.diff", show=False),
        Binding("r", "read_again", "Read the file again", id="session.read_again", show=False),
        Binding("F", "follow", "Follow the end", id="session.follow", show=False),
    ]

    DEFAULT_CSS = """
    SessionScreen #body { height: 1fr; layout: horizontal; background: $ws-ground; }
    SessionScreen #frames { width: 3fr; }
    SessionScreen #detail { width: 2fr; }
    SessionScreen.-narrow #detail, SessionScreen.-list-only #detail { display: none; }
    SessionScreen.-narrow #frames, SessionScreen.-list-only #frames { width: 1fr; }
    SessionScreen.-detail-only #detail { display: block; width: 1fr; }
    SessionScreen.-detail-only #frames { display: none; }
    """

    def __init__(self, opened: Opened, session: Session | None, at: Finding | None = None) -> None:
        super().__init__()
        self._begin_at = at
        self.opened = opened
        self.rows = Rows(opened, session)
        self.origin_ns = opened.start_ns(session)
        self.player = Player(self.origin_ns, opened.reached_ns(session), self.origin_ns)
        self.following = opened.live
        self.unseen = 0
        self.errands = Errands(opened.path, opened.clerk)
        self.frames = FrameList(opened, self.rows.view, users=opened.users(session), id="frames")
        self.frames.origin_ns = self.origin_ns
        self.detail = Detail(id="detail")
        self.overview = Overview(id="overview")
        self.bar = QueryBar(id="query")
        self.head = StatusLine(id="head")
        self.open_line = StatusLine(id="open", ground="ground")
        self.foot = StatusLine(id="foot")
        self.inspector = Inspector(self, opened, self.detail, self.origin_ns)
        self.asking = Asking(self, self.rows, self.frames, self.bar, self.errands)
        self.detail_due, self._detailed_ns = True, 0

    @property
    def session(self) -> Session | None:
        return self.rows.session

    def parts(self) -> Iterable[Widget]:
        yield self.head
        yield self.bar
        with Container(id="body"):
            yield self.frames
            yield self.detail
        yield self.overview
        yield self.foot

    def on_mount(self) -> None:
        self.frames.focus()
        self._name_list()
        self.paint_lines()
        self.call_after_refresh(self._begin)

    async def _begin(self) -> None:
        """What can wait until the first rows are on the screen."""
        await self.bar.make_ready()
        self._read()
        if self.following:
            self.frames.move_to(len(self.rows.view) - 1)
        if self._begin_at is not None:
            self.show_finding(self._begin_at)

    def _read(self) -> None:
        """All that the recording is asked for, but for the rows in sight."""
        if not self.rows.complete and self.session is not None:

            def tell(gathered: Gathered) -> None:
                self.post_message(IdsGathered(SESSION_TICKET, gathered))

            work = partial(session_ids, self.session.connections)
            self.errands.hand_over("session", work, tell, self.fail("reading the session"))
        self._show_detail(again=True)
        self.count_overview()
        self.place_between()

    def on_unmount(self) -> None:
        self.errands.call_all_back()
        self.inspector.show(None)

    # What is shown.

    def on_row_moved(self, message: RowMoved) -> None:
        if message.sender is not self.frames:
            return
        view = self.rows.view
        if not self.film:
            self.player = self.player.seek(view.time_of_row(self.frames.cursor), self.now())
        if self.following and self.frames.cursor < len(view) - 1:
            self.following, self.unseen = False, 0
        self.paint_lines()
        self.show_detail_soon()

    def show_detail_soon(self) -> None:
        """After the list is painted, and once for many moves; of what flies past while it is followed, what can be read."""
        if self.detail_due:
            return
        self.detail_due = True
        if not self.following:
            self.call_after_refresh(self._show_detail)
        elif self.now() - self._detailed_ns < PER_DETAIL_NS:
            self.set_timer(PER_DETAIL_NS / times.SECOND, self._show_detail)
        else:
            self._show_detail()

    def catch_up(self) -> None:
        if self.detail_due:
            self._show_detail()

    def _show_detail(self, *, again: bool = False) -> None:
        self.detail_due, self._detailed_ns = False, self.now()
        view = self.rows.view
        item = view.row(self.frames.cursor) if len(view) else None
        self.inspector.show(item, again=again, trouble="" if item else view.pages.trouble)
        findings = self.inspector.findings()
        if findings and self.looked_at not in findings:
            self.look_at(findings[0])

    def paint_lines(self) -> None:
        look, replay = self.look, self.replay
        live = live_runs(look, replay.growth, self.opened)
        place = head_runs(look, session_name(look, self.session))
        where = [(look.safe(self.session.path if self.session else self.opened.path.name), look.style("text"))]
        news = new_runs(look, self.following, self.unseen) if replay.growth.live else []
        verdict = verdict_runs(look, replay.verdict, self.opened, self.rows.number)
        injected = fault_runs(look, self.opened.faults(self.session))
        self.head.say(joined(look, place, live, news, injected, where), verdict, extra=judge_runs(look, self.opened))
        view = self.rows.view
        at = view.index_of_row(self.frames.cursor) + 1 if len(view) else 0
        count = f"   {min(at, view.frames):,}/{len(view.ids):,}"
        foot = [*self.player_runs(self.origin_ns), (count, look.style("dim"))]
        self.foot.say(foot, extra=look.keys(("?", "help"), ("^p", "palette")))
        seen = self.frames.seen()
        span = None
        if len(seen) < len(view):
            span = view.time_of_row(seen.start), view.time_of_row(seen.stop - 1)
        self.overview.point(self.player.at_ns, span, self.player.at_ns if self.film else None)

    def _name_list(self) -> None:
        self.frames.border_title = "marked frames" if self.rows.only_marked else "frames"
        self.frames.border_subtitle = "" if self.rows.complete else f"reading {self.look.signs.ellipsis}"
        self.frames.empty_lines = self.frames.empty_lines or ["", "no frames were recorded here"]

    def looks_changed(self) -> None:
        super().looks_changed()
        self.bar.hint()
        self.show_open()

    def show_view(self, anchor: Anchor | None) -> None:
        self.frames.show_view(self.rows.view, anchor=anchor)
        self.forget_findings()
        self._name_list()
        self.paint_lines()
        self._show_detail(again=True)

    def marks_changed(self) -> None:
        super().marks_changed()
        self.place_between()
        self.place_marks()

    # Answers.

    def on_ids_gathered(self, message: IdsGathered) -> None:
        if message.ticket == SESSION_TICKET:
            anchor = self.asking.anchor()
            self.rows.gathered(message.ids, message.finished)
            self.show_view(anchor)
            if message.finished:
                self.count_overview()
        elif self.asking.gathered(message):
            self._stand_elsewhere()

    def on_detail_ready(self, message: DetailReady) -> None:
        self.inspector.laid_out(message.frame_id, message.lines)

    def verdict_changed(self) -> None:
        if self.rows.is_judged_by(self.opened.evidence):
            self.paint_lines()
            return
        self.show_open()
        self._place_anew()

    def _place_anew(self) -> None:
        """What stands between the frames is another."""
        anchor = self.asking.anchor()
        self.rows.judged_anew()
        self.place_marks()
        self.show_view(anchor)
        if self.following and not self.film:
            self.frames.move_to(len(self.rows.view) - 1)

    def on_between_placed(self, message: BetweenPlaced) -> None:
        self.opened.placed = message.placed
        self._place_anew()

    def recording_grew(self, last_id: int) -> None:
        added = self.rows.grown(last_id)
        self.frames.set_users(self.opened.users(self.session))
        self.player = self.player.reaching(self.opened.reached_ns(self.session))
        if added:
            self.forget_findings()
            self.frames.grown()
            if self.following and not self.film:
                self.frames.move_to(len(self.rows.view) - 1)
            else:
                self.unseen += added
        self.asking.grown()
        self.place_between()
        if self.now() - self.counted_ns > times.SECOND or not self.opened.live:
            self.count_overview()

    def clock_ticked(self) -> None:
        self.paint_lines()
        if self.detail_due and self.now() - self._detailed_ns > 2 * PER_DETAIL_NS:
            self._show_detail()  # a process that was suspended has missed its timer

    # The player.

    def next_event_after(self, t_ns: int) -> int | None:
        ids = self.rows.view.ids
        index = self.rows.view.index_after(t_ns)
        return self.rows.view.pages.time(index) if index < len(ids) else None

    def show_playhead(self) -> None:
        view = self.rows.view
        self.frames.is_film = self.film
        if self.film or view.horizon is not None:
            self.forget_findings()
        if self.film:
            view = self.rows.seen_at(self.player.at_ns)
            self.frames.show_horizon(view)
            self.frames.move_to(len(view) - 1)
        elif view.horizon is not None:
            cursor = self.frames.cursor
            self.frames.show_horizon(self.rows.seen_at(None))
            self.frames.move_to(cursor, centre=True)
        else:
            self.frames.move_to(view.row_at(self.player.at_ns), centre=True)
        self.show_open()
        self.paint_lines()
        self.show_detail_soon()

    def step_rows(self, rows: int) -> None:
        if not self.film:
            self.frames.move_to(self.frames.cursor + rows)
            return
        full = self.rows.seen_at(None)
        here = full.row_at(self.player.at_ns) if full.index_after(self.player.at_ns) else -1
        row = max(0, min(here + rows, len(full) - 1))
        self.seek(full.time_of_row(row))

    # Actions.

    def filter_cleared(self) -> None:
        self._name_list()
        self._stand_elsewhere()

    def only_marked_changed(self) -> None:
        self._name_list()
        only = self.rows.only_marked
        self.bar.say(lambda look: [("marked only", look.style("word")), ("   M shows all", look.style("dim"))] if only else [])
        self._stand_elsewhere()

    def _stand_elsewhere(self) -> None:
        """Other rows are shown, and the cursor may be on another: the clock follows it, as when it is moved."""
        self.forget_findings()
        if not self.film and len(self.rows.view):
            self.player = self.player.seek(self.rows.view.time_of_row(self.frames.cursor), self.now())
        self.paint_lines()
        self.show_detail_soon()

    def action_escape(self) -> None:
        """Undo the last thing that is open: the maximised pane, the search, the filter, the film; then go back."""
        if self.detail.has_focus:
            self.action_focus_list()
        elif self.has_class("-list-only"):
            self.remove_class("-list-only")
        elif self.frames.needle:
            self.asking.stop_searching()
            self.bar.say()
        elif self.film:
            self.end_film()
        elif not self.clear_filter():
            self.action_back()

    def action_read_again(self) -> None:
        """After something could not be read."""
        try:
            self.opened.reopen()
        except WsreplayError as error:
            self.post_message(WorkFailed("the file cannot be read", str(error)))
            return
        self._place_anew()
        self._read()

    def action_follow(self) -> None:
        self.following, self.unseen = not self.following, 0
        if self.film:
            self.end_film()
        if self.following:
            self.frames.move_to(len(self.rows.view) - 1)
        self.paint_lines()

    def action_waterfall(self) -> None:
        from wsreplay.tui.screens.waterfall import WaterfallScreen

        self.catch_up()
        item = self.inspector.item
        here = item.id if isinstance(item, Head) else item.finding.activation if isinstance(item, Ghost) else None
        self.app.push_screen(WaterfallScreen(self.opened, self.session, self.player, self.film, here))
        self.player = self.player.pause()  # it is played there
        self.keep_ticking()

    def action_findings(self) -> None:
        from wsreplay.tui.screens.findings import FindingsScreen

        self.app.push_screen(FindingsScreen(self.opened, self.session))

    def action_diff(self) -> None:
        self.replay.choose_diff(self.session)
