"""`wsreplay record --rotate`, as a process before a real backend."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from commandline import Recorder, chat, run

from wsreplay.demo.tokens import make_token
from wsreplay.model import Ending
from wsreplay.store import lock
from wsreplay.store.reader import Recording
from wsreplay.testing import ChatClient, connect_users


def received(client: ChatClient) -> list[bytes]:
    return [message.raw.encode() if isinstance(message.raw, str) else message.raw for message in client.received]


def recorded(path: Path, user: str) -> list[bytes]:
    """What a user was sent, by the recording."""
    with Recording.open(path) as recording:
        ids = [connection.id for connection in recording.connections() if connection.user == user]
        messages = recording.messages(connections=ids)
        return [message.payload for message in messages if message.direction and message.opcode == 1]


async def say(client: ChatClient, scenario: str = "parallel-tools") -> None:
    await client.send({"type": "chat", "thread_id": "t1", "message": "hello", "scenario": scenario})
    await client.wait_for("agent_completed", 30)


def test_connections_stay_where_they_began_and_new_ones_go_to_the_next_file(
    backend: str, record: type[Recorder], tmp_path: Path
) -> None:
    recorder = record(backend, "-l", "0", "-o", tmp_path / "chat.db", "--rotate", "1MB")

    async def main() -> None:
        async with ChatClient(f"{recorder.url}/ws", token=make_token("alice")) as alice:
            await say(alice, "large")
            await asyncio.to_thread(recorder.wait_for, r"new connections are recorded in .*chat-2\.db")
            async with ChatClient(f"{recorder.url}/ws", token=make_token("bob")) as bob:
                await say(bob)
                await say(alice)
                assert lock.is_held(tmp_path / "chat.db") and lock.is_held(tmp_path / "chat-2.db")
        async with asyncio.timeout(30):
            while lock.is_held(tmp_path / "chat.db"):  # noqa: ASYNC110 - until the first recorder has gone
                await asyncio.sleep(0.02)
        assert lock.is_held(tmp_path / "chat-2.db")
        assert recorded(tmp_path / "chat.db", "alice") == received(alice)
        assert recorded(tmp_path / "chat-2.db", "bob") == received(bob)

    asyncio.run(main())
    outcome = recorder.stop()
    assert outcome.code == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["chat-2.db", "chat.db"]
    events = 0
    for file in tmp_path.iterdir():
        with Recording.open(file) as recording:
            events += sum(recording.type_counts().values())
            assert [one.ending for one in recording.connections()] == [Ending.CLEAN]
            assert recording.runs()[0].ended_ns is not None
    assert f"{events} events" in outcome.err


def test_nothing_is_lost_while_many_chat_and_files_turn(backend: str, record: type[Recorder], tmp_path: Path) -> None:
    recorder = record(backend, "-l", "0", "-o", tmp_path / "busy.db", "--rotate", "30kB")
    users = [f"user-{number}" for number in range(12)]

    async def main() -> dict[str, list[bytes]]:
        seen: dict[str, list[bytes]] = {}
        for batch in range(4):
            names = [f"{user}-{batch}" for user in users]
            async with connect_users(f"{recorder.url}/ws", names, token_for=make_token) as clients:
                await asyncio.gather(*map(say, clients.values()))
            seen |= {user: received(client) for user, client in clients.items()}
        return seen

    seen = asyncio.run(main())
    assert recorder.stop().code == 0
    files = list(tmp_path.glob("*.db"))
    assert len(files) > 1
    for user, messages in seen.items():
        assert [recorded(file, user) for file in files if recorded(file, user)] == [messages]


def test_what_was_received_is_in_the_files_though_the_relay_is_killed(
    backend: str, record: type[Recorder], tmp_path: Path
) -> None:
    recorder = record(backend, "-l", "0", "-o", tmp_path / "chat.db", "--rotate", "1MB")

    async def main() -> tuple[ChatClient, ChatClient]:
        alice = ChatClient(f"{recorder.url}/ws", token=make_token("alice"))
        bob = ChatClient(f"{recorder.url}/ws", token=make_token("bob"))
        await alice.connect()
        await say(alice, "large")
        await asyncio.to_thread(recorder.wait_for, r"new connections are recorded in .*chat-2\.db")
        await bob.connect()
        for client in (alice, bob):
            await client.send({"type": "chat", "thread_id": "t2", "message": "hello"})
            await client.wait_for("agent_thinking")
        recorder.process.kill()
        for client in (alice, bob):
            await client.wait_closed(30)
        return alice, bob

    alice, bob = asyncio.run(main())
    for client, user, file in [(alice, "alice", "chat.db"), (bob, "bob", "chat-2.db")]:
        deadline = time.monotonic() + 30
        while lock.is_held(tmp_path / file) and time.monotonic() < deadline:
            time.sleep(0.02)
        seen = received(client)
        assert recorded(tmp_path / file, user)[: len(seen)] == seen


def test_a_recording_turns_after_a_time_but_not_while_nothing_happens(
    backend: str, record: type[Recorder], tmp_path: Path
) -> None:
    recorder = record(backend, "-l", "0", "-o", tmp_path / "hourly.db", "--rotate", "1s")
    chat(recorder.url)
    recorder.wait_for(r"new connections are recorded in .*hourly-2\.db")
    chat(recorder.url)
    recorder.wait_for(r"new connections are recorded in .*hourly-3\.db")
    recorder.stop()
    with Recording.open(tmp_path / "hourly-3.db") as recording:
        assert recording.connections() == []
    assert not (tmp_path / "hourly-4.db").exists()


def test_each_file_is_judged(backend: str, record: type[Recorder], tmp_path: Path) -> None:
    recorder = record(backend, "-l", "0", "-o", tmp_path / "chat.db", "--rotate", "30kB", "-c", "agent-chat")
    chat(recorder.url, "missing-event")
    chat(recorder.url, "large")
    recorder.wait_for("new connections are recorded in")
    chat(recorder.url, "healthy")
    recorder.wait_for_followers(tmp_path / "chat.db", tmp_path / "chat-2.db")
    outcome = recorder.stop()
    assert outcome.code == 1
    assert outcome.out.count("agent-chat v1") == 2


def test_where_the_next_file_cannot_be_written_recording_goes_on(
    backend: str, record: type[Recorder], tmp_path: Path
) -> None:
    recorder = record(backend, "-l", "0", "-o", tmp_path / "chat.db", "--rotate", "10kB")
    (tmp_path / "chat-2.db-lock").mkdir()  # in the way of its lock
    chat(recorder.url, "large", "alice")
    recorder.wait_for(r"recording continues in .*chat\.db: .*chat-2\.db")
    chat(recorder.url, "healthy", "bob")
    assert recorder.stop().code == 0
    assert recorded(tmp_path / "chat.db", "bob") != []


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ("often", "is neither a size nor a duration"), ("0s", "cannot be rotated at 0"),
        ("10", "write a unit, as in 100MB, 15m or 1h"), ("xB", "is neither a size nor a duration"),
    ],
)
def test_a_limit_that_is_none_is_said_to_be_so(limit: str, says: str, tmp_path: Path) -> None:
    outcome = run("record", "ws://127.0.0.1:1", "-o", tmp_path / "never.db", "--rotate", limit)
    assert outcome.code == 2
    assert says in outcome.err
