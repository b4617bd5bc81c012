"""Fixtures of the recorder's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from relay import Relay


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Callable[..., Relay]]:
    """Starts relays; they are gone when the test is over."""
    started: list[Relay] = []

    def start(port: int, path: Path | None = None, forked: bool = True, **options: Any) -> Relay:
        started.append(Relay(f"ws://127.0.0.1:{port}", path or tmp_path / "a.db", forked=forked, **options))
        return started[-1]

    yield start
    for one in started:
        one.end()
