"""Recordings of one session each, to be compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsreplay.diff.rows import Row
from wsreplay.store.reader import Recording
from wsreplay.tui.diff.alignment import align

S2C = 1


@pytest.fixture
def written(script: Callable[[str], Any]) -> Callable[..., Path]:
    """A recording of one session, in which a run says these words."""

    def written(name: str, *words: str) -> Path:
        made = script(name)
        made.open(1, 0, closed_ns=10**9)
        for number, word in enumerate(words):
            ids = {"message_id": f"{name}-{number}", "thread_id": f"t-{name}", "run_id": f"r-{name}"}
            made.say(1, number + 1, S2C, "partial_result", content=word, **ids)
        path: Path = made.write(2000)
        return path

    return written


def rows(a: Path, b: Path, sessions: tuple[int, int] = (1, 1)) -> list[Row]:
    """The aligned rows of what runs say."""
    with Recording.open(a) as left, Recording.open(b) as right:
        return [row for row in align(left, right, sessions, "agent-chat") if row.said.name == "partial_result"]
