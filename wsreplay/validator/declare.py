"""The DECLARE templates as monitors over slices (Pesic, van der Aalst: DECLARE; LTLf after De Giacomo, Vardi).

An event comes with its roles in the rule, one bit for each operand: bit 0 is a, bit 1 is b. Where an event is both, b is
looked at first: it answers what came before it, and an a counts for what comes after it.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from wsreplay.contract.model import Declare, Patterns
from wsreplay.validator.reporting import Counts, Reporter, blame, either, names, seconds, sender, where
from wsreplay.validator.state import Clock, ConnectionState, Instance, Slice, new_slice

A, B = 1, 2
AFTER, UNTIL = 1 << 30, 1 << 31
COMPLETE, TRUNCATED, SUPPRESSED = range(3)  # how a slice closes

_NO_BIT = 1 << 62  # of a mask; where it is needed, a slice is never quickly done with
_MOST_OPEN = 1_000  # obligations of one rule in one slice


class Obligation:
    """Something that must still come. `due` is in ns, inclusive."""

    __slots__ = ("conn", "done", "due", "fid", "finding", "part", "t")

    def __init__(self, part: Slice, fid: int | None, t: int, due: int, conn: ConnectionState) -> None:
        self.part, self.fid, self.t, self.due, self.conn = part, fid, t, due, conn
        self.done = False
        self.finding: int | None = None


class Monitor:
    """One rule over all its slices."""

    per_slice = False  # a slice is one activation, whatever happens in it

    def __init__(self, rule: Declare, index: int, counts: Counts, reporter: Reporter, clock: Clock) -> None:
        self.rule, self.index, self.counts, self.reporter, self.clock = rule, index, counts, reporter, clock
        self.operands = rule.operands
        self.bits = 0  # of a slice's mask, the lowest of this rule's
        self.queue: deque[Obligation] = deque()

    # What the engine calls.

    def begin(self, part: Slice) -> None:
        """A slice, or a segment of one, opens."""
        if self.per_slice:
            self.activate(part)

    def event(
        self, part: Slice, roles: int, fid: int | None, t: int, conn: ConnectionState, type_: str, direction: int | None
    ) -> None:
        raise NotImplementedError

    def close(self, part: Slice, t: int, how: int, cause: str | None, by: str) -> None:
        """A slice closes: complete, truncated, or with nothing to say."""
        if how == COMPLETE:
            self.decide(part, t, cause, by)
        elif how == TRUNCATED and self.activated(part) and not self.final(part):
            self.undecided(part)

    def decide(self, part: Slice, t: int, cause: str | None, by: str) -> None:
        """The slice is complete: what is still owed is a violation."""

    def activated(self, part: Slice) -> bool:
        return self.per_slice or part.state(self.index) is not None

    def final(self, part: Slice) -> bool:
        """Whether nothing that may still come can change the verdict from satisfied."""
        return False

    def expire(self, obligation: Obligation) -> None:
        """The obligation's bound has passed."""

    # What the templates use.

    def activate(self, part: Slice) -> None:
        if self.rule.unless:
            _root(part).set_state(~self.index, (_root(part).state(~self.index) or 0) + 1)
        else:
            self.counts.activations += 1

    def violate(self, part: Slice, conn: ConnectionState | None = None, **details: Any) -> str:
        """Report, unless how the span ends is still to say whether it counts."""
        details.update(slice=part, conn=conn or part.conn)
        if self.rule.unless and details["decided_by"] == "event":
            root = _root(part)
            if root.held_back is None:
                root.held_back = []
            root.held_back.append({"monitor": self, **details})
            return ""
        return self.reporter.report(self.counts, **details)

    def undecided(self, part: Slice) -> None:
        self.counts.inconclusive += 1
        part.session.undecided = True


def _root(part: Slice) -> Slice:
    while not isinstance(part, Instance) and part.parent is not None:
        part = part.parent
    return part


def missing_at(part: Slice, t: int) -> int:
    """Where a missing event's row stands: the earlier of its span's deadline and the scope's end."""
    root = _root(part)
    if isinstance(root, Instance):
        within = root.monitor.span.within_ns
        return min(t, root.t + within) if within is not None else t
    return t


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
            frames=_frames(part.fid, fid),
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
            frames=_frames(part.fid),
            activation=part.fid,
            expected=expected,
            decided_by=by,
            decided_at=t,
            at_ns=missing_at(part, t),
            blame=blame(operand),
            counted=counted,
            caused_by=cause or _explanation(part, expected),
        )


def _explanation(part: Slice | None, expected: tuple[str, ...]) -> str | None:
    """The finding that already says that one of these is missing here."""
    while part is not None:
        if part.explained:
            for type_ in expected:
                if type_ in part.explained:
                    return part.explained[type_]
        part = part.parent if not isinstance(part, Instance) else None
    return None


def _frames(*fids: int | None) -> tuple[int, ...]:
    return tuple(dict.fromkeys(fid for fid in fids if fid is not None))


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
                frames=_frames(fid),
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
            expected = names(tuple(pattern for operand in self.operands for pattern in operand))
            self.violate(
                part,
                conn,
                kind="order",
                message=f"{type_} came first, {either(expected)} expected{where(part)}",
                frames=_frames(fid),
                activation=fid,
                expected=expected,
                seen=type_,
                decided_by="event",
                decided_at=t,
                at_ns=t,
                blame=None if direction is None else sender(direction),
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
            expected = names(tuple(pattern for operand in self.operands for pattern in operand))
            self.violate(
                part,
                kind="missing",
                absent=True,
                message=f"{state[2]} came last, {either(expected)} expected{where(part)}",
                frames=_frames(state[1]),
                activation=state[1],
                expected=expected,
                seen=state[2],
                decided_by=by,
                decided_at=t,
                at_ns=missing_at(part, t),
                caused_by=cause or _explanation(part, expected),
            )


class Pending:
    """The obligations of one rule in one slice: open, and those whose bound has passed."""

    __slots__ = ("late", "open")

    def __init__(self) -> None:
        self.open: list[Obligation] = []
        self.late: list[Obligation] = []


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
                    frames=_frames(obligation.fid, fid),
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
        self._fail(obligation, obligation.due, by="deadline", seen=None, seen_fid=None, cause=None)
        kept = self.reporter.findings
        obligation.finding = len(kept) - 1 if kept and kept[-1].rule == self.rule.id else None

    def _fail(
        self, obligation: Obligation, t: int, *, by: str, seen: str | None, seen_fid: int | None, cause: str | None
    ) -> None:
        obligation.done = True
        part, within = obligation.part, self.rule.within_ns
        trigger, expected = names(self.operands[0]), names(self.operands[1])
        message = f"{either(expected)} did not come"
        message += f" within {seconds(within)}" if by == "deadline" and within is not None else ""
        message += f" before {seen}" if by == "event" else ""
        self.violate(
            part, obligation.conn, kind="missing", absent=by != "event", message=f"{message} after {either(trigger)}{where(part)}",
            activation=obligation.fid, frames=_frames(obligation.fid, seen_fid), expected=expected,
            until=obligation.due if within is not None else None, seen=seen, decided_by=by, decided_at=t,
            at_ns=min(t, obligation.due) if within is not None else t, blame=blame(self.operands[1]),
            bound_from=obligation.t if by == "deadline" else None, caused_by=cause or _explanation(part, expected),
        )  # fmt: skip

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
        before = part.state(self.index)  # the time of the a that counts
        if roles & B:
            self.activate(part)
            part.mask |= self.bits
            within = self.rule.within_ns
            if before is None or (within is not None and t - before > within):
                self.fail(part, fid, t, conn, type_, direction)
        if roles & A:
            part.set_state(self.index, t)
        elif before is not None and (self.rule.mode == "chain" or (self.rule.mode == "alternate" and roles & B)):
            part.set_state(self.index, None)

    def fail(self, part: Slice, fid: int | None, t: int, conn: ConnectionState, type_: str, direction: int | None) -> None:
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
            frames=_frames(part.fid, fid),
            expected=first,
            seen=type_,
            decided_by="event",
            decided_at=t,
            at_ns=t,
            blame=None if direction is None else sender(direction),
            caused_by=_explanation(part, first),
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
                frames=_frames(state[0][0]),
                expected=b,
                decided_by=by,
                decided_at=t,
                at_ns=missing_at(part, t),
                blame=blame(self.operands[1]),
                caused_by=cause or _explanation(part, b),
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
                frames=_frames(first, fid),
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


class Scoped(Monitor):
    """Any of the others between `after` and `until` (Dwyer's scopes): a slice of its own for each segment."""

    def __init__(self, inner: Monitor) -> None:
        super().__init__(inner.rule, inner.index, inner.counts, inner.reporter, inner.clock)
        self.inner = inner
        self.queue = inner.queue

    def begin(self, part: Slice) -> None:
        if not self.rule.after:
            self._begin(part, None, part.t)

    def _begin(self, part: Slice, fid: int | None, t: int) -> Slice:
        segment = new_slice((), (), part.conn, t)
        segment.parent, segment.fid = part, fid
        part.set_state(self.index, segment)
        self.inner.begin(segment)
        return segment

    def event(
        self, part: Slice, roles: int, fid: int | None, t: int, conn: ConnectionState, type_: str, direction: int | None
    ) -> None:
        segment: Slice | None = part.state(self.index)
        if segment is not None and roles & UNTIL:
            part.set_state(self.index, None)
            self._close(segment, t, COMPLETE, None, "scope_close")
            segment = None
        elif segment is None and roles & AFTER:
            segment = self._begin(part, fid, t)
        if segment is not None:
            self.inner.event(segment, roles & ~(AFTER | UNTIL), fid, t, conn, type_, direction)

    def _close(self, segment: Slice, t: int, how: int, cause: str | None, by: str) -> None:
        segment.open = False
        self.inner.close(segment, t, how, cause, by)

    def expire(self, obligation: Obligation) -> None:
        self.inner.expire(obligation)

    def close(self, part: Slice, t: int, how: int, cause: str | None, by: str) -> None:
        segment = part.state(self.index)
        if segment is not None:
            self._close(segment, t, how, cause, by)


_TEMPLATES: dict[str, type[Monitor]] = {
    "existence": Existence, "absence": Absence, "init": Init, "end": End, "response": Response, "precedence": Precedence,
    "responded_existence": RespondedExistence, "not_co_existence": NotCoExistence,
}  # fmt: skip


def monitor(rule: Declare, index: int, counts: Counts, reporter: Reporter, clock: Clock) -> Monitor:
    """The monitor of a rule."""
    inner = _TEMPLATES[rule.template](rule, index, counts, reporter, clock)
    return Scoped(inner) if rule.after or rule.until else inner


class Group:
    """The rules that share their slices: the same span, the same keys."""

    def __init__(self, index: int, inside: str | None, by: tuple[str, ...], across_user: bool) -> None:
        self.index, self.inside, self.by, self.across_user = index, inside, by, across_user
        self.monitors: list[Monitor] = []
        self.on_begin: list[Monitor] = []
        self.counted: list[Monitor] = []  # each instance of the span is one activation
        self.unless: set[str] = set()
        self.needed = 0  # bits of a slice in which nothing is missing
        self._quick = False

    def add(self, new: Monitor, bits: int) -> int:
        """Give the monitor its bits of the mask, from `bits` on; the next free bit."""
        self.monitors.append(new)
        new.bits = bits
        self.unless.update(new.rule.unless)
        if new.per_slice and self.inside is not None and not self.by:
            self.counted.append(new)
        elif new.per_slice or isinstance(new, Scoped):
            self.on_begin.append(new)
        simple = new.inner if isinstance(new, Scoped) else new
        simple.bits = bits
        if isinstance(new, Existence) and new.simple:
            if new.rule.min:
                self.needed |= ((1 << len(new.operands)) - 1) * bits
            return bits << len(new.operands)
        if isinstance(new, Existence) and new.rule.min:
            self.needed |= _NO_BIT
        return bits << 1 if isinstance(simple, Precedence | Response) else bits

    def begin(self, part: Slice) -> None:
        for each in self.on_begin:
            each.begin(part)

    def close(
        self, part: Slice, t: int, how: int, cause: str | None = None, by: str = "scope_close", ended: str | None = None
    ) -> None:
        """The slice closes; `ended` is the name of its span's end."""
        if part.states is None and how == COMPLETE and part.mask & self.needed == self.needed and part.held_back is None:
            return
        for each in self.monitors:
            if each.rule.unless:
                self._settle(each, part, t, how, cause, by, ended)
            else:
                each.close(part, t, how, cause, by)

    def _settle(self, each: Monitor, part: Slice, t: int, how: int, cause: str | None, by: str, ended: str | None) -> None:
        """Rules with `unless` wait for the end: it makes them vacuous, or lets what was held back stand."""
        root = _root(part)
        if ended in each.rule.unless or how == SUPPRESSED:
            each.close(part, t, SUPPRESSED, cause, by)
            if each in self.counted:
                each.counts.activations -= 1
            return
        each.counts.activations += root.state(~each.index) or 0
        if root.states is not None:
            root.states.pop(~each.index, None)
        for details in root.held_back or ():
            if details["monitor"] is each:
                rest = {key: value for key, value in details.items() if key != "monitor"}
                each.reporter.report(each.counts, **{**rest, "decided_by": by, "decided_at": t})
        each.close(part, t, how, cause, by)
