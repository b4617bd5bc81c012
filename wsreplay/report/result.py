"""What a report is made of: the results of judging files, and what they mean together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wsreplay.errors import EXIT_CLEAN, EXIT_NOT_JUDGED, EXIT_VIOLATIONS
from wsreplay.trace.sessions import RESUME_WITHIN_NS
from wsreplay.validator.findings import Finding, Judgement, Severity, Verdict

SEVERITY_RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.ERROR: 2}
_WORST_FIRST = (
    Verdict.ERROR, Verdict.VIOLATED, Verdict.INCONCLUSIVE, Verdict.PENDING, Verdict.OK_SO_FAR, Verdict.SATISFIED,
    Verdict.VACUOUS,
)  # fmt: skip
_FAILING = (Verdict.VIOLATED, Verdict.ERROR)


@dataclass(frozen=True, slots=True)
class FileResult:
    """One recording judged by one contract; can be sent between processes.

    `path` is as the user named it. Exactly one of `judgement` and `error` (why the file could not be judged) is given. `known`
    holds the fingerprints that a baseline accepts. `resume_within_ns` is how sessions were stitched.
    """

    path: str
    judgement: Judgement | None = None
    error: str | None = None
    known: frozenset[str] = frozenset()
    resume_within_ns: int = RESUME_WITHIN_NS

    @property
    def verdict(self) -> Verdict:
        return Verdict.ERROR if self.judgement is None else self.judgement.verdict

    @property
    def findings(self) -> tuple[Finding, ...]:
        return () if self.judgement is None else self.judgement.findings

    def is_known(self, finding: Finding) -> bool:
        return finding.fingerprint in self.known

    def failures(self) -> list[Finding]:
        """What is wrong, accepted by no baseline, and no mere consequence of something else."""
        causes = {finding.fingerprint for finding in self.findings}
        return [one for one in self.findings if is_failure(one) and not self.is_known(one) and one.caused_by not in causes]


def is_failure(finding: Finding) -> bool:
    """Whether a finding says that something is wrong, not that it could not be decided."""
    return finding.verdict in _FAILING


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of several together; `vacuous` of none."""
    return min(verdicts, key=_WORST_FIRST.index, default=Verdict.VACUOUS)


def exit_code(results: Sequence[FileResult], *, fail_on: Severity = Severity.ERROR, strict: bool = False) -> int:
    """What `validate` exits with: 3 where something could not be judged, or no rule ever applied; 1 on failures; else 0.

    A failure is a finding of at least the severity `fail_on`; under `strict` also a warning, and a rule that is vacuous or
    inconclusive.
    """
    judgements = [one.judgement for one in results if one.judgement is not None]
    rules = [rule for judgement in judgements for rule in judgement.rules]
    if len(judgements) < len(results) or not any(rule.activations or rule.errors for rule in rules):
        return EXIT_NOT_JUDGED
    least = min(SEVERITY_RANK[fail_on], SEVERITY_RANK[Severity.WARNING]) if strict else SEVERITY_RANK[fail_on]
    if any(SEVERITY_RANK[finding.severity] >= least for one in results for finding in one.failures()):
        return EXIT_VIOLATIONS
    return EXIT_VIOLATIONS if strict and any(map(unproven, results)) else EXIT_CLEAN


def unproven(result: FileResult) -> dict[Verdict, list[str]]:
    """The rules that fail under `strict` though nothing contradicts them, as vacuous or as inconclusive."""
    found: dict[Verdict, list[str]] = {}
    for rule in result.judgement.rules if result.judgement else ():
        if rule.verdict in (Verdict.VACUOUS, Verdict.INCONCLUSIVE):
            found.setdefault(rule.verdict, []).append(rule.id)
    return found


@dataclass(frozen=True, slots=True)
class Folded:
    """A finding with those that only follow from it."""

    finding: Finding
    consequences: tuple[Finding, ...] = ()


def fold(findings: Iterable[Finding]) -> list[Folded]:
    """Findings in the order of their decision, each consequence under its cause.

    Equal fingerprints occur: a consequence goes under the cause of its own session that shares most of its slice.
    """
    listed = sorted(findings, key=lambda one: (one.session or 0, one.decided_at, one.rule))
    roots = [one for one in listed if one.caused_by is None]
    by_cause: dict[tuple[int | None, str], list[int]] = {}
    for index, root in enumerate(roots):
        by_cause.setdefault((root.session, root.fingerprint), []).append(index)
    below: list[list[Finding]] = [[] for _ in roots]
    orphans = []
    for one in listed:
        if one.caused_by is None:
            continue
        candidates = by_cause.get((one.session, one.caused_by))
        if not candidates:
            orphans.append(one)
            continue
        shared = [len(set(one.slice) & set(roots[index].slice)) for index in candidates[:100]]
        below[candidates[shared.index(max(shared))]].append(one)
    folded = [Folded(root, tuple(consequences)) for root, consequences in zip(roots, below, strict=True)]
    folded += [Folded(orphan) for orphan in orphans]
    return sorted(folded, key=lambda one: (one.finding.session or 0, one.finding.decided_at))


def place(judgement: Judgement, finding: Finding) -> str:
    """Where the rule stands in its contract: `agent-chat.yaml:18`."""
    return f"{contract_file(judgement, finding.file)}:{finding.line}" if finding.line else ""


def contract_path(finding: Finding) -> str | None:
    """The contract's file where it is one of the user's, which a CI server can show, and not built in."""
    return finding.file if finding.file and finding.line and Path(finding.file).is_file() else None


def contract_file(judgement: Judgement, file: str) -> str:
    """The file of a rule; a built-in contract is named like its file."""
    name = file or judgement.contract
    return name if name.endswith((".yaml", ".yml")) else f"{name}.yaml"
