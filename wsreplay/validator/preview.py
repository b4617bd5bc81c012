"""The verdict of a recording in a list of many: for those that do not keep one waiting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from wsreplay.store.reader import Recording
from wsreplay.validator.findings import Finding, Judgement
from wsreplay.validator.judge import judge
from wsreplay.validator.select import select_contracts

MOST_FRAMES = 200_000  # above it a listing would keep one waiting


def preview_verdict(recording: Recording, contracts: Sequence[str] = ()) -> Judgement | None:
    """By the first of these contracts, or the one that fits; None where there are too many frames. Raises WsreplayError."""
    if recording.last_id() > MOST_FRAMES:
        return None
    return judge(recording, select_contracts(recording, contracts)[0])


def broken_rules(findings: Iterable[Finding]) -> dict[int, tuple[str, ...]]:
    """For each session the rules violated in it, each once; without what only follows from another."""
    broken: defaultdict[int, dict[str, None]] = defaultdict(dict)
    for finding in findings:
        if finding.verdict == "violated" and not finding.caused_by:
            broken[finding.session or 0][finding.rule] = None
    return {session: tuple(rules) for session, rules in broken.items()}
