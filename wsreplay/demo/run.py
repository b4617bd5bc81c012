"""Plays scenarios as a user would: chats with a backend, or with the proxy before it, and says what was seen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count

from wsreplay.demo.scenarios import QUICK_SCENARIOS, SCENARIOS, Scenario
from wsreplay.demo.tokens import make_token
from wsreplay.testing.client import ChatClient, ChatEnded, Received

USERS = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy")
QUESTION = "Why is the checkout slow?"
COMES_BACK_AFTER = 0.2  # seconds
STAYS_AWAY = 3.3  # seconds; the contract gives a lost user 3 s to be back
OVERDUE = 1.0  # seconds past its deadline that a run which never ends is watched
RUN_BOUND = 30.0  # seconds that the contract gives a run

TokenFor = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one user saw of one scenario; `finished` says whether its last message came."""

    scenario: Scenario
    user: str
    thread: str
    received: tuple[Received, ...]
    finished: bool
    seconds: float
    connections: int

    @property
    def types(self) -> list[str | None]:
        """Types in order of arrival, acknowledgements of the connection left out; None for what is no event."""
        return [message.type for message in self.received if message.type != "connection_ack"]


async def play(scenario: str | Scenario, url: str, *, user: str = "alice", token_for: TokenFor = make_token) -> Seen:
    """One user plays one scenario to its end, a reconnect included where the scenario has one.

    `token_for` gives the bearer token of a user, or None for none. Raises what ChatClient raises.
    """
    plan = SCENARIOS[scenario] if isinstance(scenario, str) else scenario
    begun, thread = time.monotonic(), f"{user}-{plan.name}"
    async with AsyncExitStack() as stack:
        if plan.neighbour:
            await stack.enter_async_context(_neighbour(url, f"{user}-neighbour", token_for))
        client = await stack.enter_async_context(ChatClient(url, token=token_for(user)))
        await client.wait_for("connection_ack")
        await client.send({"type": "chat", "thread_id": thread, "message": QUESTION, "scenario": plan.name})
        finished = await _watch(client, plan, thread)
        return Seen(plan, user, thread, tuple(client.received), finished, time.monotonic() - begun, client.connections)


@asynccontextmanager
async def _neighbour(url: str, user: str, token_for: TokenFor) -> AsyncIterator[None]:
    """Another user, in the middle of a chat of its own."""
    async with ChatClient(url, token=token_for(user)) as client:
        await client.send({"type": "chat", "thread_id": f"{user}-healthy", "message": QUESTION, "scenario": "healthy"})
        await client.wait_for("partial_result")
        yield
        await client.wait_for("final_report")


async def _watch(client: ChatClient, plan: Scenario, thread: str) -> bool:
    """Follow a run to its last message, as patiently as the scenario needs."""
    if plan.ends_with is None:
        await asyncio.sleep(RUN_BOUND + OVERDUE)
        return False
    while True:
        try:
            await client.wait_for(
                plan.ends_with, plan.seconds + client.timeout,
                where=lambda message: message.get("thread_id") == thread and "parent_run_id" not in message.event,
            )
            return True
        except ChatEnded:
            if not plan.comes_back:
                await asyncio.sleep(STAYS_AWAY)
                return False
            await asyncio.sleep(COMES_BACK_AFTER)
            await resume(client, thread)


async def resume(client: ChatClient, thread: str) -> None:
    """Connect again and ask for what was missed."""
    await client.reconnect()
    last = max((message["seq"] for message in client.received if "seq" in message.event), default=0)
    await client.send({"type": "resume", "thread_id": thread, "last_seq": last})


async def chat_all(
    url: str, scenarios: Iterable[Scenario] = QUICK_SCENARIOS, *, token_for: TokenFor = make_token
) -> list[Seen]:
    """All scenarios at once, each by a user of its own, since a reconnect is judged across a user's connections.

    The first failure of one ends them all, and is raised.
    """
    try:
        async with asyncio.TaskGroup() as group:
            chats = [
                group.create_task(play(scenario, url, user=user, token_for=token_for))
                for scenario, user in zip(scenarios, _user_names(), strict=False)
            ]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [chat.result() for chat in chats]


def _user_names() -> Iterator[str]:
    yield from USERS
    yield from (f"user-{number}" for number in count(len(USERS) + 1))
