"""What a careful tester says of a trace, and where a verdict says otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from wsreplay import contract as contracts
from wsreplay.formats.jsonl_import import import_lines
from wsreplay.report import FileResult
from wsreplay.report.json import document
from wsreplay.store.reader import Recording
from wsreplay.validator import judge


def verdict_of(lines: Iterable[bytes], work: Path, contract: str = "agent-chat") -> dict[str, Any]:
    """The verdict as programs get it, of a trace in JSON lines, which is imported into a folder."""
    path = work / "trace.db"
    import_lines(lines, path)
    with Recording.open(path) as recording:
        judgement = judge(recording, contracts.load(contract))
    result: dict[str, Any] = orjson.loads(orjson.dumps(document([FileResult(str(path), judgement)])))
    return result


def disagreements(expected: dict[str, Any], verdict: dict[str, Any]) -> list[str]:
    """Where a verdict is not the expected one.

    `expected` has `exit`, the exit code; `errors`, the findings of severity error that nothing else causes, each by its `kind`
    (one of), the `types` it is about (any of), the frame `before` which it stands ("end": after the last) and its
    `connection`, where they matter; `at_most` errors, where one fault may be told in more words; what some of them `says`;
    at least so many `warnings`, and `warnings_at_most`.
    """
    findings = [finding for file in verdict["files"] for finding in file["findings"] if not finding["caused_by"]]
    errors = [one for one in findings if one["severity"] == "error" and one["verdict"] in ("violated", "error")]
    warnings = [finding["message"] for finding in findings if finding["severity"] == "warning"]
    wrong = []
    if verdict["exit_code"] != expected["exit"]:
        wrong.append(f"exit {verdict['exit_code']}, not {expected['exit']}")
    remaining = list(errors)
    for wanted in expected["errors"]:
        finding = next((error for error in remaining if _fits(wanted, error)), None)
        if finding is None:
            wrong.append(f"no {_text(wanted)}")
        else:
            remaining.remove(finding)
    if len(errors) > expected.get("at_most", len(expected["errors"])):
        wrong.append(f"{len(errors)} errors: " + "; ".join(error["message"] for error in errors))
    elif wrong and errors:
        wrong.append("; ".join(f"{error['kind']} before {error['before']}: {error['message']}" for error in errors))
    if len(warnings) < expected.get("warnings", 0):
        wrong.append(f"{len(warnings)} warnings, not {expected['warnings']}")
    if len(warnings) > expected.get("warnings_at_most", len(warnings)):
        wrong.append("warnings: " + "; ".join(warnings))
    wrong += [
        f"nothing says {words!r}" for words in expected.get("says", ()) if not any(words in one["message"] for one in errors)
    ]
    if expected["exit"] == 0 and verdict["verdict"] != expected.get("verdict", "satisfied"):
        wrong.append(f"verdict {verdict['verdict']}")
    return wrong


def _fits(wanted: dict[str, Any], finding: dict[str, Any]) -> bool:
    about = {*finding["expected"], finding["seen"], *finding.get("types", ())}
    return (
        finding["kind"] in wanted["kind"]
        and (not wanted["types"] or not about.isdisjoint(wanted["types"]))
        and wanted.get("connection", finding["connection"]) == finding["connection"]
        and ("before" not in wanted or finding["before"] == (None if wanted["before"] == "end" else wanted["before"]))
    )


def _text(wanted: dict[str, Any]) -> str:
    place = f" before {wanted['before']}" if "before" in wanted else ""
    at = f" at connection {wanted['connection']}" if "connection" in wanted else ""
    return f"{'/'.join(wanted['kind'])} of {'/'.join(wanted['types']) or 'anything'}{place}{at}"


def expectation(case: dict[str, Any]) -> dict[str, Any]:
    """The same from a table: its errors are texts, `kind/kind type/type before 3 at 2`; where there are none and no warnings
    are named, none are expected."""
    errors = [_error(text) for text in case["errors"]]
    limits = {name: case[name] for name in ("at_most", "warnings", "warnings_at_most", "says") if name in case}
    if not errors and not limits:
        limits = {"warnings_at_most": 0}
    return {"exit": 1 if errors else 0, "errors": errors, "verdict": case.get("verdict", "satisfied"), **limits}


def _error(text: str) -> dict[str, Any]:
    kinds, types, *places = text.split()
    error: dict[str, Any] = {"kind": kinds.split("/"), "types": [] if types == "any" else types.split("/")}
    for word, value in zip(places[::2], places[1::2], strict=True):
        error[{"before": "before", "at": "connection"}[word]] = value if value == "end" else int(value)
    return error
