from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import fastjsonschema
import npm
import pytest
from commandline import run

from tests.report.conftest import MISSING_TOOL, inject, judged
from wsreplay.report import FileResult, render
from wsreplay.validator.findings import RuleVerdict, Severity, Verdict

SAMPLES = Path(__file__).resolve().parents[2] / "recordings" / "samples"


def only(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


TEXT = {"required": ["text"], **only(text={"type": "string", "minLength": 1})}
LOCATION = {
    "type": "object",
    "additionalProperties": False,
    "required": ["physicalLocation"],
    "properties": {
        "message": TEXT,
        "physicalLocation": {
            "type": "object",
            "additionalProperties": False,
            "required": ["artifactLocation"],
            "properties": {
                "artifactLocation": only(uri={"type": "string"}),
                "region": only(startLine={"type": "integer", "minimum": 1}),
            },
        },
    },
}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
STEP = {
    "type": "object",
    "additionalProperties": False,
    "required": ["location", "executionOrder"],
    "properties": {"location": LOCATION, "executionOrder": {"type": "integer", "minimum": 1}},
}
RESULT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": LEVEL,
        "message": TEXT,
        "locations": {"type": "array", "minItems": 1, "items": LOCATION},
        "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
        "baselineState": {"enum": ["new", "unchanged", "updated", "absent"]},
        "properties": {"type": "object"},
        "codeFlows": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["threadFlows"],
                "properties": {
                    "threadFlows": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["locations"],
                            "properties": {"locations": {"type": "array", "minItems": 1, "items": STEP}},
                        },
                    }
                },
            },
        },
    },
}
"""SARIF 2.1.0, section 3.27, narrowed to what the report uses."""


def run_of(results: list[FileResult]) -> Any:
    document = json.loads(render("sarif", results))
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = document["runs"]
    validate = fastjsonschema.compile({"type": "array", "items": RESULT})
    validate(run["results"])
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"])
    return run


def test_a_finding_with_its_witness_as_a_thread_flow(chat: FileResult) -> None:
    run = run_of([chat])
    (result,) = run["results"]
    assert result["ruleId"] == "agent-chat/tool"
    assert result["level"] == "error"
    told = "tool_completed never came for call c7 in thread t1; also broken as a result: tool_"
    assert result["message"]["text"].startswith(told)
    assert result["partialFingerprints"] == {"wsreplay/v1": "f-tool"}
    steps = [step["location"]["message"]["text"] for step in result["codeFlows"][0]["threadFlows"][0]["locations"]]
    assert steps == [
        "frame 3 at 00:02.789: tool_executing search",
        "frame 4 at 00:12.456: agent_completed Analysis is complete",
        "missing: tool_completed or tool_error by 00:12.789",
    ]
    assert run["invocations"] == [{"executionSuccessful": True}]


def test_only_failures_are_results(chat: FileResult) -> None:
    findings = (replace(MISSING_TOOL, verdict=Verdict.INCONCLUSIVE), replace(MISSING_TOOL, severity=Severity.INFO, rule="x"))
    run = run_of([replace(chat, judgement=judged(findings=findings))])
    assert [(one["ruleId"], one["level"]) for one in run["results"]] == [("agent-chat/x", "note")]


def test_a_rule_of_the_users_own_contract_is_shown_at_its_line(chat: FileResult) -> None:
    Path("my contract.yaml").write_text("contract: mine\n")
    run = run_of([replace(chat, judgement=judged(findings=(replace(MISSING_TOOL, file="my contract.yaml"),)))])
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "my%20contract.yaml"}, "region": {"startLine": 18}}


def test_a_baseline_says_what_is_new(chat: FileResult) -> None:
    other = replace(MISSING_TOOL, fingerprint="f-new", session=2)
    run = run_of([replace(chat, judgement=judged(findings=(MISSING_TOOL, other)), known=frozenset({"f-tool"}))])
    assert [one["baselineState"] for one in run["results"]] == ["unchanged", "new"]


def test_a_file_that_could_not_be_judged_is_a_notification() -> None:
    run = run_of([FileResult("/tmp/a b\udcff.db", error="not a recording")])
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    (notification,) = invocation["toolExecutionNotifications"]
    uri = notification["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "file:///tmp/a%20b%FF.db"
    assert urlparse(uri).scheme == "file"


def test_where_nothing_was_checked_the_execution_was_not_successful() -> None:
    rules = (RuleVerdict("run", Verdict.VACUOUS),)
    vacuous = judged(findings=(), rules=rules, verdict=Verdict.VACUOUS, events=0, sessions=0)
    (invocation,) = run_of([FileResult("a.db", vacuous)])["invocations"]
    assert invocation["executionSuccessful"] is False
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["message"] == {"text": "nothing was checked: nothing was recorded"}


def test_a_recording_that_is_gone_has_findings_without_frames() -> None:
    (result,) = run_of([FileResult("gone.db", judged())])["results"]
    assert len(result["codeFlows"][0]["threadFlows"][0]["locations"]) == 1


def test_an_injected_fault_is_not_taken_for_a_real_one(chat: FileResult) -> None:
    (result,) = run_of([inject(chat)])["results"]
    assert result["message"]["text"].endswith(" (⚡ injected: 1 fault)")
    assert result["properties"]["injectedFaults"] == ["reset,bytes=4kB"]


@pytest.mark.campaign
@pytest.mark.timeout(300)
def test_the_validator_of_those_who_made_the_format_accepts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Microsoft's SARIF Multitool: the schema, and the rules of the standard beside it. What it only warns of is let pass."""
    npm.install(tmp_path, "@microsoft/sarif-multitool")
    own = tmp_path / "own.yaml"
    own.write_text("contract: own\nextends: agent-chat\nspans:\n  run: {within: 1ms}\n")
    samples = sorted(SAMPLES.rglob("*.db"))
    assert run("validate", *samples, "-f", "sarif", "-o", tmp_path / "builtin.sarif").code == 1
    assert run("validate", SAMPLES / "healthy.db", "-c", own, "-f", "sarif", "-o", tmp_path / "own.sarif").code == 1
    (tmp_path / "bad.sarif").write_text('{"version": "2.1.0", "runs": [{"results": [{}]}]}')
    monkeypatch.setenv("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")
    for name, is_good in (("builtin", True), ("own", True), ("bad", False)):
        command = ["npx", "sarif-multitool", "validate", f"{name}.sarif", "-o", f"{name}.log", "--log", "ForceOverwrite"]
        done = subprocess.run(
            command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
        )
        said = done.stdout + done.stderr
        assert "1 files scanned" in said, said
        assert (re.search(r": error [A-Z]+[0-9]+:", said) is None) is is_good, said
