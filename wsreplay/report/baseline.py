"""Findings that are accepted for now, by fingerprint: what CI is to let pass, what is new, what is gone.

A baseline is a JSON file, made to be committed and reviewed: sorted, without times and ids.

    {"wsreplay-baseline": 1, "findings": [{"fingerprint": "…", "rule": "tool", "message": "tool_completed never came …"}]}
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from wsreplay.errors import UsageError
from wsreplay.files import write_file
from wsreplay.report.result import FileResult
from wsreplay.validator.findings import Finding

VERSION = 1


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One accepted finding; rule and message are for those who read the file."""

    rule: str
    fingerprint: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Baseline:
    entries: tuple[Entry, ...] = ()

    @property
    def fingerprints(self) -> frozenset[str]:
        return frozenset(entry.fingerprint for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is wrong and not accepted, what is accepted, and what was accepted and is no longer found."""

    new: tuple[Finding, ...]
    known: tuple[Finding, ...]
    gone: tuple[Entry, ...]


def of(results: Iterable[FileResult]) -> Baseline:
    """A baseline that accepts all that is wrong now; what only follows from something else needs no entry."""
    entries: dict[str, Entry] = {}
    for result in results:
        for finding in replace(result, known=frozenset()).failures():
            entries.setdefault(finding.fingerprint, Entry(finding.rule, finding.fingerprint, finding.message))
    return Baseline(tuple(sorted(entries.values())))


def write(path: str | Path, results: Iterable[FileResult]) -> None:
    """Write a file that accepts all that is wrong now. Raises UsageError."""
    findings = [{"fingerprint": one.fingerprint, "rule": one.rule, "message": one.message} for one in of(results).entries]
    document = {"wsreplay-baseline": VERSION, "findings": findings}
    body = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    write_file(Path(path), body)


def read(path: str | Path) -> Baseline:
    """Read a baseline file. Raises UsageError that says what is wrong with it."""
    try:
        document = orjson.loads(Path(path).read_bytes())
    except OSError as error:
        raise UsageError(f"the baseline {path} cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise UsageError(f"the baseline {path} is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("wsreplay-baseline") != VERSION:
        raise UsageError(f'{path} is no baseline of version {VERSION}: it has no "wsreplay-baseline": {VERSION}')
    findings = document.get("findings")
    if not isinstance(findings, list):
        raise UsageError(f'the baseline {path} has no list "findings"')
    return Baseline(tuple(_entry(one, number, path) for number, one in enumerate(findings, 1)))


def _entry(one: object, number: int, path: str | Path) -> Entry:
    fingerprint = one.get("fingerprint") if isinstance(one, dict) else None
    if not isinstance(one, dict) or not isinstance(fingerprint, str) or not fingerprint:
        raise UsageError(f"the baseline {path}: finding {number} has no fingerprint")
    return Entry(str(one.get("rule", "")), fingerprint, str(one.get("message", "")))


def apply(results: Sequence[FileResult], baseline: Baseline) -> list[FileResult]:
    """The results with what the baseline accepts marked as known."""
    return [replace(result, known=baseline.fingerprints) for result in results]


def compare(results: Iterable[FileResult], baseline: Baseline) -> Comparison:
    """What is new, known and gone over all results together."""
    known_prints = baseline.fingerprints
    wrong = [finding for result in results for finding in replace(result, known=frozenset()).failures()]
    found = {finding.fingerprint for finding in wrong}
    return Comparison(
        new=tuple(one for one in wrong if one.fingerprint not in known_prints),
        known=tuple(one for one in wrong if one.fingerprint in known_prints),
        gone=tuple(entry for entry in baseline.entries if entry.fingerprint not in found),
    )
