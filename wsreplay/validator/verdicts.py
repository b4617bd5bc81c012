"""From what the monitors counted to the verdict of each rule and of the whole (RV-LTL: Bauer, Leucker, Schallhart)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from wsreplay.contract import Contract
from wsreplay.contract.model import Declare, Rule
from wsreplay.contract.rules.isolation import Bind, Canary, Confine
from wsreplay.contract.unseen import EventType, find_unseen
from wsreplay.model import NO_CONTRACT, NO_DEMANDS
from wsreplay.units import count_text
from wsreplay.validator.emit.globals import Globals
from wsreplay.validator.findings import (
    MOST_NOTED,
    Finding,
    Judgement,
    RuleVerdict,
    Severity,
    SpanRecord,
    Verdict,
    unjudged_notes,
)
from wsreplay.validator.monitors import Monitors
from wsreplay.validator.reporting import Counts, bare_type, fingerprint_of, names
from wsreplay.validator.trace_state import TraceState


class Reached(NamedTuple):
    """How far the trace was read, and what was in it."""

    events: int
    # text messages that are no events
    untyped: int
    # types that the contract names
    matched: int
    # connections that are not judged
    skipped: int
    # messages that may have been anything
    undecodable: int
    # ns
    now: int
    finished: bool
    # others judge the rest of the recording
    partial: bool
    # (direction, type), under the contract's name
    types: frozenset[EventType]


def judgement(
    contract: Contract, monitors: Monitors, trace_state: TraceState, globals: Globals, reached: Reached,
    passed_by: Mapping[int, Counter[str]],
) -> Judgement:  # fmt: skip
    """The verdict of what the engine has seen so far."""
    for monitor in monitors.by_rule.values():
        monitor.collect(globals)
    rules = tuple(_rule_verdict(monitors, trace_state, reached, counts) for counts in monitors.counts.values())
    findings, orders = monitors.reporter.findings, monitors.reporter.orders
    order = sorted(range(len(findings)), key=lambda index: (*place(findings[index], orders[index]), index))
    verdict = whole(contract, rules, reached.matched)
    unjudged, anonymous = _unjudged(trace_state, passed_by), anonymous_sessions(contract, trace_state)
    so_far = Judgement(
        contract=contract.name,
        contract_version=contract.version,
        contract_digest=contract.digest,
        verdict=verdict,
        events=reached.events,
        sessions=len(trace_state.sessions),
        rules=rules,
        findings=tuple(findings[index] for index in order),
        spans=_spans(monitors, trace_state),
        session_verdicts=_session_verdicts(trace_state, verdict, reached.finished),
        users={
            session.id: session.user
            for session in trace_state.sessions.values() if session.named_by_message and session.user
        },
        forgotten=dict(monitors.reporter.forgotten),
        span_counts={span: dict(sorted(states.items())) for span, states in monitors.log.counts.items()},
        spans_left_out=monitors.log.left_out,
        run_span=contract.run_span.id if contract.run_span is not None else "",
        required=required_types(contract),
        notes=(
            *notes_of(contract, reached.skipped, reached.undecodable, anonymous, len(trace_state.sessions)),
            *unjudged_notes(unjudged),
        ),
        unjudged=unjudged,
        seen=tuple(monitors.seen.said()),
    )
    if reached.partial or not reached.finished:
        return so_far
    return with_misspelt(contract, with_required(contract, so_far, reached.now), reached.types)


def place(finding: Finding, order: int) -> tuple[int, int, int, int]:
    """Where a finding stands among all: by the time it was decided, then in the order of the rules."""
    return finding.decided_at, order, finding.activation or 0, finding.connection or 0


def _rule_verdict(monitors: Monitors, trace_state: TraceState, reached: Reached, counts: Counts) -> RuleVerdict:
    rule, monitor = counts.rule, monitors.by_rule[counts.rule.id]
    pending = 0 if reached.finished else monitor.pending(trace_state.open_sessions())
    activations = monitor.activations(reached.events, reached.untyped)
    violations, inconclusive = counts.violations, counts.inconclusive
    return RuleVerdict(
        rule.id,
        verdict_of_rule(violations, counts.errors, inconclusive + counts.undecodable, pending, activations, reached.finished),
        counts.severity,
        rule.place.line,
        activations,
        max(0, activations - violations - pending - inconclusive),
        violations,
        pending,
        inconclusive + counts.undecodable,
        counts.errors,
        rule.place.file,
        counts.undecodable,
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
    """Violated where a rule of severity error is, an error where one could not be validated; vacuous where nothing matched what
    the contract names."""
    verdicts = {rule.verdict for rule in rules}
    if any(rule.verdict is Verdict.VIOLATED and rule.severity is Severity.ERROR for rule in rules):
        return Verdict.VIOLATED
    if any(rule.verdict is Verdict.ERROR and rule.severity is Severity.ERROR for rule in rules):
        return Verdict.ERROR
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
    telling = [rule for rule in rules if kinds[rule.id].names_events]
    if telling:
        named = matched > 0 or bool(contract.applies_to.path or contract.applies_to.subprotocol)
        return named and any(rule.activations for rule in telling)
    telling = [rule for rule in rules if not kinds[rule.id].about_form]
    return any(rule.activations for rule in telling or rules)


def with_required(contract: Contract, judgement: Judgement, decided_at: int) -> Judgement:
    """The same, with rules violated that were never activated and say that they have to be."""
    required = {rule.id: rule for rule in contract.rules if rule.require_activation}
    unmet = [rule.id for rule in judgement.rules if rule.verdict is Verdict.VACUOUS and rule.id in required]
    if not unmet:
        return judgement
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
                fingerprint=fingerprint_of(contract.name, name, ("vacuous",)),
                id=f"0.{name}.0",
            )
        )
    rules = tuple(
        replace(rule, verdict=Verdict.VIOLATED, violations=1) if rule.id in unmet else rule for rule in judgement.rules
    )
    severe = any(finding.severity is Severity.ERROR for finding in findings)
    verdict = Verdict.VIOLATED if severe else judgement.verdict
    return replace(judgement, rules=rules, findings=(*judgement.findings, *findings), verdict=verdict)


def _spans(monitors: Monitors, trace_state: TraceState) -> tuple[SpanRecord, ...]:
    logged = [monitor for monitor in monitors.spans if monitor.log is not None]
    return monitors.log.records(run for monitor in logged for run in monitor.open_instances(trace_state.open_sessions()))


def _session_verdicts(trace_state: TraceState, whole: Verdict, finished: bool) -> dict[int, Verdict]:
    """Where no rule applied to anything, none is satisfied in any session."""
    verdicts = {session.id: session.verdict(finished) for session in trace_state.sessions.values()}
    if whole is Verdict.VACUOUS:
        return {id: whole if verdict is Verdict.SATISFIED else verdict for id, verdict in verdicts.items()}
    return verdicts


def _unjudged(trace_state: TraceState, passed_by: Mapping[int, Counter[str]]) -> dict[int, dict[str, int]]:
    counts = {session.id: session.unjudged + passed_by.get(session.id, Counter()) for session in trace_state.sessions.values()}
    counts = {**{id: count for id, count in passed_by.items() if id not in counts}, **counts}
    return {id: dict(count) for id, count in sorted(counts.items()) if count}


def anonymous_sessions(contract: Contract, trace_state: TraceState) -> int:
    """How many sessions have no user, where rules ask whose something is."""
    asks = any(rule.to == "conn.user" for kind in (Bind, Confine) for rule in contract.of(kind))
    if not asks and not contract.of(Canary):
        return 0
    return sum(1 for session in trace_state.sessions.values() if session.user is None)


def with_misspelt(contract: Contract, judgement: Judgement, seen: frozenset[EventType]) -> Judgement:
    """The whole judgement, with a note on each type that rules wait for in vain while something similar came, unless a finding
    says so. `seen` are the types that came."""
    reported = {bare_type(expected) for finding in judgement.findings for expected in finding.expected}
    unseen = (type_ for type_ in find_unseen(contract, seen) if type_.near is not None)
    misspelt = [type_ for type_ in unseen if reported.isdisjoint(map(bare_type, names((type_.pattern,))))]
    notes = [str(type_) for type_ in misspelt[:MOST_NOTED]]
    return replace(judgement, notes=(*judgement.notes, *notes)) if notes else judgement


def required_types(contract: Contract) -> tuple[tuple[str, ...], ...]:
    """What a run must have, in the order of a run: its start, what must occur in it, its good end. One of each is enough."""
    run = contract.run_span
    if run is None:
        return ()
    occurs = [
        operand
        for rule in contract.of(Declare)
        if rule.template == "existence" and rule.inside == run.id and rule.min and rule.severity == "error"
        for operand in rule.operands
    ]
    wanted = [run.start, *occurs, *(patterns for name, patterns in run.ends if name == "ok")]
    messages = [tuple(pattern for pattern in patterns if not pattern.pseudo) for patterns in wanted]
    required = [tuple(map(bare_type, names(patterns))) for patterns in messages if patterns]
    return tuple(dict.fromkeys(types for types in required if not any("*" in type_ for type_ in types)))


def notes_of(contract: Contract, skipped: int, undecodable: int, anonymous: int, sessions: int) -> tuple[str, ...]:
    """What the user should know of a judgement, in sentences: how much was left out, unreadable, or of nobody."""
    notes = []
    if not contract.rules and contract.name != NO_CONTRACT:
        notes.append(NO_DEMANDS)
    if skipped:
        notes.append(f"{count_text(skipped, 'connection')} skipped: not covered by this contract's applies_to")
    if anonymous and sessions > 1:
        know = "session names no user, and counts as a separate user" if anonymous == 1 else (
            "sessions name no user, and count as separate users")
        notes.append(f"{anonymous} {know}; say where to find the user with `--user`, or `user:` in the contract")
    if undecodable:
        them = "it" if undecodable == 1 else "them"
        notes.append(f"{count_text(undecodable, 'message')} could not be decoded; what depends on {them} is inconclusive")
    return tuple(notes)
