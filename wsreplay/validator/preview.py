"""The verdict of a recording in a list of many: for those that do not keep one waiting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from wsreplay.contract import Contract
from wsreplay.standing import standing_of
from wsreplay.store.reader import Recording
from wsreplay.validator.findings import Finding, Judgement
from wsreplay.validator.judge import judge
from wsreplay.validator.verdict_cache import SavedVerdicts, state_of

MOST_FRAMES = 200_000  # above it a listing would keep one waiting


def preview_by(recording: Recording, contract: Contract, saved: SavedVerdicts | None = None) -> Judgement | None:
    """By this contract; None where there are too many frames, and it is not `saved`. Raises WsreplayError."""
    state = state_of(recording.path) if saved is not None else None
    judgement = saved.find(state, contract) if saved is not None and state is not None else None
    if judgement is not None or recording.last_id() > MOST_FRAMES:
        return judgement
    judgement = judge(recording, contract)
    if saved is not None and state is not None:
        saved.keep(state, contract, judgement)
    return judgement


def broken_rules(findings: Iterable[Finding]) -> dict[int, tuple[str, ...]]:
    """For each session the rules violated in it, each once; without what only follows from another."""
    broken: defaultdict[int, dict[str, None]] = defaultdict(dict)
    for finding in findings:
        if finding.verdict == "violated" and not finding.caused_by:
            broken[finding.session or 0][finding.rule] = None
    return {session: tuple(rules) for session, rules in broken.items()}


def tally(findings: Iterable[Finding]) -> dict[int, tuple[int, int]]:
    """Errors and warnings of each session; what only follows from another finding is not counted."""
    counts: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for finding in findings:
        if not finding.caused_by and finding.severity != "info":
            counts[finding.session or 0][finding.severity == "warning"] += 1
    return {session: (errors, warnings) for session, (errors, warnings) in counts.items()}


def standings(judgement: Judgement) -> dict[int | None, str]:
    """How each session stands, and under None the whole recording, in a word of `wsreplay.standing`."""
    counts, contract = tally(judgement.findings), judgement.contract
    words: dict[int | None, str] = {
        number: standing_of(*counts.get(number, (0, 0)), judgement.session_verdicts.get(number, ""), contract)
        for number in {*judgement.session_verdicts, *counts}
    }
    errors, warnings = sum(errors for errors, _ in counts.values()), sum(warnings for _, warnings in counts.values())
    words[None] = standing_of(errors, warnings, judgement.verdict, contract)
    return words
