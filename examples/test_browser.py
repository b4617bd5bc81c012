"""A real browser behind the proxy: page, WebSocket and all. It is reloaded in the middle of a run, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from chromium import CHROMIUM, open_browser

from wsreplay.demo.backend import Backend
from wsreplay.testing import Recordings

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]


async def test_a_reload_in_mid_run_loses_nothing(wsreplay: Recordings, tmp_path: Path) -> None:
    async with (
        Backend(require_auth=False, pace=10) as backend,  # slow enough to be reloaded
        wsreplay.proxy(backend.url) as tap,
        open_browser(tmp_path) as page,
    ):
        address = tap.url.replace("ws:", "http:") + "/?user=alice"  # the proxy passes plain HTTP too
        await page.call("Page.navigate", url=address)
        await page.until("document.querySelector('#state')?.dataset.is === 'open'")
        await page.ask("document.querySelector('#message').value = 'hello', document.querySelector('#compose').requestSubmit()")
        await page.until("document.querySelectorAll('.track li.done').length >= 2")  # in mid-run

        await page.call("Page.reload")
        await page.until("document.querySelectorAll('.track li.done').length === 5")
        assert await page.texts(".track li.done span") == [
            "agent started", "thinking", "tool executing", "tool completed", "completed",
        ]

        await page.call("Page.navigate", url="about:blank")
        tap.assert_valid()
        assert len(tap.session.connections) == 2  # one session: the reload is a reconnect of the same user
