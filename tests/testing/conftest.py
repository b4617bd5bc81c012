"""Fixtures of the tests' own tools."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import entry_points

import pytest

from wsreplay.demo.backend import Backend


def without_other_plugins(*wanted: str) -> list[str]:
    """Options for a pytest of its own in which our plugin is found as users have it found, and of all others those wanted: to
    import them takes longer than what is tested."""
    others = {point.name for point in entry_points(group="pytest11")} - {"wsreplay", *wanted}
    return ["-p", "no:cacheprovider", *(word for name in sorted(others) for word in ("-p", f"no:{name}"))]


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    async with Backend(pace=0.2) as backend:
        yield backend


@pytest.fixture(scope="session")
def backend_url() -> Iterator[str]:
    """A backend on a loop of its own, for tests that have none or another one."""
    started, over = threading.Event(), asyncio.Event()
    urls: list[str] = []
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with Backend(pace=0.2) as backend:
            urls.append(backend.url)
            started.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    assert started.wait(20)
    yield urls[0]
    loop.call_soon_threadsafe(over.set)
    thread.join()
    loop.close()
