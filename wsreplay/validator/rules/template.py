"""What all monitors of DECLARE templates share, and how a slice closes.

An event comes with its roles in the rule, one bit for each operand: bit 0 is a, bit 1 is b. Where an event is both, b is
looked at first: it answers what came before it, and an a counts for what comes after it.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from msgspec import Struct

from wsreplay.contract.model import Declare
from wsreplay.validator.reporting import Counts, Reporter
from wsreplay.validator.state.state import Clock, ConnectionState, Instance, Slice
from wsreplay.validator.state.unread import why_unsure

A, B = 1, 2
AFTER, UNTIL = 1 << 30, 1 << 31
COMPLETE, TRUNCATED, SUPPRESSED = range(3)  # how a slice closes


class Obligation(Struct, eq=False):
    """Something that must still come. `due` is in ns, inclusive."""

    part: Slice
    fid: int | None
    t: int
    due: int
    conn: ConnectionState
    done: bool = False
    finding: int | None = None


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
            root_of(part).set_state(~self.index, (root_of(part).state(~self.index) or 0) + 1)
        else:
            self.counts.activations += 1

    def violate(
        self, part: Slice, conn: ConnectionState | None = None, unsure: str | None = None, **details: Any
    ) -> str:
        """Report, unless how the span ends is still to say whether it counts."""
        details.update(slice=part, conn=conn or part.conn, unsure=unsure or self._unsure_of_scope(part))
        if self.rule.unless and details["decided_by"] == "event":
            root = root_of(part)
            if root.held_back is None:
                root.held_back = []
            root.held_back.append({"monitor": self, **details})
            return ""
        return self.reporter.report(self.counts, **details)

    def _unsure_of_scope(self, part: Slice) -> str | None:
        """Why what is said of the scope may lie behind its end: what could not be read may have closed it."""
        root, closers = root_of(part), self.rule.until
        if isinstance(root, Instance):
            closers += root.monitor.span.end_patterns
        return why_unsure(part.unread, closers, self.began(part)) if closers else None

    def began(self, part: Slice) -> int | None:
        """The frame before which nothing belongs to the slice; None where all of the session may."""
        if self.rule.after:
            return part.fid
        root = root_of(part)
        return root.fid if isinstance(root, Instance) and not root.begun_unseen else None

    def undecided(self, part: Slice) -> None:
        self.counts.inconclusive += 1
        part.session.undecided = True


def root_of(part: Slice) -> Slice:
    while not isinstance(part, Instance) and part.parent is not None:
        part = part.parent
    return part


def missing_at(part: Slice, t: int) -> int:
    """Where a missing event's row stands: the earlier of its span's deadline and the scope's end."""
    root = root_of(part)
    if isinstance(root, Instance):
        within = root.monitor.span.within_ns
        return min(t, root.t + within) if within is not None else t
    return t


def explanation(part: Slice | None, expected: tuple[str, ...]) -> str | None:
    """The finding that already says that one of these is missing here."""
    while part is not None:
        if part.explained:
            for type_ in expected:
                if type_ in part.explained:
                    return part.explained[type_]
        part = part.parent if not isinstance(part, Instance) else None
    return None
