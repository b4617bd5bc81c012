"""Workflow commands of GitHub Actions: one summary and the ten worst findings as annotations.

GitHub shows ten annotations of a kind per step and drops the rest, so the worst come first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wsreplay.display import visible
from wsreplay.report.injected import Injected, mark
from wsreplay.report.result import SEVERITY_RANK, FileResult, contract_place, exit_code, why_unchecked, word_of_all
from wsreplay.units import count_text
from wsreplay.validator.findings import Finding, Severity

MOST = 10
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(results: Sequence[FileResult], *, fail_on: Severity = Severity.ERROR) -> str:
    """Commands for the standard output of a workflow's step; the summary is an error where the step fails."""
    return "".join(f"{line}\n" for line in _lines(results, fail_on))


def _lines(results: Sequence[FileResult], fail_on: Severity) -> Iterator[str]:
    failures = [(result, finding) for result in results for finding in result.failures()]
    failures.sort(key=lambda failure: -SEVERITY_RANK[failure[1].severity])
    unchecked = [(result, why) for result, why in zip(results, why_unchecked(results), strict=True) if why]
    errors = sum(finding.severity is Severity.ERROR for _, finding in failures)
    counts = [count_text(len(results), "result"), count_text(errors, "error"), count_text(len(failures) - errors, "warning")]
    if unchecked:
        counts.append(f"{count_text(len(unchecked), 'file')} could not be validated")
    left = len(failures) + len(unchecked) - MOST
    more = f"; the {MOST} worst follow" if left > 0 else ""
    injected = {result.path: Injected.into(result) or Injected() for result in results}
    if marked := mark(tuple(fault for injection in injected.values() for fault in injection.faults)):
        counts.append(marked)
    level = Severity.WARNING if failures else Severity.INFO
    level = Severity.ERROR if exit_code(results, fail_on=fail_on) or unchecked else level
    yield _command(level, f"{word_of_all(results)}: {', '.join(counts)}{more}", title="wsreplay")
    for result, why in unchecked[:MOST]:
        yield _command(Severity.ERROR, why, title="could not be validated", file=result.path)
    for result, finding in failures[: max(MOST - len(unchecked), 0)]:
        yield _finding(result, finding, mark(injected[result.path].beside(finding)))


def _finding(result: FileResult, finding: Finding, marked: str) -> str:
    """The annotation stands in the contract, which is in the repository, where that is a file; else at the recording."""
    judgement = result.judgement
    assert judgement is not None
    at = f"session {finding.session}, " if finding.session is not None else ""
    message = f"{finding.message} ({at}{result.path}{f', {marked}' if marked else ''})"
    title = f"{judgement.contract}: {finding.rule}"
    if at_rule := contract_place(result, finding):
        return _command(finding.severity, message, title=title, file=at_rule[0], line=str(at_rule[1]))
    return _command(finding.severity, message, title=title, file=result.path)


def _command(severity: Severity, message: str, **properties: str) -> str:
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS[severity]} {listed}::{_data(message)}"


def _data(text: str) -> str:
    """Lines stay lines; `%` and line ends are escaped as the runner's toolkit does."""
    shown = "\n".join(map(visible, text.replace("\r\n", "\n").split("\n")))
    return shown.replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
