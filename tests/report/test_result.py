from __future__ import annotations

import json
import pickle
from dataclasses import replace

import pytest

from tests.report.conftest import MISSING_TOOL, NOT_WORKED, RULES, Traces, judged
from wsreplay.contract import loads
from wsreplay.errors import UsageError
from wsreplay.report import FORMATS, FileResult, exit_code, render, worst
from wsreplay.report.result import fold, rule_counts, strictly, unproven
from wsreplay.store.reader import Recording
from wsreplay.validator import judge
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
        ([FileResult("a.db", judged(verdict=Verdict.VACUOUS))], Severity.ERROR, False, 3),  # but for JSON nothing applied
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


UNSURE = RuleVerdict("order", Verdict.INCONCLUSIVE, line=7, activations=2, inconclusive=1)


@pytest.fixture
def strict() -> FileResult:
    """Satisfied, with a rule that never applied and one that was not decided."""
    return strictly(FileResult("a.db", judged(verdict=Verdict.SATISFIED, findings=(), rules=(*RULES[2:], UNSURE))))


def test_what_is_not_shown_to_hold_is_wrong_under_strict(strict: FileResult) -> None:
    assert [(one.rule, one.verdict, one.severity, one.line) for one in strict.failures()] == [
        ("latency", Verdict.VACUOUS, Severity.WARNING, 31), ("order", Verdict.INCONCLUSIVE, Severity.ERROR, 7),
    ]  # fmt: skip
    assert (strict.verdict, strict.word) == (Verdict.SATISFIED, "unproven")
    assert unproven(strict) == {Verdict.VACUOUS: ["latency"], Verdict.INCONCLUSIVE: ["order"]}
    accepted = replace(strict, known=frozenset(one.fingerprint for one in strict.findings))
    assert (exit_code([strict]), exit_code([accepted])) == (1, 0)


def test_a_finding_that_was_not_decided_is_wrong_under_strict_and_not_said_twice() -> None:
    undecided = replace(MISSING_TOOL, rule="order", verdict=Verdict.INCONCLUSIVE)
    judgement = judged(verdict=Verdict.INCONCLUSIVE, findings=(undecided,), rules=(SATISFIED, UNSURE))
    assert strictly(FileResult("a.db", judgement)).failures() == [undecided]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("text", "UNPROVEN   1 error, 1 warning"),
        ("json", '"exit_code": 1'),
        ("junit", '<failure message="latency never applied, which fails under --strict"'),
        ("sarif", '"text": "order could not be decided, which fails under --strict"'),
        ("github", "::error title=wsreplay::unproven: 1 result, 1 error, 1 warning"),
        ("html", '<h1>wsreplay <span class="badge bad">unproven</span></h1>'),
    ],
)
def test_every_report_says_what_fails_under_strict(strict: FileResult, form: str, said: str) -> None:
    assert said in render(form, [strict])
    assert said not in render(form, [replace(strict, strict=False)])


def test_the_worst_verdict_counts() -> None:
    assert worst([Verdict.SATISFIED, Verdict.VACUOUS]) is Verdict.SATISFIED
    assert worst([Verdict.SATISFIED, Verdict.INCONCLUSIVE, Verdict.VIOLATED]) is Verdict.VIOLATED
    assert worst([Verdict.VIOLATED, Verdict.ERROR]) is Verdict.ERROR
    assert worst([]) is Verdict.VACUOUS


def test_consequences_are_folded_under_their_cause() -> None:
    other = replace(MISSING_TOOL, id="f-other", slice=(("thread", "t2"), ("run", "r2"), ("tool", "c9")))
    orphan = replace(NOT_WORKED, session=2, caused_by="f-elsewhere")
    folded = fold([NOT_WORKED, other, MISSING_TOOL, orphan])
    assert [(one.finding, one.consequences) for one in folded] == [(other, ()), (MISSING_TOOL, (NOT_WORKED,)), (orphan, ())]


def test_a_rule_is_broken_as_a_result_if_nothing_else_broke_it() -> None:
    by_itself = replace(NOT_WORKED, id="f-worked-2", caused_by=None)
    assert judged().followers() == {"worked": ("tool",)}
    assert judged(findings=(MISSING_TOOL, NOT_WORKED, by_itself)).followers() == {}
    assert judged(findings=(NOT_WORKED,)).followers() == {}
    assert dict(rule_counts(judged())) == {"violated": 1, "broken as a result": 1, "satisfied": 1, "vacuous": 1}


def test_results_travel_between_processes(chat: FileResult) -> None:
    assert pickle.loads(pickle.dumps(chat)) == chat


def test_an_unknown_format_is_refused_with_those_there_are(chat: FileResult) -> None:
    with pytest.raises(UsageError, match="choose one of text, json, junit, sarif, github, html, markdown"):
        render("xml", [chat])
    assert FORMATS == ("text", "json", "junit", "sarif", "github", "html", "markdown")


def test_every_report_names_the_file_that_an_inherited_rule_stands_in(traces: Traces) -> None:
    path = traces.write("chat.db", [(1, {"type": "agent_started", "run_id": "r1", "thread_id": "t1"})])
    contract = loads("extends: agent-chat\nuser: query:u\n", "mine.yaml")
    with Recording.open(path) as recording:
        judgement = judge(recording, contract)
    finding = next(finding for finding in judgement.findings if finding.caused_by is None)
    results = [FileResult(str(path), judgement, contract=contract)]
    text = f"agent-chat.yaml:{finding.line}"
    assert all(text in render(form, results) for form in ("text", "html", "markdown", "junit"))
    (told,) = (each for each in json.loads(render("json", results))["files"][0]["findings"] if each["id"] == finding.id)
    assert (told["contract_file"], told["line"]) == ("agent-chat.yaml", finding.line)
    rules = json.loads(render("sarif", results))["runs"][0]["tool"]["driver"]["rules"]
    (known,) = (rule["properties"] for rule in rules if rule["id"].endswith(finding.rule))
    assert (known["contract"], known["line"]) == ("agent-chat.yaml", finding.line)
