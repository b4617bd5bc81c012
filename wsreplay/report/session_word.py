"""What reports call a session at a glance, and its sign, which is that of `wsreplay.standing`."""

from __future__ import annotations

from collections.abc import Iterable

from wsreplay.model import NO_CONTRACT
from wsreplay.report.result import FileResult, fold
from wsreplay.standing import ERRORS, NOTHING, OK, SIGNS, UNDECIDED, WARNINGS
from wsreplay.validator.findings import Finding, Judgement, Severity, Verdict

FAILED, WARNED, KNOWN, UNVALIDATED, PASSED = "failed", "warnings", "known", "not validated", "passed"
_STANDINGS = {FAILED: ERRORS, WARNED: WARNINGS, PASSED: OK, UNVALIDATED: NOTHING, "vacuous": NOTHING, "violated": ERRORS}


def session_word(result: FileResult, judgement: Judgement, session: int, findings: Iterable[Finding]) -> str:
    """One of the words above, or its verdict where that is another, such as `inconclusive`.

    `findings` are those of the session; what a baseline accepts does not make it fail.
    """
    failures = [group.finding for group in fold(findings) if result.is_wrong(group.finding)]
    new = {finding.severity for finding in failures if not result.is_known(finding)}
    if Severity.ERROR in new:
        return FAILED
    if Severity.WARNING in new:
        return WARNED
    if any(result.is_known(finding) for finding in failures):
        return KNOWN
    is_passed_by = session in judgement.unjudged and session not in judgement.session_verdicts
    if judgement.contract == NO_CONTRACT or judgement.demands_nothing or is_passed_by:
        return UNVALIDATED
    verdict = judgement.session_verdicts.get(session, Verdict.SATISFIED)
    return PASSED if verdict in (Verdict.SATISFIED, Verdict.OK_SO_FAR) else str(verdict).replace("_", " ")


def session_sign(word: str) -> str:
    """The sign of a session's word."""
    return "·" if word == KNOWN else SIGNS[_STANDINGS.get(word, UNDECIDED)]
