"""Fixtures of the command line's tests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import Recorder, chat

from wsreplay.demo.backend import Backend


@pytest.fixture
def record() -> Iterator[type[Recorder]]:
    """Starts recorders; they are gone when the test is over."""
    started: list[Recorder] = []

    class Started(Recorder):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)
            started.append(self)

    yield Started
    for recorder in started:
        recorder.close()


@pytest.fixture(scope="session")
def backend() -> Iterator[str]:
    """A real agent-chat backend, in a thread of its own; its URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = Backend(pace=0.2)

    def call(coroutine) -> None:  # type: ignore[no-untyped-def]
        asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    call(server.__aenter__())
    yield server.url
    call(server.__aexit__(None, None, None))
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@pytest.fixture(scope="session")
def recording(backend: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording with two sessions: bob's misses a tool_completed, alice's is healthy."""
    path = tmp_path_factory.mktemp("recording") / "two.db"
    recorder = Recorder(backend, "-l", "0", "-o", path)
    try:
        chat(recorder.url, "missing-event", "bob")
        chat(recorder.url, "healthy", "alice")
        assert recorder.stop().code == 0
    finally:
        recorder.close()
    return path
