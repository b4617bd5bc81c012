"""The page in a real browser: headless Chromium, driven over its DevTools protocol."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.report.conftest import CHAT, MISSING_TOOL, Traces, judged
from wsreplay.report import FileResult, render

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-port=0",
    "--window-size=1280,900",
)  # fmt: skip

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]


class Tab:
    """One open page, and what its console said."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self.console: list[str] = []

    async def call(self, method: str, **parameters: Any) -> Any:
        number = next(self._ids)
        await self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(await self._socket.recv())
            if message.get("method") == "Log.entryAdded":
                self.console.append(message["params"]["entry"]["text"])
            elif message.get("method") == "Runtime.exceptionThrown":
                self.console.append(message["params"]["exceptionDetails"]["text"])
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]

    async def value(self, expression: str) -> Any:
        result = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, condition: str) -> None:
        look = f"const look = () => ({condition}) ? done(true) : setTimeout(look, 20); look();"
        await self.value(f"new Promise((done) => {{ {look} }})")


def saved(folder: Path, text: str) -> Path:
    page = folder / "report.html"
    page.write_text(text)
    return page


@asynccontextmanager
async def browsing(text: str, folder: Path) -> AsyncIterator[Tab]:
    assert CHROMIUM is not None
    page, profile = saved(folder, text), folder / "profile"
    process = await asyncio.create_subprocess_exec(
        CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port_file = profile / "DevToolsActivePort"
        async with asyncio.timeout(60):
            while not port_file.exists() or port_file.read_text().count("\n") < 1:
                assert process.returncode is None, "Chromium ended"
                await asyncio.sleep(0.05)
            port, path = port_file.read_text().split()[:2]
            async with connect(f"ws://127.0.0.1:{port}{path}", max_size=None, proxy=None) as browser:
                target = (await Tab(browser).call("Target.createTarget", url="about:blank"))["targetId"]
            async with connect(f"ws://127.0.0.1:{port}/devtools/page/{target}", max_size=None, proxy=None) as socket:
                tab = Tab(socket)
                for domain in ("Log", "Runtime", "Page"):
                    await tab.call(f"{domain}.enable")
                await tab.call("Page.navigate", url=page.as_uri())
                await tab.until("document.readyState === 'complete' && location.protocol === 'file:'")
                yield tab
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def test_search_and_links_work_and_nothing_is_blocked(chat: FileResult, tmp_path: Path) -> None:
    async with browsing(render("html", [chat]), tmp_path) as tab:
        shown = "[...document.querySelectorAll('.row')].filter((row) => row.checkVisibility()).length"
        assert await tab.value(shown) == 5
        await tab.value("document.getElementById('search').value = 'thinking'")
        await tab.value("document.getElementById('search').dispatchEvent(new Event('input'))")
        await tab.until(f"{shown} === 1")
        assert await tab.value("document.getElementById('found').textContent") == "1 of 6"
        await tab.value("location.hash = '#f1s1g1'")
        await tab.until(f"{shown} === 5")
        assert await tab.value("document.querySelector(':target').classList.contains('ghost')")
        await tab.value("document.getElementById('notable').click()")
        await tab.until(f"{shown} === 3")
        width = "document.querySelector('.waterfall').getBoundingClientRect().width"
        before = await tab.value(width)
        await tab.value("document.querySelector('[data-zoom=\"2\"]').click()")
        assert await tab.value(width) == pytest.approx(2 * before)
        assert tab.console == []


async def test_a_hostile_payload_runs_nothing(traces: Traces, tmp_path: Path) -> None:
    evil = "</title></script></pre></svg><script>document.title = 'x'</script><img src=x onerror=\"document.title = 'x'\">"
    events = [*CHAT, (12_400, {"type": evil, "message": evil, "run_id": evil, "tool_name": evil})]
    finding = replace(MISSING_TOOL, rule=evil, message=evil, slice=((evil, evil),), expected=(evil,))
    judgement = judged(findings=(finding,), contract=evil)
    result = FileResult(str(traces.write("evil.db", events)), judgement)
    async with browsing(render("html", [result]), tmp_path) as tab:
        assert await tab.value("document.title") == "violated · wsreplay"
        assert await tab.value("document.images.length") == 0
        assert await tab.value("document.scripts.length") == 1
        assert tab.console == []


async def test_ten_thousand_events_can_be_searched(traces: Traces, tmp_path: Path) -> None:
    events = [(number, {"type": "tick", "message": f"tick {number}"}) for number in range(10_000)]
    result = FileResult(str(traces.write("long.db", events)), judged(findings=(), events=10_000))
    async with browsing(render("html", [result]), tmp_path) as tab:
        await tab.value("document.getElementById('search').value = 'tick 9999'")
        await tab.value("document.getElementById('search').dispatchEvent(new Event('input'))")
        await tab.until("document.getElementById('found').textContent === '1 of 10,000'")

