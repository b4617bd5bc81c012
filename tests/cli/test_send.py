"""`wsreplay send`, with real backends."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from commandline import run
from terminal import Tmux
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from wsreplay.demo.tokens import make_token

SIGNED_IN = ("-H", f"Authorization: Bearer {make_token('ann')}")
Handler = Callable[[ServerConnection], object]


@contextmanager
def server(handler: Handler) -> Iterator[str]:
    """A WebSocket server in a thread of its own; its URL."""
    loop = asyncio.new_event_loop()

    async def work() -> None:
        async with serve(handler, "127.0.0.1", 0) as listening:
            ready.append(listening.sockets[0].getsockname()[1])
            started.set()
            await over.wait()

    ready: list[int] = []
    started, over = threading.Event(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(work(),))
    thread.start()
    assert started.wait(10)
    try:
        yield f"ws://127.0.0.1:{ready[0]}"
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def give_up(connection: ServerConnection) -> None:
    async for _ in connection:
        await connection.close(1011, "boom")


def test_a_question_is_answered(backend: str) -> None:
    outcome = run("send", backend, *SIGNED_IN, "--as", "agent-chat", "hello")
    assert outcome.code == 0, outcome.err
    kinds = [line.split()[1:3] for line in outcome.out.splitlines()]
    assert kinds[0] == ["▶", "chat"]
    assert ["◀", "agent_started"] in kinds and ["◀", "agent_completed"] in kinds


def test_a_run_that_fails_is_exit_code_one(backend: str) -> None:
    question = json.dumps({"type": "chat", "thread_id": "t", "message": "m", "scenario": "failing-agent"})
    assert run("send", backend, *SIGNED_IN, question, "--as", "json", "--wait", "300ms").code == 1


def test_a_run_that_is_not_over_is_exit_code_one() -> None:
    with server(echo) as url:
        outcome = run("send", url, "--as", "agent-chat", "--wait", "200ms", "hello")
    assert outcome.code == 1
    assert "the run is not over, and nothing has come for 200ms" in outcome.err


@pytest.mark.parametrize("options", [["hello"], []])
def test_a_backend_that_never_falls_silent_is_left_in_time(options: list[str]) -> None:
    codes: list[int | None] = []

    async def beat(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                await connection.send("beat")
                await asyncio.sleep(0.01)
        codes.append(connection.close_code)

    with server(beat) as url:
        outcome = run("send", url, *options, "--for", "200ms", stdin="a line")
    assert (outcome.code, outcome.err, codes) == (0, "", [1000])
    assert "beat" in outcome.out


def test_a_run_that_is_not_over_by_then_is_exit_code_one() -> None:
    with server(echo) as url:
        outcome = run("send", url, "--as", "agent-chat", "--for", "200ms", "--wait", "1m", "hello")
    assert outcome.code == 1
    assert "the run is not over after 200ms (--for)" in outcome.err


def test_lines_of_standard_input_are_sent() -> None:
    with server(echo) as url:
        outcome = run("send", url, "--wait", "200ms", stdin="one\ntwo\x1b[31m")
    assert outcome.code == 0
    assert [re.split(r"\s+", line, maxsplit=3)[1:] for line in outcome.out.splitlines() if "◀" in line] == [
        ["◀", "text", "one"], ["◀", "text", "two␛[31m"]
    ]  # fmt: skip


def test_programs_read_json() -> None:
    with server(echo) as url:
        outcome = run("send", url, "--json", "--wait", "200ms", '{"a":\n1}', "two\n3")
    assert [json.loads(line) for line in outcome.out.splitlines()] == [{"a": 1}, "two\n3"]


def test_a_server_that_gives_up_is_exit_code_one() -> None:
    with server(give_up) as url:
        outcome = run("send", url, "hello")
    assert (outcome.code, outcome.err) == (1, "the connection was closed by the server (1011)\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["127.0.0.1:1", "x"], "nothing listens at ws://127.0.0.1:1/"),
        (["ftp://x", "x"], "'ftp://x' is not a WebSocket URL"),
        (["unix:/run/app.sock", "x"], "send cannot connect to a socket file"),
        (["8000", "--as", "json", "{"], "not JSON: {"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(arguments: list[str], message: str) -> None:
    outcome = run("send", *arguments)
    assert outcome.code == 2
    assert message in outcome.err


def test_by_hand_in_a_terminal(tmux: Tmux) -> None:
    with server(echo) as url:
        tmux.start(sys.executable, "-m", "wsreplay", "send", url)
        tmux.type("hello\n")
        tmux.until(lambda screen: "◀ text" in screen)
        tmux.type('{"type":"chat"}\n')
        tmux.until(lambda screen: "◀ chat" in screen)
        tmux.keys("C-d")
        tmux.until(lambda screen: "ended 0" in screen)
