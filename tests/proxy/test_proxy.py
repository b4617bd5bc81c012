"""The proxy as a library, on both event loops: how it starts, what it refuses, what it leaves in the file."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import stat
from collections.abc import Awaitable, Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import jwt
import orjson
import pytest
import uvloop
from loops import LOOPS
from rawpeers import Listener
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from recordings import checked
from wsreplay.errors import NewerSchema, NotARecording, RecordingInUse, UsageError, WsreplayError
from wsreplay.proxy.callbacks import Callbacks
from wsreplay.proxy.proxy import Options, RecordingProxy
from wsreplay.recorder.protocol import ConnectionEnded, ConnectionOpened
from wsreplay.store.reader import Recording

Run = Callable[[Awaitable[None]], None]


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    return uvloop.run if request.param == "uvloop" else asyncio.run  # type: ignore[return-value]


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def _echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


def test_a_chat_is_recorded_and_told_of(tmp_path: Path, run: Run) -> None:
    opened: list[ConnectionOpened] = []
    ended: list[ConnectionEnded] = []

    async def main() -> None:
        callbacks = Callbacks(opened=opened.append, ended=ended.append)
        async with serve(_echo, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            async with RecordingProxy(f"ws://127.0.0.1:{port}", tmp_path / "a.db", Options(callbacks=callbacks)) as proxy:
                proxy.mark("before")
                async with connect(f"{proxy.url}/chat?token=hush") as client:
                    for number in range(50):
                        await client.send(orjson.dumps({"type": "n", "number": number}).decode())
                        await client.recv()
                    assert proxy.open_connections == 1
                proxy.mark("after \ud800 it")
            assert proxy.summary is not None
            assert proxy.summary.closed
            assert proxy.totals.frames == 102
            assert proxy.totals.events == 100

    run(main())
    recorded = checked(tmp_path / "a.db")
    assert recorded.frames == 102
    (connection,) = recorded.connections
    assert (str(connection.ending), connection.close_code, connection.closed_by) == ("clean", 1000, "client")
    assert connection.extensions is not None
    assert connection.extensions.startswith("permessage-deflate")
    assert [one.path for one in opened] == [one.path for one in ended] == [connection.path]
    assert "hush" not in connection.path
    assert ended[0].frames == 102
    with Recording.open(tmp_path / "a.db") as recording:
        assert [mark.note for mark in recording.marks()] == ["before", "after ? it"]
        (one_run,) = recording.runs()
        assert one_run.ended_ns is not None
        times = [frame.t_ns for frame in recording.frames()]
        assert times == sorted(times)
        assert connection.opened_ns <= times[0] <= times[-1] <= (connection.closed_ns or 0) <= one_run.ended_ns


def test_runs_append_one_behind_the_other(tmp_path: Path, run: Run) -> None:
    async def main() -> None:
        async with serve(_echo, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            for _ in range(3):
                async with RecordingProxy(f"ws://127.0.0.1:{port}", tmp_path / "a.db") as proxy, connect(proxy.url) as client:
                    await client.send("x")
                    await client.recv()

    run(main())
    with Recording.open(tmp_path / "a.db") as recording:
        runs, connections = recording.runs(), recording.connections()
    assert [(one.id, one.recording_id) for one in connections] == [(1, 1), (2, 2), (3, 3)]
    for before, after in pairwise(runs):
        assert before.ended_ns is not None
        assert after.start_ns >= before.ended_ns
    assert checked(tmp_path / "a.db").frames == 3 * 4


def test_a_quiet_connection_is_known_to_have_lasted(tmp_path: Path) -> None:
    async def main() -> None:
        async with serve(_echo, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            async with RecordingProxy(f"ws://127.0.0.1:{port}", tmp_path / "a.db") as proxy, connect(proxy.url):
                reached = 0
                while reached < 1_000_000_000:
                    await asyncio.sleep(0.2)
                    with Recording.open(tmp_path / "a.db") as recording:
                        assert recording.live
                        reached = recording.reached_ns()

    uvloop.run(main())


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA application_id = 0x77737231")
        db.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    "what", ["no recording", "newer", "no folder", "a folder", "bad field", "no certificate", "a key only"]
)
def test_what_cannot_be_is_refused_before_anything_listens(tmp_path: Path, run: Run, what: str) -> None:
    path, options, expected = tmp_path / "a.db", Options(), UsageError
    if what == "no recording":
        path.write_text("dear diary, today I wrote no SQLite file")
        expected = NotARecording
    elif what == "newer":
        _newer(path)
        expected = NewerSchema
    elif what == "no folder":
        path = tmp_path / "no" / "a.db"
    elif what == "a folder":
        path.mkdir()
    elif what == "bad field":
        options = Options(redact=["password"])
    elif what == "no certificate":
        options = Options(tls_cert=tmp_path / "cert.pem")
    else:
        options = Options(tls_key=tmp_path / "key.pem")
    before = sorted(tmp_path.rglob("*"))
    content = path.read_bytes() if path.is_file() else b""
    seen: list[WsreplayError] = []

    async def main() -> None:
        try:
            async with RecordingProxy("ws://127.0.0.1:1", path, options):
                pass
        except WsreplayError as error:
            seen.append(error)

    run(main())
    assert seen
    # The recorder says so from its own process: the exit code tells the kind.
    assert seen[0].exit_code == expected.exit_code
    assert str(seen[0]).strip()
    assert sorted(tmp_path.rglob("*")) == before
    assert (path.read_bytes() if path.is_file() else b"") == content


def test_a_port_in_use_is_refused_and_the_file_is_not_made(tmp_path: Path, run: Run, listener: Listener) -> None:
    async def main() -> None:
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{listener.port}: .*address.*in use"):
            await RecordingProxy("ws://127.0.0.1:1", tmp_path / "a.db", Options(port=listener.port)).start()
        with pytest.raises(UsageError, match="port"):
            await RecordingProxy("ws://127.0.0.1:1", tmp_path / "a.db", Options(port=70_000)).start()

    run(main())
    assert list(tmp_path.iterdir()) == []


def test_a_second_recorder_of_the_same_file_is_refused(tmp_path: Path, run: Run) -> None:
    async def main() -> None:
        async with RecordingProxy("ws://127.0.0.1:1", tmp_path / "a.db"):
            with pytest.raises(RecordingInUse, match="another recorder"):
                await RecordingProxy("ws://127.0.0.1:1", tmp_path / "a.db").start()

    run(main())
    assert [file.name for file in tmp_path.iterdir()] == ["a.db"]


def test_who_connects_while_the_proxy_stops_is_not_relayed(tmp_path: Path, run: Run, listener: Listener) -> None:
    async def main() -> None:
        async with RecordingProxy(f"ws://127.0.0.1:{listener.port}", tmp_path / "a.db") as proxy:
            late = socket.create_connection(("127.0.0.1", proxy.port))
            late.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        late.settimeout(60)
        try:
            assert late.recv(1) == b""
        except ConnectionError:
            pass
        late.close()

    run(main())
    listener.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        listener.take()


def test_no_secret_reaches_the_file(tmp_path: Path, run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    """Looked for in the raw bytes of the database, its WAL and its free pages, while it grows and when it is closed."""
    names = "header", "cookie", "query", "referer", "sub", "userinfo", "field", "frag", "set", "broken", "unfinished"
    secrets = {name: f"s3cret-{name}-{os.urandom(6).hex()}" for name in names}
    token = jwt.encode({"sub": "u1"}, secrets["sub"] * 2)
    told: list[str] = []

    def look() -> None:
        raw = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        found = {name for name, secret in secrets.items() if secret.encode() in raw}
        assert not found
        assert token.encode() not in raw

    async def handler(connection: ServerConnection) -> None:
        assert connection.request is not None
        assert connection.request.headers["Authorization"] == f"Bearer {secrets['header']}"
        await connection.send(orjson.dumps({"type": "hello", "password": secrets["field"]}).decode())
        await connection.send(['{"type": "pieces", "password": "', secrets["frag"], '"}'])
        await connection.send(f"no JSON, but {secrets['broken']}")
        async for _ in connection:
            await connection.send("[]")

    async def main() -> None:
        callbacks = Callbacks(opened=lambda one: told.append(str(one)), ended=lambda one: told.append(str(one)))
        options = Options(redact=["$.password"], callbacks=callbacks)
        protocols = [Subprotocol(f"jwt.{token}"), Subprotocol("chat")]
        headers = {"Authorization": f"Bearer {secrets['header']}", "Cookie": f"session={secrets['cookie']}",
                   "Referer": f"http://h/?access_token={secrets['referer']}"}  # fmt: skip
        async with serve(
            handler, "127.0.0.1", 0, subprotocols=[protocols[0]],
            process_response=lambda _, __, response: response.headers.update({"Set-Cookie": f"a={secrets['set']}"}),
        ) as server:  # fmt: skip
            port = next(iter(server.sockets)).getsockname()[1]
            upstream = f"ws://me:{secrets['userinfo']}@127.0.0.1:{port}"
            async with RecordingProxy(upstream, tmp_path / "a.db", options) as proxy:
                url = f"{proxy.url}/ws?token={secrets['query']}"
                async with connect(url, additional_headers=headers, subprotocols=protocols, compression=None) as client:
                    for _ in range(3):
                        await client.recv()
                    half = client.transport
                    await client.send("{}")
                    await client.recv()
                    half.write(b"\x01\x7e\x10\x00" + secrets["unfinished"].encode())
                    sent = proxy.totals.bytes
                    await _until(lambda: proxy.totals.bytes > sent and not proxy.unsettled)
                    look()
                    half.abort()

    run(main())
    look()
    out, err = capfd.readouterr()
    assert not any(secret in text for text in (out, err, *told) for secret in secrets.values())
    assert stat.S_IMODE((tmp_path / "a.db").stat().st_mode) == 0o600
    with Recording.open(tmp_path / "a.db") as recording:
        (connection,) = recording.connections()
        assert connection.user == "u1"
        assert connection.path.startswith("/ws?token=redacted:")
        passwords = [orjson.loads(message.payload)["password"] for message in list(recording.messages())[:2]]
        assert all(password.startswith("redacted:") for password in passwords)
        assert any(gap.reason.startswith("withheld") for gap in recording.gaps())
