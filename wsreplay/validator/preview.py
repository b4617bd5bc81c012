"""The verdict of a recording in a list of many: for those that do not keep one waiting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from wsreplay.contract import Contract
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
