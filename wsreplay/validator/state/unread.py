"""Messages that came and could not be read: each may have been whatever is awaited, or forbidden.

So a finding that says that something did not come is inconclusive where it may have been among them; and no rule that they
may concern is satisfied.
"""

from __future__ import annotations

from wsreplay.contract.model import Declare, Format, Latency, Patterns, Rule, Schema, Span
from wsreplay.validator.state.state import NEVER, Unread

UNREADABLE, LOST = "a message that could not be read came meanwhile", "the recording has a gap here"


def may_concern(rule: Rule, direction: int) -> bool:
    """Whether a message of this direction, whatever it was, can matter to a rule."""
    if isinstance(rule, Format):
        return False  # speaks up itself
    if isinstance(rule, Declare) and rule.sees_everything:
        return True
    if isinstance(rule, Span | Declare):
        return _may_be(rule.named(), direction)
    if isinstance(rule, Latency):
        return _may_be(rule.events, direction)
    if isinstance(rule, Schema):
        return _may_be(tuple(pattern for pattern, _ in rule.schemas), direction)
    return True


def why_unsure(unread: Unread, awaited: Patterns, since: int | None = None, since_ns: int = -1) -> str | None:
    """Why it cannot be said that none of these came: after the frame `since` (None: from the start), at `since_ns` or later."""
    start = -1 if since is None else since
    for direction, last in enumerate(unread.frames):
        if last > start and unread.times[direction] >= since_ns and _may_be(awaited, direction):
            return LOST if last == NEVER else UNREADABLE
    return None


def _may_be(patterns: Patterns, direction: int) -> bool:
    return any(not pattern.pseudo and pattern.direction in (None, direction) for pattern in patterns)
