"""Whole traces of agent-chat, judged as a careful tester would judge them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from expectations import disagreements, expectation, verdict_of
from trace_notation import TraceText

TRACES = Path(__file__).parent / "cases" / "traces"
TABLES = Path(__file__).parent / "cases" / "tables"
EXPECTED: dict[str, dict[str, Any]] = orjson.loads((TRACES / "expected.json").read_bytes())


@pytest.mark.parametrize("name", EXPECTED)
def test_recorded_traces_are_judged_as_a_tester_would(name: str, tmp_path: Path):
    lines = (TRACES / f"{name}.jsonl").read_bytes().splitlines(keepends=True)
    assert disagreements(EXPECTED[name], verdict_of(lines, tmp_path)) == []


def test_every_recorded_trace_has_its_answer():
    assert {path.stem for path in TRACES.glob("*.jsonl")} == set(EXPECTED)


def _words(table: dict[str, Any], case: dict[str, Any]) -> str:
    """The trace of a case: its own, or one that the table has a name for, with words left out (counted from 1), two neighbours
    swapped, or more after them."""
    bases = table.get("bases", {"": ""})
    words = case.get("trace", bases[case.get("base", next(iter(bases)))]).split()
    if "swap" in case:
        words[case["swap"] - 1 : case["swap"] + 1] = reversed(words[case["swap"] - 1 : case["swap"] + 1])
    kept = [word for number, word in enumerate(words, 1) if number not in case.get("without", ())]
    return " ".join([*kept, case.get("add", "")])


def _cases() -> list[Any]:
    tables = [(path, yaml.safe_load(path.read_text())) for path in sorted(TABLES.glob("*.yaml"))]
    return [
        pytest.param(_words(table, case), case, id=f"{path.stem}: {name}")
        for path, table in tables
        for name, case in table["cases"].items()
    ]


@pytest.mark.parametrize(("words", "case"), _cases())
def test_traces_are_judged_as_a_tester_would(words: str, case: dict[str, Any], tmp_path: Path):
    trace = TraceText(words, style=case.get("style", "full"), without=case.get("omit"), clock=case.get("clock", "s"))
    assert disagreements(expectation(case), verdict_of(trace.lines(), tmp_path)) == [], case["why"]
