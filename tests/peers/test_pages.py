"""Pages of servers that others wrote, in a real browser: they work through the proxy as they do without.

Their WebSockets are refused to any other origin than the page's own; their redirects name the host that they were asked for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from browser import CHROMIUM, Page, browsing

from tests.peers.conftest import PROGRAMS, jupyter_server, running, unused
from wsreplay.proxy.proxy import RecordingProxy
from wsreplay.store.reader import Recording

pytestmark = [
    pytest.mark.campaign, pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.timeout(400),
]  # fmt: skip
Python = Callable[..., Path]
# What the page of a base URL shows when all is well; the words are those that a person reads.
Look = Callable[[Page, str], Awaitable[str]]


@pytest_asyncio.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Page]:
    async with browsing(tmp_path / "browser") as page:
        yield page
        page.problems.clear()  # what these pages complain of is theirs


async def look_at_tornado(tab: Page, base: str) -> str:
    await tab.call("Page.navigate", url=f"{base}/")
    await tab.until("document.querySelector('#state')?.textContent")
    return str(await tab.ask("location.origin + ' ' + document.querySelector('#state').textContent")).replace(base, "BASE")


async def look_at_jupyter(tab: Page, base: str) -> str:
    """A kernel is started from a page of the server's own, and answers over its WebSocket."""
    await tab.call("Page.navigate", url=f"{base}/no-such-page")  # which has what every page of it has
    await tab.until("document.readyState === 'complete' && location.pathname === '/no-such-page'")
    return str(await tab.ask("""(async () => {
        const kernel = await (await fetch('/api/kernels', {method: 'POST'})).json();
        const socket = new WebSocket(`ws://${location.host}/api/kernels/${kernel.id}/channels`);
        const header = {msg_id: 'm1', msg_type: 'kernel_info_request', session: 's1', username: '', version: '5.3', date: ''};
        const request = {header, parent_header: {}, metadata: {}, content: {}, channel: 'shell', buffers: []};
        const answer = await new Promise(done => {
            socket.onopen = () => socket.send(JSON.stringify(request));
            socket.onerror = () => done('refused');
            socket.onmessage = event => {
                const type = JSON.parse(event.data).header.msg_type;
                if (type === 'kernel_info_reply') done(type);
            };
        });
        socket.close();
        await fetch(`/api/kernels/${kernel.id}`, {method: 'DELETE'});
        return answer;
    })()"""))


async def look_at_streamlit(tab: Page, base: str) -> str:
    await tab.call("Page.navigate", url=f"{base}/")
    await tab.until("document.querySelector('.stButton button, button[kind=secondary]')")
    await tab.ask("document.querySelector('.stButton button, button[kind=secondary]').click()")
    await tab.until("document.body.innerText.includes('was pressed')")
    return "was pressed"


async def holds_alike(tab: Page, command: list[str], port: int, look: Look, shown: str, folder: Path) -> None:
    """The page shows this without the proxy and with it, and a WebSocket of it was recorded."""
    async with running(command, {}, port):
        assert await look(tab, f"http://127.0.0.1:{port}") == shown
        async with RecordingProxy(f"ws://127.0.0.1:{port}", folder / "page.db") as proxy:
            assert await look(tab, f"http://127.0.0.1:{proxy.port}") == shown
            await tab.call("Page.navigate", url="about:blank")
    with Recording.open(folder / "page.db") as recording:
        accepted = {connection.id for connection in recording.connections() if connection.status == 101}
        assert accepted and any(frame.connection_id in accepted for frame in recording.frames())


async def test_a_page_of_tornado(tab: Page, python_with: Python, tmp_path: Path) -> None:
    python, (port,) = python_with("tornado"), unused()
    command = [str(python), str(PROGRAMS / "tornado_page.py"), str(port)]
    await holds_alike(tab, command, port, look_at_tornado, "BASE echo of hello", tmp_path)


async def test_a_page_of_jupyter(tab: Page, python_with: Python, tmp_path: Path) -> None:
    python, (port,) = python_with("jupyter_server", "ipykernel"), unused()
    command = jupyter_server(python, port, tmp_path)
    await holds_alike(tab, command, port, look_at_jupyter, "kernel_info_reply", tmp_path)


async def test_a_page_of_streamlit(tab: Page, python_with: Python, tmp_path: Path) -> None:
    python, (port,) = python_with("streamlit"), unused()
    command = [
        str(python), "-m", "streamlit", "run", str(PROGRAMS / "streamlit_page.py"), f"--server.port={port}",
        "--server.address=127.0.0.1", "--server.headless=true", "--browser.gatherUsageStats=false",
        "--server.fileWatcherType=none",
    ]  # fmt: skip
    await holds_alike(tab, command, port, look_at_streamlit, "was pressed", tmp_path)
