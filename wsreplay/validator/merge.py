"""Judgements of the parts of one recording become the judgement of the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from wsreplay.contract import Contract
from wsreplay.validator.findings import Finding, Judgement, RuleVerdict, RunOutcome, Severity, Verdict
from wsreplay.validator.reporting import IN_A_URL, MOST_FINDINGS
from wsreplay.validator.span_log import MOST_RUNS
from wsreplay.validator.verdicts import notes_of, place, unjudged_notes, verdict_of_rule, whole, with_required


@dataclass(frozen=True, slots=True)
class PartialJudgement:
    """What was judged of one part of a recording."""

    judgement: Judgement
    # types that the contract names; connections that it does not judge; messages that could not be decoded
    matched: int
    skipped: int
    undecodable: int
    # sessions whose user is unknown, where rules ask for one
    anonymous: int
    # how far the part is known to reach (ns)
    reached_ns: int
    # key → all its ids that may belong to somebody, long ones as digests; what URLs name, under the key and IN_A_URL
    ids: dict[str, set[Any]]

    def shares_ids(self, other: PartialJudgement) -> bool:
        """Whether an id came in both parts: whose it is can be told by no part alone."""
        own = ((key, ids) for key, ids in self.ids.items() if not key.endswith(IN_A_URL))
        if any(not ids.isdisjoint(other.ids.get(key, ())) for key, ids in own):
            return True
        return self._is_named_in_urls_of(other) or other._is_named_in_urls_of(self)

    def _is_named_in_urls_of(self, other: PartialJudgement) -> bool:
        """Whether a URL of the other part names an id that came in this one. What URLs have in common says nothing."""
        named = ((key, other.ids.get(key + IN_A_URL)) for key in self.ids)
        return any(urls and any(str(id_) in urls or id_ in urls for id_ in self.ids[key]) for key, urls in named)


def merge(contract: Contract, parts: Sequence[PartialJudgement]) -> Judgement:
    """The judgement of the whole. The parts share no user, no session and no owned id."""
    judgements = [part.judgement for part in parts]
    rules = tuple(_rule(verdicts) for verdicts in zip(*(judgement.rules for judgement in judgements), strict=True))
    forgotten = Counter[str]()
    run_counts = Counter[str]()
    for judgement in judgements:
        forgotten.update(judgement.forgotten)
        run_counts.update(judgement.run_counts)
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
        runs=_runs(run for judgement in judgements for run in judgement.runs),
        session_verdicts=dict(sorted(sessions.items())),
        forgotten=dict(forgotten),
        run_counts=dict(sorted(run_counts.items())),
        required=judgements[0].required,
        notes=(
            *notes_of(
                sum(part.skipped for part in parts),
                sum(part.undecodable for part in parts),
                sum(part.anonymous for part in parts),
                sum(judgement.sessions for judgement in judgements),
            ),
            *unjudged_notes(unjudged),
        ),
        unjudged=dict(sorted(unjudged.items())),
    )
    return with_required(contract, whole_judgement, max(part.reached_ns for part in parts))


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


def _runs(runs: Iterable[RunOutcome]) -> tuple[RunOutcome, ...]:
    ordered = sorted(runs, key=lambda run: (run.start_ns, run.start_frame))
    room = {True: MOST_RUNS, False: MOST_RUNS}
    kept = []
    for run in ordered:
        good = run.state == "completed"
        if room[good]:
            room[good] -= 1
            kept.append(run)
    return tuple(kept)
