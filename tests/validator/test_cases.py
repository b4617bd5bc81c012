"""Whole traces of agent-chat, judged as a careful tester would judge them; and what is said, word for word, as before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from expectations import disagreements, expectation
from whole_verdicts import (
    TRACES,
    case_verdict,
    digest_of,
    fault_names,
    fault_verdicts,
    findings_of,
    generated_names,
    generated_verdict,
    lines_of,
    read_lines,
    sample_names,
    sample_verdict,
    table_cases,
    trace_verdict,
)

EXPECTED: dict[str, dict[str, Any]] = orjson.loads((TRACES / "expected.json").read_bytes())
WHOLE = read_lines()


@pytest.mark.parametrize("name", EXPECTED)
def test_recorded_traces_are_judged_as_a_tester_would(name: str, tmp_path: Path):
    verdict = trace_verdict(name, tmp_path)
    assert disagreements(EXPECTED[name], verdict) == []
    assert findings_of(verdict) == WHOLE[name]


def test_every_recorded_trace_has_its_answer():
    assert {path.stem for path in TRACES.glob("*.jsonl")} == set(EXPECTED)


@pytest.mark.parametrize(("name", "words", "case"), [pytest.param(*case, id=case[0]) for case in table_cases()])
def test_traces_are_judged_as_a_tester_would(name: str, words: str, case: dict[str, Any], tmp_path: Path):
    verdict = case_verdict(words, case, tmp_path)
    assert disagreements(expectation(case), verdict) == [], case["why"]
    assert findings_of(verdict) == WHOLE[name]


@pytest.mark.parametrize("name", sample_names())
def test_what_is_said_of_a_sample_is_as_before(name: str):
    assert lines_of(sample_verdict(name)) == WHOLE[name]


@pytest.mark.parametrize("name", generated_names())
def test_what_is_said_of_a_generated_trace_is_as_before(name: str):
    assert [digest_of(generated_verdict(name))] == WHOLE[name], "whole_verdicts.py prints what is said"


@pytest.mark.parametrize("name", fault_names())
def test_what_is_said_of_faults_in_a_good_trace_is_as_before(name: str):
    assert [digest_of(*fault_verdicts(name))] == WHOLE[name], "whole_verdicts.py prints what is said"


def test_nothing_else_is_held():
    names = {*EXPECTED, *(name for name, _, _ in table_cases()), *sample_names(), *fault_names(), *generated_names()}
    assert set(WHOLE) == names
