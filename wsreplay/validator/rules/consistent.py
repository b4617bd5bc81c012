"""One value of a key for each value of another: a functional dependency.

State: of each slice, which is one value of the first key, the values of the second, each with its frame.
"""

from __future__ import annotations

from typing import Any

from wsreplay.contract.rules.consistent import Consistent
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.reporting import short
from wsreplay.validator.rules.value_template import ValueTemplate
from wsreplay.validator.state.keys import Token
from wsreplay.validator.state.state import Slice
from wsreplay.validator.state.trace_event import TraceEvent

MOST_VALUES = 100  # of one slice; further ones are no news


class ConsistentTemplate(ValueTemplate):
    """One finding for each further value."""

    demands_keys = False
    rule: Consistent

    def arguments(self, writer: HandlerWriter) -> list[str]:
        writer.need(self.rule.determined)
        return [writer.keys.variable(self.rule.determined)]

    def see(self, slice_: Slice, roles: int, event: TraceEvent, *values: Any) -> None:
        value = values[0] if values else None
        if value is None or isinstance(value, Token):
            return
        known: dict[Any, int | None] | None = slice_.state(self.number)
        if known is None:
            self.activate(slice_)
            slice_.set_state(self.number, {value: event.fid})
        elif value not in known and len(known) < MOST_VALUES:
            first = next(iter(known))
            known[value] = event.fid
            message = f"{self.rule.determined} is {short(value)} in {event.type}, but was {short(first)}"
            self.say(slice_, "consistency", message, event, known[first])
