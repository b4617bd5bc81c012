"""Fixtures of the proxy's tests: a server that is a socket in the test's hand, and relays in processes of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from client_at_work import Run
from loops import LOOPS
from rawpeers import Listener
from relay import Relay


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def relay(listener: Listener, tmp_path: Path) -> Iterator[Callable[..., Relay]]:
    """Starts relays before the listener; they are gone when the test is over."""
    started: list[Relay] = []

    def start(upstream: str | None = None, path: Path | None = None, **options: Any) -> Relay:
        forked = options.pop("forked", "preexec" not in options)
        upstream = upstream or f"ws://127.0.0.1:{listener.port}"
        started.append(Relay(upstream, path or tmp_path / "a.db", forked=forked, **options))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine on one of the event loops."""
    return uvloop.run if request.param == "uvloop" else asyncio.run  # type: ignore[return-value]
