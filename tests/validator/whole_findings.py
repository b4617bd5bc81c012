"""Findings whole, but for their ids, fingerprints and neighbours: what a trace gives by a contract."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from judged_traces import NS, Trace

from wsreplay.contract import loads
from wsreplay.validator.findings import Finding, Severity, Verdict

CS = NS // 100  # what a message takes in these traces
SPAN = """keys: {run: $.run, tool: $.tool}
spans:
  run: {by: run, start: s, end: {ok: e, failed: f}, body: b, within: 10s}
"""
NESTED = SPAN + "  tool: {by: [run, tool], inside: run, start: ts, end: te}\n"
SENT = "envelope: {type: $.type, sent: $.at}\n"


def rule(text: str, head: str = "") -> str:
    return f"{head}rules: [{{id: r, {text}}}]"


def finding(rule: str, message: str, *, verdict: Verdict = Verdict.VIOLATED, **details: Any) -> Finding:
    """A finding of the only session and connection; `caused_by` is the rule that says the cause."""
    place = {"session": 1, "connection": 1, **details}
    severity = Severity.WARNING if rule == "unknown" else Severity.ERROR
    return Finding(rule, verdict, severity, message, **place)


def check(text: str, trace: Trace, expected: list[Finding], inline: bool) -> None:
    """The trace gives exactly these findings, each at its rule's line."""
    contract = loads(f"contract: x\n{text}")
    found = trace.judge(contract, inline=inline).findings
    rules = {finding.id: finding.rule for finding in found}
    lines = {rule.id: rule.place.line for rule in contract.rules}
    assert [finding.line for finding in found] == [lines[finding.rule] for finding in found]
    assert [
        replace(
            finding,
            line=0,
            file="",
            fingerprint="",
            id="",
            after=None,
            before=None,
            caused_by=None if finding.caused_by is None else rules[finding.caused_by],
        )
        for finding in found
    ] == expected
