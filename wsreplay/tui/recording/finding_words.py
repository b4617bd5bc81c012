"""Findings and runs in few words, for lists of sessions and of recordings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from wsreplay.model import Ending
from wsreplay.tui.recording.evidence import moment
from wsreplay.units import count_text, duration_text

if TYPE_CHECKING:
    from wsreplay.validator.findings import Finding, SpanRecord

_GRAVITY = ("error", "warning", "info")
_LEAK = re.compile(r".* of (?P<owner>.+) reached (?P<viewer>.+): (?P<what>[^:,;]+)([,;].*)?", re.DOTALL)
_ENDS_WELL = {Ending.CLEAN: "", Ending.OPEN: "still open"}


def first_findings(findings: Iterable[Finding]) -> dict[int, Finding]:
    """For each session the finding to begin with: of the gravest the first, and none that only follows from another."""
    firsts: dict[int, Finding] = {}
    for finding in findings:
        known = firsts.get(finding.session or 0)
        if not finding.caused_by and (known is None or gravest((known, finding)) is finding):
            firsts[finding.session or 0] = finding
    return firsts


def gravest(findings: Iterable[Finding]) -> Finding:
    """Of some findings the first of the gravest."""
    return min(findings, key=lambda finding: (_gravity(finding), moment(finding)))


def _gravity(finding: Finding) -> int:
    return _GRAVITY.index(finding.severity)


def finding_words(finding: Finding, label: str = "") -> str:
    """What is wrong: of several events that would have done the first one, and not of which thread, run or call; of an event
    that reached the wrong user, both users.

    `label` is what the contract calls the tool or the agent: `tool_completed (search) never came`.
    """
    from wsreplay.validator.reporting import bare_type, either, of_labels

    if finding.kind == "isolation" and (leak := _LEAK.fullmatch(finding.message)):
        return f"{leak['what']} of {leak['owner']} reached {leak['viewer']}"
    where = of_labels(finding.slice)
    words = finding.message.replace(where, "", 1) if where else finding.message
    words = words.replace(where.replace(" for ", " in ", 1), "", 1) if where else words
    expected = tuple(dict.fromkeys(finding.expected))
    subject = bare_type(expected[0]) if expected else finding.seen or ""
    if expected and words.startswith(either(expected)):
        words = subject + words.removeprefix(either(expected))
    if label and subject and words.startswith(f"{subject} "):
        words = f"{subject} ({label}){words.removeprefix(subject)}"
    return words


def span_label(finding: Finding, spans: Iterable[SpanRecord]) -> str:
    """What the contract calls the tool, the agent or the run that a finding is about."""
    return next((span.label for span in spans if span.label and span.slice == finding.slice), "")


def run_words(runs: Sequence[SpanRecord], ending: Ending | None = None) -> str:
    """What went on where nothing is wrong: `3 runs completed, the slowest in 2.1s`; and an `ending` that is not in order."""
    lasted = [run.end_ns - run.start_ns for run in runs if run.state == "completed" and run.end_ns is not None]
    parts = []
    if lasted:
        how_long = f"the slowest in {duration_text(max(lasted))}" if len(lasted) > 1 else f"in {duration_text(lasted[0])}"
        parts.append(f"{count_text(len(lasted), 'run')} completed{',' * (len(lasted) > 1)} {how_long}")
    others = [run.state for run in runs if run.state != "completed"]
    parts += [f"{count_text(others.count(state), 'run')} {state}" for state in dict.fromkeys(others)]
    if ending is not None and (how := _ENDS_WELL.get(ending, f"connection {ending}")):
        parts.append(how)
    return ", ".join(parts) or "no findings"


def count_words(errors: int, warnings: int) -> str:
    """`2 findings`, `1 warning`; nothing where there are none."""
    count = errors + warnings
    if not count:
        return ""
    return count_text(count, "finding" if errors else "warning")
