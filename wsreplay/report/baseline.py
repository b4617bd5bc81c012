"""Findings that are accepted for now, by fingerprint: what CI is to let pass, what is new, what is gone.

Baselines of version 1 are read, too: their fingerprints hold a finding's kind and the names of its keys.

A baseline is a JSON file, made to be committed and reviewed: sorted, without times and ids.

    {"wsreplay-baseline": 2, "findings": [{"fingerprint": "…", "rule": "tool", "message": "tool_completed never came …"}]}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from wsreplay.decode.values import why_not_json
from wsreplay.errors import UsageError
from wsreplay.files import write_file
from wsreplay.report.result import FileResult
from wsreplay.validator.findings import Finding
from wsreplay.validator.reporting import first_fingerprint_of

VERSION = 2
VERSIONS = (1, 2)


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One accepted finding; rule and message are for those who read the file."""

    rule: str
    fingerprint: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Baseline:
    """All accepted findings of a file."""

    entries: tuple[Entry, ...] = ()
    version: int = VERSION

    @property
    def fingerprints(self) -> frozenset[str]:
        """What the accepted findings are known by."""
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
    findings = [
        {"fingerprint": entry.fingerprint, "rule": entry.rule, "message": entry.message} for entry in of(results).entries
    ]
    document = {"wsreplay-baseline": VERSION, "findings": findings}
    body = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    write_file(Path(path), body)


def read(path: str | Path) -> Baseline:
    """Read a baseline file. Raises UsageError that says what is wrong with it."""
    try:
        document = orjson.loads(content := Path(path).read_bytes())
    except OSError as error:
        raise UsageError(f"the baseline {path} cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise UsageError(f"the baseline {path} is not JSON: {why_not_json(content)}") from error
    version = document.get("wsreplay-baseline") if isinstance(document, dict) else None
    if version not in VERSIONS or isinstance(version, bool):
        raise UsageError(f'{path} is not a baseline of version 1 or {VERSION}: it has no "wsreplay-baseline": {VERSION}')
    findings = document.get("findings")
    if not isinstance(findings, list):
        raise UsageError(f'the baseline {path} has no list "findings"')
    return Baseline(tuple(_entry(entry, number, path) for number, entry in enumerate(findings, 1)), version)


def _entry(entry: object, number: int, path: str | Path) -> Entry:
    fingerprint = entry.get("fingerprint") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(fingerprint, str) or not fingerprint:
        raise UsageError(f"the baseline {path}: finding {number} has no fingerprint")
    return Entry(str(entry.get("rule", "")), fingerprint, str(entry.get("message", "")))


def apply(results: Sequence[FileResult], baseline: Baseline) -> list[FileResult]:
    """The results with what the baseline accepts marked as known."""
    return [replace(result, known=frozenset(_accepted(result, baseline))) for result in results]


def _accepted(result: FileResult, baseline: Baseline) -> Iterable[str]:
    """The fingerprints of findings that the baseline accepts."""
    if baseline.version != 1 or result.judgement is None:
        return baseline.fingerprints
    contract, accepted = result.judgement.contract, baseline.fingerprints
    known = (finding for finding in result.findings if not accepted.isdisjoint(_first_fingerprints(contract, finding)))
    return [finding.fingerprint for finding in known]


def _first_fingerprints(contract: str, finding: Finding) -> Iterator[str]:
    """Those that version 1 may have given a finding: what was missing was said to be out of order where something came in its
    place, and the other way round."""
    names = tuple(name for name, _ in finding.slice)
    for kind in {finding.kind, "missing", "order", "gap"}:
        for seen in {finding.seen, None}:
            for expected in (finding.expected, ()):
                yield first_fingerprint_of(contract, finding.rule, kind, names, expected, seen)


def compare(results: Iterable[FileResult], baseline: Baseline) -> Comparison:
    """What is new, known and gone over all results together."""
    new: list[Finding] = []
    known: list[Finding] = []
    prints: set[str] = set()
    for result in results:
        accepted = frozenset(_accepted(result, baseline))
        for finding in replace(result, known=frozenset()).failures():
            (known if finding.fingerprint in accepted else new).append(finding)
            prints.add(finding.fingerprint)
            if baseline.version == 1 and result.judgement is not None:
                prints.update(_first_fingerprints(result.judgement.contract, finding))
    gone = tuple(entry for entry in baseline.entries if entry.fingerprint not in prints)
    return Comparison(tuple(new), tuple(known), gone)
