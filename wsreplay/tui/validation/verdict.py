"""How far the validator is, for every screen to show."""

from __future__ import annotations

from typing import NamedTuple

from wsreplay.tui.recording.evidence import Change

IDLE, JUDGING, FOLLOWING, THERE, FAILED = "idle", "judging", "following", "there", "failed"


class Verdict(NamedTuple):
    """`state` is one of the words above; `stale` says that a contract's file has changed since."""

    state: str = IDLE
    done: float = 0.0
    why: str = ""
    stale: bool = False
    change: Change | None = None
