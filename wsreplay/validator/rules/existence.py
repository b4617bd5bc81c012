"""DECLARE's existence templates: what occurs in a slice, how often, first, and last."""

from __future__ import annotations

from wsreplay.contract.model import Declare, Patterns
from wsreplay.validator.reporting import Counts, Reporter, blame, either, frames_of, names, sender, where
from wsreplay.validator.rules.template import AFTER, UNTIL, Monitor, explanation, missing_at
from wsreplay.validator.state.state import Clock, ConnectionState, Slice
from wsreplay.validator.state.unread import why_unsure


class Existence(Monitor):
    """Each listed type at least `min` and at most `max` times."""

    per_slice = True

    def __init__(self, rule: Declare, index: int, counts: Counts, reporter: Reporter, clock: Clock) -> None:
        super().__init__(rule, index, counts, reporter, clock)
        self.simple = rule.min <= 1 and rule.max is None and not rule.after and not rule.until

    def event(
        self, part: Slice, roles: int, fid: int | None, t: int, conn: ConnectionState, type_: str, direction: int | None
    ) -> None:
        if self.simple:
            part.mask |= (roles & ~(AFTER | UNTIL)) * self.bits
            return
        state = part.state(self.index)
        if state is None:
            part.set_state(self.index, state := [0] * len(self.operands))
        for number in range(len(self.operands)):
            if roles >> number & 1:
                state[number] += 1
                if self.rule.max is not None and state[number] > self.rule.max:
                    self._too_many(part, number, state[number], fid, t, conn, type_, direction)

    def _too_many(
        self,
        part: Slice,
        number: int,
        count: int,
        fid: int | None,
        t: int,
        conn: ConnectionState,
        type_: str,
        direction: int | None,
    ) -> None:
        self.violate(
            part,
            conn,
            kind="unexpected",
            message=f"{type_} came {count} times, at most {self.rule.max} expected{where(part)}",
            frames=frames_of(part.fid, fid),
            activation=part.fid,
            seen=type_,
            decided_by="event",
            decided_at=t,
            blame=None if direction is None else sender(direction),
        )

    def _count(self, part: Slice, number: int) -> int:
        if self.simple:
            return 1 if part.mask & self.bits << number or not self.rule.min else 0
        state = part.state(self.index)
        return int(state[number]) if state is not None else 0

    def final(self, part: Slice) -> bool:
        enough = all(self._count(part, number) >= self.rule.min for number in range(len(self.operands)))
        return enough and self.rule.max is None

    def decide(self, part: Slice, t: int, cause: str | None, by: str) -> None:
        counted = True
        for number, operand in enumerate(self.operands):
            count = self._count(part, number)
            if count < self.rule.min:
                self._too_few(part, operand, count, t, cause, by, counted)
                counted = False

    def _too_few(self, part: Slice, operand: Patterns, count: int, t: int, cause: str | None, by: str, counted: bool) -> None:
        expected = names(operand)
        if count:
            message = f"{either(expected)} came {count} times, at least {self.rule.min} expected{where(part)}"
        else:
            message = f"{either(expected)} never came{where(part)}"
        self.violate(
            part,
            kind="missing",
            absent=True,
            message=message,
            frames=frames_of(part.fid),
            activation=part.fid,
            expected=expected,
            decided_by=by,
            decided_at=t,
            at_ns=missing_at(part, t),
            blame=blame(operand),
            counted=counted,
            unsure=why_unsure(part.unread, operand, self.began(part)),
            caused_by=cause or explanation(part, expected),
        )


class Absence(Monitor):
    """None of the listed types."""

    per_slice = True

    def event(
        self, part: Slice, roles: int, fid: int | None, t: int, conn: ConnectionState, type_: str, direction: int | None
    ) -> None:
        if roles:
            self.violate(
                part,
                conn,
                kind="unexpected",
                message=f"{type_} must not come{where(part)}",
                frames=frames_of(fid),
                activation=fid,
                seen=type_,
                decided_by="event",
                decided_at=t,
                blame=None if direction is None else sender(direction),
            )


class Init(Monitor):
    """The first event is one of the listed."""

    def event(
        self, part: Slice, roles: int, fid: int | None, t: int, conn: ConnectionState, type_: str, direction: int | None
    ) -> None:
        if part.state(self.index) is not None:
            return
        part.set_state(self.index, True)
        self.activate(part)
        if not roles:
            first = tuple(pattern for operand in self.operands for pattern in operand)
            expected = names(first)
            self.violate(
                part,
                conn,
                kind="order",
                message=f"{type_} came first, {either(expected)} expected{where(part)}",
                frames=frames_of(fid),
                activation=fid,
                expected=expected,
                seen=type_,
                decided_by="event",
                decided_at=t,
                at_ns=t,
                blame=None if direction is None else sender(direction),
                unsure=why_unsure(part.unread, first, self.began(part)),
            )

    def final(self, part: Slice) -> bool:
        return part.state(self.index) is not None


class End(Monitor):
    """The last event is one of the listed."""

    def event(
        self, part: Slice, roles: int, fid: int | None, t: int, conn: ConnectionState, type_: str, direction: int | None
    ) -> None:
        if part.state(self.index) is None:
            self.activate(part)
        part.set_state(self.index, (bool(roles), fid, type_))

    def decide(self, part: Slice, t: int, cause: str | None, by: str) -> None:
        state = part.state(self.index)
        if state is not None and not state[0]:
            last = tuple(pattern for operand in self.operands for pattern in operand)
            expected = names(last)
            self.violate(
                part,
                kind="missing",
                absent=True,
                message=f"{state[2]} came last, {either(expected)} expected{where(part)}",
                frames=frames_of(state[1]),
                activation=state[1],
                expected=expected,
                seen=state[2],
                decided_by=by,
                decided_at=t,
                at_ns=missing_at(part, t),
                unsure=why_unsure(part.unread, last, state[1]),
                caused_by=cause or explanation(part, expected),
            )
