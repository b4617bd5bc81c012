"""The server as a program, over stdio and HTTP, and what it refuses."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from commandline import WSREPLAY, run

from wsreplay.mcp.folder import RecordingsFolder


async def test_a_program_that_starts_it_talks_over_stdio(folder: Path) -> None:
    from mcp.client.client import Client
    from mcp.client.stdio import StdioServerParameters, stdio_client

    environment = {"PYTHONPATH": os.environ.get("PYTHONPATH", ""), "PATH": os.environ["PATH"]}
    starts = StdioServerParameters(command=sys.executable, args=["-m", "wsreplay", "mcp", str(folder)], env=environment)
    async with Client(stdio_client(starts)) as client:
        assert client.server_info.name == "wsreplay"
        assert "untrusted" in (client.instructions or "")
        answer = await client.call_tool("list_sessions", {"user": "alice"})
    assert "missing-event.db" in answer.content[0].text


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        *WSREPLAY, "mcp", str(folder), "--http", "127.0.0.1:0", stderr=asyncio.subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        line = (await process.stderr.readline()).decode()
        yield line.split()[-1]
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) in (0, -15)
        assert "Traceback" not in (await process.stderr.read()).decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_http_serves_this_machine_and_no_page_of_another_origin(folder: Path) -> None:
    from mcp.client.client import Client

    async with serving(folder) as url:
        async with Client(url) as client:
            answer = await client.call_tool("findings", {"recording": "missing-event.db"})
        assert "never came for tool c1" in answer.content[0].text
        assert await asyncio.to_thread(status_of, url, {"Origin": "https://evil.example"}) == 403
        assert await asyncio.to_thread(status_of, url, {"Host": "evil.example"}) == 421


def status_of(url: str, headers: dict[str, str]) -> int:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()
    accepted = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, accepted | headers), timeout=10) as response:
            return response.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


async def test_every_tool_says_that_it_only_reads_and_what_it_takes(folder: Path) -> None:
    from mcp.client.client import Client

    from wsreplay.mcp.server import make_server

    async with Client(make_server(RecordingsFolder(folder))) as client:
        tools = (await client.list_tools()).tools
    assert {tool.name for tool in tools} == {
        "list_recordings", "list_sessions", "findings", "frames", "payload", "validate", "spans", "stats", "diff", "infer",
    }  # fmt: skip
    for tool in tools:
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
        assert len(tool.description or "") > 60
    assert sum(len(tool.model_dump_json(exclude_none=True)) for tool in tools) < 10_000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere"], "nowhere is not a folder"),
        ([".", "--http", "0.0.0.0:0"], "on this machine only"),
        ([".", "--http", "nonsense"], "is not an address"),
        ([".", "-c", "agent-chta"], "agent-chat"),
    ],
)
def test_mistakes_are_said_in_one_line(arguments: list[str], says: str, tmp_path: Path) -> None:
    outcome = run("mcp", *arguments, cwd=tmp_path)
    assert outcome.code == 2
    assert says in outcome.err
    assert outcome.out == ""
