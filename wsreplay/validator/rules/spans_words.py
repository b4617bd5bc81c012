"""What a span says: its findings, in words, with what makes each doubtful."""

from __future__ import annotations

from typing import Any

from wsreplay.contract.model import Patterns, Span
from wsreplay.units import duration_text
from wsreplay.validator.findings import Severity
from wsreplay.validator.reporting import (
    Counts,
    Reported,
    Reporter,
    blame,
    either,
    frames_of,
    lost,
    names,
    short,
    where,
)
from wsreplay.validator.state.resumption import place_of
from wsreplay.validator.state.state import ConnectionState, Instance, SessionState
from wsreplay.validator.state.trace_event import MessageEvent, TraceEvent
from wsreplay.validator.state.undecodable import why_unsure


class SpanWords:
    """The findings of one span; `outer_starts` are what starts the span that it is inside of."""

    def __init__(self, span: Span, counts: Counts, reporter: Reporter, outer_starts: Patterns | None) -> None:
        self._span, self._counts, self._reporter, self._outer_starts = span, counts, reporter, outer_starts
        # what starts and ends it, as findings say it
        self.starts, self.ends = names(span.start), names(span.end_patterns)
        self._starts = either(self.starts)

    def say_started_again(self, first: Instance, t: int, fid: int | None) -> Reported:
        """A start came while an instance was open under the same key."""
        return self._reporter.report(
            self._counts,
            slice_=first,
            kind="order",
            message=f"{self._starts} came again before the first had ended{where(first)}",
            activation=first.fid,
            frames=frames_of(first.fid, fid),
            expected=self.ends,
            seen=self._starts,
            decided_at=t,
            at_ns=t,
            unsure=why_unsure(first.undecodable, self._span.end_patterns, first.fid),
        )

    def say_stray(self, witness: Instance, event: MessageEvent, since: int | None, place: dict[str, Any]) -> Reported:
        """A body or end event came before any start: before the frame `since` none can have come. `place` is where the start
        was due, and what shows that."""
        return self._reporter.report(
            self._counts,
            slice_=witness,
            kind="missing",
            message=f"{self._starts} never came{where(witness)}; {place['seen']} came without it",
            activation=event.fid,
            expected=self.starts,
            decided_at=event.t,
            blame=event.sender,
            unsure=self._why_unstarted(witness.session, since),
            **place,
        )

    def say_after_end(self, witness: Instance, event: MessageEvent, ended_by: int, since: int | None) -> Reported:
        """A body or end event came after the end, which was the frame `ended_by` (0: no frame)."""
        return self._reporter.report(
            self._counts,
            slice_=witness,
            kind="unexpected",
            message=f"{event.type} came after the end of its {self._span.id}{where(witness)}",
            activation=ended_by or event.fid,
            frames=frames_of(ended_by or None, event.fid),
            seen=event.type,
            decided_at=event.t,
            at_ns=event.t,
            blame=event.sender,
            unsure=self._why_unstarted(witness.session, since),
        )

    def _why_unstarted(self, session: SessionState, since: int | None) -> str | None:
        """Why a start may have come after the frame `since`. One that is no event answers what was asked before it."""
        return why_unsure(session.undecodable, self._span.start, since, asked=session.asked)

    def why_outer_unsure(self, conn: ConnectionState) -> str | None:
        """Why the span that this one is inside of may be open all the same."""
        session = conn.session
        if self._outer_starts is None:
            return None
        return why_unsure(session.undecodable, self._outer_starts, asked=session.asked)

    def say_outside(self, witness: Instance, event: MessageEvent, unsure: str | None) -> Reported:
        """A start came outside of the span that this one must be inside of."""
        return self._reporter.report(
            self._counts,
            slice_=witness,
            kind="order",
            message=f"{event.type} came outside of a {self._span.inside}{where(witness)}",
            frames=frames_of(event.fid),
            activation=event.fid,
            seen=event.type,
            decided_at=event.t,
            at_ns=event.t,
            blame=event.sender,
            unsure=unsure,
        )

    def say_unknown_parent(self, witness: Instance, parent: Any, has_ended: bool, event: MessageEvent) -> None:
        """A start names a parent that is not open."""
        what = "has ended before" if has_ended else f"never began as a {self._span.id}"
        self._reporter.report(
            self._counts,
            slice_=witness,
            kind="order" if has_ended else "unexpected",
            severity=Severity.WARNING,
            message=f"{event.type} names the parent {short(parent)}, which {what}{where(witness)}",
            activation=event.fid,
            frames=frames_of(event.fid),
            seen=event.type,
            decided_at=event.t,
            at_ns=event.t,
            blame=event.sender,
            unsure=why_unsure(witness.conn.session.undecodable, self._span.start),
        )

    def say_other_name(self, instance: Instance, key: str, first: Any, value: Any, event: TraceEvent) -> None:
        """The end has another value of a key than the start."""
        self._reporter.report(
            self._counts,
            slice_=instance,
            kind="consistency",
            severity=Severity.WARNING,
            message=f"{key} is {short(value)} in {event.type}, but was {short(first)}{where(instance)}",
            activation=instance.fid,
            frames=frames_of(instance.fid, event.fid),
            seen=event.type,
            decided_at=event.t,
            at_ns=event.t,
            blame=event.sender,
        )

    def say_left(self, instance: Instance, t: int, by: str) -> Reported:
        """The client went away in the middle of it: it is owed nothing any more."""
        return self._reporter.report(
            self._counts,
            slice_=instance,
            kind="cut",
            severity=Severity.WARNING,
            message=f"the client left before it ended{where(instance)}{lost(instance.session.last or instance.conn)}",
            activation=instance.fid,
            frames=frames_of(instance.fid),
            decided_by=by,
            decided_at=t,
            blame="client",
        )

    def why_cut(self, instance: Instance) -> str:
        """How the connection ended on which it was going on: `; the connection was closed by the server (1011)`. Nothing while
        that connection is open."""
        session, conn = instance.session, place_of(instance)
        how = lost(conn)
        if not how or session.last is conn:
            return how
        return f"{how}; the client reconnected, but the {self._span.id} did not go on"

    def say_missing(
        self, instance: Instance, t: int, *, by: str, seen: str | None = None, fid: int | None = None, why: str = "",
        caused_by: str | None = None,
    ) -> Reported:
        """The end never came, or not in time. What only follows from that is folded under it."""
        within = self._span.within_ns
        due = instance.t + instance.waited + within if within is not None else None
        if by == "deadline" and within is not None:
            why = self.why_cut(instance)
            message = f"{either(self.ends)} did not come within {duration_text(within)}{where(instance)}{why}"
        else:
            message = f"{either(self.ends)} never came{where(instance)}{why}"
        reported = self._reporter.report(
            self._counts,
            slice_=instance,
            kind="missing",
            absent=True,
            message=message,
            activation=instance.fid,
            frames=frames_of(instance.fid, fid),
            expected=self.ends,
            until=due,
            seen=seen,
            decided_by=by,
            decided_at=t,
            at_ns=t if due is None else min(t, due),
            blame=blame(self._span.end_patterns),
            bound_from=instance.t if by == "deadline" else None,
            unsure=why_unsure(instance.undecodable, self._span.end_patterns, instance.fid),
            caused_by=caused_by or (instance.session.lost_by if instance.session.connections == 0 else None),
        )
        instance.explain(self.ends, reported.id)
        if instance.parent is not None:
            instance.parent.explain(self.ends, reported.id)
        return reported

    def say_late(self, instance: Instance, finding: int, t: int, fid: int | None, type_: str) -> str:
        """The end came after the finding that it did not come in time; by how much, in words."""
        late = t - instance.t - instance.waited - (self._span.within_ns or 0)
        self._reporter.amend(
            finding,
            kind="late",
            late_by=late,
            seen=type_,
            frames=frames_of(instance.fid, fid),
            message=f"{type_} came {duration_text(late)} too late{where(instance)}",
        )
        return f"{duration_text(late)} late"
