"""DECLARE's relation templates: what follows, precedes, or excludes what."""

from __future__ import annotations

from msgspec import Struct

from wsreplay.contract.model import Declare
from wsreplay.validator.reporting import (
    NOT_KEPT,
    Counts,
    Reporter,
    blame,
    either,
    frames_of,
    lost,
    names,
    seconds,
    sender,
    where,
)
from wsreplay.validator.rules.template import COMPLETE, A, B, Monitor, Obligation, explanation, missing_at
from wsreplay.validator.state.state import Clock, ConnectionState, Slice
from wsreplay.validator.state.unread import why_unsure

_MOST_OPEN = 1_000  # obligations of one rule in one slice


class Pending(Struct, eq=False):
    """The obligations of one rule in one slice: open, and those whose bound has passed."""

    open: list[Obligation] = []
    late: list[Obligation] = []


class Response(Monitor):
    """Every a has a later b; `alternate`: before the next a; `chain`: as the very next event."""

    def event(
        self, part: Slice, roles: int, fid: int | None, t: int, conn: ConnectionState, type_: str, direction: int | None
    ) -> None:
        state: Pending | None = part.state(self.index)
        if state is not None:
            if roles & B:
                self._answered(part, state, fid, t, type_)
            elif state.open and (self.rule.mode == "chain" or (self.rule.mode == "alternate" and roles & A)):
                for obligation in state.open:
                    self._fail(obligation, t, by="event", seen=type_, seen_fid=fid, cause=None)
                state.open.clear()
        if roles & A:
            self._open(part, fid, t, conn)

    def _answered(self, part: Slice, state: Pending, fid: int | None, t: int, type_: str) -> None:
        for obligation in state.open:
            obligation.done = True
        for obligation in state.late:
            if obligation.finding is not None:
                late = t - obligation.due
                self.reporter.amend(
                    obligation.finding,
                    kind="late",
                    late_by=late,
                    seen=type_,
                    frames=frames_of(obligation.fid, fid),
                    message=f"{type_} came {seconds(late)} too late{where(part)}",
                )
        if part.states is not None:
            del part.states[self.index]

    def _open(self, part: Slice, fid: int | None, t: int, conn: ConnectionState) -> None:
        self.activate(part)
        part.mask |= self.bits
        state = part.state(self.index)
        if state is None:
            part.set_state(self.index, state := Pending())
        if len(state.open) >= _MOST_OPEN:
            self.reporter.forget("obligations")
            self.undecided(part)
            return
        within = self.rule.within_ns
        obligation = Obligation(part, fid, t, t + within if within is not None else 0, conn)
        state.open.append(obligation)
        if within is not None:
            self.queue.append(obligation)
            self.clock.at(obligation.due)

    def expire(self, obligation: Obligation) -> None:
        state = obligation.part.state(self.index)
        if state is not None:
            state.open.remove(obligation)
            state.late.append(obligation)
            if len(state.late) > _MOST_OPEN:
                del state.late[0]
        self.reporter.kept = NOT_KEPT
        self._fail(obligation, obligation.due, by="deadline", seen=None, seen_fid=None, cause=None)
        obligation.finding = self.reporter.kept

    def _fail(
        self, obligation: Obligation, t: int, *, by: str, seen: str | None, seen_fid: int | None, cause: str | None
    ) -> None:
        obligation.done = True
        part, within = obligation.part, self.rule.within_ns
        trigger, expected = names(self.operands[0]), names(self.operands[1])
        message = f"{either(expected)} did not come"
        message += f" within {seconds(within)}" if by == "deadline" and within is not None else ""
        message += f" before {seen}" if by == "event" else ""
        message += f" after {either(trigger)}{where(part)}"
        if by not in ("event", "deadline") and any(pattern.type.startswith("ws.") for pattern in self.operands[1]):
            message += lost(obligation.conn)  # it did end, but not as it should have
        self.violate(
            part,
            obligation.conn,
            kind="missing",
            absent=by != "event",
            message=message,
            activation=obligation.fid,
            frames=frames_of(obligation.fid, seen_fid),
            expected=expected,
            until=obligation.due if within is not None else None,
            seen=seen,
            decided_by=by,
            decided_at=t,
            at_ns=min(t, obligation.due) if within is not None else t,
            blame=blame(self.operands[1]),
            bound_from=obligation.t if by == "deadline" else None,
            unsure=why_unsure(part.unread, self.operands[1], obligation.fid),
            caused_by=cause or explanation(part, expected),
        )

    def activated(self, part: Slice) -> bool:
        return bool(part.mask & self.bits)

    def close(self, part: Slice, t: int, how: int, cause: str | None, by: str) -> None:
        state: Pending | None = part.state(self.index)
        for obligation in state.open if state is not None else ():
            obligation.done = True
            if how == COMPLETE:
                self._fail(obligation, t, by=by, seen=None, seen_fid=None, cause=cause)
        super().close(part, t, how, cause, by)


class Precedence(Monitor):
    """Every b has an earlier a; `alternate`: since the b before it; `chain`: as the event just before."""

    def __init__(self, rule: Declare, index: int, counts: Counts, reporter: Reporter, clock: Clock) -> None:
        super().__init__(rule, index, counts, reporter, clock)
        self.simple = rule.mode == "any" and rule.within_ns is None

    def event(
        self, part: Slice, roles: int, fid: int | None, t: int, conn: ConnectionState, type_: str, direction: int | None
    ) -> None:
        if self.simple:
            if roles & B:
                self.activate(part)
                if not part.mask & self.bits:
                    self.fail(part, fid, t, conn, type_, direction)
            if roles & A:
                part.mask |= self.bits
            return
        # The time of the a that counts, and the frame that it has to come after.
        before, since = part.state(self.index) or (None, self.began(part))
        within = self.rule.within_ns
        if roles & B:
            self.activate(part)
            part.mask |= self.bits
            if before is None or (within is not None and t - before > within):
                unsure = why_unsure(part.unread, self.operands[0], since, -1 if within is None else t - within)
                self.fail(part, fid, t, conn, type_, direction, unsure)
        ends = self.rule.mode == "chain" or (self.rule.mode == "alternate" and roles & B)
        if ends:
            since = fid
        part.set_state(self.index, (t if roles & A else None if ends else before, since))

    def fail(
        self, part: Slice, fid: int | None, t: int, conn: ConnectionState, type_: str, direction: int | None,
        unsure: str | None = None,
    ) -> None:  # fmt: skip
        first = names(self.operands[0])
        before = {"any": "earlier", "alternate": "since the one before", "chain": "just before"}[self.rule.mode]
        if self.rule.within_ns is not None:
            before = f"in the {seconds(self.rule.within_ns)} before"
        self.violate(
            part,
            conn,
            kind="order",
            message=f"{type_} without {either(first)} {before}{where(part)}",
            activation=fid,
            frames=frames_of(part.fid, fid),
            expected=first,
            seen=type_,
            decided_by="event",
            decided_at=t,
            at_ns=t,
            blame=None if direction is None else sender(direction),
            unsure=unsure or (why_unsure(part.unread, self.operands[0], self.began(part)) if self.simple else None),
            caused_by=explanation(part, first),
        )

    def activated(self, part: Slice) -> bool:
        """A simple one is decided with each b: without an a it is violated, with one satisfied for good."""
        return not self.simple and bool(part.mask & self.bits)


class RespondedExistence(Monitor):
    """If a occurs, b occurs before or after it."""

    def event(
        self, part: Slice, roles: int, fid: int | None, t: int, conn: ConnectionState, type_: str, direction: int | None
    ) -> None:
        state = part.state(self.index) or (None, False)
        if roles & A and state[0] is None:
            self.activate(part)
            state = ((fid, t), state[1])
        part.set_state(self.index, (state[0], state[1] or bool(roles & B)))

    def activated(self, part: Slice) -> bool:
        state = part.state(self.index)
        return state is not None and state[0] is not None

    def final(self, part: Slice) -> bool:
        return bool(part.state(self.index)[1])

    def decide(self, part: Slice, t: int, cause: str | None, by: str) -> None:
        state = part.state(self.index)
        if state is not None and state[0] is not None and not state[1]:
            a, b = names(self.operands[0]), names(self.operands[1])
            self.violate(
                part,
                kind="missing",
                absent=True,
                message=f"{either(a)} came, but never {either(b)}{where(part)}",
                activation=state[0][0],
                frames=frames_of(state[0][0]),
                expected=b,
                decided_by=by,
                decided_at=t,
                at_ns=missing_at(part, t),
                blame=blame(self.operands[1]),
                unsure=why_unsure(part.unread, self.operands[1], self.began(part)),
                caused_by=cause or explanation(part, b),
            )


class NotCoExistence(Monitor):
    """Not both a and b."""

    def event(
        self, part: Slice, roles: int, fid: int | None, t: int, conn: ConnectionState, type_: str, direction: int | None
    ) -> None:
        seen, first = part.state(self.index) or (0, fid)
        if not seen and roles & (A | B):
            self.activate(part)
        seen |= roles & (A | B)
        if seen == A | B:
            a, b = names(self.operands[0]), names(self.operands[1])
            self.violate(
                part,
                conn,
                kind="unexpected",
                message=f"{either(a)} and {either(b)} both came{where(part)}",
                activation=first,
                frames=frames_of(first, fid),
                seen=type_,
                decided_by="event",
                decided_at=t,
                blame=None if direction is None else sender(direction),
            )
            seen |= 4  # said once
        part.set_state(self.index, (seen, first))

    def activated(self, part: Slice) -> bool:
        state = part.state(self.index)
        return state is not None and bool(state[0])
