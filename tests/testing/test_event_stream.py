"""Server-sent events: recorded before a real HTTP server, and played without one."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest

import wsreplay
from wsreplay.errors import UsageError
from wsreplay.testing.cassette import PlayedTap
from wsreplay.testing.recordings import Recordings


@asynccontextmanager
async def backend(*, chunked: bool = True) -> AsyncIterator[str]:
    """An agent over HTTP: answers POST /chat with a run in the thread that it is asked in, GET /events with two events."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(EOFError, ConnectionError):
            await answer(reader, writer)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length")), 0)
        asked = json.loads(await reader.readexactly(length) or b"{}")
        if "authorization: bearer secret" not in head.lower():
            writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nwho?\n")
            return
        thread = asked.get("thread_id", "t0")
        kinds = ["agent_started", "agent_thinking", "agent_completed"] if head.startswith("POST") else ["tick", "tock"]
        framing = "Transfer-Encoding: chunked\r\n" if chunked else ""
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{framing}\r\n".encode())
        for kind in kinds:
            event = f"event: {kind}\ndata: {json.dumps({'type': kind, 'thread_id': thread, 'run_id': 'r1'})}\n\n".encode()
            for piece in (event[:9], event[9:]):  # an event need not come whole
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                await writer.drain()
        if chunked:
            writer.write(b"0\r\n\r\n")

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def ask(url: str, body: object = None, token: str = "secret") -> tuple[int, str]:
    """Status and text of an answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", "Authorization": f"Bearer {token}"})

    def read() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    return await asyncio.to_thread(read)


@pytest.fixture
def recordings(tmp_path: Path) -> Callable[..., Recordings]:
    """What the fixture `wsreplay` gives to one test after the other."""

    def make(name: str, record: str = "once") -> Recordings:
        return Recordings(f"test_chat.py::{name}", tmp_path / "recordings", tmp_path / "test_chat.py", record=record)

    return make


@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "until it closes"])
async def test_a_stream_is_recorded_and_then_played_without_the_backend(
    recordings: Callable[..., Recordings], chunked: bool, tmp_path: Path
) -> None:
    first = recordings("first")
    async with backend(chunked=chunked) as url, first.proxy(f"{url}/chat?x=1", cassette="answer") as tap:
        status, recorded = await ask(tap.url, {"thread_id": "t1", "message": "Why?"})
    assert status == 200
    assert recorded.startswith("event: agent_started\ndata: {")
    assert recorded.count("\n\n") == 3
    with wsreplay.open(tap.path) as recording:
        assert [event.type for event in recording.events()][-3:] == ["agent_started", "agent_thinking", "agent_completed"]
        (connection,) = recording.connections
        assert (connection.path, connection.close_code) == ("/chat?x=1", 1000)
        assert "secret" not in str(connection.request_headers)
    first.passed = True
    first.finish(keep_all=False)
    assert (tmp_path / "cassettes" / "answer.db").exists()

    second = recordings("second", "none")
    async with second.proxy("http://127.0.0.1:9/chat?x=1", cassette="answer") as tap:
        assert tap.played
        status, played = await ask(tap.url, {"thread_id": "t2", "message": "Why?"})
    assert isinstance(tap, PlayedTap)
    assert tap.complaints() == []
    assert status == 200
    assert played.count("\n\n") == 3
    assert '"t2"' in played.replace(" ", "")
    assert '"t1"' not in played.replace(" ", "")
    second.finish(keep_all=False)


async def test_an_event_source_says_nothing(recordings: Callable[..., Recordings]) -> None:
    tests = recordings("get")
    async with backend() as url, tests.proxy(f"{url}/events") as tap:
        status, text = await ask(tap.url)
    assert (status, text.count("event: ")) == (200, 2)
    tests.finish(keep_all=False)


async def test_an_answer_that_is_no_stream_has_its_status(recordings: Callable[..., Recordings]) -> None:
    tests = recordings("refused")
    async with backend() as url, tests.proxy(f"{url}/chat") as tap:
        assert await ask(tap.url, {}, token="wrong") == (401, "who?\n")
    with wsreplay.open(tap.path) as recording:
        assert [connection.close_code for connection in recording.connections] == [4401]
    tests.finish(keep_all=False)


async def test_a_backend_that_is_not_there_is_a_bad_gateway(recordings: Callable[..., Recordings]) -> None:
    tests = recordings("nobody")
    async with tests.proxy("http://127.0.0.1:9/chat") as tap:
        assert (await ask(tap.url, {}))[0] == 502
    tests.finish(keep_all=False)


def test_a_url_that_is_none_is_said_to_be_so(recordings: Callable[..., Recordings]) -> None:
    with pytest.raises(UsageError, match="is not an http:// or https:// URL"):
        recordings("url").proxy("http://")
