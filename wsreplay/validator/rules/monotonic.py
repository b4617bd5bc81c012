"""A value that only rises, or only falls.

State: of each slice the last value, and its frame.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from wsreplay.contract.rules.monotonic import Monotonic
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.reporting import short
from wsreplay.validator.rules.value_template import ValueTemplate, declared_events
from wsreplay.validator.state.state import Slice
from wsreplay.validator.state.trace_event import TraceEvent

_HOLDS: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "increasing": (operator.gt, "more than"),
    "non_decreasing": (operator.ge, "at least"),
    "decreasing": (operator.lt, "less than"),
    "non_increasing": (operator.le, "at most"),
    "constant": (operator.eq, ""),
}


class LastValue(Struct, eq=False):
    """The last value of a slice."""

    value: Any
    fid: int | None


class MonotonicTemplate(ValueTemplate):
    """Each value stands to the one before it as the rule says. After a violation it goes on from the value that came."""

    rule: Monotonic

    def __init__(self, *common: Any) -> None:
        super().__init__(*common)
        self.demands_keys = declared_events(self.rule)

    def arguments(self, writer: HandlerWriter) -> list[str]:
        return [writer.value(self.rule.field)]

    def see(self, slice_: Slice, roles: int, event: TraceEvent, *values: Any) -> None:
        value = values[0] if values else None
        if value is None:
            return
        self.activate(slice_)
        last: LastValue | None = slice_.state(self.number)
        field = f"{self.rule.field.text} of {event.type}"
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            self.say(slice_, "format", f"{field} is neither a number nor a string", event)
            return
        slice_.set_state(self.number, LastValue(value, event.fid))
        if last is None:
            return
        if isinstance(value, str) is not isinstance(last.value, str):
            self.say(slice_, "format", f"{field} is {_quoted(value)} after {_quoted(last.value)}", event, last.fid)
            return
        holds, words = _HOLDS[self.rule.order]
        if not holds(value, last.value):
            wanted = f"{words} {short(last.value)}".strip()
            self.say(slice_, "order", f"{field} is {short(value)}, {wanted} expected", event, last.fid)


def _quoted(value: float | str) -> str:
    """So that the text "5" is told from the number."""
    return repr(short(value)) if isinstance(value, str) else short(value)
