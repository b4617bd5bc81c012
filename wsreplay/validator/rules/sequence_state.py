"""What is kept of one counter: where it stands, which numbers it left out, and what it may belong to.

A number that is left out opens a *gap*. What comes later and lies in a gap is resent; all else that is not larger than the last
value came twice, or is where the counter has started again.
"""

from __future__ import annotations

import math
from copy import copy
from enum import Enum, auto
from typing import Any

from msgspec import Struct

from wsreplay.validator.rules.owed import Owed
from wsreplay.validator.state.trace_event import MessageEvent
from wsreplay.validator.state.undecodable import LOST, UNREADABLE

MOST_SLICES = 10_000  # of one session, where each has its own counter
_NOBODY = object()  # no thread
MOST_GAPS = 256  # remembered of one counter, for numbers that come late


class SequenceGap(Owed, eq=False):
    """Numbers that were left out, from `first` to `last`, both included; seen when `event` came."""

    first: int
    last: int
    event: MessageEvent
    # the session's last frame before it
    after: int | None
    # why it may be none: messages that could not be read
    unsure: str | None
    # the frames of those numbers that came later, by number
    resent: dict[int, int]
    # the id of the finding that it follows from: its numbers were in messages that are no events
    cause: str | None = None
    # how many findings there were before it
    findings_before: int = 0

    def missing(self) -> list[tuple[int, int]]:
        """What has not come: ranges, both ends included."""
        ranges, first = [], self.first
        for number in sorted(self.resent):
            if number > first:
                ranges.append((first, number - 1))
            first = number + 1
        if first <= self.last:
            ranges.append((first, self.last))
        return ranges

    def take(self, number: int, fid: int) -> bool:
        """One of its numbers came; whether it is the last one that was missing."""
        self.resent[number] = fid
        return len(self.resent) == self.last - self.first + 1

    def decide(self, finding: int) -> None:
        """It has been said."""
        self.settle()
        self.pass_deadline(finding)


class SequenceState:
    """The counter of one slice and direction."""

    __slots__ = (
        "_passed_at", "_passed_over", "_refused", "_refused_at", "first", "gaps", "last", "mark", "restart", "run",
        "scope_known", "thread",
    )  # fmt: skip

    def __init__(self, scope_known: bool = True) -> None:
        # the last value; NaN before the first, which is equal to nothing
        self.last: float = math.nan
        # the first value
        self.first: int | None = None
        # the value that was out of order: a restart goes on from it
        self.restart: float = math.nan
        # where it stood when its session connected again: up to there history may be sent again
        self.mark: float = math.nan
        # what was left out, oldest first
        self.gaps: list[SequenceGap] = []
        # so many messages that may have carried the next numbers could not be decoded, while `last` was this
        self._passed_over: float = 0
        self._passed_at: float = math.nan
        # the findings that say that messages were no events, while `last` was this; they may have carried the next numbers
        self._refused: list[str] = []
        self._refused_at: float = math.nan
        # it is known what the counter belongs to; until then the run of its last value, and its thread, if no run has its own
        self.scope_known = scope_known
        self.run: Any = None
        self.thread: Any = _NOBODY

    def go_on(self, value: int) -> None:
        """The last value is this one."""
        if self.first is None:
            self.first = value
        self.last = value

    def start_again(self, value: int) -> None:
        """The counter has started again, and goes on."""
        self.last, self.restart, self.mark = value, math.nan, math.nan

    def suspect_restart(self, value: int) -> None:
        """If the value after this one follows on, the counter has started again."""
        self.restart = value

    def reconnect(self) -> None:
        """Its session has connected again."""
        self.mark = self.last

    def belong(self, run: Any, scope_known: bool, thread: Any = _NOBODY) -> None:
        """The last value was this run's; `scope_known`: whose it is no longer matters, nor, within a `thread`, which run's."""
        self.run, self.scope_known, self.thread = run, scope_known, thread

    def hand_over(self) -> SequenceState:
        """A counter that goes on where this one stands, while this one takes no value for the next one."""
        heir = copy(self)
        heir.belong(None, scope_known=True)
        self.last, self.gaps, self.scope_known = math.nan, [], False
        return heir

    def take_over(self, heir: SequenceState, value: int) -> None:
        """It goes on where the one stood that went on for it, with this value."""
        self.gaps, self.first, self.mark = heir.gaps, heir.first, heir.mark
        self.go_on(value)
        self.belong(None, scope_known=True)

    def open_gap(self, gap: SequenceGap) -> None:
        """Numbers were left out."""
        if len(self.gaps) >= MOST_GAPS:
            self.gaps = [gap for gap in self.gaps[MOST_GAPS // 2 :] if not gap.done or gap.overdue_finding is not None]
        self.gaps.append(gap)

    def gap_of(self, value: int) -> SequenceGap | None:
        """The gap that a value was missing from, the latest first."""
        for gap in reversed(self.gaps):
            if gap.first <= value <= gap.last and value not in gap.resent:
                return gap
        return None

    def close_gap(self, gap: SequenceGap) -> None:
        """All of it has come."""
        self.gaps.remove(gap)

    def pass_over(self, count: float) -> None:
        """So many messages that may have carried the next numbers could not be decoded; infinitely many: nobody knows."""
        if self._passed_at != self.last:
            self._passed_at, self._passed_over = self.last, 0
        self._passed_over += count

    def refuse(self, finding: str) -> None:
        """A message that may have carried the next number is no event, as this finding says."""
        if self._refused_at != self.last:
            self._refused_at, self._refused = self.last, []
        if len(self._refused) < MOST_GAPS:
            self._refused.append(finding)

    def refused(self) -> list[str]:
        """The findings on messages that were no events and came since the last value."""
        return self._refused if self._refused_at == self.last else []

    def why_unsure(self, missing: int) -> str | None:
        """Why so many missing numbers may have been in what was passed over."""
        everywhere = math.isinf(self._passed_over)
        passed_over = self._passed_over if self._passed_at == self.last or everywhere else 0
        if missing > passed_over:
            return None
        return LOST if everywhere else UNREADABLE


class Level(Enum):
    """What has a counter of its own within a session."""

    UNKNOWN = auto()
    THREAD = auto()
    RUN = auto()


class ScopeSearch:
    """What a counter belongs to: its session as a whole, a thread, or a run.

    While the values go up by one, whatever threads and runs they come in, it is the session's. Where a thread or a run that is
    not the first one begins at 0 or 1 instead, each has a counter of its own. That was wrong if a value then fits the session's
    counter and not its own, and all between did fit the session's, too: then the beginning came twice.
    """

    __slots__ = ("_first", "_runs", "_suspect", "_threads", "level", "sliced", "whole")

    def __init__(self) -> None:
        # the thread and run of the first value; for each of them, whether the counter may be its own
        self._first: tuple[Any, Any] = (None, None)
        # each thread, or run, has its own, once that is known
        self.sliced, self.level = False, Level.UNKNOWN
        # with `sliced`: the counters, by the thread and by the run that they are of
        self._threads: dict[Any, SequenceState] = {}
        self._runs: dict[Any, SequenceState] = {}
        # the last value of the session's counter, while all that came since might be its own
        self.whole: float = math.nan
        # what made it believe that each has its own
        self._suspect: Suspect | None = None

    def begin(self, state: SequenceState, thread: Any, run: Any) -> None:
        """The first value came."""
        self._first = thread, run
        self.level = Level.UNKNOWN
        state.belong(run, scope_known=False)

    def take_part(self, state: SequenceState, thread: Any, run: Any) -> None:
        """The next value of the session's counter came: it is nobody's own who came in between."""
        first_thread, _ = self._first
        if state.scope_known:
            return
        if thread != first_thread:
            state.belong(run, scope_known=True)
        elif run != state.run:
            self.level = Level.THREAD
            state.belong(run, scope_known=False, thread=thread)

    def is_beginning(self, state: SequenceState, value: int, thread: Any, run: Any) -> bool:
        """Whether the value may be the first one of a thread's or a run's own counter."""
        if state.scope_known or value not in (0, 1):
            return False
        first_thread, first_run = self._first
        return thread != first_thread or (run != first_run and self.level is not Level.THREAD)

    def slice_up(self, state: SequenceState, thread: Any, run: Any, suspect: Suspect) -> SequenceState:
        """Each thread, or run, has its own counter: the new one's."""
        first_thread, first_run = self._first
        self.sliced, self.whole, self._suspect = True, state.last, suspect
        if thread == first_thread:
            self.level = Level.RUN
        heir = state.hand_over()
        self._threads[first_thread], self._runs[first_run] = heir, heir
        return self._new(thread, run)

    def _new(self, thread: Any, run: Any) -> SequenceState:
        state = SequenceState()
        for table in (self._threads, self._runs):
            if len(table) >= MOST_SLICES:
                del table[next(iter(table))]
        self._threads[thread] = self._runs[run] = state
        return state

    def counters(self) -> list[SequenceState]:
        """Those of all slices."""
        return list({id(state): state for state in (*self._threads.values(), *self._runs.values())}.values())

    def counter(self, value: int, thread: Any, run: Any) -> SequenceState:
        """That of a thread's or run's slice."""
        state = self._threads.get(thread) if self.level is Level.THREAD else self._runs.get(run)
        known = self._threads.get(thread)
        if state is None and known is not None and self.level is Level.UNKNOWN:
            self.level = Level.RUN if value in (0, 1) and value != known.last + 1 else Level.THREAD
            state = known if self.level is Level.THREAD else None
        return self._new(thread, run) if state is None else state

    def mistaken(self, state: SequenceState, value: int) -> Suspect | None:
        """What came twice, if the value shows that the counter is the session's after all."""
        suspect = self._suspect
        if suspect is None:
            return None
        if value != self.whole + 1:
            self._suspect = None
            return None
        self.whole = value
        return suspect if not math.isnan(state.last) and value != state.last + 1 else None

    def join(self, state: SequenceState, value: int) -> None:
        """The counter is the session's: it goes on from this value."""
        state.take_over(self._runs[self._first[1]], value)
        self.sliced, self._suspect = False, None
        self._threads, self._runs = {}, {}


class Suspect(Struct):
    """A value that may have begun a counter of its own, or come twice."""

    value: int
    event: MessageEvent
    after: int | None
