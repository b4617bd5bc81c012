from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import fastjsonschema
import pytest

from tests.report.conftest import MISSING_TOOL, inject, judged
from wsreplay.report import FileResult, render
from wsreplay.report import json as report_json
from wsreplay.validator.findings import Verdict


def checked(results: list[FileResult]) -> Any:
    document = json.loads(render("json", results))
    fastjsonschema.compile(report_json.schema())(document)
    return document


def test_the_document_says_what_was_found(chat: FileResult) -> None:
    document = checked([chat])
    assert (document["version"], document["verdict"], document["contracts"]) == (2, "violated", ["agent-chat"])
    (file,) = document["files"]
    assert (file["file"], file["verdict"], file["events"], file["sessions"]) == ("recordings/chat.db", "violated", 4, 1)
    assert file["rules"][0] == {
        "id": "tool", "contract_file": "agent-chat.yaml", "line": 18, "verdict": "violated", "severity": "error",
        "activations": 1, "fulfilments": 0, "violations": 1, "pending": 0, "inconclusive": 0, "errors": 0,
    }  # fmt: skip
    finding = file["findings"][0]
    assert finding["slice"] == {"thread": "t1", "run": "r1", "tool": "c7"}
    assert (finding["until"], finding["decided_at"], finding["at"], finding["late_by"]) == (12.789, 12.456, 12.456, None)
    assert (finding["expected"], finding["frames"], finding["known"]) == (["tool_completed", "tool_error"], [3, 4], False)
    assert file["findings"][1]["caused_by"] == finding["fingerprint"]
    assert [rule.get("result_of") for rule in file["rules"]] == [None, ["tool"], None, None]
    assert file["runs"][0]["state"] == "completed"


def test_injected_faults_are_counted_where_the_recording_can_be_read(chat: FileResult) -> None:
    assert checked([chat])["files"][0]["faults"] == 0
    assert checked([inject(chat)])["files"][0]["faults"] == 1
    assert "faults" not in checked([replace(chat, path="gone.db")])["files"][0]


def test_a_file_that_could_not_be_judged_is_the_worst(chat: FileResult) -> None:
    document = checked([chat, FileResult("nope.db", error="not a recording")])
    assert document["verdict"] == "error"
    unreadable = {"file": "nope.db", "verdict": "error", "error": "not a recording", "rules": [], "findings": []}
    assert document["files"][1] == unreadable


def test_nothing_judged_is_not_satisfied() -> None:
    assert checked([])["verdict"] == "vacuous"


def test_names_that_are_not_unicode_are_still_json() -> None:
    finding = replace(MISSING_TOOL, message="\udcff", slice=(("\ud800", "\x00"),))
    document = checked([FileResult("a\udcff.db", judged(findings=(finding,)))])
    assert document["files"][0]["file"] == "a?.db"


def test_the_schema_refuses_what_the_report_never_says(chat: FileResult) -> None:
    validate = fastjsonschema.compile(report_json.schema())
    document = report_json.document([chat])
    for change in ({"version": 1}, {"verdict": "green"}, {"files": [{"file": "a", "verdict": "satisfied"}]}):
        with pytest.raises(fastjsonschema.JsonSchemaException):
            validate(document | change)
    assert document["verdict"] == Verdict.VIOLATED
