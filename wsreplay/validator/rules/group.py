"""Rules that share their slices."""

from __future__ import annotations

from wsreplay.validator.rules.existence import Existence
from wsreplay.validator.rules.relation import Precedence, Response
from wsreplay.validator.rules.scoped import Scoped
from wsreplay.validator.rules.template import COMPLETE, SUPPRESSED, Monitor, root_of
from wsreplay.validator.state.state import Slice

NO_BIT = 1 << 62  # of a mask; where it is needed, a slice is never quickly done with


class Group:
    """The rules that share their slices: the same span, the same keys."""

    def __init__(self, index: int, inside: str | None, by: tuple[str, ...], across_user: bool) -> None:
        self.index, self.inside, self.by, self.across_user = index, inside, by, across_user
        self.monitors: list[Monitor] = []
        self.on_begin: list[Monitor] = []
        self.counted: list[Monitor] = []  # each instance of the span is one activation
        self.unless: set[str] = set()
        self.needed = 0  # bits of a slice in which nothing is missing
        self._quick = False

    def add(self, new: Monitor, bits: int) -> int:
        """Give the monitor its bits of the mask, from `bits` on; the next free bit."""
        self.monitors.append(new)
        new.bits = bits
        self.unless.update(new.rule.unless)
        if new.per_slice and self.inside is not None and not self.by:
            self.counted.append(new)
        elif new.per_slice or isinstance(new, Scoped):
            self.on_begin.append(new)
        simple = new.inner if isinstance(new, Scoped) else new
        simple.bits = bits
        if isinstance(new, Existence) and new.simple:
            if new.rule.min:
                self.needed |= ((1 << len(new.operands)) - 1) * bits
            return bits << len(new.operands)
        if isinstance(new, Existence) and new.rule.min:
            self.needed |= NO_BIT
        return bits << 1 if isinstance(simple, Precedence | Response) else bits

    def begin(self, part: Slice) -> None:
        for each in self.on_begin:
            each.begin(part)

    def close(
        self, part: Slice, t: int, how: int, cause: str | None = None, by: str = "scope_close", ended: str | None = None
    ) -> None:
        """The slice closes; `ended` is the name of its span's end."""
        if part.states is None and how == COMPLETE and part.mask & self.needed == self.needed and part.held_back is None:
            return
        for each in self.monitors:
            if each.rule.unless:
                self._settle(each, part, t, how, cause, by, ended)
            else:
                each.close(part, t, how, cause, by)

    def _settle(self, each: Monitor, part: Slice, t: int, how: int, cause: str | None, by: str, ended: str | None) -> None:
        """Rules with `unless` wait for the end: it makes them vacuous, or lets what was held back stand."""
        root = root_of(part)
        if ended in each.rule.unless or how == SUPPRESSED:
            each.close(part, t, SUPPRESSED, cause, by)
            if each in self.counted:
                each.counts.activations -= 1
            return
        each.counts.activations += root.state(~each.index) or 0
        if root.states is not None:
            root.states.pop(~each.index, None)
        for details in root.held_back or ():
            if details["monitor"] is each:
                rest = {key: value for key, value in details.items() if key != "monitor"}
                each.reporter.report(each.counts, **{**rest, "decided_by": by, "decided_at": t})
        each.close(part, t, how, cause, by)
