"""What was said, where a contract demands nothing: how often each type came, by what it was read.

State: by decoder, direction and type, how many events came. Fast path: none; whoever judges nothing is in no hurry.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from wsreplay.units import count_text
from wsreplay.validator.emit.writer import HandlerWriter
from wsreplay.validator.reporting import short
from wsreplay.validator.rules.message import Observer
from wsreplay.validator.state.state import ConnectionState

MOST_TYPES = 10_000  # counted
_MOST_SHOWN = 12  # of one decoder
_WAYS = ("c2s", "s2c")


class SeenTypes(Observer):
    """Counts events by type."""

    def __init__(self) -> None:
        # decoder → (direction, type) → how many
        self._types: dict[str, Counter[tuple[int, str]]] = {}

    def globals(self) -> dict[str, Any]:
        return {"seen": self}

    def emit(self, writer: HandlerWriter) -> None:
        writer.add(f"seen.see(conn, {writer.direction}, type)")

    def see(self, conn: ConnectionState, direction: int, type_: str) -> None:
        """An event came."""
        counts = self._types.setdefault(conn.decoder, Counter())
        if len(counts) < MOST_TYPES or (direction, type_) in counts:
            counts[direction, type_] += 1

    def said(self) -> list[str]:
        """A line for each decoder: what came, the most frequent first."""
        return [f"{decoder}: {_listed(counts)}" for decoder, counts in sorted(self._types.items())]


def _listed(counts: Counter[tuple[int, str]]) -> str:
    shown = [f"{_WAYS[direction]}:{short(type_)} {count:,}" for (direction, type_), count in counts.most_common(_MOST_SHOWN)]
    more = len(counts) - len(shown)
    return ", ".join([*shown, f"and {count_text(more, 'more type')}"] if more > 0 else shown)
