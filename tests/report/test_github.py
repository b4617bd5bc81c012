from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.report.conftest import MISSING_TOOL, inject, judged
from wsreplay.contract import load
from wsreplay.model import NO_CONTRACT
from wsreplay.report import FileResult, render
from wsreplay.validator.findings import RuleVerdict, Severity, Verdict

COMMAND = re.compile(r"::(error|warning|notice) (?:[a-z]+=[^:,\n]*)(?:,[a-z]+=[^:,\n]*)*::[^\n\r]*")


def test_a_summary_and_the_findings(chat: FileResult) -> None:
    assert render("github", [chat]).splitlines() == [
        "::error title=wsreplay::violated: 1 result, 1 error, 0 warnings",
        "::error title=agent-chat%3A tool,file=recordings/chat.db::tool_completed never came for call c7 in thread t1"
        " (session 1, recordings/chat.db)",
    ]


def test_an_annotation_stands_at_the_rule_where_the_contract_is_a_file(chat: FileResult) -> None:
    Path("mine.yaml").write_text("contract: mine\n")
    result = replace(chat, judgement=judged(findings=(replace(MISSING_TOOL, file="mine.yaml"),)))
    assert "file=mine.yaml,line=18::" in render("github", [result])


@pytest.mark.parametrize("form", ["github", "sarif"])
def test_a_built_in_rule_is_shown_where_the_users_contract_extends_it(chat: FileResult, form: str) -> None:
    Path("ours.yaml").write_text("contract: ours\n\nextends: agent-chat\n")
    finding = replace(MISSING_TOOL, file="agent-chat.yaml")
    shown = render(form, [replace(chat, judgement=judged(findings=(finding,)), contract=load("ours.yaml"))])
    assert {"github": "file=ours.yaml,line=3::", "sarif": '"startLine": 3'}[form] in shown


def test_the_ten_worst_of_many(chat: FileResult) -> None:
    warnings = [replace(MISSING_TOOL, severity=Severity.WARNING, fingerprint=f"w{number}") for number in range(20)]
    errors = [replace(MISSING_TOOL, fingerprint=f"e{number}") for number in range(5)]
    result = replace(chat, judgement=judged(findings=(*warnings, *errors)))
    lines = render("github", [result]).splitlines()
    assert lines[0] == "::error title=wsreplay::violated: 1 result, 5 errors, 20 warnings; the 10 worst follow"
    assert [line.split()[0] for line in lines[1:]] == ["::error"] * 5 + ["::warning"] * 5


def test_known_findings_are_silent_and_a_green_run_says_so(chat: FileResult) -> None:
    assert render("github", [replace(chat, known=frozenset({"f-tool"}))]).count("\n") == 1
    green = FileResult("a.db", judged(findings=(), verdict=Verdict.SATISFIED))
    assert render("github", [green]) == "::notice title=wsreplay::satisfied: 1 result, 0 errors, 0 warnings\n"


def test_an_unreadable_file_is_an_error() -> None:
    lines = render("github", [FileResult("a,b:c.db", error="100% broken\nreally")]).splitlines()
    assert lines[0].endswith("error: 1 result, 0 errors, 0 warnings, 1 file could not be validated")
    assert lines[1] == "::error title=could not be validated,file=a%2Cb%3Ac.db::100%25 broken%0Areally"


def test_where_nothing_was_checked_it_is_an_error() -> None:
    rules = (RuleVerdict("run", Verdict.VACUOUS),)
    vacuous = judged(findings=(), rules=rules, verdict=Verdict.VACUOUS, events=0, sessions=0)
    assert render("github", [FileResult("a.db", vacuous)]).splitlines() == [
        "::error title=wsreplay::vacuous: 1 result, 0 errors, 0 warnings, 1 file could not be validated",
        "::error title=could not be validated,file=a.db::nothing was checked: nothing was recorded",
    ]


def test_the_summary_is_an_error_where_the_step_fails(chat: FileResult) -> None:
    warning = replace(chat, judgement=judged(findings=(replace(MISSING_TOOL, severity=Severity.WARNING),)))
    assert render("github", [warning]).startswith("::warning ")
    assert render("github", [warning], fail_on=Severity.WARNING).startswith("::error ")


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=30))
def test_no_text_can_begin_a_command_of_its_own(text: str) -> None:
    assume(text != NO_CONTRACT)  # which is said, not judged by
    finding = replace(MISSING_TOOL, message=text, rule=text)
    lines = render("github", [FileResult(text, judged(findings=(finding,), contract=text)), FileResult(text, error=text)])
    assert all(COMMAND.fullmatch(line) for line in lines.rstrip("\n").split("\n"))
    assert lines.count("\n") == 3


def test_an_injected_fault_is_not_taken_for_a_real_one(chat: FileResult) -> None:
    summary, annotation = render("github", [inject(chat)]).splitlines()
    assert summary.endswith("0 warnings, ⚡ injected: 1 fault")
    assert annotation.endswith("(session 1, recordings/chat.db, ⚡ injected: 1 fault)")
