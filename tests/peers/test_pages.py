"""Pages of servers that others wrote, in a real browser: they work through the proxy as they do without.

Their WebSockets are refused to any other origin than the page's own; their redirects name the host that they were asked for.
What some of them say is counted in the page, and judged.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.request import urlopen

import npm
import pytest
import pytest_asyncio
from browser import CHROMIUM, Page, browsing

from tests.peers.conftest import PROGRAMS, chainlit, jupyter_server, running, unused
from wsreplay.contract import Contract, loads
from wsreplay.contract.decoding import reading_of
from wsreplay.model import Direction, Opcode
from wsreplay.proxy.proxy import RecordingProxy
from wsreplay.store.reader import Recording
from wsreplay.validator.judge import judge

pytestmark = [
    pytest.mark.campaign, pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.timeout(900),
]  # fmt: skip
Python = Callable[..., Path]
# What the page of a base URL shows when all is well; the words are those that a person reads.
Look = Callable[[Page, str], Awaitable[str]]
# A page that is left is not kept for a way back, with its WebSockets open.
NOT_KEPT = "--disable-features=BackForwardCache"


@pytest_asyncio.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Page]:
    async with browsing(tmp_path / "browser", [NOT_KEPT]) as page:
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


async def look_at_chainlit(tab: Page, base: str) -> str:
    """A person asks, answers what is asked back, and reads the answer, once the page does not poll any more."""
    await tab.call("Page.navigate", url=f"{base}/")
    await tab.until("counted.received && document.body.innerText.includes('hello')")
    for words, then in (("so", "sure?"), ("yes", "The answer is 42. (so: yes)")):
        await tab.until("document.querySelector('#chat-input')")
        await tab.ask("document.querySelector('#chat-input').focus()")
        await tab.call("Input.insertText", text=words)
        await tab.until("document.querySelector('#chat-submit:not([disabled])')")
        await tab.ask("document.querySelector('#chat-submit').click()")
        await tab.until(f"document.body.innerText.includes({json.dumps(then)})")
    return then


async def until_served(url: str, text: str) -> None:
    """Until what a server sends holds a text."""

    def read() -> str:
        with urlopen(url, timeout=20) as answer:
            return str(answer.read())

    async with asyncio.timeout(20):
        while text not in await asyncio.to_thread(read):  # noqa: ASYNC110 - the condition is in another process
            await asyncio.sleep(0.05)


def look_at_vite(app: Path) -> Look:
    """A module is replaced in the page while one looks at it."""

    async def look(tab: Page, base: str) -> str:
        (app / "word.js").write_text("export const word = 'before';")
        await until_served(f"{base}/word.js", "before")  # a page that is loaded sooner may miss that it was replaced
        await tab.call("Page.navigate", url=f"{base}/")
        await tab.until("document.querySelector('#state')?.textContent === 'before' && counted.received")
        (app / "word.js").write_text("export const word = 'after';")
        await tab.until("document.querySelector('#state').textContent === 'after'")
        return "after, loaded once" if await tab.ask("loads === 1") else "loaded again"

    return look


# What the page's own WebSockets send and receive, whichever page it is.
COUNT = """{
    const Plain = WebSocket, counted = window.counted = {sent: 0, received: 0};
    window.WebSocket = class WebSocket extends Plain {
        constructor(...given) { super(...given); this.addEventListener('message', () => { counted.received += 1; }); }
        send(data) { counted.sent += 1; super.send(data); }
    };
}"""


async def holds_alike(
    tab: Page, command: list[str], port: int, look: Look, shown: str, folder: Path, contract: str = "",
    environment: dict[str, str] | None = None,
) -> None:  # fmt: skip
    """The page shows this without the proxy and with it, and what its WebSocket said was recorded, and judged where a
    contract is given."""
    await tab.call("Page.addScriptToEvaluateOnNewDocument", source=COUNT)
    async with running(command, environment or {}, port):
        assert await look(tab, f"http://127.0.0.1:{port}") == shown
        async with RecordingProxy(f"ws://127.0.0.1:{port}", folder / "page.db") as proxy:
            assert await look(tab, f"http://127.0.0.1:{proxy.port}") == shown
            counted = await tab.ask("counted")
            await tab.call("Page.navigate", url="about:blank")
            async with asyncio.timeout(20):
                while not has_ended(folder / "page.db"):  # noqa: ASYNC110 - the recorder is another process
                    await asyncio.sleep(0.05)
    with Recording.open(folder / "page.db") as recording:
        accepted = {connection.id for connection in recording.connections() if connection.status == 101}
        assert accepted and any(frame.connection_id in accepted for frame in recording.frames())
        if contract:
            check_whole(recording, counted, loads(contract))


def has_ended(path: Path) -> bool:
    """Whether every connection so far has closed."""
    with Recording.open(path) as recording:
        return all(connection.closed_ns is not None for connection in recording.connections())


def check_whole(recording: Recording, counted: dict[str, int], contract: Contract) -> None:
    """At least what the page had counted when it was asked; every message an event with a type, and the contract's verdict."""
    messages = [message for message in recording.messages() if message.opcode <= Opcode.BINARY]
    sent = sum(message.direction == Direction.CLIENT_TO_SERVER for message in messages)
    assert sent >= counted["sent"]
    assert len(messages) - sent >= counted["received"] > 0
    reading = reading_of(recording, contract)
    reading.refresh(recording.connections())
    for frame in recording.frames():
        assert frame.opcode > Opcode.BINARY or all(event.name for event in reading.events(frame))
    judgement = judge(recording, contract)
    assert judgement.verdict == "satisfied", judgement.findings


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


CHAT = """
contract: chat of chainlit
envelope: {type: $.type, decoder: socket.io}
known: ["*"]
rules:
  - {id: asked, response: ["s2c:ask", "c2s:ask:ack"]}
  - {id: answered, response: ["c2s:client_message", "s2c:update_message"]}
  - {id: upgraded, precedence: ["c2s:engine.upgrade", "c2s:client_message"]}
  - {id: talked, existence: ["c2s:client_message", "s2c:stream_token"]}
"""


async def test_a_page_of_chainlit(tab: Page, python_with: Python, tmp_path: Path) -> None:
    python, (port,) = python_with("chainlit"), unused()
    environment = {"CHAINLIT_APP_ROOT": str(tmp_path)}
    shown = "The answer is 42. (so: yes)"
    await holds_alike(tab, chainlit(python, port), port, look_at_chainlit, shown, tmp_path, CHAT, environment)


UPDATES = """
contract: updates of vite
envelope: {type: $.type}
rules:
  - {id: connected, init: ["s2c:connected"]}
  - {id: replaced, existence: [{event: "s2c:update", where: {"$.updates[0].acceptedPath": "/word.js"}}]}
  - {id: not-loaded-again, absence: ["s2c:full-reload", "s2c:error"]}
"""
PAGE = """<!doctype html><title>modules</title><p id=state></p>
<script>loads = Number(sessionStorage.getItem("loads")) + 1; sessionStorage.setItem("loads", loads)</script>
<script type=module src=/main.js></script>
"""
MAIN = """import { word } from "./word.js";
const show = word => { document.querySelector("#state").textContent = word };
show(word);
import.meta.hot.accept("./word.js", module => show(module.word));
"""


async def test_a_page_of_vite_whose_modules_are_replaced(tab: Page, tmp_path: Path) -> None:
    (port,), app = unused(), tmp_path / "app"
    npm.install(tmp_path / "npm", "vite")
    app.mkdir()
    (app / "index.html").write_text(PAGE)
    (app / "main.js").write_text(MAIN)
    (app / "word.js").write_text("")
    vite = str(tmp_path / "npm" / "node_modules" / "vite" / "bin" / "vite.js")
    command = ["node", vite, str(app), "--host", "127.0.0.1", "--port", str(port), "--strictPort"]
    await holds_alike(tab, command, port, look_at_vite(app), "after, loaded once", tmp_path, UPDATES)
