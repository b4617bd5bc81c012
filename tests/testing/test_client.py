from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from wsreplay.contract import loads
from wsreplay.demo.backend import Backend
from wsreplay.demo.tokens import make_token
from wsreplay.errors import UpstreamError
from wsreplay.testing.client import ChatClient, ChatEnded, ChatTimeout, ConnectRefused

pytest_plugins = "pytester"

CHAT = {"type": "chat", "thread_id": "t1", "message": "hello"}


@pytest.fixture
async def client(backend: Backend) -> AsyncIterator[ChatClient]:
    async with ChatClient(f"{backend.url}/ws", token=make_token("alice")) as client:
        yield client


async def have_come(client: ChatClient, count: int) -> None:
    """Wait until there are so many messages, and read none of them."""
    async with asyncio.timeout(30):
        while len(client.received) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_messages_are_read_in_order_each_once_and_all_are_kept(client: ChatClient) -> None:
    await client.send(CHAT)
    assert (await client.receive()).type == "connection_ack"
    assert (await client.receive())["type"] == "agent_started"
    assert (await client.wait_for("tool_completed")).get("tool_name") == "search"
    assert (await client.receive()).type == "partial_result"
    await client.wait_for("final_report")
    assert client.types() == [
        "connection_ack", "agent_started", "agent_thinking", "tool_executing", "tool_completed", "partial_result",
        "agent_completed", "final_report",
    ]
    times = [message.at for message in client.received]
    assert times == sorted(times)
    assert times[0] > 0


async def test_waiting_can_be_narrowed_by_a_condition(client: ChatClient) -> None:
    await client.send(CHAT | {"scenario": "sub-agent"})
    outer = await client.wait_for("agent_completed", where=lambda message: "parent_run_id" not in message.event)
    assert client.types().count("agent_completed") == 2
    assert outer is client.received[-1]


async def test_a_time_out_says_what_was_waited_for_and_what_came_instead(client: ChatClient) -> None:
    await client.send({"type": "ping"})
    await have_come(client, 2)
    with pytest.raises(ChatTimeout) as error:
        await client.wait_for("agent_started", timeout=0.2)
    assert str(error.value) == f"{client.url}: agent_started did not come within 200ms; received: connection_ack, pong"
    with pytest.raises(TimeoutError, match=r"a message did not come within 10ms; received: nothing"):
        await client.receive(timeout=0.01)


async def test_a_long_list_of_what_came_instead_is_cut(client: ChatClient) -> None:
    for _ in range(9):
        await client.send({"type": "ping"})
    await have_come(client, 10)
    with pytest.raises(ChatTimeout, match=r"received: … pong, pong, pong, pong, pong, pong, pong, pong$"):
        await client.wait_for("agent_started", timeout=0.2)


async def test_what_came_before_the_end_can_still_be_read(client: ChatClient) -> None:
    await client.send("nonsense")
    assert await client.wait_closed() == 1008
    assert (await client.receive()).type == "connection_ack"
    with pytest.raises(ChatEnded, match="can no longer come; the connection ended with code 1008; received: nothing"):
        await client.receive()
    with pytest.raises(ConnectionError, match="could not send"):
        await client.send(CHAT)


async def test_a_refusal_says_which_status_and_why(backend: Backend) -> None:
    with pytest.raises(UpstreamError) as error:
        async with ChatClient(f"{backend.url}/ws"):
            pass
    assert isinstance(error.value, ConnectRefused)
    assert (error.value.status, error.value.body) == (401, "a bearer token is required")
    assert str(error.value) == f"{backend.url}/ws refused: 401 Unauthorized: a bearer token is required"


async def test_a_server_that_is_not_there_is_said_to_be_so() -> None:
    async with Backend() as backend:
        url = backend.url
    with pytest.raises(ConnectRefused, match=f"nothing listens at {url}") as error:
        await ChatClient(url).connect()
    assert error.value.status is None


async def test_a_url_that_is_none_is_an_error_of_ours() -> None:
    for url in ("http://127.0.0.1/", "nonsense", "ws://"):
        with pytest.raises(UpstreamError, match="cannot be reached"):
            await ChatClient(url).connect()


async def test_a_server_that_never_answers_is_given_up() -> None:
    left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        left.set()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ConnectRefused, match=r"did not answer within 200ms"):
            await ChatClient(url, timeout=0.2).connect()
        await asyncio.wait_for(left.wait(), 10)


async def test_sending_before_connecting_is_an_error() -> None:
    with pytest.raises(ChatEnded, match="send before connect"):
        await ChatClient("ws://127.0.0.1:1").send(CHAT)


async def test_messages_that_are_no_events_are_kept_as_they_came(client: ChatClient) -> None:
    await client.send(CHAT | {"scenario": "broken-json"})
    await client.wait_for("agent_completed")
    broken = [message for message in client.received if message.type is None]
    assert broken[0].raw == '{"type": "partial_result", "payload": {"content": "cut off in mid-sen'
    assert broken[0].event == {}
    assert broken[4]["payload"] == {"content": "of what kind am I?"}


async def test_a_server_sees_a_disconnect_as_a_close_and_a_drop_as_none() -> None:
    endings: asyncio.Queue[int | None] = asyncio.Queue()

    async def watch(connection: ServerConnection) -> None:
        try:
            async for _ in connection:
                pass
        except ConnectionClosed:
            pass
        await endings.put(connection.protocol.close_rcvd.code if connection.protocol.close_rcvd else None)

    async with serve(watch, "127.0.0.1", 0) as server:
        client = ChatClient(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await client.connect()
        await client.disconnect()
        assert await endings.get() == 1000
        assert client.close_code == 1000
        await client.connect()
        await client.disconnect(4000, "enough")
        assert await endings.get() == 4000
        await client.connect()
        await client.drop()
        assert await endings.get() is None
        assert client.close_code == 1006
        assert not client.connected


async def test_a_drop_resets_the_connection() -> None:
    causes: asyncio.Queue[BaseException | None] = asyncio.Queue()

    async def watch(connection: ServerConnection) -> None:
        try:
            await connection.recv()
        except ConnectionClosed as error:
            await causes.put(error.__cause__)

    async with serve(watch, "127.0.0.1", 0) as server:
        async with ChatClient(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}") as client:
            await client.drop()
        assert isinstance(await causes.get(), ConnectionResetError)


async def test_a_reconnect_keeps_what_was_received_and_counts_the_connections(client: ChatClient) -> None:
    await client.wait_for("connection_ack")
    await client.reconnect()
    await client.wait_for("connection_ack")
    assert client.connected
    assert client.connections == 2
    assert [message.connection for message in client.received] == [1, 2]


async def test_disconnecting_twice_or_after_a_drop_does_nothing(client: ChatClient) -> None:
    await client.drop()
    await client.disconnect()
    await client.disconnect()
    assert not client.connected


async def test_several_may_wait_at_once(client: ChatClient) -> None:
    closed = asyncio.create_task(client.wait_closed())
    answer = asyncio.create_task(client.wait_for("agent_completed"))
    await client.send(CHAT)
    assert (await answer).type == "agent_completed"
    assert not closed.done()
    await client.disconnect()
    assert await closed == 1000


async def test_one_of_several_types_can_be_waited_for(client: ChatClient) -> None:
    await client.send_chat("hello", scenario="failing-agent")
    ended = await client.wait_for(["agent_completed", "error_event", "agent_error"])
    assert ended.type == "error_event"
    with pytest.raises(ChatTimeout, match="agent_started or agent_thinking did not come within 50ms"):
        await client.wait_for(["agent_started", "agent_thinking"], timeout=0.05)


async def test_a_run_is_all_that_came_to_its_end(client: ChatClient) -> None:
    await client.receive()
    await client.send_chat("hello", thread="t7", scenario="sub-agent")
    run = await client.wait_for_run()
    assert (run[0].type, run[-1].type) == ("agent_started", "agent_completed")
    assert [message.type for message in run].count("agent_completed") == 2
    assert {message["thread_id"] for message in run} == {"t7"}
    assert run[-1].get("parent_run_id") is None


async def test_what_comes_can_be_read_until_it_is_quiet(client: ChatClient) -> None:
    await client.send_chat("hello")
    read = await client.drain(quiet=2)
    assert [message.type for message in read] == client.types()
    assert client.types()[-1] == "final_report"
    assert await client.drain(quiet=0.01) == []


async def test_what_never_becomes_quiet_is_given_up(client: ChatClient) -> None:
    async def chatter() -> None:
        while True:
            await client.send({"type": "ping"})
            await asyncio.sleep(0.001)

    async with asyncio.timeout(30):
        talking = asyncio.create_task(chatter())
        with pytest.raises(ChatTimeout, match="it did not become quiet within 100ms"):
            await client.drain(quiet=5, timeout=0.1)
        talking.cancel()


async def test_a_default_stands_for_what_does_not_come(client: ChatClient) -> None:
    assert (await client.receive(default=None)).type == "connection_ack"  # type: ignore[union-attr]
    assert await client.receive(0.01, default=None) is None
    assert await client.wait_for("agent_completed", 0.01, default="none") == "none"
    assert await client.wait_closed(0.01, default="open") == "open"
    await client.send("nonsense")
    await client.wait_closed()
    assert await client.receive(default="nothing") == "nothing"


def test_a_failing_test_shows_its_own_line_and_not_the_librarys(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import asyncio
        from wsreplay.demo.backend import Backend
        from wsreplay.demo.tokens import make_token
        from wsreplay.testing import ChatClient, EventValidator

        def test_client():
            async def chat():
                async with Backend() as backend, ChatClient(f"{backend.url}/ws", token=make_token("alice")) as client:
                    await client.wait_for("agent_started", timeout=0.05)
            asyncio.run(chat())

        def test_validator():
            EventValidator("agent-chat", strict=True).assert_valid()
        """
    )
    output = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:asyncio").stdout.str()
    assert "await client.wait_for" in output
    assert "testing/client.py" not in output
    assert "testing/validator.py" not in output


async def _socket_io(websocket: ServerConnection) -> None:
    """A server that pings first, and acknowledges what it is asked."""
    await websocket.send('0{"sid":"x"}')
    await websocket.send("2")
    said = {await websocket.recv(), await websocket.recv()}
    assert said == {"3", '421["chat",{"message":"hello"}]'}
    await websocket.send('42["agent_started",{"thread_id":"t1"}]')
    await websocket.send('431["ok"]')
    await websocket.wait_closed()


async def test_another_protocol_is_read_by_its_decoder_and_its_heartbeats_are_answered() -> None:
    async with serve(_socket_io, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with ChatClient(f"ws://127.0.0.1:{port}/ws", decoder="socket.io") as client:
            await client.send('421["chat",{"message":"hello"}]')
            started = await client.wait_for("agent_started")
            assert started["thread_id"] == "t1"
            assert (await client.wait_for("chat:ack")).document == "ok"
            assert client.types() == ["engine.open", "engine.ping", "agent_started", "chat:ack"]


async def test_several_events_of_one_message_are_received_one_by_one() -> None:
    async def batch(websocket: ServerConnection) -> None:
        await websocket.send('[{"type":"a","n":1},{"type":"b"}]')
        await websocket.wait_closed()

    async with serve(batch, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with ChatClient(f"ws://127.0.0.1:{port}/ws", decoder="json") as client:
            assert (await client.receive())["n"] == 1
            assert (await client.receive()).type == "b"


async def test_types_elsewhere_are_read_by_the_envelope_of_a_contract() -> None:
    async def product(websocket: ServerConnection) -> None:
        await websocket.send('{"kind":"turn.begin"}')
        await websocket.send('{"kind":"turn.end","conv":"c1"}')
        await websocket.wait_closed()

    contract = loads("contract: product\nenvelope: {type: $.kind}\n")
    async with serve(product, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
        async with ChatClient(url, contract=contract) as client:
            assert (await client.wait_for("turn.end"))["conv"] == "c1"
            assert client.types() == ["turn.begin", "turn.end"]
        async with ChatClient(url) as client:
            await have_come(client, 2)
            with pytest.raises(ChatTimeout, match=r"\(no type\); is the type of these messages not at \$\.type\?"):
                await client.wait_for("turn.end", timeout=0.01)
