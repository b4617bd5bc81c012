"""The fast paths of spans, and of the rules that judge slices.

A start where nothing is open opens an instance; a body or end event needs one; an end that leaves nothing to be said ends it.
All else is a call of the span's monitor. Spans come outermost first, each followed by the rules inside it; the ends of all
spans come last, so that an event still counts for the instance that it ends.

The variables of span 0: `x0` its key, `i0` its open instance; `p0` the parent that an event names, `h0` that parent's instance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wsreplay.contract.model import Contract, Span
from wsreplay.contract.paths import Path
from wsreplay.validator.emit.fit import Fit, fit_any
from wsreplay.validator.emit.keys import Resolver, scalar
from wsreplay.validator.emit.writer import HandlerWriter, indented
from wsreplay.validator.missing_events import LabelOf
from wsreplay.validator.rules.group import RuleGroup
from wsreplay.validator.rules.spans import SpanMonitor
from wsreplay.validator.span_log import SpanLog
from wsreplay.validator.state.keys import Anonymous
from wsreplay.validator.state.state import ConnectionState


class SpansEmitter:
    """Writes what spans, templates, and rules in spans do with an event."""

    def __init__(
        self, contract: Contract, monitors: Sequence[SpanMonitor], groups: Sequence[RuleGroup], span_log: SpanLog | None
    ) -> None:
        self._contract, self.monitors, self._groups, self._log = contract, monitors, groups, span_log
        # span → its number
        self.numbers = {monitor.span.id: monitor.number for monitor in monitors}
        # key → what finds its value in a message
        self._resolver: Callable[[str], Resolver] | None = None

    def resolve_by(self, resolver: Callable[[str], Resolver]) -> None:
        """How a key's value is found in a message, by the key's name."""
        self._resolver = resolver

    def _label_of(self, message: Any, conn: ConnectionState, payload: bytes) -> LabelOf:
        """The values of an event's keys, as findings say them."""

        def label_of(name: str) -> str | None:
            value = None if self._resolver is None else self._resolver(name)(message, conn, payload)
            return None if value is None else str(value)

        return label_of

    def named(self, name: str) -> SpanMonitor | None:
        """The span of this name."""
        return self.monitors[self.numbers[name]] if name in self.numbers else None

    def emit(self, writer: HandlerWriter) -> None:
        """Write what to do with an event of the writer's direction and type."""
        writer.leave_if_alien()
        for monitor in self.monitors:
            if self.concerns(writer, monitor.span):
                self._span(writer, monitor)
        for group in self._groups:
            if group.inside is None and group.looks(writer.direction, writer.type):
                self._group_of_keys(writer, group)

    def concerns(self, writer: HandlerWriter, span: Span) -> bool:
        """Whether the event concerns a span, one inside of it, or a rule inside of it."""
        if fit_any((*span.start, *span.end_patterns, *span.body), writer.direction, writer.type):
            return True
        if any(other.span.inside == span.id and self.concerns(writer, other.span) for other in self.monitors):
            return True
        return any(group.inside == span.id and group.looks(writer.direction, writer.type) for group in self._groups)

    def starts(self, writer: HandlerWriter, number: int) -> bool:
        """Whether the event may start an instance of a span."""
        return bool(fit_any(self.monitors[number].span.start, writer.direction, writer.type))

    def look_up(self, writer: HandlerWriter, number: int) -> None:
        """Set x, the span's key, and i, its open instance, if nobody has."""
        if not writer.look_up(number):
            return
        span = self.monitors[number].span
        writer.need(*span.by)
        missing = writer.keys.missing(span.by)
        writer.add(
            f"x{number} = {writer.keys.together(span.by)}" + (f" if not ({missing}) else None" if missing else ""),
            f"i{number} = conn.span{number}.get(x{number})",
        )

    # Spans.

    def _span(self, writer: HandlerWriter, monitor: SpanMonitor) -> None:
        span, number = monitor.span, monitor.number
        start = fit_any(span.start, writer.direction, writer.type)
        ends = [(name, fit_any(patterns, writer.direction, writer.type)) for name, patterns in span.ends]
        ends = [(name, end) for name, end in ends if end]
        body = fit_any(span.body, writer.direction, writer.type)
        self.look_up(writer, number)
        if start or ends or body:
            writer.need(*span.else_by)
            self._keyless(writer, monitor, bool(start))
        if start:
            self._start(writer, monitor, start)
        if (ends or body) and not (start and not ends):
            self._within(writer, monitor, ends, body)
        if self._log is not None:
            tell = "see" if body and not start and not ends else "label"
            self._tell_log(writer, monitor, self._log, tell, [start, body, *(end for _, end in ends)])
        for group in self._groups:
            if group.inside == span.id and group.looks(writer.direction, writer.type):
                self._group_in_span(writer, group, f"i{number}")
        for name, end in ends:
            tests = [test for test in (f"i{number} is not None and i{number}.open", writer.condition(end)) if test]
            condition = " and ".join(f"({test})" for test in tests)
            writer.add_last(f"if {condition}:", f"    {monitor.variable}.end(i{number}, {name!r}, t, fid, type)")

    def _above(self, span: Span) -> str:
        return f"i{self.numbers[span.inside]}" if span.inside is not None else "None"

    @staticmethod
    def _else_key(writer: HandlerWriter, span: Span) -> str:
        return writer.keys.together(span.else_by) if span.else_by else "None"

    def _keyless(self, writer: HandlerWriter, monitor: SpanMonitor, is_start: bool) -> None:
        """An event that lacks its key is matched by the other one, first in first out, or cannot be judged."""
        span, number = monitor.span, monitor.number
        if not writer.keys.missing(span.by):
            return
        lacks = f"trace.lacks({monitor.variable}.counts, {span.by!r}, {writer.event})"
        if not span.else_by:
            writer.add(f"if x{number} is None:", f"    {lacks}")
            return
        writer.name({"Anonymous": Anonymous})
        key, absent = self._else_key(writer, span), writer.keys.missing(span.else_by[:-1])
        lines = [f"x{number} = Anonymous({key})"]
        if not is_start:
            lines.append(f"i{number} = {monitor.variable}.by_else_key(conn.session, {self._above(span)}, {key})")
        if absent:
            lines = [f"if {absent}:", f"    {lacks}", "else:", *indented(lines)]
        writer.add(f"if x{number} is None:", *indented(lines))

    def _start(self, writer: HandlerWriter, monitor: SpanMonitor, start: Fit) -> None:
        span, number = monitor.span, monitor.number
        i, above = f"i{number}", self._above(span)
        parent, nested = above, "False"
        if span.parent is not None:
            self._parent(writer, monitor)
            parent, nested = f"h{number}", f"p{number} is not None"
        what, rest = f"conn, x{number}, t, fid", f"{parent}, {self._else_key(writer, span)}"
        lines = [
            f"if {i} is None:",
            f"    {i} = {monitor.variable}.open({what}, {rest}, False, {writer.bound if writer.direction else False})",
            "else:",
            f"    {i} = {monitor.variable}.start_again({what}, {i}, {rest}, {nested})",
        ]
        if writer.direction:
            lines.append(f"    {i}.bound = {writer.bound}")
        if span.inside is not None:
            keys = f"x{number}, x{self.numbers[span.inside]}, {self._else_key(writer, span)}"
            outside = "None" if self._covered(writer, span) else f"{monitor.variable}.outside({writer.event}, {keys})"
            lines = [f"if {above} is None:", f"    {i} = {outside}", "else:", *indented(lines)]
        if writer.keys.missing(span.by):
            lines = [f"if x{number} is not None:", *indented(lines)]
        writer.add_under(writer.condition(start), lines)

    def _parent(self, writer: HandlerWriter, monitor: SpanMonitor) -> None:
        """The parent is the instance whose innermost key is what `parent` names."""
        span, number = monitor.span, monitor.number
        assert span.parent is not None
        p, h = f"p{number}", f"h{number}"
        if isinstance(span.parent, Path):
            writer.name({"scalar": scalar, f"parent_path{number}": span.parent})
            writer.add(
                f"{p} = {writer.read(span.parent)}",
                f"if {p} is not None and {p}.__class__ is not str:",
                f"    {p} = scalar({p}, parent_path{number}, payload)",
            )
        else:
            writer.need(span.parent)
            writer.add(f"{p} = {writer.keys.variable(span.parent)}")
        outer = [writer.keys.variable(name) for name in span.by[:-1]]
        key = f"({', '.join([*outer, p])})" if outer else p
        unknown = f"{monitor.variable}.look_for_parent({writer.event}, x{number}, {p})"
        lookup = [f"{h} = conn.span{number}.get({key})", f"if {h} is None:", f"    {unknown}"]
        writer.add(f"{h} = None", f"if {p} is not None:", *indented(lookup))

    def _covered(self, writer: HandlerWriter, span: Span) -> bool:
        """Whether the span that this one is inside of speaks up itself where the event comes without it."""
        outer = self._contract.spans[span.inside] if span.inside is not None else None
        return outer is not None and bool(fit_any((*outer.body, *outer.end_patterns), writer.direction, writer.type))

    def _within(self, writer: HandlerWriter, monitor: SpanMonitor, ends: list[tuple[str, Fit]], body: Fit) -> None:
        """A body or end event needs an open instance."""
        span, number = monitor.span, monitor.number
        i, above = f"i{number}", self._above(span)
        tests = [writer.condition(event) for event in (*(end for _, end in ends), body) if event]
        condition = None if None in tests else " or ".join(f"({test})" for test in tests if test)
        guard = f"{i} is None"
        allowed = [name for name, patterns in span.after if fit_any(patterns, writer.direction, writer.type)]
        if allowed:
            after = None if None in allowed else tuple(allowed)
            guard += f" and not {monitor.variable}.has_ended(conn, x{number}, {after!r})"
        outside = fit_any(span.outside, writer.direction, writer.type)
        if outside:
            guard += f" and not ({writer.condition(outside) or True})"
        if writer.keys.missing(span.by):
            guard += f" and x{number} is not None"
        if self._covered(writer, span):
            guard += f" and {above} is not None"
        lines = []
        if ends and span.else_by and writer.keys.missing(span.by):
            other, absent = self._else_key(writer, span), writer.keys.missing(span.else_by[:-1])
            lines += [
                f"if {i} is None" + (f" and not ({absent})" if absent else "") + ":",
                f"    {i} = {monitor.variable}.by_else_key(conn.session, {above}, {other}, True)",
            ]
        writer.name({"label_of": self._label_of})
        rest = f"{bool(ends)}, {self._else_key(writer, span)}, label_of(d, conn, payload)"
        stray = f"{monitor.variable}.stray({writer.event}, x{number}, {above}, {rest})"
        lines += [f"if {guard}:", f"    {i} = {stray}"]
        if writer.direction:
            lines += [f"    if {i} is not None:", f"        {i}.bound = {writer.bound}"]
        if ends and span.else_by:
            lines += self._other_name(writer, monitor)
        writer.add_under(condition, lines)

    @staticmethod
    def _tell_log(writer: HandlerWriter, monitor: SpanMonitor, log: SpanLog, tell: str, events: list[Fit]) -> None:
        """The log that was asked for hears of the event, if it has a part in the span, and of the name that it holds."""
        label = monitor.span.label
        tests = [writer.condition(event) for event in events if event]
        if not tests or (tell == "label" and not label):
            return
        lines = ["l = None"]
        for source in label:
            if not isinstance(source, Path):
                writer.need(source)
            value = writer.read(source) if isinstance(source, Path) else writer.keys.variable(source)
            lines.append(f"if l is None: l = {value}" if len(lines) > 1 else f"l = {value}")
        writer.name({"span_log": log})
        i, event = f"i{monitor.number}", "fid, t, " if tell == "see" else ""
        lines.append(f"if {i} is not None: span_log.{tell}({i}, {event}l)")
        condition = None if None in tests else " or ".join(f"({test})" for test in tests if test)
        writer.add_under(condition, lines)

    @staticmethod
    def _other_name(writer: HandlerWriter, monitor: SpanMonitor) -> list[str]:
        """An end that its key finds has the other key's value, too."""
        else_by, i = monitor.span.else_by, f"i{monitor.number}"
        value, first = writer.keys.variable(else_by[-1]), f"{i}.else_key" + ("[-1]" if len(else_by) > 1 else "")
        arguments = f"{i}, {else_by[-1]!r}, {first}, {value}, {writer.event}"
        return [
            f"if {i} is not None and {first} != {value} and {value} is not None and {first} is not None:",
            f"    {monitor.variable}.words.say_other_name({arguments})",
        ]

    # The rules that judge slices.

    def _group_in_span(self, writer: HandlerWriter, group: RuleGroup, i: str) -> None:
        if not group.by:
            lines = group.write(writer, i)
        else:
            writer.need(*group.by)
            key, missing = writer.keys.together(group.by), writer.keys.missing(group.by)
            lines = [f"g = trace.refinement({i}, {group.number}, {key}, conn, t, fid)", *group.write(writer, "g")]
            if missing:
                lines = group.write_lacking(writer, missing, lines)
        if lines:
            writer.add(f"if {i} is not None:", *indented(lines))

    def _group_of_keys(self, writer: HandlerWriter, group: RuleGroup) -> None:
        writer.need(*group.by)
        keys = ("conn.user", *group.by) if group.across_user else group.by
        if not keys:
            writer.add("g = conn.slice", *group.write(writer, "g"))
            return
        slice_of = "user_slice" if group.across_user else "keyed_slice"
        missing = writer.keys.missing(keys)
        lines = [
            f"g = trace.{slice_of}({group.number}, {writer.keys.together(keys)}, conn, t, fid)",
            *group.write(writer, "g"),
        ]
        writer.add(*(group.write_lacking(writer, missing, lines) if missing else lines))
