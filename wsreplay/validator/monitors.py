"""The monitors of a contract, built once for each engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wsreplay.contract.model import Contract, Declare, Span
from wsreplay.contract.rules.json_format import Format
from wsreplay.validator.emit.compiler import Emitter
from wsreplay.validator.missing_events import MissingEvents
from wsreplay.validator.reporting import Counts, Reporter
from wsreplay.validator.rules.early_events import EarlyEvents
from wsreplay.validator.rules.format import FormatMonitor
from wsreplay.validator.rules.group import RuleGroup
from wsreplay.validator.rules.message import LeaveAliens, MessageMonitor, MessageUser, Observer
from wsreplay.validator.rules.monitor import Monitor
from wsreplay.validator.rules.seen import SeenTypes
from wsreplay.validator.rules.spans import SpanMonitor
from wsreplay.validator.rules.spans_emit import SpansEmitter
from wsreplay.validator.rules.table import MESSAGE_RULES
from wsreplay.validator.rules.template import Template
from wsreplay.validator.rules.templates import build_template
from wsreplay.validator.rules.unique import ResentHistory
from wsreplay.validator.span_log import RunLog, SpanLog
from wsreplay.validator.state.clock import Clock


class Monitors:
    """All monitors of a contract, what they count, and where they report; `span_log` is there where it was asked for."""

    def __init__(self, contract: Contract, reporter: Reporter, span_log: SpanLog | None = None) -> None:
        self.contract, self.reporter, self.clock = contract, reporter, Clock()
        # findings that miss an event which may still come
        self.missed = MissingEvents(reporter)
        # rule → what it counts, in the order of the contract
        self.counts = {rule.id: Counts(rule, order) for order, rule in enumerate(contract.rules)}
        # rule → its monitor
        self.by_rule: dict[str, Monitor] = {}
        self.format = next(iter(self._build(Format, FormatMonitor)), None)
        # the rules about messages, in the order in which they look at one
        self.messages: list[MessageMonitor] = [
            monitor for kind, make in MESSAGE_RULES.items() for monitor in self._build(kind, make, self.clock)
        ]
        # how spans ended: runs, or all of them
        self.log: RunLog = RunLog() if span_log is None else span_log
        # spans, each after the one that it is inside of; templates in the order of the contract; their groups
        self.spans = self._build_spans()
        self.templates: list[Template] = self._build(Declare, build_template, self.clock, self.missed)
        self.groups = self._build_groups()
        # whoever takes part in handling messages, in order; then spans and templates
        first = [monitor for monitor in self.messages if monitor.sees_aliens]
        rest = [monitor for monitor in self.messages if not monitor.sees_aliens]
        self.observers: list[Observer] = [
            ResentHistory(contract, self.messages), MessageUser(contract), *first, LeaveAliens(), *rest
        ]
        # what was said, which matters where nothing is demanded
        self.seen = SeenTypes()
        if not contract.rules:
            self.observers.append(self.seen)
        self.spans_emitter = SpansEmitter(contract, self.spans, self.groups, span_log)
        self.emitters: list[Emitter] = [*self.observers, self.spans_emitter]
        for observer in self.observers:
            observer.link(self.spans_emitter)
        # those that decide something when its time has come, spans first; groups whose slices are whole connections
        timed: list[Monitor] = [*self.spans, *self.templates, *self.messages]
        self.timed = [monitor for monitor in timed if monitor.timed]
        self.connection_groups = [
            group for group in self.groups if group.inside is None and not group.by and not group.across_user
        ]

    def _build(self, kind: type[Any], make: Callable[..., Any], *more: Any) -> list[Any]:
        """The monitors of a kind of rule."""
        rules = self.contract.of(kind)
        monitors = [make(rule, number, self.counts[rule.id], self.reporter, *more) for number, rule in enumerate(rules)]
        self.by_rule.update({rule.id: monitor for rule, monitor in zip(rules, monitors, strict=True)})
        return monitors

    def _build_spans(self) -> list[SpanMonitor]:
        built: dict[str, SpanMonitor] = {}
        spans, early = self.contract.spans, EarlyEvents(self.reporter)

        def build(span: Span) -> SpanMonitor:
            if span.id not in built:
                above = build(spans[span.inside]) if span.inside is not None else None
                counts = self.counts[span.id]
                built[span.id] = SpanMonitor(span, len(built), counts, self.reporter, above, self.clock, self.missed, early)
            return built[span.id]

        for span in spans.values():
            build(span)
        self.by_rule.update(built)
        run = self.contract.run_span
        if run is not None:
            built[run.id].mark_as_run()
        for monitor in built.values():
            if monitor.is_run or isinstance(self.log, SpanLog):
                monitor.log_to(self.log)
        return list(built.values())

    def _build_groups(self) -> list[RuleGroup]:
        groups: dict[tuple[Any, ...], RuleGroup] = {}
        for template in self.templates:
            rule = template.rule
            shape = (rule.inside, rule.by, rule.across_user)
            if shape not in groups:
                groups[shape] = RuleGroup(len(groups), *shape)
            groups[shape].add(template)
        spans = {span.span.id: span for span in self.spans}
        for group in groups.values():
            if group.inside is not None:
                spans[group.inside].judge_by(group)
        return list(groups.values())

    def globals(self) -> dict[str, Any]:
        """What generated source names."""
        monitors: list[SpanMonitor | Template] = [*self.spans, *self.templates]
        named = {monitor.variable: monitor for monitor in monitors}
        return {**named, **{name: value for observer in self.observers for name, value in observer.globals().items()}}
