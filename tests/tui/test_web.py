"""The interface in a real browser: opened, keys pressed, looked at; its processes end with the server, however that ends."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from browser import CHROMIUM, browsing
from commandline import run
from ports import listens, unused

SAMPLE = Path(__file__).parents[2] / "recordings" / "samples" / "missing-event.db"
ENDED_S = 30.0


@asynccontextmanager
async def serving(*arguments: object) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """The server's process and its port."""
    (port,) = unused()
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "wsreplay", "tui", "--web", str(port), *map(str, arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(60):
            while not listens(port):
                assert server.returncode is None, await server.stdout.read()
                await asyncio.sleep(0.05)
        yield server, port
    finally:
        if server.returncode is None:
            server.kill()
        await server.wait()


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


async def await_end(pids: list[int]) -> list[int]:
    """Those that go on."""
    limit = time.monotonic() + ENDED_S
    while (left := [pid for pid in pids if is_there(pid)]) and time.monotonic() < limit:  # noqa: ASYNC110 - processes
        await asyncio.sleep(0.05)
    return left


def is_there(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def visit(session: aiohttp.ClientSession, port: int, **headers: str) -> aiohttp.ClientWebSocketResponse:
    return await session.ws_connect(f"http://127.0.0.1:{port}/ws?width=100&height=30", headers=headers, proxy=None)


async def shown_until(talk: aiohttp.ClientWebSocketResponse, text: bytes) -> bytes:
    shown = b""
    async with asyncio.timeout(60):
        while text not in shown:
            message = await talk.receive()
            shown += message.data if isinstance(message.data, bytes) else b""
    return shown


@pytest.mark.campaign
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
async def test_in_a_browser_it_is_opened_and_a_key_is_pressed(tmp_path):
    async with serving(SAMPLE) as (server, port), browsing(tmp_path / "profile", ["--enable-unsafe-swiftshader"]) as page:
        await page.call("Page.navigate", url=f"http://127.0.0.1:{port}/")
        await page.until("document.querySelector('.xterm-screen') && document.body.classList.contains('-first-byte')")
        await page.ask("document.querySelector('textarea').focus()")
        await _settled(page, tmp_path / "session.png")
        waterfall = await _pressed(page, tmp_path / "waterfall.png")
        session = await _pressed(page, tmp_path / "session.png")
        assert session != waterfall == await _pressed(page, tmp_path / "again.png")
        assert len(children(server.pid)) == 1


async def _pressed(page, path: Path) -> bytes:
    """What the page shows after the key of the waterfall."""
    before = await _picture(page)
    for kind in ("keyDown", "keyUp"):
        await page.call("Input.dispatchKeyEvent", type=kind, key="w", code="KeyW", text="w" if kind == "keyDown" else "")
    async with asyncio.timeout(30):
        while await _picture(page) == before:
            pass
    return await _settled(page, path)


async def _settled(page, path: Path) -> bytes:
    """What the page shows once it shows the same for a while, with more than one colour on it."""
    same, shown = 0, b""
    async with asyncio.timeout(60):
        while same < 8:
            before, shown = shown, await _picture(page)
            same = same + 1 if shown == before and len(shown) > 10_000 else 0
            await asyncio.sleep(0.1)
    await asyncio.to_thread(path.write_bytes, shown)
    return shown


async def _picture(page) -> bytes:
    return base64.b64decode((await page.call("Page.captureScreenshot", format="png"))["data"])


@pytest.mark.campaign
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
async def test_its_processes_end_with_it(number):
    async with serving(SAMPLE) as (server, port), aiohttp.ClientSession() as session:
        talk = await visit(session, port, Origin=f"http://127.0.0.1:{port}")
        await shown_until(talk, b"agent_started")
        pids = children(server.pid)
        assert len(pids) == 1
        server.send_signal(number)
        async with asyncio.timeout(ENDED_S):
            await server.wait()
        assert await await_end(pids) == []


async def test_a_process_ends_with_its_visit_and_on_a_signal():
    async with serving(SAMPLE) as (server, port), aiohttp.ClientSession() as session:
        talk = await visit(session, port, Origin=f"http://localhost:{port}")
        await shown_until(talk, b"agent_started")
        (pid,) = children(server.pid)
        os.kill(pid, signal.SIGTERM)
        assert await await_end([pid]) == []
        again = await visit(session, port, Origin=f"http://127.0.0.1:{port}")
        await shown_until(again, b"agent_started")
        left = children(server.pid)
        await again.close()
        assert await await_end(left) == []


async def test_no_other_page_may_use_it():
    async with serving(SAMPLE) as (server, port), aiohttp.ClientSession() as session:
        ours = f"http://127.0.0.1:{port}"
        foreign = [
            {"Origin": "http://evil.example"}, {"Origin": f"http://localhost:{port + 1}"}, {},
            {"Origin": f"http://evil.example:{port}", "Host": f"evil.example:{port}"}, {"Origin": ours, "Host": "evil.example"},
        ]  # fmt: skip
        for headers in foreign:
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await visit(session, port, **headers)
        assert children(server.pid) == []
        async with session.get(ours) as answer:
            assert "https://" not in (await answer.text()).replace("https://www.w3.org", "")


def test_what_cannot_be_served_is_said_at_once(tmp_path):
    assert "no such file" in run("tui", tmp_path / "none.db", "--web", "8000").err
    assert "no such file" in run("tui", "--web", tmp_path / "none.db").err
    outcome = run("tui", SAMPLE, "--web", "nowhere")
    assert outcome.code == 2 and "is not an address" in outcome.err
