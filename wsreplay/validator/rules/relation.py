"""DECLARE's relation templates: what follows, precedes, or excludes what.

State of `response`: the obligations that are open, and those whose bound has passed, so that an answer that comes after all can
say how late it is; of `precedence`, one bit that an a came, or with a bound or a mode the time of the a that counts.

Fast path of `precedence` without bound and mode: a sets its bit, b counts itself and looks for it. Fast path of `response`: an
event that is only a b does nothing where the slice has no states, since nothing is open.
"""

from __future__ import annotations

from itertools import groupby

from msgspec import Struct

from wsreplay.contract.model import Declare, Patterns
from wsreplay.units import duration_text
from wsreplay.validator.emit.fit import Fit
from wsreplay.validator.emit.writer import HandlerWriter, indented
from wsreplay.validator.missing_events import MissingEvents, labels_in
from wsreplay.validator.reporting import (
    Counts,
    Reported,
    Reporter,
    blame,
    either,
    frames_of,
    lost,
    names,
    where,
)
from wsreplay.validator.rules.template import COMPLETE, A, B, Obligation, Template, explanation, missing_at
from wsreplay.validator.state.clock import Clock
from wsreplay.validator.state.state import Slice
from wsreplay.validator.state.trace_event import TraceEvent
from wsreplay.validator.state.undecodable import why_unsure

MOST_OPEN = 1_000  # obligations of one rule in one slice


class Pending(Struct, eq=False):
    """The obligations of one rule in one slice."""

    open: list[Obligation] = []
    # those whose bound has passed: what answers them after all says how late it is
    overdue: list[Obligation] = []

    def expire(self, obligation: Obligation) -> None:
        """The bound of one has passed. The oldest of very many can no longer be said to be late."""
        self.open.remove(obligation)
        self.overdue.append(obligation)
        if len(self.overdue) > MOST_OPEN:
            del self.overdue[0]


class Response(Template):
    """Every a has a later b; `alternate`: before the next a; `chain`: as the very next event."""

    def __init__(
        self, rule: Declare, number: int, counts: Counts, reporter: Reporter, clock: Clock, missed: MissingEvents
    ) -> None:
        super().__init__(rule, number, counts, reporter, clock, missed)
        # an a came
        self.width = 1

    def write(self, writer: HandlerWriter, event: Fit, slice_: str) -> tuple[list[str], int]:
        lines, bits = super().write(writer, event, slice_)
        if writer.inline and not event.conditional and event.certain == B:
            lines = [f"if {slice_}.states:", *indented(lines)]
        return lines, bits

    def event(self, slice_: Slice, roles: int, event: TraceEvent) -> None:
        states = slice_.states
        state: Pending | None = None if states is None else states.get(self.number)
        if state is not None:
            if roles & B:
                self._answered(slice_, state, event)
            elif state.open and (self.rule.mode == "chain" or (self.rule.mode == "alternate" and roles & A)):
                for obligation in state.open:
                    self._fail(obligation, event.t, by="event", seen=event, cause=None)
                state.open.clear()
        if roles & A:
            self._open(slice_, slice_.state(self.number) if states else None, event)

    def _answered(self, slice_: Slice, state: Pending, event: TraceEvent) -> None:
        for obligation in state.open:
            obligation.settle()
        for obligation in state.overdue:
            if obligation.overdue_finding is not None:
                late = event.t - obligation.due
                self.reporter.amend(
                    obligation.overdue_finding,
                    kind="late",
                    late_by=late,
                    seen=event.type,
                    frames=frames_of(obligation.fid, event.witness),
                    message=f"{event.said} came {duration_text(late)} too late{where(slice_)}",
                )
        if slice_.states is not None:
            del slice_.states[self.number]

    def _open(self, slice_: Slice, state: Pending | None, event: TraceEvent) -> None:
        self.activate(slice_)
        slice_.mask |= self.bits
        if state is None:
            slice_.set_state(self.number, state := Pending())
        if len(state.open) >= MOST_OPEN:
            self.reporter.forget("obligations")
            self.undecided(slice_)
            return
        within = self.rule.within_ns
        obligation = Obligation(slice_, event.fid, event.t, event.t + within if within is not None else 0, event.conn)
        state.open.append(obligation)
        if within is not None:
            self.queue.append(obligation)
            self.clock.at(obligation.due)

    def expire(self, obligation: Obligation) -> None:
        state = obligation.slice_.state(self.number)
        if state is not None:
            state.expire(obligation)
        reported = self._fail(obligation, obligation.due, by="deadline", seen=None, cause=None)
        obligation.pass_deadline(reported.place)

    def _fail(
        self, obligation: Obligation, t: int, *, by: str, seen: TraceEvent | None, cause: str | None,
        count: int = 1,
    ) -> Reported:  # fmt: skip
        obligation.settle()
        slice_, within = obligation.slice_, self.rule.within_ns
        trigger, expected = names(self.operands[0]), names(self.operands[1])
        message = f"{either(expected)} did not come"
        message += f" within {duration_text(within)}" if by == "deadline" and within is not None else ""
        message += f" before {seen.said}" if seen is not None else ""
        message += f" after {f'{count:,} × ' if count > 1 else ''}{either(trigger)}{where(slice_)}"
        if by not in ("event", "deadline") and any(pattern.type.startswith("ws.") for pattern in self.operands[1]):
            message += lost(obligation.conn)  # it did end, but not as it should have
        return self.violate(
            slice_,
            obligation.conn,
            kind="missing",
            absent=by != "event",
            message=message,
            activation=obligation.fid,
            frames=frames_of(obligation.fid, seen.witness if seen is not None else None),
            expected=expected,
            until=obligation.due if within is not None else None,
            seen=seen.type if seen is not None else None,
            decided_by=by,
            decided_at=t,
            at_ns=min(t, obligation.due) if within is not None else t,
            blame=blame(self.operands[1]),
            bound_from=obligation.t if by == "deadline" else None,
            unsure=self._why_unsure(obligation),
            caused_by=cause or explanation(slice_, expected),
            count=count,
            violations=count,
        )

    def activated(self, slice_: Slice) -> bool:
        return bool(slice_.mask & self.bits)

    def close(self, slice_: Slice, t: int, how: int, cause: str | None, by: str) -> None:
        state: Pending | None = slice_.state(self.number)
        for obligation in state.open if state is not None else ():
            obligation.settle()
        if state is not None and how == COMPLETE:
            for _, alike in groupby(state.open, self._is_told_alike):
                obligations = list(alike)
                self._fail(obligations[0], t, by=by, seen=None, cause=cause, count=len(obligations))
        super().close(slice_, t, how, cause, by)

    def _is_told_alike(self, obligation: Obligation) -> tuple[int, str | None]:
        """Obligations that one finding tells of: one b would have met them all."""
        return obligation.conn.id, self._why_unsure(obligation)

    def _why_unsure(self, obligation: Obligation) -> str | None:
        return why_unsure(obligation.slice_.undecodable, self.operands[1], obligation.fid)


class Precedence(Template):
    """Every b has an earlier a; `alternate`: since the b before it; `chain`: as the event just before."""

    def __init__(
        self, rule: Declare, number: int, counts: Counts, reporter: Reporter, clock: Clock, missed: MissingEvents
    ) -> None:
        super().__init__(rule, number, counts, reporter, clock, missed)
        # an a came
        self.width = 1
        # the bit says all: an a came
        self.simple = rule.mode == "any" and rule.within_ns is None

    def write(self, writer: HandlerWriter, event: Fit, slice_: str) -> tuple[list[str], int]:
        if not self.simple or self.rule.unless or not writer.inline or event.conditional:
            return super().write(writer, event, slice_)
        lines = []
        if event.certain & A:
            lines = ["if conn.session.missed is not None:", f"    {self.variable}.came_late({slice_}, {writer.event})"]
        if event.certain & B:
            lines += [
                writer.count(self.variable),
                f"if not {slice_}.mask & {self.bits}:",
                f"    {self.variable}.fail({slice_}, {writer.event})",
            ]
        return lines, self.bits if event.certain & A else 0

    def event(self, slice_: Slice, roles: int, event: TraceEvent) -> None:
        if self.simple:
            if roles & A:
                self.came_late(slice_, event)
            if roles & B:
                self.activate(slice_)
                if not slice_.mask & self.bits:
                    self.fail(slice_, event)
            if roles & A:
                slice_.mask |= self.bits
            return
        # The time of the a that counts, and the frame that it has to come after.
        before, since = slice_.state(self.number) or (None, self.began(slice_))
        within = self.rule.within_ns
        if roles & B:
            self.activate(slice_)
            slice_.mask |= self.bits
            if before is None or (within is not None and event.t - before > within):
                unsure = why_unsure(slice_.undecodable, self.operands[0], since, -1 if within is None else event.t - within)
                self.fail(slice_, event, unsure)
        ends = self.rule.mode == "chain" or (self.rule.mode == "alternate" and roles & B)
        if ends:
            since = event.fid
        slice_.set_state(self.number, (event.t if roles & A else None if ends else before, since))

    def imply(self, slice_: Slice, patterns: Patterns, event: TraceEvent) -> None:
        if not self.simple or self.rule.unless:
            return
        implied = next((pattern for pattern in patterns if pattern in self.operands[1]), None)
        if implied is not None and not slice_.mask & self.bits:
            self.activate(slice_)
            self.fail(slice_, TraceEvent(event.conn, event.fid, event.t, implied.type, None))

    def fail(self, slice_: Slice, event: TraceEvent, unsure: str | None = None) -> None:
        first = names(self.operands[0])
        before = {"any": "earlier", "alternate": "since the one before", "chain": "just before"}[self.rule.mode]
        if self.rule.within_ns is not None:
            before = f"in the {duration_text(self.rule.within_ns)} before"
        if self.simple and (is_sure := slice_.state(self.number)) is not None:
            if not self.rule.unless:  # that it is missing was said at the first event that needed it
                (self.counts.violate if is_sure else self.counts.doubt)()
            return
        if self.simple:
            unsure = why_unsure(slice_.undecodable, self.operands[0], self.began(slice_)) or self._unsure_of_scope(slice_)
        wanted = f"{either(first)} never came{where(slice_)}; {event.said} came without it"
        reported = self.violate(
            slice_,
            event.conn,
            kind="missing" if self.simple else "order",
            message=wanted if self.simple else f"{event.said} without {either(first)} {before}{where(slice_)}",
            activation=event.fid,
            frames=frames_of(slice_.fid, event.witness),
            expected=first,
            seen=event.type,
            decided_at=event.t,
            at_ns=event.t,
            blame=event.sender,
            unsure=unsure,
            caused_by=explanation(slice_, first),
        )
        if self.simple and reported.id:
            slice_.set_state(self.number, unsure is None)
            slice_.explain(first, reported.id)
            self.missed.add(event.conn.session, reported.place)

    def came_late(self, slice_: Slice, event: TraceEvent) -> None:
        """An a came: perhaps the one that was missed."""
        if not slice_.mask & self.bits and event.conn.session.missed is not None:
            self.missed.came(event.conn.session, event.type, labels_in(slice_.labels()), event.t, event.fid, (self.rule.id,))

    def activated(self, slice_: Slice) -> bool:
        """A simple one is decided with each b: without an a it is violated, with one satisfied for good."""
        return not self.simple and bool(slice_.mask & self.bits)


class RespondedExistence(Template):
    """If a occurs, b occurs before or after it."""

    def event(self, slice_: Slice, roles: int, event: TraceEvent) -> None:
        state = slice_.state(self.number) or (None, False)
        if roles & A and state[0] is None:
            self.activate(slice_)
            state = ((event.fid, event.t), state[1])
        slice_.set_state(self.number, (state[0], state[1] or bool(roles & B)))

    def activated(self, slice_: Slice) -> bool:
        state = slice_.state(self.number)
        return state is not None and state[0] is not None

    def final(self, slice_: Slice) -> bool:
        return bool(slice_.state(self.number)[1])

    def decide(self, slice_: Slice, t: int, cause: str | None, by: str) -> None:
        state = slice_.state(self.number)
        if state is not None and state[0] is not None and not state[1]:
            a, b = names(self.operands[0]), names(self.operands[1])
            self.violate(
                slice_,
                kind="missing",
                absent=True,
                message=f"{either(a)} came, but never {either(b)}{where(slice_)}",
                activation=state[0][0],
                frames=frames_of(state[0][0]),
                expected=b,
                decided_by=by,
                decided_at=t,
                at_ns=missing_at(slice_, t),
                blame=blame(self.operands[1]),
                unsure=why_unsure(slice_.undecodable, self.operands[1], self.began(slice_)),
                caused_by=cause or explanation(slice_, b),
            )


class NotCoExistence(Template):
    """Not both a and b."""

    def event(self, slice_: Slice, roles: int, event: TraceEvent) -> None:
        seen, first = slice_.state(self.number) or (0, event.fid)
        if not seen and roles & (A | B):
            self.activate(slice_)
        seen |= roles & (A | B)
        if seen == A | B:
            a, b = names(self.operands[0]), names(self.operands[1])
            self.violate(
                slice_,
                event.conn,
                kind="unexpected",
                message=f"{either(a)} and {either(b)} both came{where(slice_)}",
                activation=first,
                frames=frames_of(first, event.witness),
                seen=event.type,
                decided_at=event.t,
                blame=event.sender,
            )
            seen |= 4  # said once
        slice_.set_state(self.number, (seen, first))

    def activated(self, slice_: Slice) -> bool:
        state = slice_.state(self.number)
        return state is not None and bool(state[0])
