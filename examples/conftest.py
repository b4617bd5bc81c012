"""What the examples share: a backend, its users' tokens, and what a user does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from wsreplay.demo.backend import Backend
from wsreplay.demo.tokens import make_token
from wsreplay.testing import ChatClient

Chat = Callable[..., Awaitable[ChatClient]]


@pytest.fixture
async def backend() -> AsyncIterator[str]:
    """The URL of the product's WebSocket. Yours may be one that runs already: return "wss://staging.example.org/ws"."""
    async with Backend() as backend:
        yield f"{backend.url}/ws"


@pytest.fixture
def token_for() -> Callable[[str], str]:
    """A bearer token for a user; yours come from your login."""
    return make_token


@pytest.fixture
def chat(token_for: Callable[[str], str]) -> Chat:
    """One user asks one question and waits for the answer. `scenario` is how the demo's agent is told what to do."""

    async def chat(url: str, scenario: str = "healthy", *, user: str = "alice", last: str = "agent_completed") -> ChatClient:
        async with ChatClient(url, token=token_for(user)) as client:
            await client.send({
                "type": "chat", "thread_id": f"thread-of-{user}", "message": "Why is the checkout slow?", "scenario": scenario,
            })
            # A sub-agent's completion has a parent: it is not the one that the user waits for.
            await client.wait_for(last, 40, where=lambda event: "parent_run_id" not in event.event)
            return client

    return chat
