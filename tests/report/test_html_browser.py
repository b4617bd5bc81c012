"""The page in a real browser: headless Chromium, driven over its DevTools protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from browser import CHROMIUM, Page, browsing

from tests.report.conftest import CHAT, MISSING_TOOL, Traces, judged
from wsreplay.report import FileResult, render

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]


@asynccontextmanager
async def showing(text: str, folder: Path) -> AsyncIterator[Page]:
    """A browser that shows a report, in which nothing may be blocked or fail."""
    report = folder / "report.html"
    report.write_text(text)
    async with browsing(folder / "profile", ["--window-size=1280,900"]) as page:
        await page.call("Page.navigate", url=report.as_uri())
        await page.until("document.readyState === 'complete' && location.protocol === 'file:'")
        yield page


async def test_search_and_links_work_and_nothing_is_blocked(chat: FileResult, tmp_path: Path) -> None:
    async with showing(render("html", [chat]), tmp_path) as page:
        shown = "[...document.querySelectorAll('.row')].filter((row) => row.checkVisibility()).length"
        assert await page.ask(shown) == 5
        await page.ask("document.getElementById('search').value = 'thinking'")
        await page.ask("document.getElementById('search').dispatchEvent(new Event('input'))")
        await page.until(f"{shown} === 1")
        assert await page.ask("document.getElementById('found').textContent") == "1 of 6"
        await page.ask("location.hash = '#f1s1g1'")
        await page.until(f"{shown} === 5")
        assert await page.ask("document.querySelector(':target').classList.contains('ghost')")
        await page.ask("document.getElementById('notable').click()")
        await page.until(f"{shown} === 3")
        width = "document.querySelector('.waterfall').getBoundingClientRect().width"
        before = await page.ask(width)
        await page.ask("document.querySelector('[data-zoom=\"2\"]').click()")
        assert await page.ask(width) == pytest.approx(2 * before)


async def test_a_hostile_payload_runs_nothing(traces: Traces, tmp_path: Path) -> None:
    evil = "</title></script></pre></svg><script>document.title = 'x'</script><img src=x onerror=\"document.title = 'x'\">"
    events = [*CHAT, (12_400, {"type": evil, "message": evil, "run_id": evil, "tool_name": evil})]
    finding = replace(MISSING_TOOL, rule=evil, message=evil, slice=((evil, evil),), expected=(evil,))
    judgement = judged(findings=(finding,), contract=evil)
    result = FileResult(str(traces.write("evil.db", events)), judgement)
    async with showing(render("html", [result]), tmp_path) as page:
        assert await page.ask("document.title") == "violated · wsreplay"
        assert await page.ask("document.images.length") == 0
        assert await page.ask("document.scripts.length") == 1


@pytest.mark.campaign
async def test_ten_thousand_events_can_be_searched(traces: Traces, tmp_path: Path) -> None:
    events = [(number, {"type": "tick", "message": f"tick {number}"}) for number in range(10_000)]
    result = FileResult(str(traces.write("long.db", events)), judged(findings=(), events=10_000))
    async with showing(render("html", [result]), tmp_path) as page:
        await page.ask("document.getElementById('search').value = 'tick 9999'")
        await page.ask("document.getElementById('search').dispatchEvent(new Event('input'))")
        await page.until("document.getElementById('found').textContent === '1 of 10,000'")

