"""From what the monitors counted to the verdict of each rule and of the whole (RV-LTL: Bauer, Leucker, Schallhart)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsreplay.contract.model import Bind, Confine, Declare, Format, Rule, Span, Unknown
from wsreplay.contract.model import Schema as SchemaRule
from wsreplay.validator.findings import Finding, Judgement, RuleVerdict, RunAccount, Severity, Verdict
from wsreplay.validator.reporting import Counts
from wsreplay.validator.spans import account
from wsreplay.validator.state import Instance

if TYPE_CHECKING:
    from wsreplay.validator.engine import Engine


def judgement(engine: Engine) -> Judgement:
    """The verdict of what the engine has seen so far."""
    _collect(engine)
    rules = tuple(_rule_verdict(engine, counts) for counts in engine.counts.values())
    order = sorted(range(len(engine.findings)), key=lambda index: _place(engine, index))
    findings = tuple(engine.findings[index] for index in order)
    contract = engine.contract
    judged = sum(1 for session in engine.sessions.values())
    return Judgement(
        contract=contract.name, contract_version=contract.version, contract_digest=contract.digest, verdict=_whole(rules, engine),
        events=engine.events, sessions=judged, rules=rules, findings=findings, runs=_runs(engine),
        session_verdicts={session.id: _session(session.violated, session.undecided, engine.finished)
                          for session in engine.sessions.values()},
        forgotten=dict(engine.reporter.forgotten), run_counts=dict(sorted(engine.accounts.counts.items())), notes=_notes(engine),
    )  # fmt: skip


def _place(engine: Engine, index: int) -> tuple[int, int, int, int]:
    finding = engine.findings[index]
    return finding.decided_at, engine.reporter.orders[index], finding.activation or 0, index


def _collect(engine: Engine) -> None:
    """Bring home what generated source counted."""
    program = engine.program
    for name, monitors in (("latency", engine.latencies), ("sequence", engine.sequences), ("unique", engine.uniques)):
        for number, each in enumerate(monitors):
            each.counts.activations = program.looked_at(f"{name}{number}")
    for number, confine in enumerate(engine.confines):
        confine.counts.activations += program.taken(f"confine{number}")
    for rule in engine.monitors:
        rule.counts.activations += program.taken(f"rule{rule.index}")
    for span in engine.spans:
        span.counts.activations += span.opened
        for counted in span.group.counted if span.group is not None else ():
            counted.counts.activations += span.opened
        span.opened = 0


def _open_instances(engine: Engine) -> list[Instance]:
    found = []
    for session in engine.sessions.values():
        for table in session.spans:
            for instance in table.values():
                while instance is not None:
                    found.append(instance)
                    instance = instance.outer  # type: ignore[assignment]
    return found


def _pending(engine: Engine, counts: Counts) -> int:
    if engine.finished:
        return 0
    rule = counts.rule
    if isinstance(rule, Span):
        return sum(1 for instance in _open_instances(engine) if instance.monitor.span is rule and instance.late is None)
    if isinstance(rule, Declare):
        return sum(1 for each in engine.monitors if each.rule is rule for obligation in each.queue if not obligation.done)
    return 0


def _rule_verdict(engine: Engine, counts: Counts) -> RuleVerdict:
    rule, pending = counts.rule, _pending(engine, counts)
    activations = counts.activations
    if isinstance(rule, Format):
        activations = engine.events + engine.untyped
    if isinstance(rule, Unknown):
        activations = counts.violations
    verdict = _verdict(engine, counts, activations, pending)
    done = max(0, activations - counts.violations - pending - counts.inconclusive)
    return RuleVerdict(
        rule.id,
        verdict,
        Severity(rule.severity),
        rule.place.line,
        activations,
        done,
        counts.violations,
        pending,
        counts.inconclusive,
        counts.errors,
        rule.place.file,
    )


def _verdict(engine: Engine, counts: Counts, activations: int, pending: int) -> Verdict:
    if counts.violations:
        return Verdict.VIOLATED
    if counts.errors:
        return Verdict.ERROR
    if counts.inconclusive:
        return Verdict.INCONCLUSIVE
    if pending:
        return Verdict.PENDING
    if not activations:
        return Verdict.VACUOUS
    return Verdict.SATISFIED if engine.finished else Verdict.OK_SO_FAR


def _whole(rules: tuple[RuleVerdict, ...], engine: Engine) -> Verdict:
    """Violated where a rule of severity error is; vacuous where nothing matched what the contract names."""
    verdicts = {rule.verdict for rule in rules}
    if any(rule.verdict is Verdict.VIOLATED and rule.severity is Severity.ERROR for rule in rules):
        return Verdict.VIOLATED
    if not _anything_matched(rules, engine):
        return Verdict.VACUOUS
    for verdict in (Verdict.PENDING, Verdict.OK_SO_FAR, Verdict.INCONCLUSIVE):
        if verdict in verdicts:
            return verdict
    return Verdict.SATISFIED


def _anything_matched(rules: tuple[RuleVerdict, ...], engine: Engine) -> bool:
    """Whether a rule was activated by events that the contract names. Form alone, or any message at all, does not count."""
    kinds: dict[str, Rule] = {rule.id: rule for rule in engine.contract.rules}
    telling = [rule for rule in rules if isinstance(kinds[rule.id], Span | Declare | SchemaRule)]
    if not telling:
        telling = [rule for rule in rules if not isinstance(kinds[rule.id], Format | Unknown)] or list(rules)
        return any(rule.activations for rule in telling)
    return engine.matched > 0 and any(rule.activations for rule in telling)


def _session(violated: bool, undecided: bool, finished: bool) -> Verdict:
    if violated:
        return Verdict.VIOLATED
    if not finished:
        return Verdict.OK_SO_FAR
    return Verdict.INCONCLUSIVE if undecided else Verdict.SATISFIED


def _runs(engine: Engine) -> tuple[RunAccount, ...]:
    runs = list(engine.accounts.kept)
    for instance in _open_instances(engine):
        if instance.monitor.accounts is not None:
            runs.append(account(instance, "stalled" if instance.late is not None else "open", None, None, ""))
    return tuple(sorted(runs, key=lambda run: (run.start_ns, run.start_frame)))


def _notes(engine: Engine) -> tuple[str, ...]:
    notes = []
    if engine.skipped:
        notes.append(f"{engine.skipped} connections are none of this contract's (applies_to)")
    return tuple(notes)


_ISOLATION = (Bind, Confine)


def sort_key(finding: Finding, order: int) -> tuple[int, int, int]:
    return finding.decided_at, order, finding.activation or 0
