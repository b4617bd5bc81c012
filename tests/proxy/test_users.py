"""Whose a connection is, as the recorder is told, and as a recording is read anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from wsreplay.contract import load
from wsreplay.errors import UsageError
from wsreplay.proxy.proxy import Options, RecordingProxy
from wsreplay.store.reader import Recording
from wsreplay.trace.identity import parse_user_source
from wsreplay.validator import judge


async def answer(connection: ServerConnection) -> None:
    await connection.recv()


async def record(path: Path, *users: str, at: str = "/ws", headers: dict[str, str] | None = None) -> None:
    async with serve(answer, "127.0.0.1", 0) as backend:
        port = backend.sockets[0].getsockname()[1]
        async with (
            RecordingProxy(f"ws://127.0.0.1:{port}", path, Options(users=users)) as proxy,
            connect(f"{proxy.url}{at}", additional_headers=headers, proxy=None) as client,
        ):
            await client.send('{"type": "chat", "user": {"id": "cid"}}')


@pytest.mark.parametrize(
    ("where", "user"),
    [("header:X-Account", "ann"), ("query:account", "bob"), ("path:/{user}", "ws"), ("claim:account", None)],
)
async def test_the_recorder_takes_users_from_where_it_is_told(where: str, user: str | None, tmp_path: Path) -> None:
    await record(tmp_path / "a.db", where, at="/ws?account=bob", headers={"X-Account": "ann"})
    with Recording.open(tmp_path / "a.db") as recording:
        assert [connection.user for connection in recording.connections()] == [user]


async def test_a_place_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not say where to find the user"):
        async with RecordingProxy("ws://127.0.0.1:1", tmp_path / "a.db", Options(users=["nowhere"])):
            pass


async def test_a_recording_is_judged_by_users_that_stand_elsewhere(tmp_path: Path) -> None:
    await record(tmp_path / "a.db", at="/ws?account=bob")
    contract = load("agent-chat")
    with Recording.open(tmp_path / "a.db") as recording:
        assert judge(recording, contract).notes == ()
        from_url = judge(recording, contract.identified_by(parse_user_source("query:account")))
        from_message = judge(recording, contract.identified_by(parse_user_source("$.user.id")))
    assert [finding.message.split(" ")[0] for finding in from_url.findings] == ["agent_started"]
    assert from_url.users == {}
    assert from_message.users == {1: "cid"}
