"""A pytest in a pytest."""

from __future__ import annotations

# Plugins of ours that a user's tests do not need: loading them takes as long as all else that a small run does.
_NOT_NEEDED = ("cacheprovider", "hypothesispytest", "syrupy", "timeout")


def lean(*arguments: str) -> list[str]:
    """Arguments for a run that loads pytest, wsreplay's plugin, and what these arguments need."""
    without = [*_NOT_NEEDED, *(() if "-n" in arguments else ("xdist", "xdist.looponfail"))]
    return [*(part for name in without for part in ("-p", f"no:{name}")), *arguments]
