"""A recording that grows while a test looks at it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from sample_chat import C2S, MS, S2C

from wsreplay.model import Connection, Ending
from wsreplay.store import lock
from wsreplay.store.writer import Writer


class LiveChat:
    """A recording whose recorder is still at work: this test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: lock.Lock | None = lock.acquire(path)
        self._writer = Writer(path)
        self._count = 0
        self._now_ns = 0
        self._run = self._writer.insert_run(started_at="2026-11-20T10:00:00Z", start_ns=0, upstream="ws://127.0.0.1:9000",
                                            listen="ws://127.0.0.1:8765", version="0.1.0", options={})  # fmt: skip
        self._writer.insert_connection(Connection(1, self._run, 0, path="/ws", user="u1", status=101))
        self.add(5)

    def say_raw(self, direction: int, payload: bytes) -> None:
        """A text message on the first connection, with no type for the recorder to note."""
        self._count += 1
        flags = 17 if direction == C2S else 1
        self._writer.add_frames([(1, self._count, self._count * 250 * MS, direction, 1, flags, len(payload), 0, None, payload)])
        self._writer.update_run(self._run, reached_ns=self._count * 250 * MS)
        self._writer.commit()

    def connect(self, connection: int, user: str) -> None:
        """Another connection opens now."""
        opened_ns = self._count * 250 * MS + MS
        self._writer.insert_connection(Connection(connection, self._run, opened_ns, path="/ws", user=user, status=101))
        self._writer.commit()

    def drop(self, connection: int) -> None:
        """The network takes a connection away."""
        self._writer.update_connection(connection, closed_ns=self._count * 250 * MS, ending=str(Ending.DROPPED))
        self._writer.commit()

    def add(self, frames: int, connection: int = 1) -> None:
        rows: list[Any] = []
        for _ in range(frames):
            self._count += 1
            payload = orjson.dumps({"type": "partial_result", "content": f"part {self._count}"})
            t_ns = self._count * 250 * MS
            rows.append((connection, self._count, t_ns, S2C, 1, 1, len(payload) + 2, 0, "partial_result", payload))
        self._writer.add_frames(rows)
        self._writer.update_run(self._run, reached_ns=self._count * 250 * MS)
        self._writer.commit()

    def say(self, direction: int, type_: str, after_ms: int, **fields: Any) -> None:
        """One event on the first connection, so long after what came before it."""
        self._count += 1
        self._now_ns = max(self._now_ns, self._count * 250 * MS) + after_ms * MS
        payload = orjson.dumps({"type": type_, **fields})
        flags = 17 if direction == C2S else 1
        row = (1, self._count, self._now_ns, direction, 1, flags, len(payload) + 2, 0, type_, payload)
        self._writer.add_frames([row])
        self._writer.update_run(self._run, reached_ns=self._now_ns)
        self._writer.commit()

    def wait(self, milliseconds: int) -> None:
        """Nothing comes for so long, and the recorder says that it is there."""
        self._now_ns += milliseconds * MS
        self._writer.update_run(self._run, reached_ns=self._now_ns)
        self._writer.commit()

    def finish(self) -> None:
        if self._lock is not None:
            self._writer.update_run(self._run, ended_ns=max(self._now_ns, self._count * 250 * MS))
            self._writer.close()
            self._lock.release()
            self._lock = None
