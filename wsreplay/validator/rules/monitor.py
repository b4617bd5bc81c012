"""What all rules have in common while a trace is judged.

A monitor is one rule over the whole trace, whatever its slices (runtime verification: Bauer, Leucker, Schallhart, "Runtime
verification for LTL and TLTL", 2011). It sees events, counts, and reports; it never stops at the first finding.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.reporting import Counts, Reporter
from wsreplay.validator.state.state import SessionState


class Monitor:
    """One rule of a contract. `number` tells it from others of its kind: generated source names it `word` and number."""

    # how generated source calls the rules of this kind
    word = "rule"
    # something of it is decided when its time has come (`next_due`)
    timed = False

    def __init__(self, rule: Any, number: int, counts: Counts, reporter: Reporter) -> None:
        self.rule, self.number, self.counts, self.reporter = rule, number, counts, reporter

    @property
    def variable(self) -> str:
        """Its name in generated source."""
        return f"{self.word}{self.number}"

    def collect(self, globals: Globals) -> None:
        """Bring home what generated source counted for it."""

    def activations(self, events: int, untyped: int) -> int:
        """How often it was activated by what came so far: `events`, and `untyped` text messages that are no events."""
        return self.counts.activations

    def next_due(self) -> int | None:
        """When something is to be decided next (ns); None where nothing is. Tell the clock of each new one."""
        return None

    def expire_next(self) -> None:
        """The time that `next_due` named has come."""

    def pending(self, sessions: Iterable[SessionState]) -> int:
        """Open obligations, while the trace goes on; `sessions` are those that are not over."""
        return 0
