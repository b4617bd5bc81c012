"""The rows of a recording by a bare `executemany`: what SQLite takes from Python without anything around it.

    python -m benchmarks.inserts FILE FRAMES SIZE CONNECTIONS      prints the seconds
"""

from __future__ import annotations

import sqlite3
import sys
import time

from benchmarks import load
from wsreplay.store import schema
from wsreplay.store.writer import PAGE_SIZE

_BATCH = 10_000
_INSERT = (
    "INSERT INTO frame (connection_id, seq, t_ns, direction, opcode, flags, wire_length, offset, type, payload)"
    " VALUES (?,?,?,?,?,?,?,?,?,?)"
)


def rows(frames: int, size: int, connections: int) -> list[tuple[object, ...]]:
    """What a recording of `frames` agent events, spread over the connections, holds."""
    payloads = [load.event(number, size) for number in range(load.VARIETY)]
    wire = load.frame_length(size, masked=False)
    return [
        (
            1 + number % connections, 1 + number // connections, number * 3000, 1, 1, 1, wire, number // connections * wire,
            "agent_thinking", payloads[number % load.VARIETY],
        )
        for number in range(frames)
    ]  # fmt: skip


def insert(path: str, frames: int, size: int, connections: int) -> float:
    """Insert the rows in batches; return the seconds this took."""
    data = rows(frames, size, connections)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    schema.migrate(db)
    begin = time.perf_counter()
    for start in range(0, frames, _BATCH):
        db.execute("BEGIN")
        db.executemany(_INSERT, data[start : start + _BATCH])
        db.execute("COMMIT")
    took = time.perf_counter() - begin
    db.close()
    return took


if __name__ == "__main__":
    print(insert(sys.argv[1], *map(int, sys.argv[2:5])))
