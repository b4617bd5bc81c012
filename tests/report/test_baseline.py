from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.report.conftest import MISSING_TOOL, NOT_WORKED, judged
from wsreplay.errors import UsageError
from wsreplay.report import FileResult, baseline, exit_code
from wsreplay.validator.reporting import first_fingerprint_of


def test_what_is_written_is_read_and_accepted(chat: FileResult, tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    baseline.write(file, [chat, chat])
    assert [entry.fingerprint for entry in baseline.read(file).entries] == ["f-tool"]
    assert exit_code([chat]) == 1
    assert exit_code(baseline.apply([chat], baseline.read(file))) == 0


def test_new_known_and_gone_are_told_apart() -> None:
    other = replace(MISSING_TOOL, fingerprint="f-other")
    before = baseline.of([FileResult("a.db", judged(findings=(MISSING_TOOL, replace(other, fingerprint="f-old"))))])
    comparison = baseline.compare([FileResult("a.db", judged(findings=(MISSING_TOOL, NOT_WORKED, other)))], before)
    assert comparison.new == (other,)
    assert comparison.known == (MISSING_TOOL,)
    assert [entry.fingerprint for entry in comparison.gone] == ["f-old"]


def test_a_new_finding_fails_in_spite_of_a_baseline(chat: FileResult) -> None:
    other = FileResult("b.db", judged(findings=(replace(MISSING_TOOL, fingerprint="f-new"),)))
    assert exit_code(baseline.apply([chat, other], baseline.of([chat]))) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a baseline of version 1 or 2"),
        ('{"wsreplay-baseline": 3}', "is not a baseline of version 1 or 2"),
        ('{"wsreplay-baseline": 1}', 'has no list "findings"'),
        ('{"wsreplay-baseline": 1, "findings": [{"rule": "x"}]}', "finding 1 has no fingerprint"),
        ('{"wsreplay-baseline": 1, "findings": [3]}', "finding 1 has no fingerprint"),
    ],
)
def test_a_file_that_is_no_baseline_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "known.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=message):
        baseline.read(file)


def test_a_missing_file_and_a_folder_that_is_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        baseline.read(tmp_path / "none.json")
    with pytest.raises(UsageError, match="cannot be written: No such file"):
        baseline.write(tmp_path / "none" / "known.json", [])


def test_a_baseline_of_version_1_accepts_what_it_accepted(tmp_path: Path) -> None:
    """Its fingerprints hold the kind and the names of the keys; what it calls out of order is now told as what was missing."""
    start = replace(MISSING_TOOL, id="f-start", kind="missing", expected=("agent_started",), seen="agent_thinking")
    names = tuple(name for name, _ in start.slice)
    old = first_fingerprint_of("agent-chat", "tool", "order", names, ("agent_started",), "agent_thinking")
    stale = {"fingerprint": "0" * 16, "rule": "x", "message": "gone"}
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps({"wsreplay-baseline": 1, "findings": [{"fingerprint": old, "rule": "tool"}, stale]}))
    accepted = baseline.read(path)
    (result,) = baseline.apply([FileResult("a.db", replace(judged(), findings=(start,)))], accepted)
    assert result.failures() == []
    comparison = baseline.compare([result], accepted)
    assert (comparison.new, comparison.known) == ((), (start,))
    assert [entry.fingerprint for entry in comparison.gone] == [stale["fingerprint"]]
