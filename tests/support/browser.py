"""A tab of a real browser, driven over the DevTools protocol."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-port=0",
]


class Page:
    """One tab. `ask` evaluates JavaScript; `until` waits for an expression to be true."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection, self.ids = connection, count(1)
        self.problems: list[str] = []

    async def call(self, method: str, **params: Any) -> Any:
        number = next(self.ids)
        await self.connection.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(await asyncio.wait_for(self.connection.recv(), 30))
            if answer.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.problems.append(json.dumps(answer["params"]))
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    async def ask(self, expression: str) -> Any:
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, expression: str) -> None:
        async with asyncio.timeout(20):
            while not await self.ask(f"Boolean({expression})"):  # noqa: ASYNC110 - the condition is in another process
                await asyncio.sleep(0.05)

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", url=url)
        await self.until("document.querySelector('#state')?.dataset.is === 'open'")

    async def say(self, scenario: str, message: str = "hello") -> None:
        await self.ask(f"""
            document.querySelector('#scenario').value = {json.dumps(scenario)};
            document.querySelector('#message').value = {json.dumps(message)};
            document.querySelector('#compose').requestSubmit()""")

    async def finish(self, runs: int = 1) -> None:
        await self.until(f"document.querySelectorAll('.head .status:not([data-is=running])').length === {runs}")

    async def texts(self, selector: str) -> list[str]:
        found = await self.ask(f"[...document.querySelectorAll({json.dumps(selector)})].map(node => node.textContent)")
        assert isinstance(found, list)
        return found


@asynccontextmanager
async def browsing(folder: Path, flags: Sequence[str] = ()) -> AsyncIterator[Page]:
    """A browser with its profile in `folder`, and its one tab; nothing may have gone wrong in it at the end."""
    assert CHROMIUM is not None
    browser = await asyncio.create_subprocess_exec(
        CHROMIUM, *FLAGS, *flags, f"--user-data-dir={folder}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        port_file = folder / "DevToolsActivePort"
        async with asyncio.timeout(60):
            while not (port_file.exists() and len(port_file.read_text().split()) == 2):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        port, path = port_file.read_text().split()
        async with connect(f"ws://127.0.0.1:{port}{path}", proxy=None) as control:
            targets = (await Page(control).call("Target.getTargets"))["targetInfos"]
        target = next(each["targetId"] for each in targets if each["type"] == "page")
        async with connect(f"ws://127.0.0.1:{port}/devtools/page/{target}", proxy=None, max_size=None) as connection:
            page = Page(connection)
            for domain in ("Page", "Runtime", "Log"):
                await page.call(f"{domain}.enable")
            yield page
            assert page.problems == []
    finally:
        browser.terminate()
        await browser.wait()
