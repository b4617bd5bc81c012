"""The verdict for programs: JSON, version 2. `schema/verdict-2.json` describes it; fields may be added, none changes."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Any

import orjson

from wsreplay.report.injected import Injected
from wsreplay.report.result import FileResult, contract_file, exit_code, worst
from wsreplay.validator.findings import Finding, Judgement, RuleVerdict, Severity, SpanRecord

VERSION = 2


def render(results: Sequence[FileResult], *, fail_on: Severity = Severity.ERROR) -> str:
    """The document, indented, with a line end."""
    return _dumped(document(results, fail_on=fail_on)).decode()


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 7) of the document."""
    text = (resources.files("wsreplay.report") / "schema" / "verdict-2.json").read_bytes()
    loaded: dict[str, Any] = orjson.loads(text)
    return loaded


def document(results: Sequence[FileResult], *, fail_on: Severity = Severity.ERROR) -> dict[str, Any]:
    """The document as plain values. Times are seconds on the recording's axis."""
    contracts = dict.fromkeys(result.judgement.contract for result in results if result.judgement is not None)
    return {
        "version": VERSION,
        "verdict": worst(result.verdict for result in results),
        "exit_code": exit_code(results, fail_on=fail_on),
        "contracts": list(contracts),
        "files": [_file(result) for result in results],
    }


def _file(result: FileResult) -> dict[str, Any]:
    judgement = result.judgement
    if judgement is None:
        return {"file": result.path, "verdict": result.verdict, "error": result.error, "rules": [], "findings": []}
    followers = judgement.followers()
    return {
        "file": result.path,
        "verdict": judgement.verdict,
        "contract": {
            "name": judgement.contract,
            "version": judgement.contract_version,
            "digest": judgement.contract_digest,
        },
        "events": judgement.events,
        "sessions": judgement.sessions,
        **_faults(result),
        "session_verdicts": {str(session): verdict for session, verdict in judgement.session_verdicts.items()},
        "users": {str(session): user for session, user in judgement.users.items()},
        "rules": [_rule(judgement, rule, followers.get(rule.id, ())) for rule in judgement.rules],
        "findings": [
            {
                **finding_object(finding),
                "contract_file": contract_file(judgement, finding.file),
                "known": result.is_known(finding),
            }
            for finding in judgement.findings
        ],
        "runs": [span_object(run) for run in judgement.runs],
        "run_counts": judgement.run_counts,
        **(_spans(judgement) if result.every_span else {}),
        "forgotten": judgement.forgotten,
        "notes": list(judgement.notes),
        "unjudged": {str(session): counts for session, counts in judgement.unjudged.items()},
        **({"seen": list(judgement.seen)} if judgement.seen else {}),
    }


def _spans(judgement: Judgement) -> dict[str, Any]:
    """The span log."""
    return {
        "spans": [span_object(record) for record in judgement.spans],
        "span_counts": judgement.span_counts,
        "spans_left_out": judgement.spans_left_out,
    }


def _faults(result: FileResult) -> dict[str, int]:
    """How many faults were injected into a recording; nothing where it can no longer be read."""
    injected = Injected.into(result)
    return {} if injected is None else {"faults": len(injected.faults)}


def _rule(judgement: Judgement, rule: RuleVerdict, causes: Sequence[str]) -> dict[str, Any]:
    return {
        "id": rule.id,
        "contract_file": contract_file(judgement, rule.file),
        "line": rule.line,
        "verdict": rule.verdict,
        "severity": rule.severity,
        "activations": rule.activations,
        "fulfilments": rule.fulfilments,
        "violations": rule.violations,
        "pending": rule.pending,
        "inconclusive": rule.inconclusive,
        "errors": rule.errors,
        **({"result_of": list(causes)} if causes else {}),
    }


def finding_object(finding: Finding) -> dict[str, Any]:
    """A finding as it stands in the document, but for what only its file can say."""
    return {
        "id": finding.id,
        "rule": finding.rule,
        "line": finding.line,
        "kind": finding.kind,
        "verdict": finding.verdict,
        "severity": finding.severity,
        "slice": dict(finding.slice),
        "session": finding.session,
        "connection": finding.connection,
        "activation": finding.activation,
        "frames": list(finding.frames),
        **({"events": [list(event) for event in finding.events]} if finding.events else {}),
        "expected": list(finding.expected),
        "until": _seconds(finding.until),
        "seen": finding.seen,
        "decided_by": finding.decided_by,
        "decided_at": _seconds(finding.decided_at),
        "at": _seconds(finding.at_ns),
        "after": finding.after,
        "before": finding.before,
        "count": finding.count,
        "late_by": _seconds(finding.late_by),
        "blame": finding.blame,
        "caused_by": finding.caused_by,
        "fingerprint": finding.fingerprint,
        "message": finding.message,
    }


def span_object(record: SpanRecord) -> dict[str, Any]:
    """A span as it stands in the document. What only the whole log knows is there where that was asked for."""
    logged = {
        "id": record.id,
        "parent": record.parent,
        "label": record.label or None,
        "events": len(record.events),
    }
    return {
        **(logged if record.id else {}),
        "span": record.span,
        "session": record.session,
        "connection": record.connection,
        "slice": dict(record.slice),
        "state": record.state,
        "implied": record.implied,
        "start": _seconds(record.start_ns),
        "end": _seconds(record.end_ns),
        "start_frame": record.start_frame,
        "start_index": record.start_index,
        "end_frame": record.end_frame,
        "end_index": record.end_index,
        "owes": list(record.owes),
        "until": _seconds(record.until_ns),
        "detail": record.detail,
    }


def _seconds(ns: int | None) -> float | None:
    return None if ns is None else ns / 1_000_000_000


def _dumped(value: dict[str, Any]) -> bytes:
    """Texts that came from a file system or an argument may hold surrogates, which JSON in UTF-8 cannot."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
    try:
        return orjson.dumps(value, option=options)
    except TypeError:
        return orjson.dumps(_encodable(value), option=options)


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_encodable(name): _encodable(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_encodable(inner) for inner in value]
    return value
