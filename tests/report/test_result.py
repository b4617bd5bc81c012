from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from tests.report.conftest import MISSING_TOOL, NOT_WORKED, RULES, judged
from wsreplay.errors import UsageError
from wsreplay.report import FORMATS, FileResult, exit_code, render, worst
from wsreplay.report.result import fold
from wsreplay.validator.findings import RuleVerdict, Severity, Verdict

SATISFIED = RuleVerdict("run", Verdict.SATISFIED, activations=1, fulfilments=1)


def result(*severities: Severity, rules: tuple[RuleVerdict, ...] = (SATISFIED,), known: bool = False) -> FileResult:
    findings = tuple(replace(MISSING_TOOL, severity=severity) for severity in severities)
    return FileResult("a.db", judged(findings=findings, rules=rules), known=frozenset({"f-tool"} if known else ()))


@pytest.mark.parametrize(
    ("results", "fail_on", "strict", "code"),
    [
        ([result()], Severity.ERROR, False, 0),
        ([result()], Severity.ERROR, True, 0),
        ([result(Severity.ERROR)], Severity.ERROR, False, 1),
        ([result(Severity.WARNING)], Severity.ERROR, False, 0),
        ([result(Severity.WARNING)], Severity.ERROR, True, 1),
        ([result(Severity.WARNING)], Severity.WARNING, False, 1),
        ([result(Severity.INFO)], Severity.ERROR, True, 0),
        ([result(Severity.INFO)], Severity.INFO, True, 1),
        ([result(Severity.ERROR, known=True)], Severity.ERROR, False, 0),
        ([result(rules=RULES)], Severity.ERROR, False, 0),
        ([result(rules=RULES)], Severity.ERROR, True, 1),
        ([result(rules=())], Severity.ERROR, False, 3),
        ([result(rules=(RuleVerdict("run", Verdict.VACUOUS),))], Severity.ERROR, False, 3),
        ([result(), result(rules=())], Severity.ERROR, False, 0),
        ([result(Severity.ERROR), FileResult("b.db", error="broken")], Severity.ERROR, False, 3),
        ([], Severity.ERROR, False, 3),
    ],
)
def test_the_exit_code(results: list[FileResult], fail_on: Severity, strict: bool, code: int) -> None:
    assert exit_code(results, fail_on=fail_on, strict=strict) == code


def test_what_could_not_be_decided_is_no_failure() -> None:
    undecided = replace(MISSING_TOOL, verdict=Verdict.INCONCLUSIVE)
    assert FileResult("a.db", judged(findings=(undecided,))).failures() == []


def test_the_worst_verdict_counts() -> None:
    assert worst([Verdict.SATISFIED, Verdict.VACUOUS]) is Verdict.SATISFIED
    assert worst([Verdict.SATISFIED, Verdict.INCONCLUSIVE, Verdict.VIOLATED]) is Verdict.VIOLATED
    assert worst([Verdict.VIOLATED, Verdict.ERROR]) is Verdict.ERROR
    assert worst([]) is Verdict.VACUOUS


def test_consequences_are_folded_under_the_cause_that_shares_their_slice() -> None:
    other = replace(MISSING_TOOL, slice=(("thread", "t2"), ("run", "r2"), ("tool", "c9")))
    foreign = replace(NOT_WORKED, session=2)
    folded = fold([NOT_WORKED, other, MISSING_TOOL, foreign])
    assert [(one.finding, one.consequences) for one in folded] == [(other, ()), (MISSING_TOOL, (NOT_WORKED,)), (foreign, ())]


def test_results_travel_between_processes(chat: FileResult) -> None:
    assert pickle.loads(pickle.dumps(chat)) == chat


def test_an_unknown_format_is_refused_with_those_there_are(chat: FileResult) -> None:
    with pytest.raises(UsageError, match="choose one of text, json, junit, sarif, github, html"):
        render("xml", [chat])
    assert FORMATS == ("text", "json", "junit", "sarif", "github", "html")
