"""The monitors of a contract, built once for each engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wsreplay.contract.model import Bind, Confine, Contract, Declare, Format, Latency, Rule, Schema, Span, Unique, Unknown
from wsreplay.contract.model import Sequence as SequenceRule
from wsreplay.validator import checks, messages
from wsreplay.validator.reporting import Counts, Reporter
from wsreplay.validator.rules.group import NO_BIT, Group
from wsreplay.validator.rules.scoped import monitor
from wsreplay.validator.rules.spans import SpanMonitor
from wsreplay.validator.rules.template import Monitor
from wsreplay.validator.span_log import Accounts
from wsreplay.validator.state.state import Clock, Instance


class Monitors:
    """All monitors of a contract by kind, what they count, and where they report."""

    def __init__(self, contract: Contract) -> None:
        self.contract, self.clock = contract, Clock()
        self.reporter = Reporter(contract.name)
        self.counts = {rule.id: Counts(rule, order) for order, rule in enumerate(contract.rules)}
        self._build_rules()
        self._build_spans()
        self._build_groups()

    def _monitors(self, kind: type[Rule], make: Callable[..., Any]) -> list[Any]:
        return [make(rule, self.counts[rule.id], self.reporter) for rule in self.contract.of(kind)]

    def _build_rules(self) -> None:
        self.formats = self._monitors(Format, messages.FormatMonitor)
        self.sequences = self._monitors(SequenceRule, checks.SequenceMonitor)
        self.uniques = self._monitors(Unique, checks.UniqueMonitor)
        self.binds = self._monitors(Bind, checks.BindMonitor)
        self.confines = self._monitors(Confine, checks.ConfineMonitor)
        self.schemas = self._monitors(Schema, messages.SchemaMonitor)
        self.unknown = next(iter(self._monitors(Unknown, messages.UnknownMonitor)), None)
        self.latencies = [
            checks.LatencyMonitor(rule, index, self.counts[rule.id], self.reporter)
            for index, rule in enumerate(self.contract.of(Latency))
        ]
        envelope_id = self.contract.envelope.id
        self.ids_kept_by_unique = [number for number, each in enumerate(self.uniques) if each.rule.field == envelope_id]

    def _build_spans(self) -> None:
        """Spans, each after the one that it is inside of."""
        self.spans: list[SpanMonitor] = []
        self.span_numbers: dict[str, int] = {}
        wanted = self.contract.spans

        def add(span: Span) -> None:
            if span.id in self.span_numbers:
                return
            above = None
            if span.inside is not None:
                add(wanted[span.inside])
                above = self.spans[self.span_numbers[span.inside]]
            self.span_numbers[span.id] = len(self.spans)
            self.spans.append(SpanMonitor(span, len(self.spans), self.counts[span.id], self.reporter, above, self.clock))

        for span in wanted.values():
            add(span)
        self.accounts = Accounts()
        run = self.contract.run_span
        if run is not None:
            self.spans[self.span_numbers[run.id]].accounts = self.accounts
        bound = ((bind, key, self._span_of(key)) for bind in self.binds for key in bind.rule.keys)
        self.releasing = [(bind, key, of) for bind, key, of in bound if of is not None]
        for bind, key, of in self.releasing:
            if bind.rule.to == "conn.user":
                of.releases.append(_release(bind, key, of))

    def _span_of(self, key: str) -> SpanMonitor | None:
        """The span of the same name: with its end a key's binding falls."""
        span = self.spans[self.span_numbers[key]] if key in self.span_numbers else None
        return span if span is not None and key in span.span.by else None

    def _build_groups(self) -> None:
        self.groups: list[Group] = []
        self.rules: list[Monitor] = []
        found: dict[tuple[Any, ...], Group] = {}
        bits: dict[int, int] = {}
        for index, rule in enumerate(self.contract.of(Declare)):
            shape = (rule.inside, rule.by, rule.across_user)
            if shape not in found:
                found[shape] = Group(len(self.groups), *shape)
                self.groups.append(found[shape])
                self._attach(found[shape])
            group = found[shape]
            new = monitor(rule, index, self.counts[rule.id], self.reporter, self.clock)
            bits[group.index] = group.add(new, bits.get(group.index, 1))
            self.rules.append(new)
        for span in self.spans:
            if span.group is not None:
                span.needed, span.unless = span.group.needed, span.group.unless
                span.begins = span.group if span.group.on_begin else None
            if span.refined:
                span.needed |= NO_BIT
        self.connection_groups = [
            group for group in self.groups if group.inside is None and not group.by and not group.across_user
        ]
        self.bounded = [each for each in self.rules if each.rule.within_ns is not None]

    def _attach(self, group: Group) -> None:
        if group.inside is not None:
            span = self.spans[self.span_numbers[group.inside]]
            if group.by:
                span.refined.append(group)
            else:
                span.group = group

    def is_known(self, direction: int, type_: str) -> bool:
        """Whether the contract names the type, in whatever rule."""
        if any(pattern.fits(direction, type_) for pattern in self.contract.known):
            return True
        return self.is_named(direction, type_)

    def is_named(self, direction: int, type_: str) -> bool:
        """Whether a span or a template names the type other than by a bare `*`."""
        named = [pattern for span in self.contract.spans.values() for pattern in span.named()]
        named += [pattern for rule in self.contract.of(Declare) for pattern in rule.named()]
        named += [pattern for rule in self.contract.of(Schema) for pattern, _ in rule.schemas]
        return any(pattern.type != "*" and pattern.fits(direction, type_) for pattern in named)


def _release(bind: checks.BindMonitor, key: str, span: SpanMonitor) -> Callable[[Instance], None]:
    position = span.span.by.index(key)

    def release(instance: Instance) -> None:
        if instance.names is span.names:
            bind.release(key, instance.values()[position], instance.conn.user)

    return release
