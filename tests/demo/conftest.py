from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from wsreplay.demo.backend import Backend
from wsreplay.demo.tokens import make_token
from wsreplay.testing.client import ChatClient


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    async with Backend(pace=0.2) as backend:
        yield backend


@pytest.fixture
async def connect(backend: Backend) -> AsyncIterator[Callable[[str], Awaitable[ChatClient]]]:
    """Connects a user, past the acknowledgement; disconnects all at the end."""
    clients: list[ChatClient] = []

    async def connect(user: str) -> ChatClient:
        client = ChatClient(f"{backend.url}/ws", token=make_token(user))
        clients.append(client)
        await client.connect()
        await client.wait_for("connection_ack")
        return client

    yield connect
    for client in clients:
        await client.disconnect()
