"""Events that came while the span that they are of was not open: its start may come next, and have changed places with them.

Such a fault is said once. A start that comes behind what it should precede takes in what that has opened; one that never comes
explains why it was outside; and no rule says that an event never came which came too early.

State: of each session what came so, by span and key, until an instance begins under that key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from wsreplay.validator.findings import Finding, Verdict
from wsreplay.validator.reporting import NO_FRAME, NOT_KEPT, Reporter, frames_of, where
from wsreplay.validator.state.state import Instance, SessionState
from wsreplay.validator.state.trace_event import MessageEvent

MOST_KEYS = 100  # of one session
MOST_OF_KEY = 32

SpanKey = tuple[int, Any]
"""A span's number, and a key of its instances."""


class EarlyEvent(Struct, eq=False):
    """An event that came while its span was not open, and the place of the finding that says so."""

    event: MessageEvent
    place: int
    # where these are missed, that follows from it
    names: tuple[str, ...]
    # what it has started all the same, and what makes that a part of an instance
    child: Instance | None = None
    adopt: Callable[[Instance, Instance], None] | None = None


class EarlyEvents:
    """Those of one trace."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def note(self, key: SpanKey, early: EarlyEvent) -> None:
        """An event came. What may have been in its place, had all been read, is not looked for."""
        if early.place == NOT_KEPT or self._finding(early).verdict is not Verdict.VIOLATED:
            return
        session = early.event.conn.session
        if len(session.early) >= MOST_KEYS and key not in session.early:
            del session.early[next(iter(session.early))]
        noted = session.early.setdefault(key, [])
        if len(noted) < MOST_OF_KEY:
            noted.append(early)
        session.expect_again()

    def take(self, session: SessionState, key: SpanKey) -> list[EarlyEvent]:
        """What came before an instance that begins under this key, and since its client last asked for something."""
        return [early for early in session.early.pop(key, ()) if early.event.fid > session.asked]

    def begin(self, instance: Instance, noted: list[EarlyEvent], start: str) -> None:
        """An instance has begun behind these."""
        for early in noted:
            finding = self._finding(early)
            instance.explain(early.names, finding.id)
            if early.child is None or early.adopt is None or not early.child.open:
                continue
            early.adopt(early.child, instance)
            if not instance.begun_unseen:
                self._reporter.amend(
                    early.place,
                    kind="order",
                    message=f"{early.event.type} came before {start}{where(early.child)}",
                    frames=frames_of(*finding.frames, instance.fid),
                )

    def imply(self, noted: list[EarlyEvent], start: str) -> None:
        """A finding (its id) says that the start never came: what was outside follows from that."""
        for early in noted:
            if early.child is not None:
                self._reporter.follow(self._finding(early).id, early.place, start)

    def place_before(self, noted: list[EarlyEvent], event: MessageEvent) -> dict[str, Any]:
        """Where a start was due that never came, as `event` shows: before the first that was outside of it."""
        outside = next((early for early in noted if early.child is not None), None)
        if outside is None:
            return {"frames": frames_of(event.fid), "seen": event.type, "at_ns": event.t}
        finding, first = self._finding(outside), outside.event
        after = NO_FRAME if finding.after is None else finding.after
        return {
            "frames": frames_of(first.fid, event.fid), "seen": first.type, "at_ns": first.t, "after": after,
            "before": finding.before,
        }  # fmt: skip

    def _finding(self, early: EarlyEvent) -> Finding:
        return self._reporter.findings[early.place]
