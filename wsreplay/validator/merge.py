"""Judgements of the parts of one recording become the judgement of the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from wsreplay.contract import Contract
from wsreplay.validator.findings import Finding, Judgement, RuleVerdict, RunAccount, Verdict
from wsreplay.validator.reporting import MOST_FINDINGS
from wsreplay.validator.span_log import MOST_ACCOUNTS
from wsreplay.validator.verdicts import notes_of, place, verdict_of_rule, whole, with_required


@dataclass(frozen=True, slots=True)
class Part:
    """What was judged of one part; `ids` are all ids that belong to somebody, by key, long ones as digests."""

    judgement: Judgement
    matched: int
    untyped: int
    skipped: int
    unread: int
    reached_ns: int
    ids: dict[str, set[Any]]


def merged(contract: Contract, parts: Sequence[Part]) -> Judgement:
    """The judgement of the whole. The parts share no user, no session and no owned id."""
    judgements = [part.judgement for part in parts]
    rules = tuple(_rule(verdicts) for verdicts in zip(*(one.rules for one in judgements), strict=True))
    forgotten = Counter[str]()
    run_counts = Counter[str]()
    for one in judgements:
        forgotten.update(one.forgotten)
        run_counts.update(one.run_counts)
    findings = _findings(contract, (finding for one in judgements for finding in one.findings), forgotten)
    matched = sum(part.matched for part in parts)
    sessions = {number: verdict for one in judgements for number, verdict in one.session_verdicts.items()}
    found = Judgement(
        contract=contract.name,
        contract_version=contract.version,
        contract_digest=contract.digest,
        verdict=whole(contract, rules, matched),
        events=sum(one.events for one in judgements),
        sessions=sum(one.sessions for one in judgements),
        rules=rules,
        findings=findings,
        runs=_runs(run for one in judgements for run in one.runs),
        session_verdicts=dict(sorted(sessions.items())),
        forgotten=dict(forgotten),
        run_counts=dict(sorted(run_counts.items())),
        notes=notes_of(sum(part.skipped for part in parts), sum(part.unread for part in parts)),
    )
    return with_required(contract, found, max(part.reached_ns for part in parts))


def _rule(verdicts: Iterable[RuleVerdict]) -> RuleVerdict:
    """One rule over all parts: its counts add up, its worst verdict stands."""
    found = list(verdicts)
    first = found[0]
    activations, violations, pending, inconclusive, errors, unread = (
        sum(getattr(one, name) for one in found)
        for name in ("activations", "violations", "pending", "inconclusive", "errors", "unread")
    )
    return RuleVerdict(
        first.id,
        verdict_of_rule(violations, errors, inconclusive, pending, activations, finished=True),
        first.severity,
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


def _findings(contract: Contract, findings: Iterable[Finding], forgotten: Counter[str]) -> tuple[Finding, ...]:
    """All findings in the order of one judgement; what is said once per rule is said once, what is too much is forgotten."""
    orders = {rule.id: order for order, rule in enumerate(contract.rules)}
    kept: list[Finding] = []
    counts, lacking = Counter[str](), set[str]()
    for finding in sorted(findings, key=lambda one: place(one, orders[one.rule])):
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


def _runs(runs: Iterable[RunAccount]) -> tuple[RunAccount, ...]:
    ordered = sorted(runs, key=lambda run: (run.start_ns, run.start_frame))
    room = {True: MOST_ACCOUNTS, False: MOST_ACCOUNTS}
    kept = []
    for run in ordered:
        good = run.state == "completed"
        if room[good]:
            room[good] -= 1
            kept.append(run)
    return tuple(kept)
