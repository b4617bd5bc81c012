from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Awaitable, Callable
from typing import Literal
from urllib.parse import urlsplit

import pytest
import websockets.asyncio.client
from websockets.typing import Subprotocol

from wsreplay.demo.backend import Backend
from wsreplay.demo.run import resume
from wsreplay.demo.tokens import make_token
from wsreplay.testing.client import ChatClient, ConnectRefused

Connect = Callable[[str], Awaitable[ChatClient]]
Place = Literal["header", "query", "subprotocol"]
HEALTHY = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "partial_result", "agent_completed",
           "final_report"]


async def fetch(backend: Backend, path: str, method: str = "GET") -> tuple[int, dict[str, str], str]:
    def ask() -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection(urlsplit(backend.url).netloc, timeout=10)
        connection.request(method, path)
        answer = connection.getresponse()
        try:
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
        finally:
            connection.close()

    return await asyncio.to_thread(ask)


def chat(thread: str, scenario: str = "healthy", kind: str = "chat") -> dict[str, str]:
    return {"type": kind, "thread_id": thread, "message": f"about {thread}", "scenario": scenario}


# Who may come in


@pytest.mark.parametrize("token_in", ["header", "query", "subprotocol"])
async def test_a_valid_token_is_accepted_in_three_places(backend: Backend, token_in: Place) -> None:
    async with ChatClient(f"{backend.url}/ws", token=make_token("alice"), token_in=token_in) as client:
        assert (await client.wait_for("connection_ack"))["user_id"] == "alice"


@pytest.mark.parametrize("token_in", ["header", "query", "subprotocol"])
async def test_an_expired_token_is_refused_in_three_places(backend: Backend, token_in: Place) -> None:
    with pytest.raises(ConnectRefused, match="401 Unauthorized: the token has expired") as refusal:
        await ChatClient(f"{backend.url}/ws", token=make_token("alice", lifetime=-1), token_in=token_in).connect()
    assert refusal.value.status == 401


@pytest.mark.parametrize(
    ("token", "reason"),
    [(None, "a bearer token is required"), (make_token("eve", "a-forged-secret-of-more-than-32-bytes"), "Signature")],
    ids=["none", "forged"],
)
async def test_no_token_or_a_forged_one_is_refused(backend: Backend, token: str | None, reason: str) -> None:
    with pytest.raises(ConnectRefused, match=f"401 Unauthorized: .*{reason}"):
        await ChatClient(backend.url, token=token).connect()


async def test_the_token_is_not_sent_back_when_another_subprotocol_is_offered(backend: Backend) -> None:
    offered = [Subprotocol("agent-chat"), Subprotocol(f"jwt.{make_token('alice')}")]
    async with websockets.asyncio.client.connect(f"{backend.url}/ws", subprotocols=offered, proxy=None) as connection:
        assert connection.subprotocol == "agent-chat"


async def test_without_authentication_a_user_may_be_anonymous_or_have_a_name_but_not_a_false_one() -> None:
    async with Backend(require_auth=False, pace=0) as backend:
        async with ChatClient(backend.url) as client:
            await client.send(chat("t1"))
            await client.wait_for("final_report")
            assert not any("user_id" in message.event for message in client.received)
        async with ChatClient(backend.url, token=make_token("alice")) as client:
            assert (await client.receive())["user_id"] == "alice"
        with pytest.raises(ConnectRefused, match="401"):
            await ChatClient(backend.url, token="false").connect()


async def test_a_chat_elsewhere_is_not_found(backend: Backend) -> None:
    with pytest.raises(ConnectRefused, match="404 Not Found: no chat at /elsewhere"):
        await ChatClient(f"{backend.url}/elsewhere", token=make_token("alice")).connect()


# Plain HTTP on the same port


async def test_it_says_that_it_is_healthy(backend: Backend) -> None:
    status, _, body = await fetch(backend, "/health")
    assert (status, body) == (200, "ok\n")


async def test_the_page_needs_nothing_from_elsewhere(backend: Backend) -> None:
    status, headers, body = await fetch(backend, "/")
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert body.startswith("<!doctype html>")
    assert body.rstrip().endswith("</html>")
    for forbidden in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(", "http:" + "//", "https:" + "//", "@import"):
        assert forbidden not in body


async def test_the_page_can_list_the_scenarios(backend: Backend) -> None:
    _, headers, body = await fetch(backend, "/scenarios")
    listed = {each["name"]: each["violates"] for each in json.loads(body)}
    assert headers["content-type"] == "application/json"
    assert listed["healthy"] == []
    assert listed["missing-event"] == ["tool"]


async def test_tokens_are_given_away_in_demo_mode_only(backend: Backend) -> None:
    assert (await fetch(backend, "/token?user=alice"))[0] == 404
    async with Backend(require_auth=False) as open_backend:
        token = json.loads((await fetch(open_backend, "/token?user=alice"))[2])["token"]
        async with ChatClient(open_backend.url, token=token) as client:
            assert (await client.receive())["user_id"] == "alice"
        assert (await fetch(open_backend, "/token"))[0] == 404


async def test_other_methods_and_paths_are_answered_with_their_status(backend: Backend) -> None:
    status, headers, body = await fetch(backend, "/health", "HEAD")
    assert (status, headers["content-length"], body) == (200, "3", "")
    assert (await fetch(backend, "/health", "POST"))[0] == 405
    assert (await fetch(backend, "/nothing"))[0] == 404


# Conversations


async def test_the_connection_is_acknowledged_first_and_pings_are_answered(connect: Connect) -> None:
    client = await connect("alice")
    await client.send({"type": "ping"})
    await client.wait_for("pong")
    assert client.types() == ["connection_ack", "pong"]
    assert all("seq" not in message.event for message in client.received)


@pytest.mark.parametrize("kind", ["chat", "user_message", "start_agent"])
async def test_each_kind_of_user_message_starts_a_run(connect: Connect, kind: str) -> None:
    client = await connect("alice")
    await client.send(chat("t1", kind=kind))
    await client.wait_for("final_report")
    assert client.types()[1:] == HEALTHY


async def test_an_unknown_scenario_is_a_run_that_fails_and_says_so(connect: Connect) -> None:
    client = await connect("alice")
    await client.send(chat("t1", "no-such-thing"))
    failure = await client.wait_for("error_event")
    assert failure["payload"]["content"] == "unknown scenario 'no-such-thing'"
    assert client.types()[1:] == ["agent_started", "agent_thinking", "error_event"]


@pytest.mark.parametrize("message", ["{", "[]", "{}", "3", b"\xff"])
async def test_a_client_that_talks_nonsense_is_told_so_and_closed(connect: Connect, message: str | bytes) -> None:
    client = await connect("alice")
    await client.send(message)
    assert await client.wait_closed() == 1008


async def test_two_runs_on_one_connection_share_one_sequence(connect: Connect) -> None:
    client = await connect("alice")
    await client.send(chat("t1"))
    await client.send(chat("t2"))
    for _ in range(2):
        await client.wait_for("final_report")
    events = client.received[1:]
    assert [event["seq"] for event in events] == list(range(1, 15))
    for thread in ("t1", "t2"):
        assert [event.type for event in events if event["thread_id"] == thread] == HEALTHY
    assert len({event["run_id"] for event in events}) == 2


async def test_a_hundred_users_each_get_their_own_events_and_no_others(backend: Backend) -> None:
    async def one(user: str) -> ChatClient:
        async with ChatClient(backend.url, token=make_token(user), timeout=30) as client:
            await client.send(chat(f"thread of {user}"))
            await client.wait_for("final_report")
            return client

    users = [f"user-{number}" for number in range(100)]
    clients = await asyncio.gather(*(one(user) for user in users))
    for user, client in zip(users, clients, strict=True):
        assert client.types() == ["connection_ack", *HEALTHY]
        assert {event["user_id"] for event in client.received} == {user}
        assert {event["thread_id"] for event in client.received[1:]} == {f"thread of {user}"}
    assert len({event["run_id"] for client in clients for event in client.received[1:]}) == 100


# Reconnects


async def test_after_a_drop_the_history_is_resent_with_the_same_ids_and_the_run_goes_on(connect: Connect) -> None:
    client = await connect("alice")
    await client.send(chat("t1"))
    await client.wait_for("agent_thinking")
    await client.drop()
    await client.reconnect()
    await client.send({"type": "resume", "thread_id": "t1", "last_seq": 1})
    await client.wait_for("final_report")
    before = [event for event in client.received if event.connection == 1 and "seq" in event.event]
    after = [event for event in client.received if event.connection == 2 and "seq" in event.event]
    assert [event["seq"] for event in after] == [2, 3, 4, 5, 6, 7]
    assert [event.type for event in after] == HEALTHY[1:]
    assert {event["message_id"] for event in before[1:]} <= {event["message_id"] for event in after}
    assert {event["run_id"] for event in before + after} == {before[0]["run_id"]}


async def test_what_was_said_while_nobody_listened_is_stamped_when_it_is_sent(backend: Backend, connect: Connect) -> None:
    client = await connect("alice")
    await client.send(chat("t1", "slow-start"))
    await client.send({"type": "ping"})
    await client.wait_for("pong")
    await client.drop()
    await backend.wait_idle()
    await resume(client, "t1")
    last = await client.wait_for("agent_completed")
    acknowledged = next(event for event in client.received if event.get("payload", {}).get("resumed"))
    assert acknowledged["payload"]["missed"] == 5
    assert last["timestamp"] >= acknowledged["timestamp"]


async def test_a_new_run_on_a_resumed_connection_continues_the_sequence(connect: Connect) -> None:
    client = await connect("alice")
    await client.send(chat("t1"))
    await client.wait_for("final_report")
    await client.drop()
    await resume(client, "t1")
    await client.send(chat("t2"))
    assert (await client.wait_for("agent_started"))["seq"] == 8


async def test_nobody_can_resume_what_is_not_his_or_does_not_exist(connect: Connect) -> None:
    alice, eve = await connect("alice"), await connect("eve")
    await alice.send(chat("t1"))
    await alice.wait_for("final_report")
    await eve.send({"type": "resume", "thread_id": "t1", "last_seq": 0})
    assert (await eve.wait_for("connection_ack"))["payload"] == {"resumed": False, "asked": True}
    await eve.send({"type": "ping"})
    await eve.wait_for("pong")
    assert eve.types() == ["connection_ack", "connection_ack", "pong"]


async def test_a_second_tab_that_resumes_takes_over_from_the_first(connect: Connect) -> None:
    first, second = await connect("alice"), await connect("alice")
    await first.send(chat("t1", "slow-start"))
    await first.send({"type": "ping"})
    await first.wait_for("pong")
    await second.send({"type": "resume", "thread_id": "t1", "last_seq": 0})
    await second.wait_for("agent_completed")
    assert await first.wait_closed() == 4001
    assert "agent_completed" not in first.types()


async def test_the_backend_ends_in_mid_run_and_leaves_nothing_behind() -> None:
    async with Backend() as backend:
        client = ChatClient(backend.url, token=make_token("alice"))
        await client.connect()
        await client.send(chat("t1", "slow-tool"))
        await client.wait_for("tool_executing")
    assert await client.wait_closed() == 1001
    with pytest.raises(ConnectRefused, match="nothing listens"):
        await ChatClient(backend.url).connect()
    await client.disconnect()


async def test_two_backends_cannot_share_a_port(backend: Backend) -> None:
    with pytest.raises(OSError, match="address already in use"):
        await Backend(port=backend.port).__aenter__()
