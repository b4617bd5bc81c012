"""The chat page in a real browser, driven over the DevTools protocol."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from browser import CHROMIUM, Page, browsing

from wsreplay.demo.backend import Backend
from wsreplay.proxy.proxy import RecordingProxy

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    async with Backend(require_auth=False) as backend:
        yield backend


@pytest.fixture
async def page(backend: Backend, tmp_path: Path) -> AsyncIterator[Page]:
    async with browsing(tmp_path) as page:
        await page.open(f"{backend.page_url}?user=alice")
        yield page


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
