"""How a session or a recording stands, at a glance: one word and one sign, the same in every list and report."""

from __future__ import annotations

from wsreplay.model import NO_CONTRACT

ERRORS, WARNINGS, NO_FIT, UNDECIDED, NOTHING, OK = "errors", "warnings", "no fit", "undecided", "nothing to check", "ok"
SIGNS = {ERRORS: "✗", WARNINGS: "▲", NO_FIT: "?", UNDECIDED: "?", NOTHING: "–", OK: "✓"}
"""The sign of each word."""


def standing_of(errors: int, warnings: int, verdict: str, contract: str) -> str:
    """The word, from how many errors and warnings there are that do not only follow from others, and the verdict by a contract.

    The gravest finding decides: what is satisfied but for warnings is not said to be fine.
    """
    if errors or verdict == "violated":
        return ERRORS
    if warnings:
        return WARNINGS
    if contract == NO_CONTRACT:
        return NO_FIT
    if verdict in ("inconclusive", "error", "pending"):
        return UNDECIDED
    return NOTHING if verdict in ("vacuous", "") else OK
