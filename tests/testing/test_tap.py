from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from websockets.asyncio.client import connect as ws_connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.sync.client import connect

from wsreplay.contract import loads
from wsreplay.demo.backend import Backend
from wsreplay.demo.tokens import make_token
from wsreplay.errors import FilterError, UsageError
from wsreplay.model import Ending
from wsreplay.proxy.proxy import Options
from wsreplay.testing import ChatClient, ChatTimeout, RecordingEnded, Tap


async def chat(url: str, scenario: str = "healthy", user: str = "alice") -> None:
    async with ChatClient(url, token=make_token(user)) as client:
        await client.send({"type": "chat", "thread_id": f"of-{user}", "message": "hello", "scenario": scenario})
        await client.wait_for("agent_completed")


@pytest.fixture
async def tap(backend: Backend, tmp_path: Path) -> AsyncIterator[Tap]:
    async with Tap(f"{backend.url}/ws?token=x", tmp_path / "chat.db") as tap:
        yield tap
    tap.close()


async def test_its_url_has_the_path_and_query_of_the_real_one(backend: Backend, tap: Tap) -> None:
    assert tap.url.endswith("/ws?token=x")
    assert tap.url != f"{backend.url}/ws?token=x"


async def test_what_passed_is_there_at_once(tap: Tap) -> None:
    await chat(tap.url)
    assert tap.session.user == "alice"
    assert tap.session.ending is Ending.CLEAN
    assert tap.types()[:3] == ["connection_ack", "agent_started", "agent_thinking"]
    assert tap.types(tap.session, sent=True) == ["chat"]
    assert tap.findings() == ()
    tap.assert_valid()
    await chat(tap.url, user="bob")
    assert [session.user for session in tap.sessions] == ["alice", "bob"]
    with pytest.raises(UsageError, match="holds 2 sessions, not one"):
        assert tap.session


async def test_a_violation_is_an_assertion_error_that_names_the_findings(tap: Tap) -> None:
    await chat(tap.url, "missing-event")
    with pytest.raises(AssertionError, match=r"agent-chat: violated\n.*✗ tool  tool_completed or tool_error never came"):
        tap.assert_valid()
    assert [finding.rule for finding in tap.findings()] == ["tool", "worked"]
    assert "◆ missing" in tap.report()


async def test_strict_names_the_rules_that_never_applied(tap: Tap) -> None:
    await chat(tap.url)
    tap.assert_valid()
    with pytest.raises(AssertionError, match=r"vacuous: .*typing"):
        tap.assert_valid(strict=True)


async def test_another_contract_can_be_asked(tap: Tap) -> None:
    await chat(tap.url)
    quiet = loads("contract: mine\nrules: [{id: quiet, absence: [agent_thinking]}]\n")
    assert [finding.rule for finding in tap.findings(quiet)] == ["quiet"]


async def test_nothing_recorded_is_not_valid(tap: Tap) -> None:
    with pytest.raises(AssertionError, match="nothing was recorded"):
        tap.assert_valid()


async def test_the_recording_outlives_the_proxy_as_one_plain_file(backend: Backend, tmp_path: Path) -> None:
    async with Tap(backend.url, tmp_path / "chat.db") as tap:
        await chat(f"{tap.url}/ws")
        tap.assert_valid()  # reads while it is recorded
        tap.mark("half way")
    assert await asyncio.to_thread(os.listdir, tmp_path) == ["chat.db"]
    assert [mark.note for mark in tap.recording.marks()] == ["half way"]
    tap.close()
    with pytest.raises(UsageError, match="the proxy has stopped"):
        tap.mark("too late")


async def test_a_client_still_connected_at_the_end_loses_its_connection(backend: Backend, tmp_path: Path) -> None:
    async with Tap(f"{backend.url}/ws", tmp_path / "chat.db") as tap, ChatClient(tap.url, token=make_token("eve")) as client:
        await client.wait_for("connection_ack")
        await asyncio.to_thread(tap.stop)
        assert await client.wait_closed() == 1006
    assert tap.session.ending is Ending.TRUNCATED
    tap.close()


async def test_options_are_those_of_the_proxy(backend: Backend, tmp_path: Path) -> None:
    options = Options(set_headers=[("Authorization", f"Bearer {make_token('mallory')}")])
    async with Tap(f"{backend.url}/ws", tmp_path / "chat.db", options=options) as tap, ChatClient(tap.url) as client:
        await client.wait_for("connection_ack")
    tap.close()


async def test_a_file_that_is_no_recording_is_refused_and_nothing_is_left_running(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("not a recording")
    before = threading.active_count()
    with pytest.raises(Exception, match=r"notes\.db"):
        Tap("ws://127.0.0.1:1", tmp_path / "notes.db").start()
    assert threading.active_count() == before


# Without a loop, and on another's.


def test_plain_tests_use_it_without_a_loop(backend_url: str, tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {make_token('alice')}"}
    with Tap(f"{backend_url}/ws", tmp_path / "chat.db") as tap:
        with connect(tap.url, additional_headers=headers, proxy=None) as client:
            client.send('{"type": "chat", "thread_id": "t1", "message": "hello"}')
            while "agent_completed" not in str(client.recv(10)):
                pass
        tap.assert_valid()
    assert tap.session.user == "alice"
    tap.close()


def test_trio_tests_use_it_too(backend_url: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with Tap(f"{backend_url}/ws", tmp_path / "chat.db") as tap:
            assert tap.url.startswith("ws://127.0.0.1:")

    trio.run(main)


async def test_without_a_contract_it_is_judged_by_the_one_that_fits(tmp_path: Path) -> None:
    async def speak(socket: ServerConnection) -> None:
        await socket.send('{"type":"RUN_STARTED","threadId":"t","runId":"r"}')

    async with serve(speak, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with Tap(url, tmp_path / "fit.db") as tap, ws_connect(tap.url, proxy=None) as client:
            await client.recv()
            await client.wait_closed()
    assert tap.contract.name == "ag-ui"
    assert tap.judgement("agent-chat").contract == "agent-chat"
    tap.close()


# Waiting for what is recorded.


async def test_an_event_and_a_finding_are_waited_for_while_it_is_recorded(tap: Tap) -> None:
    event = asyncio.ensure_future(tap.wait_for_event("type:tool_executing user:bob", 30))
    finding = asyncio.ensure_future(tap.wait_for_finding("tool", 30))
    await chat(tap.url)
    assert not event.done() and not finding.done()
    await chat(tap.url, "missing-event", user="bob")
    seen = await event
    assert seen.user == "bob" and seen.document["tool_name"] == "search"
    assert (await finding).kind == "missing"
    assert (await tap.wait_for_event("type:agent_completed", after_frame=seen.frame)).user == "bob"
    assert (await tap.wait_for_finding()).rule == "tool"


async def test_what_does_not_come_says_what_came_instead(tap: Tap) -> None:
    await chat(tap.url, "missing-event")
    with pytest.raises(ChatTimeout, match=r"no event matches 'type:nothing' within 300ms; last came .*agent_completed"):
        await tap.wait_for_event("type:nothing", 0.3)
    with pytest.raises(ChatTimeout, match=r"no finding of the rule order within 300ms; found: tool, worked$"):
        await tap.wait_for_finding("order", 0.3)
    await asyncio.to_thread(tap.stop)
    with pytest.raises(RecordingEnded, match="nothing is recorded any more"):
        await tap.wait_for_event("type:nothing", 30)
    with pytest.raises(FilterError):
        await tap.wait_for_event("type>=(")


def test_trio_tests_wait_too(backend_url: str, tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {make_token('alice')}"}

    def talk(url: str) -> None:
        with connect(url, additional_headers=headers, proxy=None) as client:
            client.send('{"type": "chat", "thread_id": "t1", "message": "hello"}')
            while "agent_completed" not in str(client.recv(10)):
                pass

    async def main() -> None:
        async with Tap(f"{backend_url}/ws", tmp_path / "chat.db") as tap, trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, talk, tap.url)
            assert (await tap.wait_for_event("type:agent_completed", 30)).user == "alice"

    trio.run(main)
