"""Every scenario is played over a real connection, and what arrives is compared with what its description promises."""

from __future__ import annotations

import asyncio
import json

import pytest

from wsreplay.demo.backend import Backend
from wsreplay.demo.run import QUESTION, Seen, chat_all, play
from wsreplay.demo.scenarios import HOSTILE, QUICK_SCENARIOS, SAMPLE_SCENARIOS, SCENARIOS
from wsreplay.testing.client import Received

OPENING = ["agent_started", "agent_thinking", "tool_executing", "tool_completed"]
EXPECTED: dict[str, list[str | None]] = {
    "healthy": [*OPENING, "partial_result", "agent_completed", "final_report"],
    "missing-event": ["agent_started", "agent_thinking", "tool_executing", "agent_completed"],
    "out-of-order": ["agent_started", "tool_executing", "agent_thinking", "tool_completed", "agent_completed"],
    "slow-start": [*OPENING, "agent_completed"],
    "late-delivery": [*OPENING, "partial_result", "agent_completed"],
    "failing-agent": ["agent_started", "agent_thinking", "tool_executing", "tool_error", "agent_fallback", "error_event"],
    "parallel-tools": ["agent_started", "agent_thinking", *["tool_executing"] * 3, *["tool_completed"] * 3, "agent_completed"],
    "tools-without-ids": [*OPENING[:3], "tool_executing", "tool_completed", "tool_completed", "agent_completed"],
    "sub-agent": [*OPENING[:3], *OPENING, "agent_completed", "tool_completed", "agent_completed"],
    "leak": [*OPENING, "partial_result", "agent_completed"],
    "dropped-connection": [*OPENING, "partial_result", "agent_completed"],
    "lost-connection": OPENING,
    "typing": ["typing_started", *OPENING, "agent_completed", "typing_stopped"],
    "large": [*OPENING, "partial_result", "agent_completed"],
    "unicode": [*OPENING, "partial_result", "agent_completed"],
    "broken-json": [*OPENING, *[None] * 5, "agent_completed"],
    "duplicates": [*OPENING, "partial_result", "partial_result", "agent_completed"],
    "sequence-gap": [*OPENING, "partial_result", "agent_completed"],
    "reordered": [*OPENING, "partial_result", "partial_result", "agent_completed"],
    "no-tools": ["agent_started", "agent_thinking", "agent_completed"],
    "after-the-end": [*OPENING, "agent_completed", "partial_result"],
    "slow-tool": [*OPENING, "agent_completed"],
    "stalled-run": OPENING,
}
UNFINISHED = {"lost-connection", "stalled-run"}
SENT_TWICE = {"duplicates"}
SLOW = {"slow-tool", "stalled-run"}


@pytest.fixture(scope="module")
def seen() -> dict[str, Seen]:
    """All quick scenarios, played at once by as many users."""
    async def all_at_once() -> list[Seen]:
        async with Backend() as backend:
            return await chat_all(f"{backend.url}/ws")

    return {each.scenario.name: each for each in asyncio.run(all_at_once())}


def events(seen: Seen) -> list[Received]:
    return [message for message in seen.received if message.type not in (None, "connection_ack")]


def numbers(seen: Seen) -> list[int]:
    return [message["seq"] for message in events(seen)]


QUICK = [each.name for each in QUICK_SCENARIOS]


def test_the_table_of_expectations_is_complete() -> None:
    assert set(EXPECTED) == set(SCENARIOS) == {each.name for each in SAMPLE_SCENARIOS}
    assert set(SCENARIOS) - set(QUICK) == SLOW


@pytest.mark.parametrize("name", QUICK)
def test_a_scenario_sends_just_these_events_in_this_order(name: str, seen: dict[str, Seen]) -> None:
    assert seen[name].types == EXPECTED[name]
    assert seen[name].finished == (name not in UNFINISHED)


@pytest.mark.campaign
@pytest.mark.parametrize("name", sorted(SLOW))
async def test_a_slow_scenario_sends_just_these_events_in_this_order(name: str, backend: Backend) -> None:
    seen = await play(name, backend.url)
    assert seen.types == EXPECTED[name]
    assert seen.finished == (name not in UNFINISHED)


@pytest.mark.parametrize("name", QUICK)
def test_every_event_has_a_whole_envelope(name: str, seen: dict[str, Seen]) -> None:
    own = [event for event in events(seen[name]) if event["user_id"] == seen[name].user]
    assert len(own) == len(events(seen[name])) - (name == "leak")
    assert {event["thread_id"] for event in own} == {seen[name].thread}
    assert len({event["run_id"] for event in own}) == (2 if name == "sub-agent" else 1)
    for event in own:
        assert set(event.event) >= {"type", "timestamp", "seq", "message_id", "thread_id", "run_id", "user_id", "payload"}
        assert isinstance(event["timestamp"], float)
        assert isinstance(event["payload"], dict)
        assert event.get("type", "").startswith("tool_") == ("tool_name" in event.event)
    ids = [event["message_id"] for event in own]
    assert len(ids) - len(set(ids)) == (name in SENT_TWICE)


@pytest.mark.parametrize("name", QUICK)
def test_only_the_scenarios_about_numbers_break_the_sequence(name: str, seen: dict[str, Seen]) -> None:
    found = numbers(seen[name])
    broken = {"duplicates": [1, 2, 3, 4, 5, 5, 6], "sequence-gap": [1, 2, 3, 4, 5, 7], "reordered": [1, 2, 3, 4, 6, 5, 7]}
    assert found == broken.get(name, list(range(1, len(found) + 1)))


@pytest.mark.parametrize("name", QUICK)
def test_only_a_leak_shows_a_user_what_is_not_his(name: str, seen: dict[str, Seen]) -> None:
    foreign = [event for event in events(seen[name]) if event["user_id"] != seen[name].user]
    assert [event.type for event in foreign] == (["partial_result"] if name == "leak" else [])
    assert all(event["thread_id"] != seen[name].thread for event in foreign)


@pytest.mark.parametrize("name", ["healthy", "parallel-tools", "sub-agent", "typing", "failing-agent"])
def test_every_tool_call_is_answered_within_its_run(name: str, seen: dict[str, Seen]) -> None:
    calls = {kind: [] for kind in ("tool_executing", "tool_completed", "tool_error")}
    for event in events(seen[name]):
        if event.type in calls:
            calls[event.type].append((event["run_id"], event["tool_call_id"], event["tool_name"]))
    assert sorted(calls["tool_executing"]) == sorted(calls["tool_completed"] + calls["tool_error"])
    assert len(set(calls["tool_executing"])) == len(calls["tool_executing"])


def test_calls_without_ids_have_none(seen: dict[str, Seen]) -> None:
    assert not any("tool_call_id" in event.event for event in seen["tools-without-ids"].received)


def test_a_sub_agents_run_is_nested_in_its_parents(seen: dict[str, Seen]) -> None:
    outer = [event for event in events(seen["sub-agent"]) if "parent_run_id" not in event.event]
    inner = [event for event in events(seen["sub-agent"]) if "parent_run_id" in event.event]
    assert [event.type for event in inner] == [*OPENING, "agent_completed"]
    assert [event.type for event in outer] == [*OPENING, "agent_completed"]
    assert {event["parent_run_id"] for event in inner} == {outer[0]["run_id"]}


def test_slow_scenarios_exceed_their_bounds(seen: dict[str, Seen]) -> None:
    first = next(event for event in seen["slow-start"].received if event.type == "agent_started")
    acknowledged = seen["slow-start"].received[0]
    assert first.at - acknowledged.at > 2.0
    late = next(event for event in seen["late-delivery"].received if event.type == "partial_result")
    prompt = next(event for event in seen["late-delivery"].received if event.type == "agent_started")
    assert (late.at - late["timestamp"]) - (prompt.at - prompt["timestamp"]) > 0.1


def test_a_dropped_connection_is_resumed_and_a_lost_one_is_not(seen: dict[str, Seen]) -> None:
    assert seen["dropped-connection"].connections == 2
    assert [event.connection for event in events(seen["dropped-connection"])] == [1, 1, 1, 1, 2, 2]
    assert seen["lost-connection"].connections == 1
    assert seen["lost-connection"].seconds > 3.0
    assert all(each.connections == 1 for name, each in seen.items() if name != "dropped-connection")


def test_large_and_hostile_payloads_arrive_whole(seen: dict[str, Seen]) -> None:
    large = next(event for event in seen["large"].received if event.type == "partial_result")
    assert len(large.raw) > 2**20
    text = next(event for event in seen["unicode"].received if event.type == "partial_result")
    assert text["payload"]["content"] == HOSTILE
    assert {"\x1b", "\x00", "\u202e", "\u2028"} <= set(HOSTILE)


def test_broken_messages_are_broken_in_five_ways(seen: dict[str, Seen]) -> None:
    broken = [str(message.raw) for message in seen["broken-json"].received if message.type is None]
    cut, nan, surrogate, listed, untyped = broken
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut)
    assert "NaN" in nan
    with pytest.raises(UnicodeEncodeError):
        json.loads(surrogate)["payload"]["content"].encode()
    assert isinstance(json.loads(listed), list)
    assert "type" not in json.loads(untyped)


def test_the_users_message_reaches_the_agent(seen: dict[str, Seen]) -> None:
    for each in seen.values():
        first = next(event for event in each.received if event.type == "agent_started")
        assert first["payload"]["message"] == QUESTION
