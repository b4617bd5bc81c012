from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from wsreplay.demo.backend import Backend
from wsreplay.demo.run import USERS, chat_all, play
from wsreplay.demo.scenarios import QUICK_SCENARIOS, SCENARIOS
from wsreplay.demo.tokens import make_token
from wsreplay.testing.client import ChatClient, ConnectRefused

OTHER_SECRET = "another-secret-of-more-than-32-bytes"


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    async with Backend(secret=OTHER_SECRET, pace=0.2) as backend:
        yield backend


def token_for(user: str) -> str:
    return make_token(user, OTHER_SECRET)


async def test_one_user_plays_a_scenario_with_a_token_of_his(backend: Backend) -> None:
    seen = await play("healthy", backend.url, user="zoë", token_for=token_for)
    assert (seen.user, seen.thread, seen.finished, seen.connections) == ("zoë", "zoë-healthy", True, 1)
    assert seen.types[-1] == "final_report"


async def test_the_same_scenario_may_be_played_by_many_users_at_once(backend: Backend) -> None:
    scenarios = [SCENARIOS["healthy"]] * (len(USERS) + 3)
    seen = await chat_all(backend.url, scenarios, token_for=token_for)
    assert [each.user for each in seen] == [*USERS, *(f"user-{len(USERS) + number}" for number in (1, 2, 3))]
    for each in seen:
        assert {message["user_id"] for message in each.received} == {each.user}


async def test_the_first_refusal_ends_all_and_is_raised_as_it_is(backend: Backend) -> None:
    with pytest.raises(ConnectRefused, match=r"401 Unauthorized: .*Signature"):
        await chat_all(backend.url, QUICK_SCENARIOS)


async def test_a_leak_shows_what_the_neighbour_was_told(backend: Backend) -> None:
    seen = await play("leak", backend.url, user="alice", token_for=token_for)
    leaked = [message for message in seen.received if message.get("user_id") != "alice"]
    assert [(each["user_id"], each["thread_id"]) for each in leaked] == [("alice-neighbour", "alice-neighbour-healthy")]


async def test_a_leak_is_never_the_users_own_even_if_nobody_else_is_there(backend: Backend) -> None:
    async with ChatClient(backend.url, token=token_for("alice")) as client:
        for scenario, last in (("healthy", "final_report"), ("leak", "agent_completed")):
            await client.send({"type": "chat", "thread_id": "t1", "message": "hello", "scenario": scenario})
            await client.wait_for(last)
        partial_results = [message["user_id"] for message in client.received if message.type == "partial_result"]
    assert partial_results == ["alice", "somebody-else"]


async def test_everything_also_works_without_tokens() -> None:
    async with Backend(require_auth=False, pace=0) as backend:
        seen = await play("dropped-connection", backend.url, token_for=lambda user: None)
    assert seen.finished
    assert seen.connections == 2
