"""Counters: gaps and disorder (CloudEvents, extension `sequence`).

Each slice has one counter in each direction. `contiguous` asks for the next whole number, `increasing` for any larger one. The
first value decides where a counter begins. Numbers that are left out may be sent again within a time (`recover_within`): then
they are *recovered*, which is a warning; else they are missing, and late where they come after that. A value that is not
larger, and was not missing, is out of order, said once: if the one after it follows on, the counter *has started again* and
goes on from there. After a reconnect, history may be sent again, and a counter may start again. As many numbers as messages
could not be decoded may have been in them: such a gap is inconclusive. Where as many messages are no events, or as many events
are missing there, the gap follows from the findings that say so (`gap_causes`).

Without `by`, what has a counter of its own is found by looking (`sequence_state.ScopeSearch`): the session, or each thread, or
each run, by the keys of the contract's runs.

State: of each slice and direction the last value, the gaps, the value a restart may go on from, and what was passed over since;
a queue of gaps that are still to be decided, in the order of time, since all wait equally long.

Fast path: the value is the last one plus 1, and an int; where it is not known yet what the counter belongs to, of the same run.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterable
from typing import Any

from wsreplay.contract.rules.sequence import SequenceRule
from wsreplay.units import duration_text
from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.emit.writer import HandlerWriter, indented
from wsreplay.validator.findings import Severity
from wsreplay.validator.reporting import either, frames_of
from wsreplay.validator.rules.gap_causes import GapCauses
from wsreplay.validator.rules.message import MessageMonitor
from wsreplay.validator.rules.owed import first_owed
from wsreplay.validator.rules.sequence_state import Level, ScopeSearch, SequenceGap, SequenceState, Suspect
from wsreplay.validator.rules.template import TRUNCATED
from wsreplay.validator.state.bounded import oldest
from wsreplay.validator.state.state import ConnectionState, SessionState
from wsreplay.validator.state.trace_event import MessageEvent

MOST_COUNTERS = 100_000  # slices of one session
_BY_CONNECTION = ((), ("conn.session",), ("conn.id",))

_Pair = tuple[SequenceState, SequenceState]  # by direction


class SequenceMonitor(MessageMonitor):
    """A counter; its own one in each direction."""

    word = "sequence"
    sees_aliens = True
    rule: SequenceRule

    timed = True

    def __init__(self, *common: Any) -> None:
        super().__init__(*common)
        # session → slice → counters
        self._tables: dict[int, dict[Any, _Pair]] = {}
        # session and direction → what its counter belongs to, where that is still to be found
        self._searches: dict[tuple[int, int], ScopeSearch] = {}
        # gaps that are not decided, in the order of time
        self._queue: deque[SequenceGap] = deque()
        # session → the findings on messages that are no events, and explain a gap
        self._explained: dict[int, set[str]] = {}
        # what is missing elsewhere, and explains a gap
        self._causes = GapCauses(self.reporter)
        # what the numbers are called
        self._name = str(self.rule.field.steps[-1]) if self.rule.field.steps else self.rule.field.text

    def connect(self, conn: ConnectionState) -> dict[str, Any]:
        if conn.resumed:
            for state in self._counters_of(conn.session):
                state.reconnect()
        if self.rule.by not in _BY_CONNECTION:
            return {}
        pair = self.counters(conn, conn.key if self.rule.by == ("conn.id",) else conn.session.key)
        return {self._attribute(direction): state for direction, state in enumerate(pair)}

    def _attribute(self, direction: int) -> str:
        return f"counter{self.number}_{direction}"

    def _counters_of(self, session: SessionState) -> Iterable[SequenceState]:
        for direction in (0, 1):
            yield from self._counters_in(session, direction)

    def _counters_in(self, session: SessionState, direction: int) -> Iterable[SequenceState]:
        for pair in self._tables.get(session.id, {}).values():
            yield pair[direction]
        search = self._searches.get((session.id, direction))
        if search is not None:
            yield from search.counters()

    def counters(self, conn: ConnectionState, key: Any) -> _Pair:
        """Those of a slice, by direction."""
        table = self._tables.setdefault(conn.session.id, {})
        pair = table.get(key)
        if pair is None:
            if len(table) >= MOST_COUNTERS:
                for old in oldest(table):
                    del table[old]
                    self.reporter.forget("counters")
            is_known = bool(self.rule.by) or not self.rule.scopes
            pair = table[key] = (SequenceState(is_known), SequenceState(is_known))
        return pair

    def pass_over(self, conn: ConnectionState, directions: Collection[int], count: float) -> None:
        for direction in directions:
            for state in self._counters_in(conn.session, direction):
                state.pass_over(count)

    def refuse(self, conn: ConnectionState, direction: int, finding: str) -> None:
        for state in self._counters_in(conn.session, direction):
            state.refuse(finding)

    def collect(self, globals: Globals) -> None:
        self.counts.recount(globals.looked_at(self.variable))

    # Writing handlers.

    def emit(self, writer: HandlerWriter) -> None:
        by, scopes = self.rule.by, self.rule.scopes
        writer.need(*by, *scopes)
        value, missing = writer.value(self.rule.field), writer.keys.missing(by)
        if by in _BY_CONNECTION:
            counter = f"conn.{self._attribute(writer.direction)}"
        else:
            counter = f"{self.variable}.counters(conn, {writer.keys.together(by)})[{writer.direction}]"
        id_ = writer.contract.envelope.id
        is_new = f"{writer.value(id_)} is not None" if id_ is not None else "False"
        event = f"{is_new}, {writer.event}"
        check, same = f"{self.variable}.check(c, q, {event})", ""
        if scopes:
            thread, run = (writer.keys.variable(name) for name in (scopes[0], scopes[-1]))
            same = f"c.scope_known or {thread} == c.thread or {run} == c.run"
            check = f"{self.variable}.look(c, q, {thread}, {run}, {event})"
        judge = [f"c = {counter}"]
        if writer.inline:
            in_order = "q == c.last + 1 and q.__class__ is int"
            in_order += f" and ({same})" if same else ""
            judge += [f"if {in_order}:", "    c.last = q", "else:", f"    {check}"]
        else:
            judge.append(check)
        writer.count_calls(self.variable)
        writer.add(
            f"q = {value}",
            "if q is None" + (f" or {missing}" if missing else "") + ":",
            f"    {writer.count(self.variable)}",
            "else:",
            *indented(judge),
        )

    # What comes.

    def look(self, whole: SequenceState, value: Any, thread: Any, run: Any, is_new: bool, event: MessageEvent) -> None:
        """A message came with a value of the counter, which may be the session's, or that of its thread or run."""
        number = _whole_number(value)
        search = self._search(event.conn.session, event.direction)
        if number is None:
            self._say_no_number(event)
        elif search.sliced:
            self._look_in_slice(search, whole, number, thread, run, is_new, event)
        elif search.is_beginning(whole, number, thread, run) and number != whole.last + 1 and not math.isnan(whole.last):
            suspect = Suspect(number, event, event.conn.last_frame)
            search.slice_up(whole, thread, run, suspect).go_on(number)
        else:
            if math.isnan(whole.last):
                search.begin(whole, thread, run)
            elif number > whole.last:
                search.take_part(whole, thread, run)
            self.check(whole, number, is_new, event)

    def _search(self, session: SessionState, direction: int) -> ScopeSearch:
        search = self._searches.get((session.id, direction))
        if search is None:
            search = self._searches[session.id, direction] = ScopeSearch()
        return search

    def _look_in_slice(
        self, search: ScopeSearch, whole: SequenceState, number: int, thread: Any, run: Any, is_new: bool,
        event: MessageEvent,
    ) -> None:
        state = search.counter(number, thread, run)
        mistaken = search.mistaken(state, number)
        if mistaken is not None:
            search.join(whole, number)
            self._say(
                mistaken.event, "duplicate", f"{self.rule.field.text} {mistaken.value} came twice",
                decided_at=event.t, after=mistaken.after,
            )  # fmt: skip
        elif math.isnan(state.last) and number > 1 and search.level is not Level.THREAD:
            state.go_on(0)
            self.check(state, number, is_new, event)
        else:
            self.check(state, number, is_new, event)

    def check(self, state: SequenceState, value: Any, is_new: bool, event: MessageEvent) -> None:
        """A message came with a value of this counter. `is_new`: it has an id that the session has not seen."""
        number, last = _whole_number(value), state.last
        if number is None:
            self._say_no_number(event)
        elif math.isnan(last) or number == last + 1:
            state.go_on(number)
        elif number > last:
            if self.rule.mode == "contiguous":
                self._open_gap(state, int(last) + 1, number - 1, event)
            state.go_on(number)
        elif number == state.restart + 1:
            state.start_again(number)
        elif (gap := state.gap_of(number)) is not None:
            self._resent(state, gap, number, event)
        elif event.conn.resumed and number <= state.mark:
            if number in (0, 1) and (is_new or state.first is None or number < state.first):
                state.start_again(number)
        else:
            state.suspect_restart(number)
            kind, word = ("duplicate", "twice") if number == last else ("order", f"after {int(last)}")
            self._say(event, kind, f"{self.rule.field.text} {number} came {word}")

    # Gaps.

    def _open_gap(self, state: SequenceState, first: int, last: int, event: MessageEvent) -> None:
        unsure = state.why_unsure(last - first + 1)
        cause = self._cause_of(state, last - first + 1, event)
        before = len(self.reporter.findings)
        gap = SequenceGap(first, last, event, event.conn.last_frame, unsure, {}, cause, before)
        state.open_gap(gap)
        if not self._queue:
            self.clock.at(event.t + self.rule.recover_within_ns)
        self._queue.append(gap)

    def _cause_of(self, state: SequenceState, missing: int, event: MessageEvent) -> str | None:
        """The finding on a message that is no event and stands where so many numbers are missing; each such message had one."""
        explained = self._explained.setdefault(event.conn.session.id, set())
        refused = [finding for finding in state.refused() if finding not in explained]
        if len(refused) < missing:
            return None
        if len(explained) >= MOST_COUNTERS:
            explained.clear()
        explained.update(refused[:missing])
        return refused[0]

    def _resent(self, state: SequenceState, gap: SequenceGap, number: int, event: MessageEvent) -> None:
        """A number that was missing came."""
        whole, late = gap.take(number, event.fid), event.t - gap.event.t
        if gap.overdue_finding is not None:
            self._amend(gap, gap.overdue_finding, whole, late, event.type)
        elif whole:
            gap.settle()
            recovered = f"recovered within {duration_text(late)}" if late else "recovered at once"
            came = f"{self.rule.field.text} {_numbers([(gap.first, gap.last)])} came after {gap.last + 1}"
            self._say(
                event,
                "order",
                f"{came}: {recovered}",
                severity=Severity.WARNING,
                activation=gap.event.fid,
                frames=frames_of(gap.event.fid, *list(gap.resent.values())[:32]),
                late_by=late,
            )
        if whole:
            state.close_gap(gap)

    def _amend(self, gap: SequenceGap, finding: int, whole: bool, late: int, type_: str) -> None:
        frames = frames_of(gap.event.fid, *list(gap.resent.values())[:32])
        if not whole:
            self.reporter.amend(finding, frames=frames, **self._lost(gap))
            return
        came, within = _numbers([(gap.first, gap.last)]), self.rule.recover_within_ns
        self.reporter.amend(
            finding, kind="late", frames=frames, seen=type_, late_by=late - within, expected=(self._name,),
            message=f"{self.rule.field.text} {came} came {duration_text(late)} after {gap.last + 1}, "
            f"at most {duration_text(within)} allowed",
        )  # fmt: skip

    def _lost(self, gap: SequenceGap) -> dict[str, Any]:
        """What a finding says of the numbers that have not come."""
        ranges = gap.missing()
        expected = tuple(f"{self._name} {_numbers([numbers])}" for numbers in ranges[:32])
        return {"message": f"{self.rule.field.text} {_numbers(ranges)} missing before {gap.last + 1}", "expected": expected}

    def _decide(self, gap: SequenceGap, t: int, by: str) -> None:
        reported = self.reporter.report(
            self.counts,
            conn=gap.event.conn,
            kind="gap",
            absent=True,
            **self._lost(gap),
            subject=(self._name,),
            activation=gap.event.fid,
            frames=(gap.event.fid,),
            seen=gap.event.type,
            decided_by=by,
            decided_at=t,
            at_ns=gap.event.t,
            after=gap.after,
            before=int(gap.event.fid),
            blame=gap.event.sender,
            unsure=gap.unsure,
            caused_by=gap.cause,
        )
        gap.decide(reported.place)
        self._causes.note(gap)

    def next_due(self) -> int | None:
        gap = first_owed(self._queue)
        return None if gap is None else gap.event.t + self.rule.recover_within_ns

    def expire_next(self) -> None:
        gap = self._queue.popleft()
        self._decide(gap, gap.event.t + self.rule.recover_within_ns, "deadline")
        self._causes.look(gap)

    def pending(self, sessions: Iterable[SessionState]) -> int:
        return sum(1 for gap in self._queue if not gap.done)

    def conclude(self, session: SessionState, t: int, how: int, by: str) -> None:
        for gap in self._queue:
            if gap.done or gap.event.conn.session is not session:
                continue
            if how == TRUNCATED:
                gap.settle()
                self.counts.doubt()
                session.doubt()
            else:
                self._decide(gap, t, by)
        self._causes.conclude(session.id)

    def close_session(self, session: SessionState) -> None:
        self._tables.pop(session.id, None)
        self._explained.pop(session.id, None)
        for direction in (0, 1):
            self._searches.pop((session.id, direction), None)

    # Words.

    def _say_no_number(self, event: MessageEvent) -> None:
        self._say(event, "format", f"{self.rule.field.text} is not a whole number in {event.type}")

    def _say(self, event: MessageEvent, kind: str, message: str, **details: Any) -> None:
        self.reporter.report_message(
            self.counts, event, kind=kind, message=message, seen=event.type, **details
        )


def _whole_number(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _numbers(ranges: list[tuple[int, int]]) -> str:
    """`2`, `2 to 4`, `2, 4 to 6 and 9`."""
    texts = [f"{first}" if first == last else f"{first} to {last}" for first, last in ranges]
    return either(texts).replace(" or ", " and ") if len(texts) < 32 else f"{', '.join(texts[:31])} and more"
