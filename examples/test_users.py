"""Many users at once: each sees a whole run of its own, and nothing of anybody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from wsreplay.testing import ChatClient, Recordings, connect_users


async def ask(user: str, client: ChatClient, scenario: str = "healthy") -> None:
    await client.send({"type": "chat", "thread_id": f"thread-of-{user}", "message": f"I am {user}", "scenario": scenario})
    await client.wait_for("agent_completed", 60)


@pytest.mark.parametrize("count", [3, 15, 100])
async def test_users_chat_at_once_and_apart(
    count: int, wsreplay: Recordings, backend: str, token_for: Callable[[str], str]
) -> None:
    users = [f"user-{number}" for number in range(count)]
    async with wsreplay.proxy(backend) as tap:
        async with connect_users(tap.url, users, token_for=token_for) as clients:
            await asyncio.gather(*(ask(user, client) for user, client in clients.items()))
        tap.assert_valid()  # isolation is a part of the contract
        assert sorted(str(session.user) for session in tap.sessions) == sorted(users)
        assert tap.judgement().run_counts == {"completed": count}
        for user, client in clients.items():
            assert {event["thread_id"] for event in client.received if "thread_id" in event.event} == {f"thread-of-{user}"}


async def test_an_event_that_reaches_the_wrong_user_is_found(
    wsreplay: Recordings, backend: str, token_for: Callable[[str], str]
) -> None:
    async with wsreplay.proxy(backend) as tap:
        async with connect_users(tap.url, ["alice", "mallory"], token_for=token_for) as clients:
            await ask("alice", clients["alice"])
            await ask("mallory", clients["mallory"], "leak")
        broken = {finding.rule for finding in tap.findings()}
    assert {"thread-owner"} <= broken


async def test_several_tabs_of_one_user_are_fine(wsreplay: Recordings, backend: str, token_for: Callable[[str], str]) -> None:
    async with wsreplay.proxy(backend) as tap:
        async with ChatClient(tap.url, token=token_for("alice")) as one, ChatClient(tap.url, token=token_for("alice")) as other:
            await asyncio.gather(ask("alice-1", one), ask("alice-2", other))
        tap.assert_valid()
