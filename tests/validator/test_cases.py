"""Whole traces of agent-chat, judged as a careful tester would judge them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from expectations import disagreements, verdict_of

TRACES = Path(__file__).parent / "cases" / "traces"
EXPECTED: dict[str, dict[str, Any]] = orjson.loads((TRACES / "expected.json").read_bytes())


@pytest.mark.parametrize("name", EXPECTED)
def test_recorded_traces_are_judged_as_a_tester_would(name: str, tmp_path: Path):
    lines = (TRACES / f"{name}.jsonl").read_bytes().splitlines(keepends=True)
    assert disagreements(EXPECTED[name], verdict_of(lines, tmp_path)) == []


def test_every_recorded_trace_has_its_answer():
    assert {path.stem for path in TRACES.glob("*.jsonl")} == set(EXPECTED)
