"""Runs that answer no question.

One that nobody asked for is a warning, since an agent may speak first. Where neither names a thread and the same run starts at
the same moment at somebody else's, who did ask, it is that one's, sent to everybody.

State: the threads that a user asked in; the last runs that name no thread.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from msgspec import Struct

from wsreplay.contract.rules.questions import Questions
from wsreplay.units import noun_text
from wsreplay.validator.findings import Severity
from wsreplay.validator.reporting import Counts, LogClaim, Reporter, either, frames_of, names
from wsreplay.validator.state.bounded import oldest
from wsreplay.validator.state.state import ConnectionState, Instance, SessionState

MOST_OWNERS = 100_000  # who asked, and are remembered
MOST_THREADS = 1_000  # that one asked in
TWIN_NS = 250_000_000  # so near each other the same run starts, and ends, at two connections that are sent the same
_MOST_RECENT = 256  # runs that name no thread


class Nameless(Struct, eq=False):
    """A run that names no thread, as it began at one connection."""

    instance: Instance
    # the frame before it, and who got it
    after: int | None
    owner: str
    asked: bool
    # when it ended, and by what (None: it is open)
    end: tuple[int, str] | None = None

    def finish(self, t: int, name: str) -> None:
        """It has ended."""
        self.end = (t, name)


class UnaskedRuns:
    """Which runs nobody asked for."""

    def __init__(self, rule: Questions, counts: Counts, reporter: Reporter) -> None:
        self._rule, self._counts, self._reporter = rule, counts, reporter
        # who asked → in which threads (None: in none)
        self._asked: dict[str | int, dict[Any, None]] = {}
        # who is told of runs that may be of several users
        self._log: LogClaim | None = None
        # the last runs in no thread
        self._nameless: deque[Nameless] = deque(maxlen=_MOST_RECENT)

    def log_claims(self, log: LogClaim) -> None:
        """Tell of each run that may be of several users: others judge the rest of the recording."""
        self._log = log

    def ask(self, conn: ConnectionState, thread: Any) -> None:
        """A client asks in a thread (None: in none)."""
        asker = _asker(conn)
        threads = self._asked.get(asker)
        if threads is not None and thread in threads:
            return
        if threads is None:
            if len(self._asked) >= MOST_OWNERS:
                for old in oldest(self._asked):
                    del self._asked[old]
            threads = self._asked[asker] = {}
        if len(threads) >= MOST_THREADS:
            for asked_in in oldest(threads):
                del threads[asked_in]
        threads[thread] = None

    def was_asked(self, conn: ConnectionState, thread: Any) -> bool:
        """Whether a connection's user asked in a thread before, on whatever connection; without one, whether at all."""
        asker = _asker(conn)
        return asker in self._asked if thread is None else thread in self._asked.get(asker, ())

    def begin(self, run: Instance, thread: Any) -> None:
        """Nobody asked for a run. One that names no thread may be somebody else's: that shows when both have come."""
        if thread is not None:
            self._warn(run, run.conn.last_frame)

    def note_nameless(self, run: Instance, is_asked: bool) -> None:
        """A run begins that names no thread."""
        self._nameless.append(Nameless(run, run.conn.last_frame, _owner(run.conn), is_asked))
        if self._log is not None:
            for moment in (run.t // TWIN_NS, run.t // TWIN_NS + 1):
                self._log(f"{self._rule.id}: runs of no thread", moment, run.conn.owner)

    def end(self, run: Instance, name: str, t: int) -> None:
        """A run has ended."""
        for nameless in self._nameless if self._nameless else ():
            if nameless.instance is run:
                nameless.finish(t, name)

    def conclude(self, session: SessionState) -> None:
        """A session is over: of its runs that name no thread and that nobody asked for, those that are somebody else's."""
        has_leaked = False
        for nameless in [run for run in self._nameless if run.instance.session is session and not run.asked]:
            run = nameless.instance
            twin = next((other for other in self._nameless if self._is_twin(nameless, other)), None)
            if twin is None:
                if _asker(run.conn) not in self._asked:
                    self._warn(run, nameless.after)
            elif not has_leaked:
                has_leaked = True
                why = f"it is what {twin.owner} asked for and got at the same moment, sent to {nameless.owner}, too"
                witness = (twin.instance.fid,) if twin.instance.fid is not None else ()
                self._say(run, nameless.after, "isolation", Severity.ERROR, why, witness)

    @staticmethod
    def _is_twin(run: Nameless, other: Nameless) -> bool:
        if other.owner == run.owner or not other.asked or abs(other.instance.t - run.instance.t) > TWIN_NS:
            return False
        if run.end is None or other.end is None:
            return True
        return run.end[1] == other.end[1] and abs(other.end[0] - run.end[0]) <= TWIN_NS

    def _warn(self, run: Instance, after: int | None) -> None:
        if self._rule.warns_of_unasked:
            self._say(run, after, "unexpected", Severity.WARNING, "nobody asked for it", ())

    def _say(
        self, run: Instance, after: int | None, kind: str, severity: Severity, why: str, witnesses: tuple[int, ...]
    ) -> None:
        start = either(names(run.span.start))
        self._reporter.report(
            self._counts,
            slice_=run,
            kind=kind,
            severity=severity,
            message=f"{start} came unasked: {why}",
            activation=run.fid,
            frames=frames_of(*witnesses, run.fid),
            seen=start,
            decided_at=run.t,
            after=after,
            before=run.fid,
            blame="server",
        )


def _asker(conn: ConnectionState) -> str | int:
    """Who asks, and whose a run is: a user, or a session."""
    return conn.user if conn.user is not None else conn.session.id


def _owner(conn: ConnectionState) -> str:
    """The same in words."""
    return noun_text("user", conn.user) if conn.user is not None else f"session {conn.session.id}"
