"""Templates that look at values in messages: what they share.

State: an object in the slice's `states`, under the rule's number. Fast path: none.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from wsreplay.contract.model import Declare
from wsreplay.validator.emit.fit import Fit
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.reporting import Reported, frames_of, where
from wsreplay.validator.rules.scoped import Scoped
from wsreplay.validator.rules.template import AFTER, UNTIL, Template
from wsreplay.validator.state.state import Slice
from wsreplay.validator.state.trace_event import TraceEvent


class ValueTemplate(Template):
    """One rule over all its slices, which is told values of each event."""

    def arguments(self, writer: HandlerWriter) -> list[str]:
        """Expressions for the values that it is told."""
        return []

    def write(self, writer: HandlerWriter, event: Fit, slice_: str) -> tuple[list[str], int]:
        return write_see(self, self.arguments(writer), writer, event, slice_), 0

    def event(self, slice_: Slice, roles: int, event: TraceEvent) -> None:
        """What befell a connection carries no values."""
        self.see(slice_, roles, event)

    @abstractmethod
    def see(self, slice_: Slice, roles: int, event: TraceEvent, *values: Any) -> None:
        """An event came, with the values that `arguments` names; none where it befell a connection."""

    def say(
        self, slice_: Slice, kind: str, message: str, event: TraceEvent, since: int | None = None, **details: Any
    ) -> Reported:
        """Report what this event shows; `since` is the frame that it is compared with."""
        return self.violate(
            slice_,
            event.conn,
            kind=kind,
            message=message + where(slice_),
            frames=frames_of(since, event.witness),
            activation=event.fid if since is None else since,
            seen=event.type,
            decided_at=event.t,
            blame=event.sender,
            **details,
        )


def write_see(
    monitor: Template, arguments: list[str], writer: HandlerWriter, event: Fit, slice_: str
) -> list[str]:
    """Lines that tell a monitor of an event, with its values."""
    call = f"{slice_}, {writer.bits(event)}, {writer.event}"
    return [f"{monitor.variable}.see({', '.join([call, *arguments])})"]


class ScopedValues(Scoped):
    """Such a rule between `after` and `until`."""

    inner: ValueTemplate

    def __init__(self, inner: ValueTemplate) -> None:
        super().__init__(inner)
        self.demands_keys = inner.demands_keys

    def write(self, writer: HandlerWriter, event: Fit, slice_: str) -> tuple[list[str], int]:
        return write_see(self, self.inner.arguments(writer), writer, event, slice_), 0

    def see(self, slice_: Slice, roles: int, event: TraceEvent, *values: Any) -> None:
        """An event came; the segment that is open is told of it."""
        segment = self._segment_at(slice_, roles, event)
        rest = roles & ~(AFTER | UNTIL)
        if segment is not None and rest:
            self.inner.see(segment, rest, event, *values)


def declared_events(rule: Declare) -> bool:
    """Whether the rule says which events it looks at."""
    return any(pattern.type != "*" for operand in rule.operands for pattern in operand)
