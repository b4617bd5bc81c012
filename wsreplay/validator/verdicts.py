"""From what the monitors counted to the verdict of each rule and of the whole (RV-LTL: Bauer, Leucker, Schallhart)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from wsreplay.contract import Contract
from wsreplay.contract.model import Declare, Format, Rule, Schema, Span, Unknown
from wsreplay.validator.findings import Finding, Judgement, RuleVerdict, RunAccount, Severity, Verdict
from wsreplay.validator.reporting import Counts, fingerprint_of
from wsreplay.validator.span_log import account

if TYPE_CHECKING:
    from wsreplay.validator.emit.namespace import Namespace
    from wsreplay.validator.memory import Memory
    from wsreplay.validator.monitors import Monitors


class Reached(NamedTuple):
    """How far the trace was read, and what was in it."""

    events: int
    untyped: int  # text messages that are no events
    matched: int  # types that the contract names
    skipped: int  # connections that are not judged
    unread: int  # messages that may have been anything
    now: int  # ns
    finished: bool
    partial: bool  # others judge the rest of the recording


def judgement(contract: Contract, monitors: Monitors, memory: Memory, names: Namespace, reached: Reached) -> Judgement:
    """The verdict of what the engine has seen so far."""
    _collect(monitors, names)
    rules = tuple(_rule_verdict(monitors, memory, reached, counts) for counts in monitors.counts.values())
    findings, orders = monitors.reporter.findings, monitors.reporter.orders
    order = sorted(range(len(findings)), key=lambda index: (*place(findings[index], orders[index]), index))
    found = Judgement(
        contract=contract.name,
        contract_version=contract.version,
        contract_digest=contract.digest,
        verdict=whole(contract, rules, reached.matched),
        events=reached.events,
        sessions=len(memory.sessions),
        rules=rules,
        findings=tuple(findings[index] for index in order),
        runs=_runs(monitors, memory),
        session_verdicts={session.id: session.verdict(reached.finished) for session in memory.sessions.values()},
        forgotten=dict(monitors.reporter.forgotten),
        run_counts=dict(sorted(monitors.accounts.counts.items())),
        notes=notes_of(reached.skipped, reached.unread),
    )
    return with_required(contract, found, reached.now) if reached.finished and not reached.partial else found


def place(finding: Finding, order: int) -> tuple[int, int, int, int]:
    """Where a finding stands among all: by the time it was decided, then in the order of the rules."""
    return finding.decided_at, order, finding.activation or 0, finding.connection or 0


def _collect(of: Monitors, names: Namespace) -> None:
    """Bring home what generated source counted."""
    for name, monitors in (("latency", of.latencies), ("sequence", of.sequences), ("unique", of.uniques)):
        for number, each in enumerate(monitors):
            each.counts.activations = names.looked_at(f"{name}{number}")
    for number, confine in enumerate(of.confines):
        confine.counts.activations += names.taken(f"confine{number}")
    for rule in of.rules:
        rule.counts.activations += names.taken(f"rule{rule.index}")
    for span in of.spans:
        span.counts.activations += span.opened
        for counted in span.group.counted if span.group is not None else ():
            counted.counts.activations += span.opened
        span.opened = 0


def _pending(monitors: Monitors, memory: Memory, counts: Counts) -> int:
    """Open obligations, while the trace goes on."""
    rule = counts.rule
    if isinstance(rule, Span):
        return sum(1 for instance in memory.open_instances() if instance.monitor.span is rule and instance.late is None)
    if isinstance(rule, Declare):
        return sum(1 for each in monitors.rules if each.rule is rule for obligation in each.queue if not obligation.done)
    return 0


def _rule_verdict(monitors: Monitors, memory: Memory, reached: Reached, counts: Counts) -> RuleVerdict:
    rule, pending = counts.rule, 0 if reached.finished else _pending(monitors, memory, counts)
    activations, violations, inconclusive = counts.activations, counts.violations, counts.inconclusive
    if isinstance(rule, Format):
        activations = reached.events + reached.untyped
    if isinstance(rule, Unknown):
        activations = reached.events
    return RuleVerdict(
        rule.id,
        verdict_of_rule(violations, counts.errors, inconclusive + counts.unread, pending, activations, reached.finished),
        Severity(rule.severity),
        rule.place.line,
        activations,
        max(0, activations - violations - pending - inconclusive),
        violations,
        pending,
        inconclusive + counts.unread,
        counts.errors,
        rule.place.file,
        counts.unread,
    )


def verdict_of_rule(violations: int, errors: int, inconclusive: int, pending: int, activations: int, finished: bool) -> Verdict:
    """The worst of a rule's slices."""
    if violations:
        return Verdict.VIOLATED
    if errors:
        return Verdict.ERROR
    if inconclusive:
        return Verdict.INCONCLUSIVE
    if pending:
        return Verdict.PENDING
    if not activations:
        return Verdict.VACUOUS
    return Verdict.SATISFIED if finished else Verdict.OK_SO_FAR


def whole(contract: Contract, rules: tuple[RuleVerdict, ...], matched: int) -> Verdict:
    """Violated where a rule of severity error is; vacuous where nothing matched what the contract names."""
    verdicts = {rule.verdict for rule in rules}
    if any(rule.verdict is Verdict.VIOLATED and rule.severity is Severity.ERROR for rule in rules):
        return Verdict.VIOLATED
    if not _anything_matched(contract, rules, matched):
        return Verdict.VACUOUS
    for verdict in (Verdict.PENDING, Verdict.OK_SO_FAR, Verdict.INCONCLUSIVE):
        if verdict in verdicts:
            return verdict
    return Verdict.SATISFIED


def _anything_matched(contract: Contract, rules: tuple[RuleVerdict, ...], matched: int) -> bool:
    """Whether a rule was activated by what the contract names: events, or connections by `applies_to`.

    Form alone, or any message at all, does not count.
    """
    kinds: dict[str, Rule] = {rule.id: rule for rule in contract.rules}
    telling = [rule for rule in rules if isinstance(kinds[rule.id], Span | Declare | Schema)]
    if telling:
        named = matched > 0 or bool(contract.applies_to.path or contract.applies_to.subprotocol)
        return named and any(rule.activations for rule in telling)
    telling = [rule for rule in rules if not isinstance(kinds[rule.id], Format | Unknown)]
    return any(rule.activations for rule in telling or rules)


def with_required(contract: Contract, found: Judgement, decided_at: int) -> Judgement:
    """The same, with rules violated that were never activated and say that they have to be."""
    required = {rule.id: rule for rule in contract.rules if rule.require_activation}
    unmet = [rule.id for rule in found.rules if rule.verdict is Verdict.VACUOUS and rule.id in required]
    if not unmet:
        return found
    findings = []
    for name in unmet:
        rule = required[name]
        findings.append(
            Finding(
                rule=name,
                verdict=Verdict.VIOLATED,
                severity=Severity(rule.severity),
                message=f"{name} never applied, but the contract requires that it does",
                line=rule.place.line,
                file=rule.place.file,
                kind="vacuous",
                decided_by="trace_end",
                decided_at=decided_at,
                fingerprint=fingerprint_of(contract.name, name, "vacuous", (), (), None),
            )
        )
    rules = tuple(replace(rule, verdict=Verdict.VIOLATED, violations=1) if rule.id in unmet else rule for rule in found.rules)
    severe = any(finding.severity is Severity.ERROR for finding in findings)
    verdict = Verdict.VIOLATED if severe else found.verdict
    return replace(found, rules=rules, findings=(*found.findings, *findings), verdict=verdict)


def _runs(monitors: Monitors, memory: Memory) -> tuple[RunAccount, ...]:
    runs = list(monitors.accounts.kept)
    runs += [
        account(instance, "stalled" if instance.late is not None else "open", None, None, "")
        for instance in memory.open_instances()
        if instance.monitor.accounts is not None
    ]
    return tuple(sorted(runs, key=lambda run: (run.start_ns, run.start_frame)))


def notes_of(skipped: int, unread: int) -> tuple[str, ...]:
    notes = []
    if skipped:
        are = "connection is" if skipped == 1 else "connections are"
        notes.append(f"{skipped} {are} none of this contract's (applies_to)")
    if unread:
        they = "message could not be read: it" if unread == 1 else "messages could not be read: they"
        notes.append(f"{unread} {they} may have been anything, so what depends on that is inconclusive")
    return tuple(notes)
