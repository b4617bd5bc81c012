from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.report.conftest import MISSING_TOOL, NOT_WORKED, judged
from wsreplay.errors import UsageError
from wsreplay.report import FileResult, baseline, exit_code


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
        ("[]", "is no baseline of version 1"),
        ('{"wsreplay-baseline": 2}', "is no baseline of version 1"),
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
