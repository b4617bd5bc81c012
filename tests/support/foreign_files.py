"""Files that other programs write of a chat with the demo backend: HARs of Chrome, Playwright and mitmproxy, flow files.

`python tests/support/foreign_files.py tests/formats/data` makes those that are committed, with the programs that are there:
Chromium; node with playwright-core (NODE_PATH says where); mitmdump in benchmarks/.venv-mitmproxy, which `make bench` installs.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import ports
from websockets.asyncio.client import ClientConnection, connect

from wsreplay.demo.backend import Backend
from wsreplay.demo.tokens import make_token
from wsreplay.testing import ChatClient

HERE = Path(__file__).parent
MITMDUMP = HERE.parents[1] / "benchmarks" / ".venv-mitmproxy" / "bin" / "mitmdump"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-dev-shm-usage", "--remote-debugging-port=0", "--remote-allow-origins=*"]  # fmt: skip

# What the page does in both browsers: chats, sends bytes (no event: the server closes with 1008), waits for the end.
CHAT = """async (url) => {
  const socket = new WebSocket(url, ["agent-chat"]);
  await new Promise((resolve) => { socket.onopen = resolve; });
  socket.send(JSON.stringify({ type: "chat", thread_id: "t1", message: "Grüße 🧑‍🚀 \\u0000", scenario: "healthy" }));
  await new Promise((resolve) => { socket.onmessage = (event) => { if (event.data.includes("final_report")) resolve(); }; });
  socket.send(new Uint8Array([0, 255, 1, 2]).buffer);
  await new Promise((resolve) => { socket.onclose = resolve; });
}"""

PLAYWRIGHT = """
const { chromium } = require("playwright-core");
(async () => {
  const [page_url, chat, socket_url, har] = process.argv.slice(2);
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
  const context = await browser.newContext({ recordHar: { path: har } });
  const page = await context.newPage();
  await page.goto(page_url);
  await page.evaluate(`(${chat})(${JSON.stringify(socket_url)})`);
  await context.close();
  await browser.close();
})();
"""

# DevTools' own code, that "Export HAR" runs.
EXPORT_HAR = """Promise.all([import('./models/har/har.js'), import('./models/logs/logs.js')]).then(async ([har, logs]) =>
  JSON.stringify({ log: await har.Log.Log.build(logs.NetworkLog.NetworkLog.instance().requests(), { sanitize: false }) }))"""


IMPORT_HAR = """import('./models/har/har.js').then((har) => {
  const root = new har.HARFormat.HARRoot(JSON.parse(HAR_TEXT));
  const frames = (request) => request.frames().map((frame) => [frame.type, frame.opCode, frame.text]);
  return JSON.stringify(har.Importer.Importer.requestsFromHARLog(root.log).map((request) =>
    [request.url(), request.statusCode, frames(request)])); })"""


async def playwright(har: Path) -> None:
    async with Backend(pace=0.2) as backend:
        script = har.with_suffix(".cjs")
        script.write_text(PLAYWRIGHT)
        url = f"{backend.url}/ws?token={make_token('alice')}"
        node = await asyncio.create_subprocess_exec(
            "node", script, f"{backend.page_url}health", CHAT, url, har, env={**os.environ, "CHROMIUM": str(CHROMIUM)}
        )
        assert await asyncio.wait_for(node.wait(), 60) == 0
        script.unlink()


class DevTools:
    """The DevTools protocol over one connection to the browser."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection, self.ids = connection, itertools.count(1)

    async def call(self, method: str, session: str | None = None, **params: Any) -> Any:
        number = next(self.ids)
        where = {} if session is None else {"sessionId": session}
        await self.connection.send(json.dumps({"id": number, "method": method, "params": params, **where}))
        while True:
            answer = json.loads(await asyncio.wait_for(self.connection.recv(), 30))
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    async def attach(self, target: str) -> str:
        return str((await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"])

    async def ask(self, session: str, expression: str) -> Any:
        answer = await self.call("Runtime.evaluate", session, expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")


@asynccontextmanager
async def chromium(url: str) -> AsyncIterator[tuple[DevTools, str]]:
    """A browser with one page: its DevTools connection, and the debugging port."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        quiet = asyncio.subprocess.DEVNULL
        browser = await asyncio.create_subprocess_exec(
            str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", url, stdout=quiet, stderr=quiet
        )
        try:
            port_file = Path(profile) / "DevToolsActivePort"
            async with asyncio.timeout(60):
                while not (port_file.exists() and len(port_file.read_text().split()) == 2):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            port, path = port_file.read_text().split()
            async with connect(f"ws://127.0.0.1:{port}{path}", proxy=None, max_size=None) as connection:
                yield DevTools(connection), port
        finally:
            browser.terminate()
            await browser.wait()


@asynccontextmanager
async def inspector(url: str) -> AsyncIterator[tuple[DevTools, str, str]]:
    """Chrome's own DevTools in one tab, looking at another: the connection, and the sessions of both."""
    async with chromium(url) as (devtools, port):
        targets = (await devtools.call("Target.getTargets"))["targetInfos"]
        page = next(each["targetId"] for each in targets if each["type"] == "page")
        tools = f"devtools://devtools/bundled/inspector.html?ws=127.0.0.1:{port}/devtools/page/{page}"
        frontend = await devtools.attach((await devtools.call("Target.createTarget", url=tools))["targetId"])
        yield devtools, frontend, await devtools.attach(page)


async def chrome_reads(har: str) -> list[Any]:
    """What Chrome's DevTools make of a HAR: [url, status, [[type, opcode, data], …]] for each entry."""
    async with inspector("about:blank") as (devtools, frontend, _):
        async with asyncio.timeout(60):
            while not await devtools.ask(frontend, "location.protocol === 'devtools:' && document.readyState === 'complete'"):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        return list(json.loads(await devtools.ask(frontend, IMPORT_HAR.replace("HAR_TEXT", json.dumps(har)))))


async def chrome(har: Path) -> None:
    """A HAR by the code of Chrome's DevTools."""
    async with Backend(pace=0.2) as backend, inspector(f"{backend.page_url}health") as (devtools, frontend, tab):
        network = "import('./models/logs/logs.js').then((logs) => logs.NetworkLog.NetworkLog.instance().requests().length)"
        async with asyncio.timeout(60):
            # Until the tools have loaded and see what the page does.
            while not await devtools.ask(frontend, f"document.readyState === 'complete' && {network}.catch(() => 0)"):
                await devtools.ask(tab, "fetch(location.href).catch(() => 0)")
                await asyncio.sleep(0.2)
        await devtools.ask(tab, f"({CHAT})({json.dumps(f'{backend.url}/ws?token=' + make_token('alice'))})")
        async with asyncio.timeout(30):
            while "AP8BAg==" not in (text := str(await devtools.ask(frontend, EXPORT_HAR))):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        document = json.loads(text)
        document["log"]["entries"] = [one for one in document["log"]["entries"] if "_webSocketMessages" in one]
        har.write_text(json.dumps(document, indent=1))  # noqa: ASYNC240


async def mitmproxy(flows: Path, har: Path) -> None:
    """Three users in mitmproxy's reverse mode: alice chats, bob is closed by the server, eve loses her connection."""
    (port,) = ports.unused()
    with tempfile.TemporaryDirectory() as folder:
        async with Backend(pace=0.2) as backend:
            program = await asyncio.create_subprocess_exec(
                MITMDUMP, "-q", "--mode", f"reverse:{backend.url.replace('ws', 'http')}", "--listen-host", "127.0.0.1",
                "-p", str(port), "-w", flows, "--set", f"hardump={har}", "--set", f"confdir={folder}",
            )  # fmt: skip
            await _listening(port)
            await _three_users(f"ws://127.0.0.1:{port}/ws")
            program.send_signal(signal.SIGINT)
            await program.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()
                return
            except OSError:
                await asyncio.sleep(0.1)


async def _three_users(url: str) -> None:
    async with ChatClient(url, token=make_token("alice")) as client:
        await client.send({"type": "chat", "thread_id": "t1", "message": "Grüße 🧑‍🚀", "scenario": "healthy"})
        await client.wait_for("final_report")
    async with ChatClient(url, token=make_token("bob"), token_in="query") as client:
        await client.wait_for("connection_ack")
        await client.send(b"\x00\xff\x01\x02")
        await client.wait_closed()
    async with ChatClient(url, token=make_token("eve"), token_in="query") as client:
        await client.wait_for("connection_ack")
        await client.drop()
    await asyncio.sleep(0.5)  # mitmproxy writes a flow when it has noticed its end; nothing tells when


def has_playwright() -> bool:
    if shutil.which("node") is None or CHROMIUM is None:
        return False
    import subprocess

    return subprocess.run(["node", "-e", "require('playwright-core')"], capture_output=True, check=False).returncode == 0


async def main(folder: Path) -> None:
    if CHROMIUM:
        await chrome(folder / "chrome.har")
    if has_playwright():
        await playwright(folder / "playwright.har")
    if MITMDUMP.exists():
        for old in (folder / "mitmproxy.flows", folder / "mitmproxy.har"):
            old.unlink(missing_ok=True)
        await mitmproxy(folder / "mitmproxy.flows", folder / "mitmproxy.har")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
