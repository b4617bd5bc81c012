"""Verdicts told to people and machines.

    results = [FileResult(path, judgement), FileResult(other, error="…")]    one per recording and contract; picklable
    results = baseline.apply(results, baseline.read("known.json"))           optional: mark what is known already
    results = [strictly(result) for result in results]                       optional: what is not shown to hold is wrong
    text = render("text", results, color=True, width=120)                    any of FORMATS; always text, ends in a line end
    sys.exit(exit_code(results, fail_on=Severity.ERROR))

    result      FileResult, exit codes, consequences folded under their causes
    baseline    findings that are accepted: write, read, compare
    timeline    a session told in order, with ghost rows; folded around what is notable
    text        for people in a terminal            html      one page for a browser, with a waterfall
    json        for programs                        junit     for CI servers
    sarif       for code scanning                   github    annotations of a workflow run
    markdown    for an issue: what failed, where, and the frames that show it
    stats_text, stats_json      what `wsreplay stats` prints

`text`, `html` and `markdown` open the recordings again, by path; the other formats need the results only.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from wsreplay.errors import UsageError
from wsreplay.report.result import FileResult, exit_code, is_failure, strictly, worst
from wsreplay.validator.findings import Severity

__all__ = ["FORMATS", "FileResult", "exit_code", "is_failure", "render", "strictly", "worst"]

FORMATS = ("text", "json", "junit", "sarif", "github", "html", "markdown")


def render(
    format: str,
    results: Sequence[FileResult],
    *,
    color: bool = False,
    width: int = 100,
    fail_on: Severity = Severity.ERROR,
) -> str:
    """The report in one of FORMATS.

    `color` and `width` (cells) are those of a terminal and matter to `text` only. What is below `fail_on` fails no test case of
    JUnit, makes GitHub's summary no error, and lets JSON say that the command exits with 0.
    """
    if format not in FORMATS:
        raise UsageError(f"unknown report format {format!r}: choose one of {', '.join(FORMATS)}")
    module = import_module(f"wsreplay.report.{format}")
    failing = {"fail_on": fail_on}
    options: dict[str, dict[str, Any]] = dict.fromkeys(("junit", "json", "github"), failing)
    options["text"] = {"color": color, "width": width}
    text: str = module.render(results, **options.get(format, {}))
    return text
