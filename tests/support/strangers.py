"""A web page of a stranger in a real browser, and what it gets of a port on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

from browser import Page, browsing

EVIL = "evil.test"
_PAGE = b"<!doctype html><title>a page</title><p id=state data-is=open>"
_TRY = """new Promise(done => {
    const socket = new WebSocket(%r);
    socket.onopen = () => done('open'); socket.onerror = () => done('refused') })"""


@asynccontextmanager
async def pages() -> AsyncIterator[int]:
    """A port that serves one empty page."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(EOFError):  # browsers connect ahead, and leave
            await reader.readuntil(b"\r\n\r\n")
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
            writer.write(head % len(_PAGE) + _PAGE)
            await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def stranger(folder: Path) -> AsyncIterator[tuple[Page, str]]:
    """A browser at a page of `evil.test`, which the browser takes to be on this machine; and the page's origin."""
    flags = [f"--host-resolver-rules=MAP {EVIL} 127.0.0.1"]
    async with pages() as port, browsing(folder, flags) as page:
        origin = f"http://{EVIL}:{port}"
        await page.open(f"{origin}/")
        yield page, origin
        page.problems.clear()  # the console tells of each refusal


async def reaches(page: Page, url: str) -> str:
    """What becomes of a WebSocket that the page opens: `open` or `refused`."""
    return str(await page.ask(_TRY % url))
