"""DECLARE's existence templates: what occurs in a slice, how often, first, and last.

State of `existence`: with the default counts one bit of the slice's mask for each listed type, else a count of each; of `init`
and `end`, whether an event came, and which was the last.

Fast path of `existence` with the default counts: the event's bit is set.
"""

from __future__ import annotations

from wsreplay.contract.model import Declare, Patterns
from wsreplay.validator.emit.fit import Fit
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.missing_events import MissingEvents
from wsreplay.validator.reporting import Counts, Reporter, blame, either, frames_of, names, where
from wsreplay.validator.rules.template import AFTER, NO_BIT, UNTIL, Template, explanation, missing_at
from wsreplay.validator.state.clock import Clock
from wsreplay.validator.state.state import Slice
from wsreplay.validator.state.trace_event import TraceEvent
from wsreplay.validator.state.undecodable import why_unsure


class Existence(Template):
    """Each listed type at least `min` and at most `max` times."""

    per_slice = True

    def __init__(
        self, rule: Declare, number: int, counts: Counts, reporter: Reporter, clock: Clock, missed: MissingEvents
    ) -> None:
        super().__init__(rule, number, counts, reporter, clock, missed)
        # bits of the mask say all
        self.simple = rule.min <= 1 and rule.max is None and not rule.after and not rule.until
        self.width = len(self.operands) if self.simple else 0

    def needed(self) -> int:
        if not self.rule.min:
            return 0
        return ((1 << self.width) - 1) * self.bits if self.simple else NO_BIT

    def write(self, writer: HandlerWriter, event: Fit, slice_: str) -> tuple[list[str], int]:
        if self.simple and writer.inline and not event.conditional:
            return [], event.certain * self.bits
        return super().write(writer, event, slice_)

    def event(self, slice_: Slice, roles: int, event: TraceEvent) -> None:
        if self.simple:
            slice_.mask |= (roles & ~(AFTER | UNTIL)) * self.bits
            return
        state = slice_.state(self.number)
        if state is None:
            slice_.set_state(self.number, state := [0] * len(self.operands))
        for place in range(len(self.operands)):
            if roles >> place & 1:
                state[place] += 1
                if self.rule.max is not None and state[place] > self.rule.max:
                    self._say_too_many(slice_, state[place], event)

    def _say_too_many(self, slice_: Slice, count: int, event: TraceEvent) -> None:
        self.violate(
            slice_,
            event.conn,
            kind="unexpected",
            message=f"{event.said} came {_times(count)}, at most {self.rule.max} expected{where(slice_)}",
            frames=frames_of(slice_.fid, event.witness),
            activation=slice_.fid,
            seen=event.type,
            decided_at=event.t,
            blame=event.sender,
        )

    def _count(self, slice_: Slice, place: int) -> int:
        """How often the type came that stands at this place in the rule."""
        if self.simple:
            return 1 if slice_.mask & self.bits << place or not self.rule.min else 0
        state = slice_.state(self.number)
        return int(state[place]) if state is not None else 0

    def final(self, slice_: Slice) -> bool:
        enough = all(self._count(slice_, place) >= self.rule.min for place in range(len(self.operands)))
        return enough and self.rule.max is None

    def decide(self, slice_: Slice, t: int, cause: str | None, by: str) -> None:
        counted = True
        for place, operand in enumerate(self.operands):
            count = self._count(slice_, place)
            if count < self.rule.min:
                self._say_too_few(slice_, operand, count, t, cause, by, counted)
                counted = False

    def _say_too_few(
        self, slice_: Slice, operand: Patterns, count: int, t: int, cause: str | None, by: str, counted: bool
    ) -> None:
        expected = names(operand)
        if count:
            message = f"{either(expected)} came {_times(count)}, at least {self.rule.min} expected{where(slice_)}"
        else:
            message = f"{either(expected)} never came{where(slice_)}"
        reported = self.violate(
            slice_,
            kind="missing",
            absent=True,
            message=message,
            frames=frames_of(slice_.fid),
            activation=slice_.fid,
            expected=expected,
            decided_by=by,
            decided_at=t,
            at_ns=missing_at(slice_, t),
            blame=blame(operand),
            counted=counted,
            unsure=why_unsure(slice_.undecodable, operand, self.began(slice_)),
            caused_by=cause or explanation(slice_, expected),
        )
        if not count:
            self.missed.add(slice_.session, reported.place)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


class Absence(Template):
    """None of the listed types."""

    per_slice = True

    def event(self, slice_: Slice, roles: int, event: TraceEvent) -> None:
        if roles:
            self.violate(
                slice_,
                event.conn,
                kind="unexpected",
                message=f"{event.said} must not come{where(slice_)}",
                frames=frames_of(event.witness),
                activation=event.fid,
                seen=event.type,
                decided_at=event.t,
                blame=event.sender,
            )


class Init(Template):
    """The first event is one of the listed."""

    def event(self, slice_: Slice, roles: int, event: TraceEvent) -> None:
        if slice_.state(self.number) is not None:
            return
        slice_.set_state(self.number, True)
        self.activate(slice_)
        if not roles:
            first = tuple(pattern for operand in self.operands for pattern in operand)
            expected = names(first)
            self.violate(
                slice_,
                event.conn,
                kind="order",
                message=f"{event.said} came first, {either(expected)} expected{where(slice_)}",
                frames=frames_of(event.witness),
                activation=event.fid,
                expected=expected,
                seen=event.type,
                decided_at=event.t,
                at_ns=event.t,
                blame=event.sender,
                unsure=why_unsure(slice_.undecodable, first, self.began(slice_)),
            )

    def final(self, slice_: Slice) -> bool:
        return slice_.state(self.number) is not None


class End(Template):
    """The last event is one of the listed."""

    def event(self, slice_: Slice, roles: int, event: TraceEvent) -> None:
        if slice_.state(self.number) is None:
            self.activate(slice_)
        slice_.set_state(self.number, (bool(roles), event))

    def decide(self, slice_: Slice, t: int, cause: str | None, by: str) -> None:
        state = slice_.state(self.number)
        if state is not None and not state[0]:
            last = tuple(pattern for operand in self.operands for pattern in operand)
            expected = names(last)
            came: TraceEvent = state[1]
            self.violate(
                slice_,
                kind="missing",
                absent=True,
                message=f"{came.said} came last, {either(expected)} expected{where(slice_)}",
                frames=frames_of(came.witness),
                activation=came.fid,
                expected=expected,
                seen=came.type,
                decided_by=by,
                decided_at=t,
                at_ns=missing_at(slice_, t),
                unsure=why_unsure(slice_.undecodable, last, came.fid),
                caused_by=cause or explanation(slice_, expected),
            )
