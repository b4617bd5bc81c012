"""What all monitors of DECLARE templates share, and how a slice closes.

The templates are DECLARE's (Pesic, Schonenberg, van der Aalst: "DECLARE: full support for loosely-structured processes", 2007),
their meaning on finite traces that of LTLf (De Giacomo, Vardi, 2013). While a trace goes on a verdict is one of RV-LTL's four
(Bauer, Leucker, Schallhart, 2010): what can still change is `pending` or `ok_so_far`. Each template is one class; the group of
rules that share their slices (`rules.group`) gives it events and closes its slices.

An event comes with its roles in the rule, one bit for each operand: bit 0 is a, bit 1 is b. Where an event is both, b is
looked at first: it answers what came before it, and an a counts for what comes after it.

State: bits of the slice's `mask` where a few are enough, so that a healthy slice is closed by one comparison; else an object in
its `states`, under the rule's number. With `unless`, what counts is kept under the inverted number until the span has ended.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from typing import Any

from wsreplay.contract.model import Declare, Patterns
from wsreplay.validator.emit.fit import Fit, Roles
from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.missing_events import MissingEvents
from wsreplay.validator.reporting import Counts, Reported, Reporter
from wsreplay.validator.rules.monitor import Monitor
from wsreplay.validator.rules.owed import Owed, first_owed
from wsreplay.validator.state.clock import NEVER, Clock
from wsreplay.validator.state.state import ConnectionState, Instance, SessionState, Slice
from wsreplay.validator.state.trace_event import TraceEvent
from wsreplay.validator.state.undecodable import why_unsure

A, B = 1, 2
AFTER, UNTIL = 1 << 30, 1 << 31
COMPLETE, TRUNCATED, SUPPRESSED = range(3)  # how a slice closes
NO_BIT = 1 << 62  # of a mask; where it is needed, a slice is never quickly done with


class Obligation(Owed, eq=False):
    """Something that must still come."""

    slice_: Slice
    # the frame and time (ns) of what it follows from
    fid: int | None
    t: int
    # inclusive, in ns; 0 where nothing bounds it
    due: int
    conn: ConnectionState


class Template(Monitor, ABC):
    """One rule over all its slices."""

    # a slice is one activation, whatever happens in it
    per_slice = False
    # it has to know when a slice begins, though that activates nothing by itself
    needs_begin = False
    # an event that it looks at and that lacks the keys of its slices is an error
    demands_keys = True
    rule: Declare

    def __init__(
        self, rule: Declare, number: int, counts: Counts, reporter: Reporter, clock: Clock, missed: MissingEvents
    ) -> None:
        super().__init__(rule, number, counts, reporter)
        self.clock, self.missed, self.operands = clock, missed, rule.operands
        self.timed = rule.within_ns is not None
        # how many bits of a slice's mask it takes, and the lowest of them
        self.width = 0
        self.bits = 0
        # obligations with a bound, in the order of their deadlines: the bound of a rule is one, so that no heap is needed
        self.queue: deque[Obligation] = deque()
        # pattern sets with the bit of the role that an event gets which fits them
        operands = [(operand, 1 << place) for place, operand in enumerate(rule.operands)]
        self.roles: Roles = [*operands, (rule.after, AFTER), (rule.until, UNTIL)]

    def take_bits(self, first: int) -> int:
        """Take its bits of a slice's mask, from `first` on; the next free bit."""
        self.bits = first
        return first << self.width

    def needed(self) -> int:
        """The bits of a slice in which it misses nothing."""
        return 0

    # What the engine calls.

    def next_due(self) -> int | None:
        obligation = first_owed(self.queue)
        return None if obligation is None else obligation.due

    def expire_next(self) -> None:
        self.expire(self.queue.popleft())

    def pending(self, sessions: Iterable[SessionState]) -> int:
        return sum(1 for obligation in self.queue if not obligation.done)

    def collect(self, globals: Globals) -> None:
        self.counts.activate(globals.taken(self.variable))

    def write(self, writer: HandlerWriter, event: Fit, slice_: str) -> tuple[list[str], int]:
        """Lines for an event that fits so, and bits to set in the mask of its slice, whose variable is `slice_`."""
        return [f"{self.variable}.event({slice_}, {writer.bits(event)}, {writer.event})"], 0

    def begin(self, slice_: Slice) -> None:
        """A slice, or a segment of one, opens."""
        if self.per_slice:
            self.activate(slice_)

    @abstractmethod
    def event(self, slice_: Slice, roles: int, event: TraceEvent) -> None:
        """An event came that has these roles in the rule, or befell the connection."""

    def imply(self, slice_: Slice, patterns: Patterns, event: TraceEvent) -> None:
        """An event of these patterns is missing in the slice: the frame shows that it should have come before."""

    def close(self, slice_: Slice, t: int, how: int, cause: str | None, by: str) -> None:
        """A slice closes: complete, truncated, or with nothing to say."""
        if how == COMPLETE:
            self.decide(slice_, t, cause, by)
        elif how == TRUNCATED and self.activated(slice_) and not self.final(slice_):
            self.undecided(slice_)

    def decide(self, slice_: Slice, t: int, cause: str | None, by: str) -> None:
        """The slice is complete: what is still owed is a violation."""

    def activated(self, slice_: Slice) -> bool:
        return self.per_slice or slice_.state(self.number) is not None

    def final(self, slice_: Slice) -> bool:
        """Whether nothing that may still come can change the verdict from satisfied."""
        return False

    def expire(self, obligation: Obligation) -> None:
        """The obligation's bound has passed."""

    # What the templates use.

    def activate(self, slice_: Slice) -> None:
        if self.rule.unless:
            root_of(slice_).set_state(~self.number, (root_of(slice_).state(~self.number) or 0) + 1)
        else:
            self.counts.activate()

    def violate(
        self, slice_: Slice, conn: ConnectionState | None = None, unsure: str | None = None, **details: Any
    ) -> Reported:
        """Report, unless how the span ends is still to say whether it counts."""
        details.update(slice_=slice_, conn=conn or slice_.conn, unsure=unsure or self._unsure_of_scope(slice_))
        if self.rule.unless and details.get("decided_by", "event") == "event":
            root_of(slice_).defer({"monitor": self, **details})
            return Reported("")
        return self.reporter.report(self.counts, **details)

    def _unsure_of_scope(self, slice_: Slice) -> str | None:
        """Why what is said of the scope may lie behind its end: what could not be read may have closed it."""
        root, closers = root_of(slice_), self.rule.until
        if isinstance(root, Instance):
            closers += root.span.end_patterns
        return why_unsure(slice_.undecodable, closers, self.began(slice_), asked=NEVER) if closers else None

    def began(self, slice_: Slice) -> int | None:
        """The frame before which nothing belongs to the slice; None where all of the session may."""
        if self.rule.after:
            return slice_.fid
        root = root_of(slice_)
        return root.fid if isinstance(root, Instance) and not root.begun_unseen else None

    def undecided(self, slice_: Slice) -> None:
        self.counts.doubt()
        slice_.session.doubt()


def root_of(slice_: Slice) -> Slice:
    while not isinstance(slice_, Instance) and slice_.parent is not None:
        slice_ = slice_.parent
    return slice_


def missing_at(slice_: Slice, t: int) -> int:
    """Where a missing event's row stands: the earlier of its span's deadline and the scope's end."""
    root = root_of(slice_)
    if isinstance(root, Instance):
        within = root.span.within_ns
        return min(t, root.t + within) if within is not None else t
    return t


def explanation(slice_: Slice | None, expected: tuple[str, ...]) -> str | None:
    """The finding that already says that one of these is missing here."""
    while slice_ is not None:
        if slice_.causes:
            for type_ in expected:
                if type_ in slice_.causes:
                    return slice_.causes[type_]
        slice_ = slice_.parent if not isinstance(slice_, Instance) else None
    return None
