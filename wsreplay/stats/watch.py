"""One recording, counted as far as it has come: each look takes what is new in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from wsreplay.contract import Contract, load
from wsreplay.contract.decoding import reading_of
from wsreplay.contract.users import sessions_of
from wsreplay.model import NO_CONTRACT, Connection, Run, start_ns_of
from wsreplay.stats.totals import RecordingTotals
from wsreplay.store.condition import UNTYPED
from wsreplay.store.counting import counted_frames
from wsreplay.store.reader import Recording
from wsreplay.trace.identity import UserSource
from wsreplay.trace.reading import Reading
from wsreplay.units import SECOND
from wsreplay.validator.durations import OnEnd, SpanGroup, SpanTally
from wsreplay.validator.findings import Finding, Verdict
from wsreplay.validator.follow import Follower
from wsreplay.validator.select import select_contract


class RecordingWatch:
    """A recording that is counted, also while it grows. `contract` is the one that fits where none is given; `users` says
    where connections or their messages name users.

    `on_end` is told of each run, tool or operation that has ended, with the outermost one that it is part of, `on_finding` of
    each finding as it is decided, `on_amended` of one as it was and is where more is known of it; where judging has to begin
    anew, ended spans are told again. Everything raises the errors of the RecordingError family.
    """

    def __init__(
        self, path: str | Path, contract: Contract | None = None, *, decoder: str | None = None,
        users: Sequence[UserSource] = (), on_end: OnEnd | None = None, on_finding: Callable[[Finding], None] | None = None,
        on_amended: Callable[[Finding, Finding], None] | None = None,
    ) -> None:  # fmt: skip
        self.path = Path(path)
        self.recording = Recording.open(self.path)
        self._wanted, self._decoder, self._users = contract, decoder, users
        self._on_end, self._on_finding, self._on_amended = on_end, on_finding, on_amended
        # begun by `look`, and of these the follower once it is known by what to judge
        self._follower: Follower | None = None
        self._reading: Reading | None = None
        self._totals = RecordingTotals()
        # by rule, severity and verdict; an amended one may leave a 0
        self._findings: Counter[tuple[str, str, str]] = Counter()
        # up to which frame they are counted
        self._last_id = 0
        # whether it was read to its end
        self._over = False
        # as of the last look
        self.connections: list[Connection] = []
        self.runs: list[Run] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was counted stays."""
        self.recording.close()

    @property
    def contract(self) -> Contract | None:
        """What it is judged by; None as long as nothing has come that a contract fits."""
        return None if self._follower is None else self._follower.contract

    def user_of(self, session: int) -> str | None:
        """Whose a session is, by its handshake or a message, as far as it is known."""
        return None if self._follower is None else self._follower.user_of(session)

    def look(self) -> bool:
        """Count what is new. False where nobody writes the recording any more: everything is counted then."""
        if self._over:
            return False
        live = self.recording.live
        with self.recording.snapshot():
            self.connections, self.runs = self.recording.connections(), self.recording.runs()
            self._choose(live)
            self._count_frames()
            self._totals.lasted_ns = self.recording.reached_ns()
            if self._follower is not None:
                self._follower.look(self.recording, live)
                self._totals.sessions = len(self._follower.sessions)
            else:
                self._totals.sessions = len(sessions_of(self.recording, None, self._users, self._decoder))
        if not live:
            self._over = True
            if self._follower is not None:
                self._follower.finish()
                if isinstance(self._follower.log, SpanTally):
                    self._follower.log.tell_open()
        return live

    def _choose(self, live: bool) -> None:
        """Begin to judge as soon as it is known by what."""
        if self._follower is not None:
            return
        contract = self._wanted or select_contract(self.recording, self._decoder)
        if contract is None:
            if live:
                return
            contract = load(NO_CONTRACT)
        contract = contract.read_by(self._decoder).identified_by(*self._users)
        self._follower = Follower(contract, self._add_finding, self._amend, make_log=lambda: SpanTally(self._on_end))

    def _count_frames(self) -> None:
        reading = self._reading
        if reading is None:
            reading = reading_of(self.recording, self._wanted, self._decoder)
            self._reading = reading
        reading.refresh(self.connections)
        last_id, counts, zero_ns = self.recording.last_id(), self._totals, self.start_ns
        for count in counted_frames(self.recording, self._last_id, last_id):
            counts.count_frames(count.direction, count.opcode, count.frames, int(count.payload_bytes))
            if count.type is not None and not reading.is_decoded(count.connection_id):
                second = zero_ns // SECOND + count.second
                counts.count_events(count.direction, count.type, second, count.frames)
        for frame in reading.candidates(UNTYPED, self._last_id, last_id):
            if frame.type is None or reading.is_decoded(frame.connection_id):
                for type_ in reading.types(frame):
                    counts.count_events(frame.direction, type_, (zero_ns + frame.t_ns) // SECOND)
        self._last_id = last_id

    @property
    def start_ns(self) -> int:
        """When its time axis begins, in ns since 1970; 0 where it does not tell."""
        try:
            return start_ns_of(self.runs[0]) if self.runs else 0
        except ValueError:
            return 0

    def _add_finding(self, finding: Finding) -> None:
        self._count(finding, 1)
        if self._on_finding is not None:
            self._on_finding(finding)

    def _amend(self, before: Finding, after: Finding) -> None:
        self._count(before, -1)
        self._count(after, 1)
        if self._on_amended is not None:
            self._on_amended(before, after)

    def _count(self, finding: Finding, number: int) -> None:
        """What only follows from another finding is none of its own."""
        if finding.caused_by is None:
            self._findings[finding.rule, str(finding.severity), str(finding.verdict)] += number

    @property
    def totals(self) -> RecordingTotals:
        """The totals as they stand."""
        counts, follower = self._totals, self._follower
        counts.recordings, counts.live = 1, not self._over
        counts.connections = Counter(str(connection.ending) for connection in self.connections)
        counts.findings = +self._findings
        for rule in self._follower.contract.rules if self._follower is not None else ():
            counts.findings[rule.id, str(rule.severity), str(Verdict.VIOLATED)] += 0  # nothing of it yet: that is said too
        counts.unread_frames = 0
        if follower is None or not isinstance(follower.log, SpanTally):
            return counts
        tally = follower.log
        run = follower.contract.run_span.id if follower.contract.run_span is not None else ""
        counts.spans, counts.open_spans = tally.groups, tally.open_counts()
        counts.unread_frames = self._last_id - follower.last_id
        counts.runs, counts.run_times = Counter(), SpanGroup()
        for (kind, _), group in tally.groups.items():
            if kind == run:
                counts.run_times.merge(group)
        counts.runs.update(counts.run_times.states)
        if counts.open_spans[run]:
            counts.runs["open"] = counts.open_spans[run]
        return counts
