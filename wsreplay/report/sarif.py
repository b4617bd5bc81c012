"""SARIF 2.1.0 (OASIS): failures only, the witness frames as a thread flow, fingerprints that stay over re-recordings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

import orjson

import wsreplay
from wsreplay.contract.event_words import merge_alike
from wsreplay.display import close_text, gist, visible
from wsreplay.errors import RecordingError, UsageError
from wsreplay.model import Fault, Frame, Opcode
from wsreplay.report.injected import Injected, details, mark
from wsreplay.report.result import FileResult, contract_file, contract_place, fold, why_unchecked
from wsreplay.store.reader import Recording
from wsreplay.units import clock
from wsreplay.validator.findings import Finding, Judgement, Severity, Verdict

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "wsreplay/v1"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_MOST_RESULTS = 5000  # what code scanning accepts in a run
_MOST_STEPS = 50
_GIST = 120


def render(results: Sequence[FileResult]) -> str:
    """The document: one run, with a rule per rule that failed and a result per finding."""
    return orjson.dumps(document(results), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def document(results: Sequence[FileResult]) -> dict[str, Any]:
    """The document as plain values."""
    rules: dict[tuple[str, str], dict[str, Any]] = {}
    listed: list[dict[str, Any]] = []
    for result in results:
        listed += _results(result, rules)
    listed = listed[:_MOST_RESULTS]
    for folded in listed:
        folded["ruleIndex"] = list(rules).index(folded.pop("key"))
    reasons = zip(results, why_unchecked(results), strict=True)
    notifications = [_notification(result, why) for result, why in reasons if why]
    driver = {"name": "wsreplay", "version": wsreplay.__version__, "rules": list(rules.values())}
    invocation: dict[str, Any] = {"executionSuccessful": not notifications}
    if notifications:
        invocation["toolExecutionNotifications"] = notifications
    run = {"tool": {"driver": driver}, "invocations": [invocation], "columnKind": "unicodeCodePoints", "results": listed}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _notification(result: FileResult, why: str) -> dict[str, Any]:
    location = {"physicalLocation": {"artifactLocation": {"uri": _uri(result.path)}}}
    return {"level": "error", "message": {"text": visible(why)}, "locations": [location]}


def _results(result: FileResult, rules: dict[tuple[str, str], dict[str, Any]]) -> list[dict[str, Any]]:
    judgement = result.judgement
    if judgement is None:
        return []
    listed = [folded for folded in fold(result.findings) if result.is_wrong(folded.finding)][:_MOST_RESULTS]
    frames = _frames(result, [folded.finding for folded in listed])
    injected = Injected.into(result) or Injected()
    built = []
    for folded in listed:
        finding = folded.finding
        key = (contract_file(judgement, finding.file), finding.rule)
        rules.setdefault(key, _rule(judgement, finding))
        also = [less.message for less in folded.consequences]
        built.append({"key": key, **_result(result, judgement, finding, frames, also, injected.beside(finding))})
    return built


def _rule(judgement: Judgement, finding: Finding) -> dict[str, Any]:
    return {
        "id": f"{visible(judgement.contract)}/{visible(finding.rule)}",
        "name": visible(finding.rule),
        "shortDescription": {"text": f"{visible(finding.rule)} of the contract {visible(judgement.contract)}"},
        "defaultConfiguration": {"level": _LEVELS[finding.severity]},
        "properties": {"line": finding.line, "contract": contract_file(judgement, finding.file)},
    }


def _result(
    result: FileResult, judgement: Judgement, finding: Finding, frames: dict[int, Frame], consequences: list[str],
    faults: tuple[Fault, ...],
) -> dict[str, Any]:  # fmt: skip
    message = visible(finding.message)
    if consequences:
        message += "; also broken as a result: " + "; ".join(map(visible, consequences[:5]))
    if faults:
        message += f" ({mark(faults)})"
    built = {
        "ruleId": f"{visible(judgement.contract)}/{visible(finding.rule)}",
        "level": _LEVELS[finding.severity],
        "message": {"text": message},
        "locations": [_location(result, finding)],
        "partialFingerprints": {FINGERPRINT: visible(finding.fingerprint)},
        "properties": {
            "recording": visible(result.path),
            "session": finding.session,
            "connection": finding.connection,
            "slice": {visible(key): visible(value) for key, value in finding.slice},
            "kind": visible(finding.kind),
            "couldNotBeJudged": finding.verdict is Verdict.ERROR,
            **({"injectedFaults": details(faults)} if faults else {}),
        },
    }
    if result.known:
        built["baselineState"] = "unchanged" if result.is_known(finding) else "new"
    if steps := _steps(result, finding, frames):
        built["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    return built


def _location(result: FileResult, finding: Finding) -> dict[str, Any]:
    """The rule in its contract, which is a text with lines; the recording, where the contract is not in a file."""
    if at_rule := contract_place(result, finding):
        path, line = at_rule
        return {"physicalLocation": {"artifactLocation": {"uri": _uri(path)}, "region": {"startLine": line}}}
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(result.path)}}}


def _steps(result: FileResult, finding: Finding, frames: dict[int, Frame]) -> list[dict[str, Any]]:
    steps = []
    for number, frame_id in enumerate(finding.frames[:_MOST_STEPS], 1):
        frame = frames.get(frame_id)
        if frame is None:
            continue
        is_close = frame.opcode == Opcode.CLOSE
        named = f"{visible(frame.type)} " if frame.type else "close " if is_close else ""
        payload = close_text(frame.payload) if is_close else frame.payload
        text = f"frame {frame_id} at {clock(frame.t_ns)}: {named}{gist(payload, _GIST, frame.type)}"
        steps.append({"executionOrder": number, "location": _step(result, text.rstrip())})
    if finding.expected and finding.kind == "missing":
        until = f" by {clock(finding.until)}" if finding.until is not None else ""
        text = f"missing: {visible(' or '.join(merge_alike(finding.expected)))}{until}"
        steps.append({"executionOrder": len(steps) + 1, "location": _step(result, text)})
    return steps


def _step(result: FileResult, text: str) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(result.path)}}, "message": {"text": text}}


def _frames(result: FileResult, findings: list[Finding]) -> dict[int, Frame]:
    """The witness frames, payloads cut; none where the recording can no longer be read."""
    ids = sorted({frame for finding in findings for frame in finding.frames[:_MOST_STEPS]})
    try:
        with Recording.open(result.path) as recording:
            return {frame.id: frame._replace(payload=(frame.payload or b"")[:4096]) for frame in recording.frames_by_id(ids)}
    except (RecordingError, UsageError):
        return {}


def _uri(path: str) -> str:
    """A relative or file URI of a path (RFC 3986)."""
    posix = PurePath(path).as_posix()
    quoted = quote(posix.encode("utf-8", "surrogateescape"))
    return f"file://{quoted}" if posix.startswith("/") else quoted
