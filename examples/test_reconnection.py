"""A lost connection is no lost answer: the user is back within 3 s and misses nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from wsreplay.testing import ChatClient, ChatEnded, Recordings, connect_users

SEED = 20261120
PAUSE = 0.2  # seconds a client waits before it tries again


async def come_back(client: ChatClient, thread: str) -> None:
    """Connect again and ask for what was missed; how, is your protocol's business."""
    await asyncio.sleep(PAUSE)
    await client.reconnect()
    seen = max((event["seq"] for event in client.received if "seq" in event.event), default=0)
    await client.send({"type": "resume", "thread_id": thread, "last_seq": seen})


async def finish(client: ChatClient, thread: str) -> None:
    """Follow a run to its end, over as many connections as it takes."""
    while True:
        try:
            await client.wait_for("agent_completed", 30)
            return
        except ChatEnded:
            await come_back(client, thread)


async def test_a_run_goes_on_after_a_reconnect(wsreplay: Recordings, backend: str, token_for: Callable[[str], str]) -> None:
    async with wsreplay.proxy(backend) as tap:
        async with ChatClient(tap.url, token=token_for("alice")) as client:
            await client.send({"type": "chat", "thread_id": "t1", "message": "hello", "scenario": "dropped-connection"})
            await finish(client, "t1")
        tap.assert_valid()
        assert [connection.ending for connection in tap.session.connections] == ["dropped", "clean"]
        reconnect = next(rule for rule in tap.judgement().rules if rule.id == "reconnect")
        assert reconnect.verdict == "satisfied"  # ws.drop, then ws.open of the same user within 3 s


async def test_connections_that_are_lost_at_random_lose_nothing(
    wsreplay: Recordings, backend: str, token_for: Callable[[str], str]
) -> None:
    dice = random.Random(SEED)
    users = [f"user-{number}" for number in range(8)]

    async def unlucky(user: str, client: ChatClient) -> None:
        await client.send({"type": "chat", "thread_id": user, "message": "hello"})
        ending = asyncio.create_task(finish(client, user))
        for _ in range(dice.randint(1, 3)):
            await asyncio.sleep(dice.uniform(0.0, 0.06))
            if not ending.done() and client.connected:
                await client.drop()
        await ending

    async with wsreplay.proxy(backend) as tap:
        async with connect_users(tap.url, users, token_for=token_for) as clients:
            await asyncio.gather(*(unlucky(user, client) for user, client in clients.items()))
        tap.assert_valid()
        assert len(tap.sessions) == len(users)
        assert sum(len(session.connections) for session in tap.sessions) > len(users)


async def test_one_who_never_comes_back_is_found(wsreplay: Recordings, backend: str, token_for: Callable[[str], str]) -> None:
    async with wsreplay.proxy(backend) as tap:
        async with ChatClient(tap.url, token=token_for("alice")) as client:
            await client.send({"type": "chat", "thread_id": "t1", "message": "hello", "scenario": "lost-connection"})
            await client.wait_closed()
        await tap.wait_for_finding("reconnect", 30)  # the contract gives a lost user 3 s
