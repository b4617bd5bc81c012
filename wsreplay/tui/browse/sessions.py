"""The sessions of a recording: who, when, how much, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType

from wsreplay import units
from wsreplay.display import user_text
from wsreplay.model import NO_CONTRACT, NO_FIT, NO_RULES, Ending, Session
from wsreplay.standing import SIGNS, UNDECIDED
from wsreplay.store import paging
from wsreplay.store.reader import Recording
from wsreplay.tui.browse.listing import GLIMPSE, ListingScreen
from wsreplay.tui.jobs.task import JobContext, RecordingTask, Task
from wsreplay.tui.look.paint import Run
from wsreplay.tui.messages import RowChosen
from wsreplay.tui.recording.density import bars, sketches
from wsreplay.tui.recording.evidence import Evidence
from wsreplay.tui.recording.finding_words import count_words, finding_words, first_findings, run_words
from wsreplay.tui.recording.glimpse import Glimpse, show_glimpse
from wsreplay.tui.recording.open_recording import LOCKED_S, OpenRecording
from wsreplay.tui.screens.filtered_list import Sort
from wsreplay.tui.widgets.head import contract_runs, head_runs, joined, live_runs, verdict_runs
from wsreplay.tui.widgets.table import Column

if TYPE_CHECKING:
    from wsreplay.validator.findings import Finding, SpanRecord

SPARK = 16
USER = "user"
# In the order of the columns; as the terminal narrows, they go from the last to the first that gives way.
COLUMNS = (
    Column("", 1), Column("#", 5, right=True), Column(USER, 18), Column("first finding", 0), Column("findings", 12),
    Column("started", 12, right=True, gives_way=1), Column("lasted", 7, right=True, gives_way=2),
    Column("frames", 7, right=True, gives_way=3), Column("wire", 6, right=True, gives_way=5, beside=50),
    Column("path", 26, gives_way=4, beside=50), Column("density", SPARK, gives_way=6, beside=60),
)  # fmt: skip
KEYS = (
    ("list.open", "open"), ("listing.next_wrong", "next with findings"), ("listing.filter", "filter"), ("listing.sort", "sort"),
    ("sessions.all", "all frames"), ("sessions.findings", "findings"), ("sessions.diff", "compare"),
    ("screen.contract", "contract"),
)  # fmt: skip
NO_MATCH = "No session has these words."
Totals = tuple[dict[int, tuple[int, int]], list[tuple[int, int]], dict[int, int]]
"""(frames, bytes) of each connection, a sample of frames as (connection, ns), for sketches, and the end of each session, ns."""
_BETWEEN_COUNTS = 10  # times as long as the count took, while a recording grows


class SessionsScreen(ListingScreen[Session]):
    """Enter opens a session at its first finding; `a` shows all frames of the recording in one list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "all", "All frames of the recording", id="sessions.all", show=False),
        Binding("v", "findings", "Findings", id="sessions.findings", show=False),
        Binding("S", "statistics", "Statistics", id="sessions.statistics", show=False),
        Binding("D", "diff", "Compare with another session", id="sessions.diff", show=False),
    ]

    def __init__(self, recording: OpenRecording, at: int | None = None) -> None:
        sorts = (
            Sort("number", lambda session: session.id), Sort("findings", self._rank), Sort("user", self._user),
            Sort("duration", lambda session: -self._lasted_ns(session)),
        )  # fmt: skip
        super().__init__(COLUMNS, "sessions", sorts)
        self.recording = recording
        self.items = recording.sessions
        self.jobs = self.jobs_of(recording.path)
        # The session on which the cursor begins.
        self._at = at
        # (frames, bytes) by connection, once they were counted; counts for the sketches by session.
        self._tallies: dict[int, tuple[int, int]] | None = None
        self._sketches: dict[int, list[int]] = {}
        # When sessions ended, ns, as far as that is known.
        self._ends: dict[int, int] = {}
        # What the list shows; of it the first finding of each session and how often the spans were told of; their runs.
        self._shown: Evidence | None = None
        self._firsts: dict[int, Finding] = {}
        self._spans_shown = -1
        self._runs: dict[int, list[SpanRecord]] = {}
        # What the contract calls spans, by session and slice.
        self._labels: dict[tuple[int, tuple[tuple[str, str], ...]], str] = {}
        # On the application's clock: since when frames are counted, and when they may be counted again.
        self._counting_since = self._count_again_ns = 0
        # Whether there is more than was counted.
        self._is_stale = False

    def on_mount(self) -> None:
        self.table.focus()
        self._fill()
        if self._at is not None:
            self.go_to(self._at)
        self.call_after_refresh(self.count)

    def count(self) -> None:
        """Count frames and bytes beside the interface."""

        def work(reader: Recording, context: JobContext) -> None:
            ends = {session.id: reader.end_ns(session) for session in sessions if session.ending is not Ending.OPEN}
            context.publish((reader.tallies(), paging.sample(reader), ends))

        sessions = self.recording.sessions
        self._counting_since = self.host.clock()
        self.jobs.read_in_thread("counting the sessions", work, self._counted)

    def _counted(self, totals: Totals) -> None:
        self._tallies, sample, self._ends = totals
        took = self.host.clock() - self._counting_since
        self._count_again_ns = self.host.clock() + max(units.SECOND, took * _BETWEEN_COUNTS)
        reached = self.recording.reached_ns(None)
        groups = {
            connection.id: (session.id, session.opened_ns, max(session.closed_ns or reached, session.opened_ns + 1))
            for session in self.recording.sessions
            for connection in session.connections
        }
        self._sketches = sketches(sample, groups, SPARK)
        self._fill()

    def _fill(self) -> None:
        evidence, spans = self.recording.evidence, self.recording.known_spans
        if self._shown is not evidence:
            self._shown, self._firsts = evidence, first_findings(evidence.findings)
        if self._spans_shown != spans.revision:
            self._spans_shown, self._runs, self._labels = spans.revision, {}, {}
            kinds = {judgement.run_span for judgement in evidence.judgements[:1]}
            for record in spans.of_session(None):
                if record.label:
                    self._labels.setdefault((record.session, record.slice), record.label)
                if record.span in kinds:
                    self._runs.setdefault(record.session, []).append(record)
        self.items = self.recording.sessions
        self.table.set_empty_lines(self._empty_lines())
        self.show_items()

    def _empty_lines(self) -> list[str]:
        if self.items:
            return ["", NO_MATCH]
        run = self.recording.runs[0] if self.recording.runs else None
        if run is None:
            return ["", "Nothing was recorded into this file."]
        where = [f"Connect a client to {run.listen}", f"to reach {run.upstream} through the recorder."]
        return ["", "No connection yet.", "", *where]

    def show_items(self) -> None:
        users = max((cell_len(self._user(session)) for session in self.items), default=0)
        paths = max((cell_len(self.look.safe(session.path)) for session in self.items), default=0)
        self.table.fit_columns({USER: users, "path": paths, "#": max(3, len(str(len(self.items))))})
        super().show_items()

    def identity(self, item: Session) -> int:
        return item.id

    def _user(self, session: Session) -> str:
        return self.look.safe(user_text(session.user or self.recording.evidence.user(session.id)))

    def _lasted_ns(self, session: Session) -> int:
        end_ns = session.closed_ns or self._ends.get(session.id)
        return (self.recording.reached_ns(session) if end_ns is None else end_ns) - session.opened_ns

    def is_wrong(self, item: Session) -> bool:
        return any(self.recording.evidence.counts(item.id))

    @property
    def is_validating(self) -> bool:
        return self.host.validates and not self.recording.evidence.is_there

    def _rank(self, session: Session) -> int:
        """The gravest first."""
        errors, warnings = self.recording.evidence.counts(session.id)
        if errors or warnings:
            return 0 if errors else 1
        return 2 if session.ending is not Ending.CLEAN else 3 if self.recording.evidence.is_vacuous(session.id) else 4

    def _words(self, session: Session) -> tuple[str, str]:
        """What is wrong, or what went on; and the name of a style."""
        evidence = self.recording.evidence
        if (first := self._firsts.get(session.id)) is not None and self.is_wrong(session):
            return finding_words(first, self._labels.get((session.id, first.slice), "")), "text"
        if not evidence.is_there:
            return (self.look.signs.ellipsis if self.host.validates else ""), "faint"
        if self.is_wrong(session):
            return f"beyond the first {len(evidence.findings):,} findings", "dim"
        if NO_CONTRACT in evidence.names:
            what = "".join(f"{name} {self.look.signs.dot} " for name in self.recording.decoders(session))
            return f"{what}{NO_FIT} ({self.look.key('screen.contract')} chooses)", "text"
        if evidence.is_vacuous(session.id):
            return NO_RULES if evidence.demands_nothing else "no rule applies", "dim"
        return run_words(self._runs.get(session.id, ()), session.ending), "dim"

    def text_of(self, item: Session) -> str:
        errors, warnings = self.recording.evidence.counts(item.id)
        cells = str(item.id), self._user(item), self._words(item)[0], count_words(errors, warnings), item.path
        return "\t".join(cells)

    def cells_of(self, row: int) -> list[list[Run]]:
        look, recording = self.look, self.recording
        session = self.rows[row]
        dim, text = look.style("dim"), look.style()
        is_known = session.closed_ns is not None or session.id in self._ends
        lasted = units.duration_text(self._lasted_ns(session)) if is_known else "open"
        frames, size = self._totals(session)
        words, style = self._words(session)
        counted = count_words(*recording.evidence.counts(session.id))
        return [
            [self._sign(session)], [(str(session.id), dim)], [(self._user(session), text)],
            [(look.own(words), look.style(style))],
            [(counted or look.own("–" if recording.evidence.is_there else ""), dim)],
            [(recording.clock(self.host.clock_form, None).text(session.opened_ns), dim)], [(lasted, dim)], [(frames, text)],
            [(size, dim)],
            [(look.safe(session.path), dim)], [(bars(self._sketches.get(session.id, []), look.signs.bars), look.style("bars"))],
        ]  # fmt: skip

    def _totals(self, session: Session) -> tuple[str, str]:
        if self._tallies is None:
            return self.look.signs.ellipsis, self.look.signs.ellipsis
        known = [self._tallies.get(connection.id, (0, 0)) for connection in session.connections]
        return units.short_count(sum(frames for frames, _ in known)), units.size_text(sum(size for _, size in known))

    def _sign(self, session: Session) -> Run:
        look, evidence = self.look, self.recording.evidence
        errors, warnings = evidence.counts(session.id)
        if errors or warnings:
            sign, style = (look.signs.error, "error") if errors else (look.signs.warning, "warning")
        elif session.ending is Ending.OPEN:
            sign, style = look.signs.recording, "error"
        elif not evidence.is_there:
            sign, style = (look.signs.ellipsis if self.host.validates else " "), "faint"
        elif NO_CONTRACT in evidence.names:
            sign, style = "?", "word"
        elif evidence.is_undecided(session.id):
            sign, style = SIGNS[UNDECIDED], "warning"
        elif evidence.is_vacuous(session.id):
            sign, style = look.own("–"), "faint"
        else:
            sign, style = look.signs.ok, "ok"
        return sign, look.style(style, bold=style == "error")

    def paint_lines(self) -> None:
        super().paint_lines()
        look, host = self.look, self.host
        wrong = sum(map(self.is_wrong, self.items))
        well = f" {look.signs.dot} {wrong:,} with findings" if wrong else ""
        many = f"{units.count_text(len(self.items), 'session')}{well}"
        place = joined(look, head_runs(look, self.recording.path.name, many), self.order_runs())
        verdict = verdict_runs(look, host.validation.status, self.recording, None)
        live = live_runs(look, host.growth, self.recording)
        self.head.say(joined(look, place, live), verdict, extra=contract_runs(look, self.recording))
        self.foot.say([], look.keys(("app.help", "help")), keys=KEYS)

    # What the application tells.

    def verdict_changed(self) -> None:
        if self._shown is self.recording.evidence:
            self.paint_lines()
        else:
            self._fill()

    def recording_grew(self, last_id: int) -> None:
        self._fill()
        self._is_stale = True
        self._count_if_due()

    def clock_ticked(self) -> None:
        self.paint_lines()
        self._count_if_due()

    def on_screen_resume(self) -> None:
        self._fill()
        self._is_stale = self._is_stale or self.recording.live
        self._count_if_due()

    def _count_if_due(self) -> None:
        due = not self.recording.live or self.host.clock() >= self._count_again_ns
        if self._is_stale and due and not self.jobs.busy:
            self._is_stale = False
            self.count()

    # The glimpse.

    def glimpse_task(self, item: Session) -> Task | None:
        recording = self.recording
        first = self._firsts.get(item.id)
        work = partial(
            show_glimpse, item, len(self.items), recording.evidence, first, recording.reading.unlinked(),
        )  # fmt: skip
        return RecordingTask(recording.path, work, LOCKED_S)

    def read_glimpse(self, task: Task, take: Callable[[Any], object], fail: Callable[[str], object]) -> None:
        self.jobs.run_in_thread(GLIMPSE, task, take, fail)

    def glimpse_title(self, item: Session, glimpse: Glimpse | None) -> str:
        dot = f" {self.look.signs.dot} "
        which = f"session {item.id} of {len(self.items):,}"
        return dot.join((which, self._user(item), self.look.safe(item.path)))

    def job_failed(self, name: str, why: str) -> None:
        if name != GLIMPSE:  # which is asked for again with the next row
            super().job_failed(name, why)

    # Actions.

    def on_row_chosen(self, message: RowChosen) -> None:
        session = self.recording.session(message.name)
        if session is not None and self.app.screen is self:  # chosen twice, it is opened once
            self.host.show_session(session, self._firsts.get(session.id))

    def action_all(self) -> None:
        self.host.show_session(None)

    def action_findings(self) -> None:
        self.host.show_findings(None)

    def action_statistics(self) -> None:
        self.host.show_statistics(None)

    def action_diff(self) -> None:
        if self.selected is not None:
            self.host.compare(self.selected)
