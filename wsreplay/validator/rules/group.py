"""Rules that share their slices, so that a slice is looked up once, and a healthy one closed by one comparison."""

from __future__ import annotations

from wsreplay.contract.model import Patterns
from wsreplay.validator.emit.fit import fit
from wsreplay.validator.emit.writer import HandlerWriter, indented
from wsreplay.validator.rules.scoped import Scoped
from wsreplay.validator.rules.template import COMPLETE, SUPPRESSED, Template, root_of
from wsreplay.validator.state.state import Slice
from wsreplay.validator.state.trace_event import TraceEvent


class RuleGroup:
    """The rules of the same span (`inside`), the same keys (`by`), the same scope (`across_user`)."""

    def __init__(self, number: int, inside: str | None, by: tuple[str, ...], across_user: bool) -> None:
        self.number, self.inside, self.by, self.across_user = number, inside, by, across_user
        # all of them, in the contract's order
        self.monitors: list[Template] = []
        # those that have to know when a slice begins
        self.on_begin: list[Template] = []
        # those for which each instance of the span is one activation
        self.counted: list[Template] = []
        # the names of ends that make a rule vacuous
        self.unless: set[str] = set()
        # the bits of a slice in which nothing is missing
        self.needed = 0
        # the next bit of a slice's mask that no rule has
        self._free_bit = 1

    def add(self, new: Template) -> None:
        """A further rule."""
        self.monitors.append(new)
        self._free_bit = new.take_bits(self._free_bit)
        self.needed |= new.needed()
        self.unless.update(new.rule.unless)
        if new.per_slice and self.inside is not None and not self.by:
            self.counted.append(new)
        elif new.per_slice or new.needs_begin or isinstance(new, Scoped):
            self.on_begin.append(new)

    def begin(self, slice_: Slice) -> None:
        """A slice opens."""
        for monitor in self.on_begin:
            monitor.begin(slice_)

    def imply(self, slice_: Slice, patterns: Patterns, event: TraceEvent) -> None:
        """An event of these patterns is missing in the slice: the frame shows that it should have come before."""
        for monitor in self.monitors:
            monitor.imply(slice_, patterns, event)

    def close(
        self, slice_: Slice, t: int, how: int, cause: str | None = None, by: str = "scope_close", ended: str | None = None
    ) -> None:
        """The slice closes; `ended` is the name of its span's end."""
        healthy = slice_.states is None and slice_.mask & self.needed == self.needed and slice_.deferred is None
        if healthy and how == COMPLETE:
            return
        for monitor in self.monitors:
            if monitor.rule.unless:
                self._settle(monitor, slice_, t, how, cause, by, ended)
            else:
                monitor.close(slice_, t, how, cause, by)

    def _settle(
        self, monitor: Template, slice_: Slice, t: int, how: int, cause: str | None, by: str, ended: str | None
    ) -> None:
        """Rules with `unless` wait for the end: it makes them vacuous, or lets what was deferred stand."""
        root = root_of(slice_)
        if ended in monitor.rule.unless or how == SUPPRESSED:
            monitor.close(slice_, t, SUPPRESSED, cause, by)
            if monitor in self.counted:
                monitor.counts.activate(-1)
            return
        monitor.counts.activate(root.state(~monitor.number) or 0)
        if root.states is not None:
            root.states.pop(~monitor.number, None)
        for details in root.deferred or ():
            if details["monitor"] is monitor:
                finding = {key: value for key, value in details.items() if key != "monitor"}
                monitor.reporter.report(monitor.counts, **{**finding, "decided_by": by, "decided_at": t})
        monitor.close(slice_, t, how, cause, by)

    # Writing handlers.

    def looks(self, direction: int, type_: str) -> bool:
        """Whether an event of this direction and type concerns one of the rules."""
        return any(monitor.rule.sees_everything or fit(monitor.roles, direction, type_) for monitor in self.monitors)

    def write(self, writer: HandlerWriter, slice_: str) -> list[str]:
        """What the rules do with the event; `slice_` is the variable of their slice."""
        lines: list[str] = []
        bits = 0
        for monitor in self.monitors:
            event = fit(monitor.roles, writer.direction, writer.type)
            if event or monitor.rule.sees_everything:
                own_lines, own_bits = monitor.write(writer, event, slice_)
                lines += own_lines
                bits |= own_bits
        if bits:
            lines.append(f"{slice_}.mask |= {bits}")
        return lines

    def write_lacking(self, writer: HandlerWriter, missing: str, lines: list[str]) -> list[str]:
        """What happens to an event that lacks a key: an error for each rule that names it, else the lines."""
        demanding = (monitor for monitor in self.monitors if monitor.demands_keys)
        named = [monitor for monitor in demanding if fit(monitor.roles, writer.direction, writer.type)]
        keys = (("conn.user",) if self.across_user else ()) + self.by
        errors = [f"    trace.lacks({monitor.variable}.counts, {keys!r}, {writer.event})" for monitor in named]
        return [f"if {missing}:", *(errors or ["    pass"]), "else:", *indented(lines)]
