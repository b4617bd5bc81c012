from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from named_users import CONTRACT, write_named

from tests.report.conftest import MISSING_TOOL, NOT_WORKED, RULES, inject, judged
from wsreplay.contract import loads
from wsreplay.report import FileResult, junit
from wsreplay.validator import judge_files
from wsreplay.validator.findings import RuleVerdict, Severity, Verdict


@pytest.fixture(scope="module")
def schema() -> Any:
    return etree.XMLSchema(etree.parse(Path(__file__).with_name("junit.xsd")))


def checked(text: str, schema: Any) -> ElementTree.Element:
    schema.assertValid(etree.fromstring(text.encode()))
    return ElementTree.fromstring(text)


def outcomes(root: ElementTree.Element) -> dict[tuple[str, str], str]:
    cases = root.iter("testcase")
    return {(case.get("classname", ""), case.get("name", "")): case[0].tag if len(case) else "passed" for case in cases}


def test_one_case_per_rule_and_session(chat: FileResult, schema: Any) -> None:
    second = replace(MISSING_TOOL, session=2, rule="run")
    result = replace(chat, judgement=judged(findings=(MISSING_TOOL, second), sessions=2, session_verdicts={}))
    root = checked(junit.render([result]), schema)
    assert outcomes(root) == {
        ("agent-chat.session 1", "tool"): "failure", ("agent-chat.session 1", "worked"): "passed",
        ("agent-chat.session 1", "run"): "passed", ("agent-chat.session 1", "latency"): "skipped",
        ("agent-chat.session 2", "tool"): "passed", ("agent-chat.session 2", "worked"): "passed",
        ("agent-chat.session 2", "run"): "failure", ("agent-chat.session 2", "latency"): "skipped",
    }  # fmt: skip
    (suite,) = root
    counts = [suite.get(name) for name in ("tests", "failures", "errors", "skipped", "timestamp")]
    assert counts == ["8", "2", "0", "2", "2026-11-20T10:00:00"]


def test_totals_and_times_are_those_of_the_recordings(tmp_path: Path, schema: Any) -> None:
    path = write_named(tmp_path / "named.db")
    contract = loads(CONTRACT)
    (outcome,) = judge_files([(path, contract)])
    judged_result = FileResult(str(path), outcome.judgement, contract=contract)
    before = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    root = checked(junit.render([judged_result, FileResult("nope.db", error="not a recording")]), schema)
    assert dict(root.attrib) == {"name": "wsreplay", "tests": "3", "failures": "1", "errors": "1", "time": "1.000"}
    suite, broken = root
    assert (suite.get("timestamp"), suite.get("time")) == ("2026-11-20T10:00:00", "1.000")
    assert [case.get("time") for case in suite.iter("testcase")] == ["0.900", "0.940"]  # zoe's session has two connections
    assert (broken.get("time"), datetime.fromisoformat(broken.get("timestamp", "")) >= before) == ("0.000", True)
    for name, tags in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
        counts = [int(element.get(name, "")) for element in (root, suite, broken)]
        assert counts[0] == counts[1] + counts[2] == len(list(root.iter(tags)))


def test_a_rule_that_is_broken_as_a_result_of_another_is_neither_passed_nor_a_failure(chat: FileResult, schema: Any) -> None:
    root = checked(junit.render([chat]), schema)
    assert outcomes(root)["agent-chat.session 1", "worked"] == "skipped"
    (skipped,) = root.findall(".//testcase[@name='worked']/skipped")
    assert skipped.get("message") == "broken as a result of tool: tool_completed never came for call c7 in thread t1"
    assert skipped.text is not None
    assert skipped.text.startswith("error: tool_completed occurs 0 times")
    assert len(root.findall(".//failure")) == 1


def test_what_broke_by_itself_fails_and_what_follows_is_told_with_it(chat: FileResult, schema: Any) -> None:
    by_itself = replace(NOT_WORKED, id="f-worked-2", caused_by=None, message="tool_executing never came", decided_at=13)
    result = replace(chat, judgement=judged(findings=(MISSING_TOOL, NOT_WORKED, by_itself)))
    root = checked(junit.render([result]), schema)
    (failure,) = root.findall(".//testcase[@name='worked']/failure")
    assert failure.get("message") == "tool_executing never came"
    assert "occurs 0 times" in str(failure.text)


def test_what_follows_from_an_accepted_finding_is_no_failure(chat: FileResult, schema: Any) -> None:
    root = checked(junit.render([replace(chat, known=frozenset({"f-tool"}))]), schema)
    assert set(outcomes(root).values()) == {"passed", "skipped"}


def test_what_follows_is_a_failure_where_its_cause_is_not_reported(chat: FileResult, schema: Any) -> None:
    root = checked(junit.render([replace(chat, judgement=judged(findings=(NOT_WORKED,)))]), schema)
    assert outcomes(root)["agent-chat.session 1", "worked"] == "failure"


def test_the_body_says_everything(chat: FileResult, schema: Any) -> None:
    root = checked(junit.render([chat]), schema)
    failure = root.find(".//failure")
    assert failure is not None and failure.text is not None
    assert failure.get("message") == "tool_completed never came for call c7 in thread t1"
    assert failure.text.splitlines() == [
        "error: tool_completed never came for call c7 in thread t1",
        "  recording: recordings/chat.db",
        "  rule:      tool (agent-chat.yaml:18)",
        "  slice:     thread t1, run r1, tool c7",
        "  session:   1, connection 1",
        "  expected:  tool_completed or tool_error, by 00:12.789",
        "  seen:      agent_completed",
        "  frames:    3, 4",
        "  decided:   at 00:12.456, when the run ended",
        "  fingerprint: f-tool",
    ]


def test_a_warning_does_not_fail_but_is_told_unless_warnings_are_to_fail(chat: FileResult, schema: Any) -> None:
    warning = replace(MISSING_TOOL, severity=Severity.WARNING)
    result = replace(chat, judgement=judged(findings=(warning,)))
    root = checked(junit.render([result]), schema)
    assert outcomes(root)["agent-chat.session 1", "tool"] == "passed"
    assert "warning: tool_completed never came" in (root.findtext(".//system-out") or "")
    strict = checked(junit.render([result], fail_on=Severity.WARNING), schema)
    assert outcomes(strict)["agent-chat.session 1", "tool"] == "failure"


def test_known_undecided_and_unreadable(chat: FileResult, schema: Any) -> None:
    undecided = replace(MISSING_TOOL, rule="run", verdict=Verdict.INCONCLUSIVE)
    unjudged = replace(MISSING_TOOL, rule="worked", verdict=Verdict.ERROR, fingerprint="f-key")
    judgement = judged(findings=(MISSING_TOOL, undecided, unjudged))
    results = [replace(chat, judgement=judgement, known=frozenset({"f-tool"})), FileResult("nope.db", error="not a recording")]
    assert outcomes(checked(junit.render(results), schema)) == {
        ("agent-chat.session 1", "tool"): "skipped", ("agent-chat.session 1", "run"): "skipped",
        ("agent-chat.session 1", "worked"): "error", ("agent-chat.session 1", "latency"): "skipped",
        ("nope.db", "can be validated"): "error",
    }  # fmt: skip


@pytest.mark.parametrize(("events", "sessions", "why"), [
    (0, 0, "nothing was checked: nothing was recorded"),
    (3, 1, "nothing was checked: no rule of the contract agent-chat applied to 3 events in 1 session; is it the right one?"),
])  # fmt: skip
def test_where_nothing_was_checked_it_is_an_error(events: int, sessions: int, why: str, schema: Any) -> None:
    rules = (RuleVerdict("run", Verdict.VACUOUS),)
    vacuous = judged(findings=(), rules=rules, verdict=Verdict.VACUOUS, events=events, sessions=sessions, session_verdicts={})
    (suite,) = checked(junit.render([FileResult("a.db", vacuous)]), schema)
    assert suite.get("errors") == "1"
    assert suite.findtext("testcase/error") == why


def test_many_quiet_sessions_share_their_cases(chat: FileResult, schema: Any) -> None:
    verdicts = dict.fromkeys(range(1, 5001), Verdict.SATISFIED)
    result = replace(chat, judgement=judged(findings=(MISSING_TOOL,), sessions=5000, session_verdicts=verdicts))
    root = checked(junit.render([result]), schema)
    assert {case.get("classname") for case in root.iter("testcase")} == {"agent-chat.session 1", "agent-chat.other sessions"}


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=30))
def test_whatever_is_said_the_document_is_xml(schema: Any, text: str) -> None:
    finding = replace(MISSING_TOOL, message=text, rule=text, slice=((text, text),), expected=(text,), seen=text)
    rules = (*RULES, RuleVerdict(text, Verdict.VIOLATED))
    judgement = judged(findings=(finding,), rules=rules, contract=f"c{text}", notes=(text,))
    root = checked(junit.render([FileResult("gone.db", judgement), FileResult(f"x{text}", error=text)]), schema)
    assert len(root) == 2


def test_an_injected_fault_is_not_taken_for_a_real_one(chat: FileResult, schema: Any) -> None:
    root = checked(junit.render([inject(chat)]), schema)
    failure, output = root.find(".//failure"), root.find(".//system-out")
    assert failure is not None and failure.text is not None and output is not None
    assert failure.get("message", "").endswith(" (⚡ injected: 1 fault)")
    assert "  ⚡ injected: 1 fault: reset,bytes=4kB" in failure.text.splitlines()
    assert (output.text or "").splitlines()[0] == "⚡ injected: 1 fault"
    assert root.find(".//property[@name='injected faults'][@value='1']") is not None
