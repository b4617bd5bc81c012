"""Where a test has the events in its hands already, the contract judges them as they come: no proxy, no recording."""

from __future__ import annotations

from collections.abc import Callable

from wsreplay.testing import ChatClient, EventCapture, EventValidator, connect_users


def test_events_from_anywhere() -> None:
    validator = EventValidator("agent-chat")
    for kind in ("agent_started", "agent_thinking", "tool_executing", "agent_completed"):
        call = {"tool_call_id": "c1"} if kind == "tool_executing" else {}
        validator.record({"type": kind, "thread_id": "t1", **call})
    assert validator.validate() == "violated"
    assert "tool_completed" in validator.report()


async def test_events_of_a_client(backend: str, token_for: Callable[[str], str]) -> None:
    validator = EventValidator("agent-chat")
    async with ChatClient(backend, token=token_for("alice"), observe=validator.stream("alice")) as client:
        await client.send({"type": "chat", "thread_id": "t1", "message": "hello"})
        await client.wait_for("agent_completed")
        assert validator.findings == ()  # nothing so far
    assert validator.validate() == "satisfied", validator.report()


async def test_isolation_of_several_clients(backend: str, token_for: Callable[[str], str]) -> None:
    validator = EventValidator("agent-chat")
    async with connect_users(backend, ["alice", "bob", "carol"], token_for=token_for, validator=validator) as clients:
        for user, client in clients.items():
            await client.send({"type": "chat", "thread_id": user, "message": "hello"})
        for client in clients.values():
            await client.wait_for("agent_completed")
    validator.assert_valid()


async def test_captured_events_and_their_times(backend: str, token_for: Callable[[str], str]) -> None:
    capture = EventCapture()
    async with ChatClient(backend, token=token_for("alice")) as client:
        await client.send({"type": "chat", "thread_id": "t1", "message": "hello"})
        while not capture.count("agent_completed"):
            capture.capture((await client.receive()).event)
    assert capture.threads() == ["t1"]
    assert capture.counts("t1")["tool_executing"] == 1
    assert 0 < capture.between("tool_executing", "tool_completed") < 10
