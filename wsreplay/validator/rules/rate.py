"""At most so many events in any stretch of time.

State: of each slice the times of the last events, no more than the rule allows and one, and the finding of a burst that goes
on.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from msgspec import Struct

from wsreplay.contract.rules.rate import Rate
from wsreplay.units import count_text, duration_text
from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.reporting import NOT_KEPT, either, names, where
from wsreplay.validator.rules.value_template import ValueTemplate
from wsreplay.validator.state.state import Slice
from wsreplay.validator.state.trace_event import TraceEvent


class RateWindow(Struct, eq=False):
    """The last events of a slice."""

    # time and frame of each, oldest first
    events: deque[tuple[int, int | None]]
    # the place of the finding that says that there are too many, while they are; how many were too many so far
    finding: int | None = None
    excess: int = 0

    def exceed(self, finding: int) -> None:
        """There are too many, which this finding says."""
        self.finding, self.excess = finding, 1

    def exceed_more(self) -> None:
        """There are still too many."""
        self.excess += 1

    def calm_down(self) -> None:
        """There are no longer too many."""
        self.finding = None


class RateTemplate(ValueTemplate):
    """One finding for each burst, with the number of events that were too many."""

    rule: Rate

    def __init__(self, *common: Any) -> None:
        super().__init__(*common)
        # findings whose number of events has grown since it was told → that number, and the words
        self._growing: dict[int, tuple[int, str]] = {}

    def collect(self, globals: Globals) -> None:
        super().collect(globals)
        for place, (count, message) in self._growing.items():
            self.reporter.amend(place, count=count, message=message)
        self._growing.clear()

    def see(self, slice_: Slice, roles: int, event: TraceEvent, *values: Any) -> None:
        if not roles:
            return
        self.activate(slice_)
        window: RateWindow | None = slice_.state(self.number)
        if window is None:
            slice_.set_state(self.number, window := RateWindow(deque()))
        events = window.events
        events.append((event.t, event.fid))
        while event.t - events[0][0] >= self.rule.per_ns:
            events.popleft()
        if len(events) <= self.rule.most:
            window.calm_down()
            return
        first = events.popleft()
        if window.finding is None:
            reported = self.say(slice_, "rate", self._words(1), event, first[1])
            window.exceed(reported.place)
        else:
            window.exceed_more()
            if window.finding != NOT_KEPT:
                self._growing[window.finding] = window.excess, self._words(window.excess) + where(slice_)

    def _words(self, excess: int) -> str:
        what, per = either(names(self.rule.operands[0])), duration_text(self.rule.per_ns)
        return f"{count_text(excess, 'event')} more than {self.rule.most} of {what} in {per}"
