"""What a campaign of kills has counted."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from churn import Tally


@dataclass
class Outcome(Tally):
    """What a campaign has counted."""

    kills: Counter[str] = field(default_factory=Counter)
    moved: int = 0  # recordings that were moved or removed while they were written
    connections: int = 0
    hangs: int = 0
    late: int = 0  # echoes that took longer than they may
    worst_s: float = 0.0

    def include(self, other: Outcome) -> None:
        self.add(other)
        self.kills += other.kills
        self.moved += other.moved
        self.connections += other.connections
        self.hangs += other.hangs
        self.late += other.late
        self.worst_s = max(self.worst_s, other.worst_s)

    def __str__(self) -> str:
        kills = ", ".join(f"{who} {number}" for who, number in sorted(self.kills.items()))
        return (
            f"kills {self.kills.total():,} ({kills})  files moved {self.moved}  connections {self.connections:,}"
            f"  messages {self.messages:,}"
            f"  lost {self.lost}  doubled {self.doubled}  hangs {self.hangs}  late echoes {self.late}"
            f"  worst recovery {self.worst_s:.2f} s  unconfirmed bytes {self.unconfirmed:,}"
        )

    def problems(self) -> list[str]:
        """What does not hold; empty where all does."""
        counts = {"lost": self.lost, "doubled": self.doubled, "hangs": self.hangs, "late echoes": self.late}
        return [*(f"{name}: {number}" for name, number in counts.items() if number), *self.wrong]


def committed_bytes(path: Path) -> dict[tuple[str, int], int]:
    """How many bytes of each direction of each path are committed. Whoever is stopped in mid-write may have locked the file."""
    reached: dict[tuple[str, int], int] = {}
    sql = (
        "SELECT path, direction, max(reached) FROM connection JOIN ("
        "  SELECT connection_id, direction, offset + wire_length AS reached FROM frame"
        "  UNION ALL SELECT connection_id, direction, offset + length(bytes) FROM tail"
        ") ON connection.id = connection_id GROUP BY path, direction"
    )
    with contextlib.suppress(sqlite3.DatabaseError), contextlib.closing(sqlite3.connect(path, timeout=1)) as db:
        reached.update({(name, direction): size for name, direction, size in db.execute(sql)})
    return reached
