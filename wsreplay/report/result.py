"""What a report is made of: the results of judging files, and what they mean together."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wsreplay.contract import Contract
from wsreplay.display import visible
from wsreplay.errors import EXIT_CLEAN, EXIT_NOT_JUDGED, EXIT_VIOLATIONS
from wsreplay.model import NO_CONTRACT, NO_DEMANDS, NO_FIT, NO_RULES, Session
from wsreplay.units import count_text
from wsreplay.validator.findings import Finding, Judgement, RuleVerdict, Severity, Verdict
from wsreplay.validator.reporting import fingerprint_of

SEVERITY_RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.ERROR: 2}
_WORST_FIRST = (
    Verdict.ERROR, Verdict.VIOLATED, Verdict.INCONCLUSIVE, Verdict.PENDING, Verdict.OK_SO_FAR, Verdict.SATISFIED,
    Verdict.VACUOUS,
)  # fmt: skip
_FAILING = (Verdict.VIOLATED, Verdict.ERROR)
UNDECIDED = "inconclusive, since the recording does not hold all that would tell"
"""What reports say of a rule that nothing contradicts and that is not known to hold."""

_UNPROVEN = {Verdict.VACUOUS: "never applied", Verdict.INCONCLUSIVE: "could not be decided"}
UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True)
class FileResult:
    """One recording judged by one contract; can be sent between processes.

    `path` is as the user named it. Exactly one of `judgement` and `error` (why it could not be validated) is given. `known`
    holds the fingerprints that a baseline accepts. `strict` says that what could not be shown to hold is wrong too: `strictly`
    makes such a result. `contract` is what it was judged by, whose names of types and places reports show.
    """

    path: str
    judgement: Judgement | None = None
    error: str | None = None
    known: frozenset[str] = frozenset()
    strict: bool = False
    contract: Contract | None = None
    # the only session that is told of; None: all
    session: int | None = None
    # sessions without a finding are told in full, too
    every_session: bool = False
    # options with which other commands read it the same way, such as `-c chat.yaml`
    options: tuple[str, ...] = ()
    # programs are told all spans, not only runs
    every_span: bool = False

    @property
    def option_text(self) -> str:
        """`options` as a shell takes them, each after a space."""
        return "".join(f" {shlex.quote(visible(option))}" for option in self.options)

    def user_of(self, session: Session) -> str | None:
        """Whose a session is: as its handshake says, else as a message does."""
        return session.user or (None if self.judgement is None else self.judgement.users.get(session.id))

    def called(self, type_: str) -> str:
        """What the contract calls a product's type; the same where it has no other name for it."""
        return type_ if self.contract is None else self.contract.map.name_of(type_)

    @property
    def verdict(self) -> Verdict:
        """The verdict of all rules together; `error` where there is none."""
        return Verdict.ERROR if self.judgement is None else self.judgement.verdict

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings; none where the file could not be validated."""
        return () if self.judgement is None else self.judgement.findings

    def is_known(self, finding: Finding) -> bool:
        """Whether a baseline accepts a finding."""
        return finding.fingerprint in self.known

    def is_wrong(self, finding: Finding) -> bool:
        """Whether a finding says that something is wrong, or under `strict` that it was not shown to be right."""
        return is_failure(finding) or (self.strict and finding.verdict in _UNPROVEN)

    def is_new(self, finding: Finding) -> bool:
        """Whether a finding says that something is wrong, and no baseline accepts it."""
        return self.is_wrong(finding) and not self.is_known(finding)

    @property
    def known_failures(self) -> int:
        """How many findings say that something is wrong that a baseline accepts."""
        return sum(self.is_wrong(finding) and self.is_known(finding) for finding in self.findings)

    def failures(self) -> list[Finding]:
        """What is wrong, accepted by no baseline, and no mere consequence of something else."""
        causes = {finding.id for finding in self.findings}
        return [finding for finding in self.findings if self.is_new(finding) and finding.caused_by not in causes]

    @property
    def why_not_judged(self) -> str:
        """Why there is no verdict: what stood in the way, that there are no rules, or what was seen that no contract fits;
        else empty."""
        if self.judgement is None:
            return self.error or "could not be validated"
        if self.judgement.demands_nothing:
            return NO_DEMANDS
        if self.judgement.contract != NO_CONTRACT:
            return ""
        return f"{NO_FIT}; choose one with -c. Seen: {'; '.join(self.judgement.seen) or 'no event'}"

    @property
    def word(self) -> str:
        """The verdict in a word; `unproven` where only `strict` fails it."""
        if self.judgement is not None and self.judgement.contract == NO_CONTRACT:
            return NO_FIT
        if self.judgement is not None and self.judgement.demands_nothing:
            return NO_RULES
        if self.verdict not in _FAILING and any(failure.verdict in _UNPROVEN for failure in self.failures()):
            return UNPROVEN
        return str(self.verdict).replace("_", " ")


def is_failure(finding: Finding) -> bool:
    """Whether a finding says that something is wrong, not that it could not be decided."""
    return finding.verdict in _FAILING


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of several together; `vacuous` of none."""
    return min(verdicts, key=_WORST_FIRST.index, default=Verdict.VACUOUS)


def word_of_all(results: Iterable[FileResult]) -> str:
    """The worst of several results in a word."""
    listed = list(results)
    if listed and all(result.word == listed[0].word for result in listed):
        return listed[0].word
    verdict = worst(result.verdict for result in listed)
    if verdict not in _FAILING and any(result.word == UNPROVEN for result in listed):
        return UNPROVEN
    return str(verdict).replace("_", " ")


def strictly(result: FileResult) -> FileResult:
    """The same under `--strict`: with a finding for each rule that is vacuous or inconclusive and has none that says so."""
    judgement = result.judgement
    if judgement is None:
        return replace(result, strict=True)
    rules = {finding.rule for finding in judgement.findings if finding.verdict is Verdict.INCONCLUSIVE}
    added = [_unproven(judgement, rule) for rule in judgement.rules if rule.verdict in _UNPROVEN and rule.id not in rules]
    return replace(result, judgement=replace(judgement, findings=(*judgement.findings, *added)), strict=True)


def _unproven(judgement: Judgement, rule: RuleVerdict) -> Finding:
    return Finding(
        rule=rule.id,
        verdict=rule.verdict,
        severity=rule.severity if rule.severity is Severity.ERROR else Severity.WARNING,
        message=f"{rule.id} {_UNPROVEN[rule.verdict]}, which fails under --strict",
        line=rule.line,
        file=rule.file,
        kind=str(rule.verdict),
        decided_by="trace_end",
        decided_at=max((finding.decided_at for finding in judgement.findings), default=0),
        fingerprint=fingerprint_of(judgement.contract, rule.id, (str(rule.verdict),)),
        id=f"0.{rule.id}.0",
    )


def least_to_fail(results: Iterable[FileResult], fail_on: Severity) -> Severity:
    """The least severity of a finding that fails: `fail_on`, but under `strict` a warning at most."""
    if any(result.strict for result in results) and SEVERITY_RANK[fail_on] > SEVERITY_RANK[Severity.WARNING]:
        return Severity.WARNING
    return fail_on


def exit_code(results: Sequence[FileResult], *, fail_on: Severity = Severity.ERROR, strict: bool = False) -> int:
    """What `validate` exits with: 3 where something could not be validated, or no rule ever applied; 1 on failures; else 0.

    A failure is a finding of at least the severity `fail_on`; under `strict` also a warning, and a rule that is vacuous or
    inconclusive.
    """
    judgements = [result.judgement for result in results if result.judgement is not None]
    if len(judgements) < len(results) or not any(map(_applied, judgements)):
        return EXIT_NOT_JUDGED
    if strict:
        results = [result if result.strict else strictly(result) for result in results]
    least = SEVERITY_RANK[least_to_fail(results, fail_on)]
    failed = any(SEVERITY_RANK[finding.severity] >= least for result in results for finding in result.failures())
    return EXIT_VIOLATIONS if failed else EXIT_CLEAN


def why_unchecked(results: Sequence[FileResult]) -> list[str]:
    """For each result why nothing was checked, or empty: what `exit_code` gives 3 for, and no report may show as green."""
    any_applied = any(_applied(result.judgement) for result in results if result.judgement is not None)
    return [result.why_not_judged or ("" if any_applied else _why_vacuous(result)) for result in results]


def _why_vacuous(result: FileResult) -> str:
    judgement = result.judgement
    assert judgement is not None  # else `why_not_judged` says why
    if not judgement.events and not judgement.sessions:
        return "nothing was checked: nothing was recorded"
    about = f"{count_text(judgement.events, 'event')} in {count_text(judgement.sessions, 'session')}"
    return f"nothing was checked: no rule of the contract {judgement.contract} applied to {about}; is it the right one?"


def _applied(judgement: Judgement) -> bool:
    """Whether there was anything that the contract speaks of; that a message is JSON is not enough."""
    return judgement.verdict is not Verdict.VACUOUS and any(rule.activations or rule.errors for rule in judgement.rules)


BROKEN_AS_A_RESULT = "broken as a result"


def rule_counts(judgement: Judgement) -> list[tuple[str, int]]:
    """How many rules have which verdict, in words, most first. Broken only as a result of others is a verdict of its own."""
    followers = judgement.followers()
    words = (BROKEN_AS_A_RESULT if rule.id in followers else str(rule.verdict).replace("_", " ") for rule in judgement.rules)
    return Counter(words).most_common()


def unproven(result: FileResult) -> dict[Verdict, list[str]]:
    """The rules that fail under `strict` though nothing contradicts them, as vacuous or as inconclusive."""
    rules_by_verdict: dict[Verdict, list[str]] = {}
    for finding in result.failures():
        rules = rules_by_verdict.setdefault(finding.verdict, []) if finding.verdict in _UNPROVEN else [finding.rule]
        if finding.rule not in rules:
            rules.append(finding.rule)
    return rules_by_verdict


@dataclass(frozen=True, slots=True)
class Folded:
    """A finding with those that only follow from it."""

    finding: Finding
    consequences: tuple[Finding, ...] = ()


def fold(findings: Iterable[Finding]) -> list[Folded]:
    """Findings in the order of their decision, each consequence under its cause."""
    listed = sorted(findings, key=lambda finding: (finding.session or 0, finding.decided_at, finding.rule))
    ids = {finding.id for finding in listed if finding.caused_by is None}
    below: dict[str, list[Finding]] = {}
    for finding in listed:
        if finding.caused_by in ids:
            below.setdefault(str(finding.caused_by), []).append(finding)
    return [Folded(finding, tuple(below.get(finding.id, ()))) for finding in listed if finding.caused_by not in ids]


def place(judgement: Judgement, finding: Finding) -> str:
    """Where the rule stands in its contract: `agent-chat.yaml:18`."""
    return f"{contract_file(judgement, finding.file)}:{finding.line}" if finding.line else ""


def contract_place(result: FileResult, finding: Finding) -> tuple[str, int] | None:
    """File and line of a finding's rule, for a CI server to show. A rule that came with wsreplay stands where the user's
    contract names the one that it extends; None where no file of the user's has to do with it."""
    contract = result.contract
    places = [(finding.file, finding.line), *([(contract.file, contract.extends_line)] if contract is not None else ())]
    return next(((file, line) for file, line in places if file and line and Path(file).is_file()), None)


def contract_file(judgement: Judgement, file: str) -> str:
    """The file of a rule; a built-in contract is named like its file."""
    name = file or judgement.contract
    return name if name.endswith((".yaml", ".yml")) else f"{name}.yaml"
