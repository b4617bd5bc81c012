"""A browser tab, driven over the DevTools protocol: just enough for an example. With Playwright you need none of this."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-dev-shm-usage", "--remote-debugging-port=0",
]


class Page:
    """One tab."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection, self._ids = connection, count(1)

    async def call(self, method: str, **params: Any) -> Any:
        number = next(self._ids)
        await self._connection.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(await asyncio.wait_for(self._connection.recv(), 30))
            if answer.get("id") == number:
                return answer["result"]

    async def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until an expression is true."""
        async with asyncio.timeout(30):
            while not await self.ask(f"Boolean({expression})"):  # noqa: ASYNC110 - it becomes true in another process
                await asyncio.sleep(0.02)

    async def texts(self, selector: str) -> list[str]:
        return list(await self.ask(f"[...document.querySelectorAll({json.dumps(selector)})].map(node => node.textContent)"))


@asynccontextmanager
async def open_browser(profile: Path) -> AsyncIterator[Page]:
    """A browser of its own, and a tab in it."""
    silence = asyncio.subprocess.DEVNULL
    browser = await asyncio.create_subprocess_exec(
        str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", "about:blank", stdout=silence, stderr=silence
    )
    try:
        port_file = profile / "DevToolsActivePort"
        async with asyncio.timeout(60):
            while not (port_file.exists() and len(port_file.read_text().split()) == 2):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        port, path = port_file.read_text().split()
        async with connect(f"ws://127.0.0.1:{port}{path}", proxy=None) as control:
            tabs = (await Page(control).call("Target.getTargets"))["targetInfos"]
        tab = next(each["targetId"] for each in tabs if each["type"] == "page")
        async with connect(f"ws://127.0.0.1:{port}/devtools/page/{tab}", proxy=None, max_size=None) as connection:
            yield Page(connection)
    finally:
        browser.terminate()
        await browser.wait()
