from __future__ import annotations

from dataclasses import replace

import pytest

from tests.report.conftest import MISSING_TOOL, judged
from wsreplay.contract import loads
from wsreplay.errors import UsageError
from wsreplay.report import FileResult, exit_code
from wsreplay.report.selection import select
from wsreplay.validator.findings import Verdict

RESULT = FileResult("a.db", judged(session_verdicts={1: Verdict.VIOLATED, 2: Verdict.SATISFIED}))


def test_nothing_is_left_out_of_a_result_unless_it_is_asked_for() -> None:
    assert select(RESULT) is RESULT


def test_what_is_left_has_the_verdict_of_what_is_left() -> None:
    by_rule = select(RESULT, rules=["run"])
    assert (by_rule.findings, by_rule.verdict, exit_code([by_rule])) == ((), Verdict.SATISFIED, 0)
    assert by_rule.judgement is not None
    assert by_rule.judgement.session_verdicts == {1: Verdict.SATISFIED, 2: Verdict.SATISFIED}
    by_event = select(RESULT, events=["tool_error"])
    assert (by_event.findings, by_event.verdict, exit_code([by_event])) == ((MISSING_TOOL,), Verdict.VIOLATED, 1)


def test_an_event_is_asked_for_by_the_products_name_or_by_the_contracts() -> None:
    finding = replace(MISSING_TOOL, expected=("tool.done",))
    contract = loads('extends: agent-chat\nmap: {events: {tool.done: tool_completed}}\n')
    result = replace(RESULT, judgement=judged(findings=(finding,)), contract=contract)
    assert [len(select(result, events=[name]).findings) for name in ("tool.done", "tool_completed", "tool_error")] == [1, 1, 0]


def test_one_session_is_told_alone() -> None:
    other = select(RESULT, session=2)
    assert (other.findings, other.session, exit_code([other])) == ((), 2, 0)
    assert select(RESULT, session=1).findings == RESULT.findings


def test_a_rule_that_is_broken_in_another_session_only_is_not_told_to_be_broken() -> None:
    def verdicts(session: int | None) -> dict[str, Verdict]:
        judgement = select(RESULT, session=session).judgement
        assert judgement is not None
        return {rule.id: rule.verdict for rule in judgement.rules}

    assert verdicts(1) == verdicts(None) != verdicts(2)
    assert Verdict.VIOLATED not in verdicts(2).values()


def test_what_follows_from_a_finding_that_is_not_told_stands_for_itself() -> None:
    assert [finding.rule for finding in select(RESULT, rules=["worked"]).failures()] == ["worked"]


def test_what_is_not_there_is_named_with_what_is() -> None:
    with pytest.raises(UsageError, match="has no rule 'tols'; it has tool, worked, run, latency"):
        select(RESULT, rules=["tols"])
    with pytest.raises(UsageError, match="no session 3; the recording has 2"):
        select(RESULT, session=3)
    unread = replace(RESULT, judgement=None, error="locked")
    assert select(unread, rules=["tols"]) is unread
