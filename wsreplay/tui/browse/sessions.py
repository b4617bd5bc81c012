"""The sessions of a recording: who, when, how much, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType

from wsreplay import units
from wsreplay.model import Ending, Session
from wsreplay.store import paging
from wsreplay.store.reader import Recording
from wsreplay.tui.browse.listing import ListingScreen
from wsreplay.tui.browse.table import Column
from wsreplay.tui.jobs.task import JobContext
from wsreplay.tui.look.paint import Run
from wsreplay.tui.messages import RowChosen
from wsreplay.tui.recording.density import bars, sketches
from wsreplay.tui.recording.evidence import Evidence
from wsreplay.tui.recording.open_recording import OpenRecording
from wsreplay.tui.widgets.head import contract_runs, head_runs, joined, live_runs, tally_runs, verdict_runs

SPARK = 16
COLUMNS = (
    Column("", 1), Column("session", 7, right=True), Column("user", 0), Column("path", 0, at_least=100),
    Column("started", 10, right=True, at_least=70), Column("lasted", 7, right=True),
    Column("frames", 7, right=True), Column("bytes", 6, right=True, at_least=80),
    Column("findings", 11), Column("broken rules", 0, at_least=134), Column("verdict", 12, at_least=96),
    Column("density", SPARK, at_least=112),
)  # fmt: skip
KEYS = (
    ("list.open", "open"), ("sessions.all", "all frames"), ("listing.next_wrong", "next with findings"),
    ("sessions.findings", "findings"), ("sessions.diff", "diff"), ("screen.contract", "contract"),
)  # fmt: skip
Totals = tuple[dict[int, tuple[int, int]], list[tuple[int, int]]]
"""(frames, bytes) of each connection, and a sample of frames as (connection, ns), for sketches."""
_BETWEEN_COUNTS = 10  # times as long as the count took, while a recording grows
_VERDICTS = {"violated": "error", "error": "warning", "inconclusive": "warning", "satisfied": "ok", "ok_so_far": "ok"}


class SessionsScreen(ListingScreen):
    """Enter opens a session; `a` shows all frames of the recording in one list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "all", "All frames of the recording", id="sessions.all", show=False),
        Binding("v", "findings", "Findings", id="sessions.findings", show=False),
        Binding("D", "diff", "Compare with another session", id="sessions.diff", show=False),
    ]

    def __init__(self, recording: OpenRecording, at: int | None = None) -> None:
        super().__init__(COLUMNS, "sessions")
        self.recording = recording
        self.jobs = self.jobs_of(recording.path)
        # The session on which the cursor begins.
        self._at = at
        # (frames, bytes) by connection, once they were counted; counts for the sketches by session.
        self._tallies: dict[int, tuple[int, int]] | None = None
        self._sketches: dict[int, list[int]] = {}
        # What the list shows.
        self._shown: Evidence | None = None
        # On the application's clock: since when frames are counted, and when they may be counted again.
        self._counting_since = self._count_again_ns = 0
        # Whether there is more than was counted.
        self._is_stale = False

    def on_mount(self) -> None:
        self.table.focus()
        self._fill()
        if self._at is not None:
            self.table.move_to(self._at - 1)
        self.call_after_refresh(self.count)

    def count(self) -> None:
        """Count frames and bytes beside the interface."""

        def work(reader: Recording, context: JobContext) -> None:
            context.publish((reader.tallies(), paging.sample(reader)))

        self._counting_since = self.host.clock()
        self.jobs.read_in_thread("counting the sessions", work, self._counted)

    def _counted(self, totals: Totals) -> None:
        self._tallies, sample = totals
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
        self._shown = self.recording.evidence
        self.table.set_empty_lines(self._empty_lines())
        self.table.set_count(len(self.recording.sessions))
        self.paint_lines()

    def _empty_lines(self) -> list[str]:
        run = self.recording.runs[0] if self.recording.runs else None
        if run is None:
            return ["", "Nothing was recorded into this file."]
        where = [f"Connect a client to {run.listen}", f"to reach {run.upstream} through the recorder."]
        return ["", "No connection yet.", "", *where]

    def cells_of(self, row: int) -> list[list[Run]]:
        look, recording = self.look, self.recording
        session = recording.sessions[row]
        dim, text = look.style("dim"), look.style()
        start = recording.start_ns(None)
        closed = session.closed_ns
        lasted = units.duration_text(closed - session.opened_ns) if closed is not None else "open"
        verdict = recording.evidence.verdict(session.id)
        frames, size = self._totals(session)
        named = session.user or recording.evidence.user(session.id)
        user = (look.safe(named), text) if named else ("anonymous", dim)
        return [
            [self._state(session)], [(str(session.id), text)], [user], [(look.safe(session.path), dim)],
            [(units.clock(session.opened_ns - start), dim)], [(lasted, dim)], [(frames, text)], [(size, dim)],
            self._findings(session), [(look.safe(", ".join(recording.evidence.broken_rules(session.id))), dim)],
            [(verdict.replace("_", " "), look.style(_VERDICTS.get(verdict, "dim")))],
            [(bars(self._sketches.get(session.id, []), look.signs.bars), look.style("bars"))],
        ]  # fmt: skip

    def _totals(self, session: Session) -> tuple[str, str]:
        if self._tallies is None:
            return self.look.signs.ellipsis, self.look.signs.ellipsis
        known = [self._tallies.get(connection.id, (0, 0)) for connection in session.connections]
        return units.short_count(sum(frames for frames, _ in known)), units.size_text(sum(size for _, size in known))

    def _state(self, session: Session) -> Run:
        look = self.look
        if session.ending is Ending.OPEN:
            return look.signs.recording, look.style("error", bold=True)
        if session.ending is Ending.CLEAN:
            return look.signs.finished, look.style("faint")
        return look.signs.cut, look.style("warning")

    def _findings(self, session: Session) -> list[Run]:
        look, evidence = self.look, self.recording.evidence
        if not evidence.is_there:
            return [(look.signs.ellipsis if self.host.validates else "", look.style("faint"))]
        is_vacuous = evidence.is_vacuous(session.id)
        well = (look.own("–"), look.style("faint")) if is_vacuous else (look.signs.ok, look.style("ok"))
        return tally_runs(look, *evidence.counts(session.id)) or [well]

    def paint_lines(self) -> None:
        super().paint_lines()
        look, host = self.look, self.host
        many = f"{len(self.recording.sessions):,} session{'s' * (len(self.recording.sessions) != 1)}"
        place = head_runs(look, self.recording.path.name, many)
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

    # Actions.

    def on_row_chosen(self, message: RowChosen) -> None:
        if self.app.screen is self:  # chosen twice, it is opened once
            self._open(self.recording.sessions[message.row])

    def _open(self, session: Session | None) -> None:
        self.host.show_session(session)

    def action_all(self) -> None:
        self._open(None)

    def action_findings(self) -> None:
        self.host.show_findings(None)

    def action_diff(self) -> None:
        session = self.recording.session(self.table.cursor + 1)
        if session is not None:
            self.host.compare(session)

    def wrong_rows(self) -> Iterable[int]:
        return sorted(number - 1 for number, counts in self.recording.evidence.tallies.items() if any(counts) and number)
