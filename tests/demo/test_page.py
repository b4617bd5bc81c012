"""The chat page in a real browser, driven over the DevTools protocol."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from wsreplay.demo.backend import Backend
from wsreplay.proxy.session import RecordingProxy

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-port=0",
]

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]


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


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    async with Backend(require_auth=False) as backend:
        yield backend


@pytest.fixture
async def page(backend: Backend, tmp_path: Path) -> AsyncIterator[Page]:
    assert CHROMIUM is not None
    browser = await asyncio.create_subprocess_exec(
        CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        port_file = tmp_path / "DevToolsActivePort"
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
            await page.open(f"{backend.page_url}?user=alice")
            yield page
            assert page.problems == []
    finally:
        browser.terminate()
        await browser.wait()


async def test_a_run_is_shown_with_its_five_stages(page: Page) -> None:
    assert await page.texts("#user, #state") == ["alice", "connected"]
    await page.say("healthy", "Why?")
    await page.finish()
    stages = ["agent started", "thinking", "tool executing", "tool completed", "completed"]
    assert await page.texts(".track li.done span") == stages
    assert all(time.endswith((" ms", " s")) for time in await page.texts(".track time"))
    assert await page.texts(".said") == ["Why?"]
    assert "Analysis complete: Why?" in await page.texts(".answer p")


async def test_what_is_missing_or_misplaced_is_shown_where_it_should_have_been(page: Page) -> None:
    await page.say("missing-event")
    await page.finish()
    assert await page.texts(".track li.missing span") == ["tool completed"]
    await page.say("out-of-order")
    await page.finish(2)
    assert await page.texts(".track li.misplaced span") == ["thinking"]
    await page.say("failing-agent")
    await page.finish(3)
    assert await page.texts(".track li.failed span") == ["tool completed", "failed"]


async def test_what_is_wrong_with_an_event_is_said_beside_it(page: Page) -> None:
    await page.say("leak")
    await page.finish()
    assert [note.strip() for note in await page.texts("#events .note")] == ["belongs to somebody-else"]
    await page.say("duplicates")
    await page.finish(2)
    await page.say("sequence-gap")
    await page.finish(3)
    notes = [note.strip() for note in await page.texts("#events .note")]
    assert notes[1] == "sent twice"
    assert notes[2].startswith("number ")
    await page.say("broken-json")
    await page.finish(4)
    assert (await page.texts("#events .wrong .type"))[-5:] == [
        "not JSON", "not JSON", "partial_result", "no event type", "no event type",
    ]


async def test_hostile_text_is_shown_and_never_obeyed(page: Page) -> None:
    await page.say("unicode", "<img src=x onerror=alert(1)>")
    await page.finish()
    assert await page.ask("document.querySelectorAll('img, script[src]').length") == 0
    answer = " ".join(await page.texts(".answer p"))
    assert "<img src=x onerror=alert(1)>" in answer
    assert not set(answer) & {"\x00", "\x1b", "\u202e", "\u2028"}


async def test_the_page_reconnects_by_itself_and_misses_nothing(page: Page) -> None:
    await page.say("dropped-connection")
    await page.finish()
    assert await page.texts(".track li.done time:not(:empty)") != []
    assert "You did not see this when it was new" in await page.texts(".answer p")
    assert "connection lost, code 1006" in await page.texts("#events .type")


async def test_a_reload_in_mid_run_loses_nothing(page: Page, backend: Backend) -> None:
    await page.say("healthy", "first")
    await page.finish()
    await page.say("slow-start", "second")
    await page.open(f"{backend.page_url}?user=alice")
    await page.finish(2)
    assert await page.texts(".said") == ["first", "second"]
    assert len(await page.texts(".track li.done")) == 10
    assert (await page.texts("#events .type")).count("agent_completed") == 2


async def test_served_through_the_proxy_the_page_chats_through_the_proxy(page: Page, backend: Backend, tmp_path: Path) -> None:
    recording = tmp_path / "by-hand.db"
    async with RecordingProxy(backend.url, recording) as proxy:
        await page.open(proxy.url.replace("ws:", "http:") + "/?user=bob")
        await page.say("dropped-connection")
        await page.finish()
        assert "You did not see this when it was new" in await page.texts(".answer p")
        await page.call("Page.navigate", url="about:blank")
        async with asyncio.timeout(20):
            while proxy.open_connections:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    with closing(sqlite3.connect(recording)) as database:
        rows = database.execute("SELECT user, path, subprotocol, ending FROM connection ORDER BY id").fetchall()
        assert rows == [("bob", "/ws", "agent-chat", "dropped"), ("bob", "/ws", "agent-chat", "clean")]
        assert database.execute("SELECT count(*) FROM frame WHERE type = 'agent_completed'").fetchone() == (1,)
