"""Recordings for the store's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from wsreplay.model import Connection, Ending
from wsreplay.store.writer import Writer

Make = Callable[..., Writer]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A writer with one run, two connections, and so many frames that alternate between them; all committed."""

    def make(path: Path | None = None, frames: int = 10) -> Writer:
        writer = Writer(path or tmp_path / "a.db")
        run = {"started_at": "2026-11-20T10:00:00Z", "start_ns": 0, "upstream": "ws://u", "listen": "ws://l", "version": "1"}
        writer.insert_run(**run, options={})
        for number in (1, 2):
            writer.insert_connection(Connection(number, 1, 0, path=f"/{number}", ending=Ending.OPEN))
        writer.add_frames(
            (1 + number % 2, 1 + number // 2, number, 0, 1, 1, 8, number // 2 * 8, "t", b'{"n":%d}' % number)
            for number in range(frames)
        )
        writer.commit()
        return writer

    return make
