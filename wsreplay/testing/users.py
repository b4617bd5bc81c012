"""Many users at once, each with a client of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from wsreplay.testing.client import ChatClient
from wsreplay.testing.validator import EventValidator

# How many connect at the same time: a listening socket's backlog is short.
AT_ONCE = 50


@asynccontextmanager
async def connect_users(
    url: str, users: Iterable[str], *, token_for: Callable[[str], str | None] = lambda user: None,
    validator: EventValidator | None = None, **options: Any,
) -> AsyncIterator[dict[str, ChatClient]]:
    """Connect users, and disconnect them at the end. Returns their clients by name.

    `token_for` returns a user's bearer token. `validator` gets everything that all users send and receive, so that it finds
    an event that reaches the wrong user. `options` go to each ChatClient. Raises ConnectRefused.
    """
    __tracebackhide__ = True
    clients = {
        user: ChatClient(url, token=token_for(user), observe=validator.stream(user) if validator else None, **options)
        for user in users
    }
    gate = asyncio.Semaphore(AT_ONCE)

    async def connect(client: ChatClient) -> None:
        async with gate:
            await client.connect()

    try:
        connecting = await asyncio.gather(*map(connect, clients.values()), return_exceptions=True)
        for outcome in connecting:
            if outcome is not None:
                raise outcome
        yield clients
    finally:
        await asyncio.gather(*(client.disconnect() for client in clients.values()))
