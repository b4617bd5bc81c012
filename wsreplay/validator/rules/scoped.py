"""Scopes.

`after` and `until` are Dwyer's (Dwyer, Avrunin, Corbett: "Patterns in property specifications", 1999): from the first opener up
to, not including, the closer, and again from the next opener on. Each segment is a slice of its own for the rule, with the
verdict of a complete slice; what lies between segments is no business of the rule's.

State: the segment that is open. Fast path: none.
"""

from __future__ import annotations

from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.rules.template import AFTER, COMPLETE, UNTIL, Obligation, Template
from wsreplay.validator.state.state import Slice
from wsreplay.validator.state.trace_event import TraceEvent


class Scoped(Template):
    """Any of the others between `after` and `until`: a slice of its own for each segment."""

    def __init__(self, inner: Template) -> None:
        super().__init__(inner.rule, inner.number, inner.counts, inner.reporter, inner.clock, inner.missed)
        # judges the segments; its obligations are the rule's
        self.inner = inner
        self.queue = inner.queue

    def take_bits(self, first: int) -> int:
        return self.inner.take_bits(first)

    def collect(self, globals: Globals) -> None:
        self.inner.collect(globals)

    def begin(self, slice_: Slice) -> None:
        if not self.rule.after:
            self._begin(slice_, None, slice_.t)

    def _begin(self, slice_: Slice, fid: int | None, t: int) -> Slice:
        segment = Slice((), (), slice_.conn, t, fid, slice_)
        slice_.set_state(self.number, segment)
        self.inner.begin(segment)
        return segment

    def event(self, slice_: Slice, roles: int, event: TraceEvent) -> None:
        segment = self._segment_at(slice_, roles, event)
        if segment is not None:
            self.inner.event(segment, roles & ~(AFTER | UNTIL), event)

    def _segment_at(self, slice_: Slice, roles: int, event: TraceEvent) -> Slice | None:
        """The segment that this event is in, when it has opened or closed one."""
        segment: Slice | None = slice_.state(self.number)
        if segment is not None and roles & UNTIL:
            slice_.set_state(self.number, None)
            self._close(segment, event.t, COMPLETE, None, "scope_close")
            return None
        if segment is None and roles & AFTER:
            return self._begin(slice_, event.fid, event.t)
        return segment

    def _close(self, segment: Slice, t: int, how: int, cause: str | None, by: str) -> None:
        segment.end()
        self.inner.close(segment, t, how, cause, by)

    def expire(self, obligation: Obligation) -> None:
        self.inner.expire(obligation)

    def close(self, slice_: Slice, t: int, how: int, cause: str | None, by: str) -> None:
        segment = slice_.state(self.number)
        if segment is not None:
            self._close(segment, t, how, cause, by)
