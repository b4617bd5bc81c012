"""The recorded backend, played to a page in a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from math import inf
from pathlib import Path

import pytest
from browser import CHROMIUM, browsing

from wsreplay.contract.model import Contract
from wsreplay.demo.backend import Backend
from wsreplay.replay.player import Pace
from wsreplay.replay.server import ReplayServer, ServerOptions

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]
STAGES = ["agent started", "thinking", "tool executing", "tool completed", "completed"]


@asynccontextmanager
async def one_address(pages: int, chats: int) -> AsyncIterator[int]:
    """A port that passes WebSockets to one server and all other requests to another, as a reverse proxy does."""
    tasks: set[asyncio.Task[None]] = set()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(ConnectionError):  # closed when it is cancelled, too
            while data := await reader.read(65536):
                writer.write(data)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            return
        port = chats if b"upgrade: websocket" in head.lower() else pages
        try:
            answers, questions = await asyncio.open_connection("127.0.0.1", port)
        except BaseException:
            writer.close()
            raise
        questions.write(head)
        for one in (pipe(reader, questions), pipe(answers, writer)):
            tasks.add(asyncio.create_task(one))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(("scenario", "done"), [("healthy", STAGES), ("missing-event", [*STAGES[:3], STAGES[4]])])
async def test_a_page_shows_what_was_recorded(
    scenario: str, done: list[str], record: Callable[[str], Awaitable[Path]], contract: Contract, tmp_path: Path
) -> None:
    path = await record(scenario)
    async with (
        Backend(require_auth=False) as backend,
        ReplayServer(path, contract, ServerOptions(pace=Pace(inf))) as server,
        one_address(backend.port, server.port) as port,
        browsing(tmp_path / "profile") as page,
    ):
        await page.open(f"http://127.0.0.1:{port}/?user=carol")
        await page.say(scenario, "said anew")
        await page.finish()
        assert await page.texts(".track li.done span") == done
        assert await page.texts(".said") == ["said anew"]
        assert server.mismatches == []
