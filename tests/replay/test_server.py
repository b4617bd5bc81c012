"""The recorded backend, played to real clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from math import inf
from pathlib import Path
from typing import Any

import npm
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.typing import Subprotocol

from wsreplay.contract.model import Contract
from wsreplay.demo.run import play
from wsreplay.errors import UsageError
from wsreplay.model import Ending
from wsreplay.replay.expectations import Mismatch
from wsreplay.replay.player import OnMismatch, Pace
from wsreplay.replay.server import ReplayServer, ServerOptions, ServerWatch
from wsreplay.testing.client import ChatClient

FAST = Pace(inf)
ACK = {"type": "connection_ack"}
CHAT = {"type": "chat", "thread_id": "t1", "message": "hello"}
STARTED = {"type": "agent_started", "thread_id": "t1", "run_id": "r1"}
DONE = {"type": "agent_completed", "thread_id": "t1", "run_id": "r1", "payload": {"thread_id": "t1", "content": "see t1"}}
TALK = [(1, "s2c", ACK), (2, "c2s", CHAT), (3, "s2c", STARTED), (4, "s2c", DONE),
        (5, "c2s", b"\x03\xe8", 8), (5, "s2c", b"\x03\xe8", 8)]  # fmt: skip
Write = Callable[..., Path]
Record = Callable[[str], Awaitable[Path]]


async def test_what_follows_a_message_waits_for_it_and_names_the_clients_own_ids(write: Write, contract: Contract) -> None:
    async with ReplayServer(write("a.db", TALK), contract, ServerOptions(pace=FAST)) as server:
        async with ChatClient(f"{server.url}/ws") as client:
            await client.wait_for("connection_ack")
            await asyncio.sleep(0.1)
            assert client.types() == ["connection_ack"]
            await client.send({"type": "chat", "thread_id": "mine-7", "message": "in other words"})
            done = await client.wait_for("agent_completed")
        await server.wait_played()
        assert (done["thread_id"], done["run_id"], done["payload"]["thread_id"]) == ("mine-7", "r1", "mine-7")
        assert done["payload"]["content"] == "see t1"
        assert server.mismatches == []


async def test_a_run_that_has_its_threads_id_has_it_again(write: Write, contract: Contract) -> None:
    path = write("a.db", [(1, "c2s", CHAT), (2, "s2c", STARTED | {"run_id": "t1"}), (3, "s2c", DONE)])
    async with (
        ReplayServer(path, contract, ServerOptions(pace=FAST)) as server,
        ChatClient(f"{server.url}/ws") as client,
    ):
        await client.send({"type": "chat", "thread_id": "mine-7", "message": "hello"})
        assert [(await client.receive())["run_id"] for _ in range(2)] == ["mine-7", "r1"]


async def test_what_was_said_once_is_said_again_whatever_the_client_calls_its_thread(write: Write, contract: Contract) -> None:
    run = {"type": "agent_thinking", "run_id": "t1"}
    path = write("a.db", [(1, "s2c", run), (2, "c2s", CHAT), (3, "s2c", run)])
    async with (
        ReplayServer(path, contract, ServerOptions(pace=FAST)) as server,
        ChatClient(f"{server.url}/ws") as client,
    ):
        await client.receive()
        await client.send({"type": "chat", "thread_id": "mine-7", "message": "hello"})
        assert (await client.receive())["run_id"] == "t1"


async def test_a_message_without_an_id_is_passed_byte_for_byte(write: Write, contract: Contract) -> None:
    odd = b'{ "type":"agent_started",  "n":1.50, "thread_id" :"t1" }'
    path = write("a.db", [(1, "c2s", CHAT), (2, "s2c", odd), (3, "s2c", b"\x00\x01\xff", 2), (4, "s2c", "grüße".encode())])
    async with (
        ReplayServer(path, contract, ServerOptions(pace=FAST)) as server,
        connect(f"{server.url}/ws", proxy=None, close_timeout=0.1) as client,
    ):
        await client.send(json.dumps(CHAT))
        assert await client.recv(decode=False) == odd
        assert await client.recv() == b"\x00\x01\xff"
        assert await client.recv() == "grüße"


async def test_time_is_kept_at_speed_one_and_pauses_are_cut(write: Write, contract: Contract) -> None:
    path = write("a.db", [(0, "s2c", ACK), (200, "s2c", STARTED), (60_000, "s2c", DONE)])
    loop = asyncio.get_running_loop()
    async with ReplayServer(path, contract, ServerOptions(pace=Pace(1.0, 0.3))) as server:
        begun = loop.time()  # before anything is sent: what comes first may be read late
        async with ChatClient(f"{server.url}/ws") as client:
            await client.wait_for("agent_started")
            assert loop.time() - begun >= 0.19
            await client.wait_for("agent_completed", 30)
            assert 0.48 <= loop.time() - begun < 30


async def test_each_client_gets_a_session_of_its_own(write: Write, contract: Contract) -> None:
    talks = [[(1, "s2c", {"type": "agent_started", "thread_id": f"t{number}"}), (9000, "c2s", CHAT)] for number in range(5)]
    async with ReplayServer(write("a.db", *talks), contract, ServerOptions(pace=FAST)) as server:
        clients = [ChatClient(f"{server.url}/ws") for _ in range(6)]
        for client in clients:
            await client.connect()
        threads = [(await client.receive())["thread_id"] for client in clients]
        assert threads == ["t0", "t1", "t2", "t3", "t4", "t0"]
        await asyncio.gather(*(client.disconnect() for client in clients))


async def test_a_client_that_comes_back_goes_on_with_its_session(record: Record, contract: Contract) -> None:
    path = await record("dropped-connection")
    async with ReplayServer(path, contract, ServerOptions(pace=FAST)) as server:
        seen = await play("dropped-connection", f"{server.url}/ws", user="somebody-else")
        await server.wait_played()
        assert seen.finished
        assert seen.connections == 2
        assert server.mismatches == []


@pytest.mark.parametrize("code", [1000, 1011, 4000])
async def test_the_close_code_is_the_recorded_one(write: Write, contract: Contract, code: int) -> None:
    close = code.to_bytes(2, "big") + b"bye"
    path = write("a.db", [(1, "s2c", ACK), (2, "s2c", close, 8), (3, "c2s", close, 8)], facts=[{"closed_by": "server"}])
    async with (
        ReplayServer(path, contract, ServerOptions(pace=FAST)) as server,
        connect(f"{server.url}/ws", proxy=None, close_timeout=0.1) as client,
    ):
        await client.recv()
        await client.wait_closed()
        assert (client.close_code, client.close_reason) == (code, "bye")


@pytest.mark.parametrize("error", [None, "server: Connection reset by peer"])
async def test_a_drop_is_a_drop(write: Write, contract: Contract, error: str | None) -> None:
    facts = {"ending": Ending.DROPPED, "closed_by": "server", "close_code": None, "error": error}
    path = write("a.db", [(1, "s2c", ACK)], facts=[facts])
    async with (
        ReplayServer(path, contract, ServerOptions(pace=FAST)) as server,
        connect(f"{server.url}/ws", proxy=None, close_timeout=0.1) as client,
    ):
        await client.recv()
        with pytest.raises(ConnectionClosedError) as ended:
            await client.recv()
        assert client.close_code == 1006
        assert isinstance(ended.value.__cause__, ConnectionResetError) == (error is not None)


async def test_fragments_and_pings_are_played_as_they_were(write: Write, contract: Contract) -> None:
    path = write("a.db", [
        (1, "s2c", b'{"type":"a', 1, False), (2, "s2c", b"hi", 9), (3, "s2c", b'gent_started"}', 0, True), (4, "c2s", CHAT),
    ])  # fmt: skip
    async with ReplayServer(path, contract, ServerOptions(pace=FAST)) as server:
        async with connect(f"{server.url}/ws", proxy=None, close_timeout=0.1) as client:
            assert [part async for part in client.recv_streaming()] == ['{"type":"a', 'gent_started"}']
            await client.send(json.dumps(CHAT))
        await server.wait_played()
        assert server.mismatches == []


async def test_a_ping_inside_a_fragmented_message_is_answered_at_once(write: Write, contract: Contract) -> None:
    async with (
        ReplayServer(write("a.db", [(1, "c2s", CHAT), (2, "s2c", STARTED)]), contract, ServerOptions(pace=FAST)) as server,
        connect(f"{server.url}/ws", proxy=None, close_timeout=0.1) as client,
    ):

        async def pieces() -> AsyncIterator[str]:
            yield json.dumps(CHAT)[:9]
            await (await client.ping())
            yield json.dumps(CHAT)[9:]

        await client.send(pieces())
        assert json.loads(await client.recv()) == STARTED


async def test_the_subprotocol_is_the_recorded_one(write: Write, contract: Contract) -> None:
    path = write("a.db", TALK, facts=[{"subprotocol": "agent-chat"}])
    async with ReplayServer(path, contract, ServerOptions(pace=FAST)) as server:
        subprotocols = [Subprotocol("x"), Subprotocol("agent-chat")]
        async with connect(server.url, subprotocols=subprotocols, proxy=None, close_timeout=0.1) as client:
            assert client.subprotocol == "agent-chat"
        async with connect(f"{server.url}/ws", proxy=None, close_timeout=0.1) as client:
            assert client.subprotocol is None
        await server.wait_played(2)
        assert any("subprotocol agent-chat" in one.expected for one in server.mismatches)


async def test_a_refusal_is_played_too(write: Write, contract: Contract) -> None:
    path = write("a.db", [], facts=[{"status": 401, "ending": Ending.REFUSED, "closed_by": "server", "close_code": None}])
    async with ReplayServer(path, contract) as server:
        with pytest.raises(InvalidStatus) as refused:
            await connect(server.url, proxy=None)
        assert refused.value.response.status_code == 401


async def depart(write: Write, contract: Contract, how: OnMismatch) -> tuple[ChatClient, list[Mismatch]]:
    told: list[Mismatch] = []
    options = ServerOptions(pace=FAST, on_mismatch=how)
    async with (
        ReplayServer(write("a.db", TALK), contract, options, ServerWatch(mismatched=told.append)) as server,
        ChatClient(f"{server.url}/ws") as client,
    ):
        await client.wait_for("connection_ack")
        await client.send({"type": "typing_started"})
        if how is OnMismatch.WAIT:
            await client.send(CHAT)
        if how is OnMismatch.CLOSE:
            await client.wait_closed()
        else:
            await client.wait_for("agent_completed")
    return client, told


@pytest.mark.parametrize("how", list(OnMismatch))
async def test_a_client_that_departs_is_told_of(write: Write, contract: Contract, how: OnMismatch) -> None:
    client, told = await depart(write, contract, how)
    assert (told[0].expected, told[0].came, told[0].frame_id) == ("chat", "came typing_started", 2)
    assert client.close_code == (1008 if how is OnMismatch.CLOSE else 1000)


@pytest.mark.parametrize("wanted", ["a message", "a time"])
async def test_a_client_that_closes_early_is_answered_at_once(write: Write, contract: Contract, wanted: str) -> None:
    later = (60_000, "c2s", CHAT) if wanted == "a message" else (60_000, "s2c", DONE)
    path = write("a.db", [(1, "s2c", ACK), later, (60_001, "c2s", b"\x03\xe8", 8), (60_001, "s2c", b"\x03\xe8", 8)])
    async with ReplayServer(path, contract) as server:
        async with connect(f"{server.url}/ws", proxy=None, close_timeout=30) as client:
            await client.recv()
        await server.wait_played()
        assert client.close_code == 1000
        assert [one.came for one in server.mismatches] == ["the connection was closed with 1000"]


async def test_another_id_where_one_is_known_is_a_mismatch(write: Write, contract: Contract) -> None:
    stop = {"type": "stop", "thread_id": "t1"}
    path = write("a.db", [(1, "c2s", CHAT), (2, "s2c", STARTED), (3, "c2s", stop), (4, "s2c", DONE)])
    told: list[Mismatch] = []
    options = ServerOptions(pace=FAST)
    async with (
        ReplayServer(path, contract, options, ServerWatch(mismatched=told.append)) as server,
        ChatClient(f"{server.url}/ws") as client,
    ):
        await client.send(CHAT | {"thread_id": "mine"})
        await client.wait_for("agent_started")
        await client.send({"type": "stop", "thread_id": "not mine"})
        await client.send({"type": "stop", "thread_id": "mine"})
        await client.wait_for("agent_completed")
    assert "another thread: not mine" in told[0].came


async def test_a_further_path_of_ids_is_mapped(write: Write, contract: Contract) -> None:
    ask, answer = {"type": "ask", "order": "o1"}, {"type": "answer", "order": "o1"}
    path = write("a.db", [(1, "c2s", ask), (2, "s2c", answer), (3, "c2s", CHAT)])
    options = ServerOptions(pace=FAST, map=["$.order"])
    async with ReplayServer(path, contract, options) as server, ChatClient(f"{server.url}/ws") as client:
        await client.send({"type": "ask", "order": "o-99"})
        assert (await client.wait_for("answer"))["order"] == "o-99"


async def test_plain_http_is_told_what_this_is(write: Write, contract: Contract) -> None:
    async with ReplayServer(write("a.db", TALK), contract) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 426 ")
        writer.close()


async def test_no_such_session(write: Write, contract: Contract) -> None:
    with pytest.raises(UsageError, match="has no session 9: it has session 1 only"):
        async with ReplayServer(write("a.db", TALK), contract, ServerOptions(session=9)):
            pass


# A client of another language.

CLIENT_JS = """
const WebSocket = require('ws');
const socket = new WebSocket(process.argv[2] + '/ws');
const types = [];
socket.on('message', (data, binary) => {
  const event = JSON.parse(data);
  types.push(event.type);
  if (event.type === 'connection_ack')
    socket.send(JSON.stringify({type: 'chat', thread_id: 'of-node', message: 'hello', scenario: 'healthy'}));
  if (event.type === 'final_report') socket.close(1000);
});
socket.on('close', code => { console.log(JSON.stringify({types, code})); });
"""


@pytest.fixture(scope="session")
def node_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the npm package `ws` and a client that uses it."""
    folder = tmp_path_factory.mktemp("node")
    npm.install(folder, "ws@8")
    (folder / "client.js").write_text(CLIENT_JS)
    return folder


async def test_an_npm_client_is_played_to(
    node_client: Path, record: Callable[[str], Awaitable[Path]], contract: Contract
) -> None:
    path = await record("healthy")
    async with ReplayServer(path, contract, ServerOptions(pace=FAST)) as server:
        process = await asyncio.create_subprocess_exec(
            "node", str(node_client / "client.js"), server.url, stdout=asyncio.subprocess.PIPE, cwd=node_client
        )
        out, _ = await asyncio.wait_for(process.communicate(), 30)
        await server.wait_played()
        seen: dict[str, Any] = json.loads(out)
        assert seen["code"] == 1000
        assert seen["types"][0] == "connection_ack"
        assert seen["types"][-1] == "final_report"
        assert len(seen["types"]) == 8
        assert server.mismatches == []
