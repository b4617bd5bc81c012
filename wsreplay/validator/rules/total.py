"""As many events, or as much of something in them, as another event says.

State: of each slice the number or the sum since the last event that stated it, and the first frame that counts.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import Struct

from wsreplay.contract.rules.total import Total
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.reporting import either, names, short
from wsreplay.validator.rules.template import A, B
from wsreplay.validator.rules.value_template import ValueTemplate
from wsreplay.validator.state.state import Slice
from wsreplay.validator.state.trace_event import TraceEvent
from wsreplay.validator.state.undecodable import why_unsure


class Sum(Struct, eq=False):
    """What a slice has so far."""

    amount: Decimal
    # the first frame that counts
    first: int | None

    def add(self, amount: Decimal) -> None:
        """One more came."""
        self.amount += amount


class TotalTemplate(ValueTemplate):
    """The number of a's, or the sum of a value in them, since the last b is what the next b says. One that says nothing begins
    anew."""

    rule: Total

    def arguments(self, writer: HandlerWriter) -> list[str]:
        summed = self.rule.summed
        return [writer.value(self.rule.equals), "1" if summed is None else writer.value(summed)]

    def see(self, slice_: Slice, roles: int, event: TraceEvent, *values: Any) -> None:
        stated, amount = values or (None, 1)
        state: Sum | None = slice_.state(self.number)
        if roles & B:
            if stated is not None:
                self.activate(slice_)
                self._compare(slice_, state, stated, event)
            state = None
            slice_.set_state(self.number, None)
        if not roles & A:
            return
        number = _number(amount)
        if number is None:
            if amount is not None and self.rule.summed is not None:
                self.say(slice_, "format", f"{self.rule.summed.text} of {event.type} is not a number", event)
            return
        if state is None:
            slice_.set_state(self.number, Sum(number, event.fid))
        else:
            state.add(number)

    def _compare(self, slice_: Slice, state: Sum | None, stated: Any, event: TraceEvent) -> None:
        wanted, amount = _number(stated), state.amount if state is not None else Decimal(0)
        field, first = self.rule.equals.text, state.first if state is not None else None
        if wanted is None:
            self.say(slice_, "format", f"{field} of {event.type} is not a number", event)
        elif wanted != amount:
            what = either(names(self.rule.operands[0]))
            counted = f"{what} came {_plain(amount)} times" if self.rule.summed is None else (
                f"{self.rule.summed.text} of {what} adds up to {_plain(amount)}")  # fmt: skip
            if self.rule.summed is None and amount == 1:
                counted = f"{what} came once"
            self.say(
                slice_, "total", f"{counted}, {event.type} says {short(_plain(wanted))}", event, first,
                unsure=why_unsure(slice_.undecodable, self.rule.operands[0], self.began(slice_)),
            )  # fmt: skip


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = Decimal(str(value))
    return number if number.is_finite() else None


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
