from __future__ import annotations

import asyncio

import pytest

from wsreplay.demo.backend import Backend
from wsreplay.demo.tokens import make_token
from wsreplay.testing import ChatClient, ConnectRefused, EventValidator, connect_users


async def chat(user: str, client: ChatClient, scenario: str = "healthy") -> None:
    await client.send({"type": "chat", "thread_id": f"of-{user}", "message": "hello", "scenario": scenario})
    await client.wait_for("agent_completed")


async def test_users_chat_at_once_and_are_judged_together(backend: Backend) -> None:
    validator = EventValidator()
    users = [f"user-{number}" for number in range(20)]
    async with connect_users(f"{backend.url}/ws", users, token_for=make_token, validator=validator) as clients:
        assert list(clients) == users
        await asyncio.gather(*(chat(user, client) for user, client in clients.items()))
    validator.assert_valid()
    assert validator.judgement().sessions == 20


async def test_a_leak_between_them_is_found(backend: Backend) -> None:
    validator = EventValidator()
    async with connect_users(f"{backend.url}/ws", ["alice", "bob"], token_for=make_token, validator=validator) as clients:
        await chat("alice", clients["alice"])
        await chat("bob", clients["bob"], "leak")
    assert {"thread-owner"} <= {finding.rule for finding in validator.findings}


async def test_one_that_is_refused_ends_them_all(backend: Backend) -> None:
    def token_for(user: str) -> str | None:
        return make_token(user) if user == "alice" else None

    with pytest.raises(ConnectRefused, match="a bearer token is required"):
        async with connect_users(f"{backend.url}/ws", ["alice", "eve"], token_for=token_for):
            raise AssertionError("never reached")
