"""Judgements of the parts of one recording become the judgement of the whole."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wsreplay.contract import Contract
from wsreplay.contract.unseen import EventType
from wsreplay.validator.claims import Claims
from wsreplay.validator.findings import Finding, Judgement, RuleVerdict, Severity, SpanRecord, Verdict, unjudged_notes
from wsreplay.validator.reporting import MOST_FINDINGS
from wsreplay.validator.span_log import MOST_RUNS, MOST_SPANS, in_order
from wsreplay.validator.verdicts import notes_of, place, verdict_of_rule, whole, with_misspelt, with_required


@dataclass(frozen=True, slots=True)
class PartialJudgement:
    """What was judged of one part of a recording."""

    judgement: Judgement
    # how many types came that the contract names; connections that it does not judge; messages that could not be decoded
    matched: int
    skipped: int
    undecodable: int
    # sessions whose user is unknown, where rules ask for one
    anonymous: int
    # how far the part is known to reach (ns)
    reached_ns: int
    # (direction, type) that came, under the contract's name
    types: frozenset[EventType]
    # ids that came, and whose they are
    claims: Claims


def merge(contract: Contract, parts: Sequence[PartialJudgement], *, spans: bool = False) -> Judgement:
    """The judgement of the whole. The parts share no user, no session and no owned id; with `spans` they logged all spans."""
    judgements = [part.judgement for part in parts]
    rules = tuple(_rule(verdicts) for verdicts in zip(*(judgement.rules for judgement in judgements), strict=True))
    forgotten = Counter[str]()
    span_counts = defaultdict[str, Counter[str]](Counter)
    for judgement in judgements:
        forgotten.update(judgement.forgotten)
        for span, states in judgement.span_counts.items():
            span_counts[span].update(states)
    records = in_order(record for judgement in judgements for record in judgement.spans)
    kept = records[:MOST_SPANS] if spans else _runs(records)
    findings = _findings(contract, (finding for judgement in judgements for finding in judgement.findings), forgotten)
    matched = sum(part.matched for part in parts)
    sessions = {number: verdict for judgement in judgements for number, verdict in judgement.session_verdicts.items()}
    unjudged = {number: counts for judgement in judgements for number, counts in judgement.unjudged.items()}
    whole_judgement = Judgement(
        contract=contract.name,
        contract_version=contract.version,
        contract_digest=contract.digest,
        verdict=whole(contract, rules, matched),
        events=sum(judgement.events for judgement in judgements),
        sessions=sum(judgement.sessions for judgement in judgements),
        rules=rules,
        findings=findings,
        spans=kept,
        session_verdicts=dict(sorted(sessions.items())),
        users={number: user for judgement in judgements for number, user in judgement.users.items()},
        forgotten=dict(forgotten),
        span_counts={span: dict(sorted(states.items())) for span, states in span_counts.items()},
        spans_left_out=sum(judgement.spans_left_out for judgement in judgements) + (len(records) - len(kept) if spans else 0),
        run_span=judgements[0].run_span,
        required=judgements[0].required,
        notes=(
            *notes_of(
                contract,
                sum(part.skipped for part in parts),
                sum(part.undecodable for part in parts),
                sum(part.anonymous for part in parts),
                sum(judgement.sessions for judgement in judgements),
            ),
            *unjudged_notes(unjudged),
        ),
        unjudged=dict(sorted(unjudged.items())),
    )
    required = with_required(contract, whole_judgement, max(part.reached_ns for part in parts))
    return with_misspelt(contract, required, frozenset[EventType]().union(*(part.types for part in parts)))


def _rule(verdicts: Iterable[RuleVerdict]) -> RuleVerdict:
    """One rule over all parts: its counts add up, its worst verdict stands."""
    of_parts = list(verdicts)
    first = of_parts[0]
    activations, violations, pending, inconclusive, errors, unread = (
        sum(getattr(verdict, name) for verdict in of_parts)
        for name in ("activations", "violations", "pending", "inconclusive", "errors", "unread")
    )
    return RuleVerdict(
        first.id,
        verdict_of_rule(violations, errors, inconclusive, pending, activations, finished=True),
        _severity(of_parts),
        first.line,
        activations,
        max(0, activations - violations - pending - (inconclusive - unread)),
        violations,
        pending,
        inconclusive,
        errors,
        first.file,
        unread,
    )


def _severity(verdicts: Sequence[RuleVerdict]) -> Severity:
    """That of the parts in which it is violated, the worse one."""
    violated = {verdict.severity for verdict in verdicts if verdict.violations} or {verdicts[0].severity}
    return next(severity for severity in (Severity.ERROR, *violated) if severity in violated)


def _findings(contract: Contract, findings: Iterable[Finding], forgotten: Counter[str]) -> tuple[Finding, ...]:
    """All findings in the order of one judgement; what is said once per rule is said once, what is too much is forgotten."""
    orders = {rule.id: order for order, rule in enumerate(contract.rules)}
    kept: list[Finding] = []
    counts, lacking = Counter[str](), set[str]()
    for finding in sorted(findings, key=lambda finding: place(finding, orders[finding.rule])):
        if finding.verdict is Verdict.ERROR:
            if finding.rule in lacking:
                continue
            lacking.add(finding.rule)
        counts[finding.rule] += 1
        if counts[finding.rule] > MOST_FINDINGS:
            forgotten["findings"] += 1
            continue
        kept.append(finding)
    return tuple(kept)


def _runs(runs: Iterable[SpanRecord]) -> tuple[SpanRecord, ...]:
    """Of runs that went well, and of others, as many as one judgement keeps."""
    room = {True: MOST_RUNS, False: MOST_RUNS}
    kept = []
    for run in runs:
        good = run.state == "completed"
        if room[good]:
            room[good] -= 1
            kept.append(run)
    return tuple(kept)
