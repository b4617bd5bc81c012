"""The statistics of a session or of the whole recording."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import events
from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widget import Widget

from wsreplay.display import user_text
from wsreplay.model import Session
from wsreplay.tui.look.paint import cut
from wsreplay.tui.messages import RowChosen
from wsreplay.tui.recording.clock import ShownClock
from wsreplay.tui.recording.open_recording import OpenRecording
from wsreplay.tui.screens.base import BaseScreen
from wsreplay.tui.statistics.counting import count
from wsreplay.tui.widgets.head import contract_runs, head_runs, joined, live_runs, session_name, verdict_runs
from wsreplay.tui.widgets.row_list import RowList
from wsreplay.tui.widgets.status_line import StatusLine
from wsreplay.units import count_text, duration_text

if TYPE_CHECKING:
    # Counted beside the interface, which does without the validator.
    from wsreplay.stats.figures import Figures

COUNTING = "counting"


class StatisticsLine(NamedTuple):
    """One line; `frame` is where Enter leads, if anywhere. A `head` stands above a table."""

    text: str
    frame: int | None = None
    head: bool = False


class StatisticsList(RowList):
    """Paints lines, which are made for its width."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._make: Callable[[int], Sequence[StatisticsLine]] = lambda _width: ()
        # for the width of now
        self._lines: Sequence[StatisticsLine] = ()

    def fill(self, make: Callable[[int], Sequence[StatisticsLine]]) -> None:
        """Show the lines that `make` gives for a width."""
        self._make = make
        self._lay()

    def on_resize(self, event: events.Resize) -> None:
        self._lay()
        super().on_resize(event)

    def _lay(self) -> None:
        self._lines = self._make(max(1, self.size.width - 1))
        self.set_count(len(self._lines))

    def line_at(self, row: int) -> StatisticsLine | None:
        return self._lines[row] if 0 <= row < len(self._lines) else None

    def paint(self, row: int, width: int) -> Strip:
        line, look = self._lines[row], self.look
        style = look.style("dim") if line.head else look.style("strong" if line.frame is not None else "text")
        return self.whole_line(cut([(f" {look.own(line.text)}", style)], width, look.signs.ellipsis), width)


class StatisticsScreen(BaseScreen):
    """`session` None counts the whole recording."""

    DEFAULT_CSS = "StatisticsScreen #statistics { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("S", "back", "Back", id="statistics.back", show=False),
        Binding("r", "count", "Count again", id="statistics.count", show=False),
    ]

    def __init__(self, recording: OpenRecording, session: Session | None) -> None:
        super().__init__()
        self.recording, self.session = recording, session
        self.jobs = self.jobs_of(recording.path)
        self.head = StatusLine(id="head")
        self.list = StatisticsList(id="statistics")
        self.foot = StatusLine(id="foot")
        # None until they are counted; the last ones stay while it is counted again
        self._figures: Figures | None = None
        # The contracts that it was counted by.
        self._contracts: tuple[str, ...] | None = None

    def compose(self) -> Iterable[Widget]:
        yield self.head
        yield self.list
        yield self.foot

    def on_mount(self) -> None:
        self.list.border_title = "statistics"
        self.list.focus()
        self.action_count()
        self.paint_lines()

    def action_count(self) -> None:
        """Count what there is now."""
        self._contracts = self.host.validation.contracts_in_use
        if self._figures is None:
            self.list.set_empty_lines(["", f"{COUNTING} …"])
        only = [connection.id for connection in self.session.connections] if self.session else None
        work = partial(count, only, self._contracts, self.recording.read_as)
        self.jobs.read_in_process(COUNTING, work, self._take)

    def _take(self, figures: Figures) -> None:
        self._figures = figures
        self.list.set_empty_lines(["", "Nothing is recorded yet."])
        self.list.fill(partial(self._lines, figures))

    def _lines(self, figures: Figures, width: int) -> list[StatisticsLine]:
        return list(statistics_lines(figures, self.recording.path.name, self._clock(), width))

    def _clock(self) -> ShownClock:
        return self.recording.clock(self.host.clock_form, self.session)

    def job_failed(self, name: str, why: str) -> None:
        super().job_failed(name, why)
        if not self.list.count:
            self.list.set_empty_lines(["", f"{name}: {why}", f"{self.look.key('statistics.count')} tries again"])

    def verdict_changed(self) -> None:
        """By another contract other spans are counted."""
        if self._contracts != self.host.validation.contracts_in_use:
            self.action_count()
        self.paint_lines()

    def looks_changed(self) -> None:
        super().looks_changed()
        if self._figures is not None:
            self.list.fill(partial(self._lines, self._figures))

    def on_row_chosen(self, message: RowChosen) -> None:
        line = self.list.line_at(message.row)
        if line is not None and line.frame is not None and self.app.screen is self:
            self.host.show_frame(line.frame)

    def paint_lines(self) -> None:
        look = self.look
        live = live_runs(look, self.host.growth, self.recording)
        place = joined(look, head_runs(look, session_name(look, self.session, self.recording)), live)
        number = self.session.id if self.session else None
        verdict = verdict_runs(look, self.host.validation.status, self.recording, number)
        self.head.say(place, verdict, extra=contract_runs(look, self.recording))
        keys = (("list.open", "go to the frame"), ("statistics.count", "count again"), ("statistics.back", "back"))
        self.foot.say([], look.keys(("app.help", "help")), keys=keys)


def statistics_lines(figures: Figures, name: str, clock: ShownClock, width: int) -> Iterator[StatisticsLine]:
    """What was slowest, who came back, then the tables of `wsreplay stats`."""
    from wsreplay.report import stats_text

    first, *rest = stats_text.render(
        name, figures.statistics, figures.spans, figures.lasted_ns, width=width
    ).splitlines()
    yield StatisticsLine(first)
    if not figures.statistics.total.count:
        return
    plot, *tables = rest
    yield StatisticsLine(plot)
    yield from _slowest(figures, clock)
    yield from _reconnects(figures, clock)
    is_head = True
    for text in tables:
        yield StatisticsLine(text, head=is_head and bool(text))
        is_head = not text


def _slowest(figures: Figures, clock: ShownClock) -> Iterator[StatisticsLine]:
    if not figures.slowest:
        return
    yield StatisticsLine("")
    yield StatisticsLine("slowest", head=True)
    room = min(40, max(len(span.title) for span in figures.slowest))
    for span in figures.slowest:
        odd = "" if span.state == "completed" else f"  {span.state}"
        text = f"{duration_text(span.lasted_ns):>9}  {span.title:<{room}}  {clock.column_text(span.start_ns)}"
        yield StatisticsLine(f"{text}  session {span.session}  frame {span.frame}{odd}", span.frame)


def _reconnects(figures: Figures, clock: ShownClock) -> Iterator[StatisticsLine]:
    yield StatisticsLine("")
    if not figures.reconnects:
        yield StatisticsLine("no reconnects", head=True)
        return
    yield StatisticsLine("reconnects", head=True)
    for reconnect in figures.reconnects:
        who = f"session {reconnect.session} · {user_text(reconnect.user)}"
        yield StatisticsLine(f"{duration_text(reconnect.away_ns):>9}  away  {who}  back at {clock.text(reconnect.at_ns)}")
    if figures.reconnected:
        yield StatisticsLine(f"… {count_text(figures.reconnected, 'more reconnect')}, each of them shorter")
