"""A recording judged while it is written: by the same engine, fed with what each look at the file finds new.

An engine never gets ahead of what the file is known to hold, so that in the end it has said what it says of the closed file.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from wsreplay.contract import Contract
from wsreplay.contract.users import ConnectionUsers
from wsreplay.model import Connection, Row, Session
from wsreplay.store.reader import Recording
from wsreplay.trace.stream import Lifecycle
from wsreplay.validator.engine import Engine
from wsreplay.validator.findings import Finding, Judgement, SpanRecord
from wsreplay.validator.judge import judged_choices, tell_context, with_notes
from wsreplay.validator.recording_context import RecordingContext
from wsreplay.validator.span_log import SpanLog

_POLL_S = 0.1


def follow(
    path: str | Path,
    contracts: Contract | Sequence[Contract],
    *,
    on_finding: Callable[[Finding], None] | None = None,
    on_amended: Callable[[Finding, Finding], None] | None = None,
    on_spans: Callable[[Contract, Sequence[SpanRecord]], None] | None = None,
    spans: bool = False,
    stop: threading.Event | None = None,
    poll_s: float = _POLL_S,
) -> list[Judgement]:
    """Judge a growing recording until nobody writes it any more, or `stop` is set; the verdict of each contract.

    `on_finding` is called with each finding as it is decided, `on_amended` with one as it was and as it is where more becomes
    known of it later, such as by how much an event was late; the verdict has it as it is in the end. `on_spans` is called after
    each look with the spans of a contract that began or changed; with it, or with `spans`, the verdicts hold all of them.
    Raises the errors of the RecordingError family.
    """
    stop = stop or threading.Event()
    wanted = [contracts] if isinstance(contracts, Contract) else list(contracts)
    with Recording.open(path) as recording:
        logged = spans or on_spans is not None
        make_log = SpanLog if logged else None
        followers = [Follower(contract, on_finding, on_amended, make_log=make_log) for contract in wanted]
        while True:
            live, began = recording.live, time.monotonic()
            with recording.snapshot():
                for follower in followers:
                    follower.look(recording, live)
            if on_spans is not None:
                for follower in followers:
                    on_spans(follower.contract, follower.take_span_changes())
            if not live or stop.is_set():
                break
            stop.wait(max(poll_s, 4 * (time.monotonic() - began)))
        return [follower.finish() for follower in followers]


class Follower:
    """One engine, and how far it has read."""

    def __init__(
        self,
        contract: Contract,
        on_finding: Callable[[Finding], None] | None = None,
        on_amended: Callable[[Finding, Finding], None] | None = None,
        *,
        make_log: Callable[[], SpanLog] | None = None,
    ) -> None:
        """`make_log` makes a log of spans, once for each time that judging begins anew; None: none is kept."""
        self.contract, self._make_log = contract, make_log
        self._on_finding, self._on_amended = on_finding, on_amended
        self._choices = judged_choices(contract)
        self._users = ConnectionUsers(contract)
        # as of the last look, with those that are not judged yet
        self.sessions: Sequence[Session] = ()
        # findings that were told before judging had to begin anew: they are not told again
        self._known: Counter[Finding] = Counter()
        # how far the file is known to reach (ns)
        self._reached = 0
        # what is told of connections that never were WebSockets
        self._refused: list[str] = []
        self._begin()

    def _begin(self) -> None:
        """Judge from the first frame on."""
        self.log = None if self._make_log is None else self._make_log()
        self.engine = Engine(
            self.contract, on_finding=self._tell_finding, on_amended=self._on_amended, span_log=self.log
        )
        # the last frame that was judged
        self.last_id = 0
        # what befell which connection, and has been told to the engine or is expected by it
        self._told: set[tuple[type, int]] = set()
        # the session that a connection was said to be of, by connection
        self._session_of: dict[int, int] = {}

    def _tell_finding(self, finding: Finding) -> None:
        if self._known[finding]:
            self._known[finding] -= 1
        elif self._on_finding is not None:
            self._on_finding(finding)

    def user_of(self, session: int) -> str | None:
        """Whose a session is, as far as it is known."""
        state = self.engine.trace_state.sessions.get(session)
        return None if state is None else state.user

    def take_span_changes(self) -> Sequence[SpanRecord]:
        """Spans that began or changed since the last time; none where they are not logged."""
        return () if self.log is None else self.log.take_changes()

    def look(self, recording: Recording, live: bool) -> None:
        """Take what is new, as far as it is settled. Call it within a snapshot of the recording."""
        context = RecordingContext.read(recording, self.contract, self._users)
        self.sessions = context.sessions
        numbers = {connection.id: session.id for session in context.sessions for connection in session.connections}
        is_stitched_otherwise = any(numbers[id] != number for id, number in self._session_of.items())
        if (self._choices.refresh(recording, context.connections) and self.last_id) or is_stitched_otherwise:
            # A connection has shown to speak another protocol than it was read by, or to be that of a user who came back.
            self._known = Counter(self.engine.findings)
            self._begin()
        self.engine.set_decoders(self._choices.names())
        tell_context(self.engine, context)
        self._refused = context.refusals()
        limit = context.unsettled_ns() if live else None
        settled = context if limit is None else context.before(limit)
        self._session_of = {connection.id: numbers[connection.id] for connection in settled.connections}
        self._tell(settled.lifecycle())
        self._read(recording, limit)
        self._reached = max(self._reached, settled.reached_ns)
        self.engine.tick(self._reached)

    def _tell(self, befalling: Sequence[Lifecycle]) -> None:
        """Hand over what befell connections and has not been handed over before."""
        for item in self.engine.expect(()):
            self._told.discard((type(item), _connection_of(item)))
        items = [item for item in befalling if (type(item), _connection_of(item)) not in self._told]
        self._told.update((type(item), _connection_of(item)) for item in items)
        self.engine.expect(items)

    def _read(self, recording: Recording, limit: int | None) -> None:
        for rows in recording.rows(after_id=self.last_id):
            settled: list[Row] = rows if limit is None else [row for row in rows if row[1] < limit]
            if settled:
                self.engine.run(settled)
                self.last_id = settled[-1][0]
            if len(settled) < len(rows):
                return

    def finish(self) -> Judgement:
        """The recording is over: what is still open is decided as at its end."""
        self.engine.finish(self._reached)
        return with_notes(self.engine.judgement(), self._refused)


def _connection_of(item: object) -> int:
    connection = getattr(item, "connection", None)
    return connection.id if isinstance(connection, Connection) else 0
