"""The verdict of a recording in a list of many: for those that do not keep one waiting."""

from __future__ import annotations

from collections.abc import Sequence

from wsreplay.store.reader import Recording
from wsreplay.validator.findings import Judgement
from wsreplay.validator.fitting import contracts_for
from wsreplay.validator.judge import judge

MOST_FRAMES = 200_000  # above it a listing would keep one waiting


def judge_at_a_glance(recording: Recording, contracts: Sequence[str] = ()) -> Judgement | None:
    """By the first of these contracts, or the one that fits; None where there are too many frames. Raises WsreplayError."""
    if recording.last_id() > MOST_FRAMES:
        return None
    return judge(recording, contracts_for(recording, contracts)[0])


def broken_rules(judgement: Judgement, session: int | None = None) -> list[str]:
    """The rules violated in a session, or in any, each once; without what only follows from another."""
    found = [one for one in judgement.findings if one.verdict == "violated" and not one.caused_by]
    return list(dict.fromkeys(one.rule for one in found if session in (None, one.session)))
