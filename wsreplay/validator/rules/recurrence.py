"""An event that comes at least so often: bounded recurrence.

Each event, and the beginning of the scope, begins a stretch of time in which the next one must come. One finding for each
silence; how long it was is known when the event comes after all.

State: of each slice the stretch that runs, and a queue of deadlines, since all stretches are equally long.
"""

from __future__ import annotations

from wsreplay.contract.rules.recurrence import Recurrence
from wsreplay.units import duration_text
from wsreplay.validator.reporting import Reported, blame, either, frames_of, lost, names, where
from wsreplay.validator.rules.template import A, Obligation, Template
from wsreplay.validator.state.state import ConnectionState, Slice
from wsreplay.validator.state.trace_event import TraceEvent
from wsreplay.validator.state.undecodable import why_unsure


class RecurrenceTemplate(Template):
    """Never longer than the bound without the event, while the slice is open."""

    needs_begin = True
    rule: Recurrence

    def begin(self, slice_: Slice) -> None:
        self._wait(slice_, slice_.fid, slice_.t, slice_.conn)

    def _wait(self, slice_: Slice, fid: int | None, t: int, conn: ConnectionState) -> None:
        obligation = Obligation(slice_, fid, t, t + self.rule.within_ns, conn)
        slice_.set_state(self.number, obligation)
        self.activate(slice_)
        if not self.queue:
            self.clock.at(obligation.due)
        self.queue.append(obligation)

    def event(self, slice_: Slice, roles: int, event: TraceEvent) -> None:
        if not roles & A:
            return
        waiting: Obligation | None = slice_.state(self.number)
        if waiting is not None:
            waiting.settle()
            if waiting.overdue_finding is not None:
                self._end_silence(waiting, waiting.overdue_finding, event)
        self._wait(slice_, event.fid, event.t, event.conn)

    def _end_silence(self, waiting: Obligation, finding: int, event: TraceEvent) -> None:
        self.reporter.amend(
            finding, kind="late", late_by=event.t - waiting.due, seen=event.type, frames=frames_of(waiting.fid, event.fid),
            message=f"{either(names(self.rule.operands[0]))} came after {duration_text(event.t - waiting.t)}, at least every "
            f"{duration_text(self.rule.within_ns)} expected{where(waiting.slice_)}",
        )  # fmt: skip

    def expire(self, obligation: Obligation) -> None:
        reported = self._say_silent(obligation)
        obligation.pass_deadline(reported.place)
        obligation.settle()

    def _say_silent(self, obligation: Obligation) -> Reported:
        patterns, within = self.rule.operands[0], self.rule.within_ns
        slice_, expected = obligation.slice_, names(patterns)
        return self.violate(
            slice_,
            obligation.conn,
            kind="missing",
            absent=True,
            message=f"{either(expected)} did not come for {duration_text(within)}{where(slice_)}{lost(obligation.conn)}",
            frames=frames_of(obligation.fid),
            activation=obligation.fid,
            expected=expected,
            until=obligation.due,
            decided_by="deadline",
            decided_at=obligation.due,
            at_ns=obligation.due,
            blame=blame(patterns),
            bound_from=obligation.t,
            unsure=why_unsure(slice_.undecodable, patterns, obligation.fid, obligation.t),
        )

    def decide(self, slice_: Slice, t: int, cause: str | None, by: str) -> None:
        waiting: Obligation | None = slice_.state(self.number)
        if waiting is not None:
            waiting.settle()

    def close(self, slice_: Slice, t: int, how: int, cause: str | None, by: str) -> None:
        super().close(slice_, t, how, cause, by)
        self.decide(slice_, t, cause, by)
