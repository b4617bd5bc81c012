"""What a recording does not hold, in words."""

from __future__ import annotations

from wsreplay.display import visible
from wsreplay.model import Direction, Gap
from wsreplay.units import count_text


def gap_text(gap: Gap) -> str:
    """`36 bytes from the server not recorded: payload cut`."""
    side = "the client" if gap.direction == Direction.CLIENT_TO_SERVER else "the server"
    what = f"{count_text(gap.bytes, 'byte')} from {side} not recorded" if gap.bytes else f"a gap in what {side} sent"
    return f"{what}: {visible(gap.reason)}"
