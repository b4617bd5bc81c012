"""Ids in the targets of handshakes, and those that no key finds, are followed by their value."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from wsreplay.contract import load, loads
from wsreplay.contract.identities import IdMap
from wsreplay.diff.diff import DiffOptions, diff
from wsreplay.replay.client import ClientOptions, Load, ReplayClient
from wsreplay.replay.player import Pace
from wsreplay.replay.server import ReplayServer, ServerOptions
from wsreplay.replay.targets import learn_target, map_target, split_template
from wsreplay.store.reader import Recording

SAMPLES = Path(__file__).parents[2] / "recordings" / "samples"
MINTED = re.compile(rb'"((?:sess|item|resp|event|call|msg|fc)_[\w-]+)"(?!\s*:)')
FAST = Pace(float("inf"), timeout_s=5)
Write = Callable[..., Path]
CLOSES = [(90, "c2s", b"\x03\xe8", 8), (91, "s2c", b"\x03\xe8", 8)]
CONTRACT = loads("contract: c\nenvelope: {type: $.type}\nkeys: {thread: [$.thread_id], response: [$.response.id]}\nrules: []")


def test_a_known_id_in_a_target_stands_for_its_partner() -> None:
    ids = IdMap()
    ids.learn("thread", "t-1", "a/b")
    ids.learn("number", "7", "8")
    assert map_target("/ws/t-1/7?thread=t-1&n=7&x", ids) == "/ws/a%2Fb/7?thread=a%2Fb&n=7&x"
    assert map_target("/ws", ids) == "/ws"


@pytest.mark.parametrize(
    ("recorded", "live", "alike", "learned"),
    [
        ("/ws/t-1", "/ws/mine", True, "mine"), ("/ws/t-1?x=1", "/ws/t-1?x=2", True, None),
        ("/ws/other", "/ws/mine", False, None),
        ("/ws?thread=t-1", "/ws?thread=my%20own", True, "my own"), ("/ws/t-1", "/ws/mine/more", False, "mine"),
    ],
)  # fmt: skip
def test_what_stands_in_the_place_of_an_id_stands_for_it(recorded: str, live: str, alike: bool, learned: str | None) -> None:
    ids = IdMap()
    assert learn_target(recorded, live, {"t-1"}, ids) is alike
    assert ids.by_value("t-1") == learned


def test_a_template_is_the_path_behind_the_backend() -> None:
    assert split_template("ws://localhost:8000/a") == ("ws://localhost:8000/a", None)
    assert split_template("ws://localhost:8000/a/{user}?n={n}") == ("ws://localhost:8000", "/a/{user}?n={n}")
    assert split_template("localhost:8000/{id}") == ("localhost:8000", "/{id}")


async def test_a_client_s_own_id_in_its_path_is_in_what_it_hears(write: Write) -> None:
    story = [(1, "s2c", {"type": "hello", "thread_id": "t-1", "note": ["t-1"]}), *CLOSES]
    path = write("a.db", story, facts=[{"path": "/ws/t-1"}])
    async with ReplayServer(path, CONTRACT, ServerOptions(pace=FAST)) as server:
        async with connect(f"{server.url}/ws/mine-9") as client:
            assert orjson.loads(await client.recv()) == {"type": "hello", "thread_id": "mine-9", "note": ["mine-9"]}
        await server.wait_played()
        assert server.mismatches == []


async def _mint(websocket: ServerConnection) -> None:
    """A backend that makes an id of its own for each answer, and wants the last one back."""
    last: str | None = None
    async for text in websocket:
        asked = orjson.loads(text)
        assert asked.get("previous_response_id") == last, asked
        last = f"resp-{id(websocket)}-{asked['n']}"
        await websocket.send(orjson.dumps({"type": "done", "response": {"id": last}, "output": [{"of": last}]}).decode())


def minted(write: Write, prefix: str) -> Path:
    def answer(n: int) -> dict[str, Any]:
        return {"type": "done", "response": {"id": f"{prefix}-{n}"}, "output": [{"of": f"{prefix}-{n}"}]}

    return write(
        f"{prefix}.db",
        [
            (1, "c2s", {"type": "ask", "n": 1}), (2, "s2c", answer(1)),
            (3, "c2s", {"type": "ask", "n": 2, "previous_response_id": f"{prefix}-1"}), (4, "s2c", answer(2)), *CLOSES,
        ],
    )  # fmt: skip


async def test_what_the_server_minted_is_sent_back_to_it_and_is_no_difference(write: Write, tmp_path: Path) -> None:
    path, out = minted(write, "old"), tmp_path / "again.db"
    async with serve(_mint, "127.0.0.1", 0) as backend:
        port = backend.sockets[0].getsockname()[1]
        async with ReplayClient(path, f"ws://127.0.0.1:{port}", out, CONTRACT, ClientOptions(pace=FAST)) as client:
            result = await client.run()
    assert result.mismatches == []
    with Recording.open(path) as before, Recording.open(out) as after:
        assert diff(before, after, CONTRACT).same


def test_another_id_than_the_one_that_stands_there_is_a_difference(write: Write) -> None:
    with Recording.open(minted(write, "old")) as before, Recording.open(minted(write, "new")) as after:
        assert diff(before, after, CONTRACT).same
    story = [
        (1, "c2s", {"type": "ask", "n": 1}), (2, "s2c", {"type": "done", "response": {"id": "x-1"}, "output": [{"of": "x-1"}]}),
        (3, "c2s", {"type": "ask", "n": 2, "previous_response_id": "x-0"}),
        (4, "s2c", {"type": "done", "response": {"id": "x-2"}, "output": [{"of": "x-1"}]}), *CLOSES,
    ]  # fmt: skip
    with Recording.open(minted(write, "old")) as before, Recording.open(write("wrong.db", story)) as after:
        (session,) = diff(before, after, CONTRACT).sessions
        changed = {change.path for row in session.differences for change in row.fields}
    assert changed == {"$.previous_response_id", "$.output[0].of"}


async def test_each_user_of_a_load_has_a_path_of_its_own(write: Write, tmp_path: Path) -> None:
    came: list[str] = []

    async def answer(websocket: ServerConnection) -> None:
        assert websocket.request is not None
        came.append(websocket.request.path)
        async for text in websocket:
            await websocket.send(text)

    path = write("a.db", [(1, "c2s", {"type": "a"}), (2, "s2c", {"type": "a"}), *CLOSES])
    async with serve(answer, "127.0.0.1", 0) as backend:
        port = backend.sockets[0].getsockname()[1]
        options = ClientOptions(pace=FAST, load=Load(2))
        async with ReplayClient(path, f"ws://127.0.0.1:{port}/ws/{{user}}", tmp_path / "o.db", load("none"), options) as client:
            result = await client.run()
    assert (sorted(came), result.mismatches) == (["/ws/user-1", "/ws/user-2"], [])


def test_heartbeats_and_numbers_of_requests_are_no_difference(write: Write) -> None:
    def talk(name: str, *numbers: int, beats: int) -> Path:
        asked = [
            line
            for n in numbers
            for line in ((n, "c2s", b'42%d["a",1]' % n), (n, "s2c", b'43%d[2]' % n))
        ]
        beat = [(100 + n, "s2c", b"2") for n in range(beats)]
        return write(name, [*asked, *beat, *((at + 900, *rest) for at, *rest in CLOSES)])

    def rpc(name: str, *numbers: int) -> Path:
        lines = [
            line
            for n in numbers
            for line in (
                (n, "c2s", {"jsonrpc": "2.0", "id": n, "method": "a"}), (n, "s2c", {"jsonrpc": "2.0", "id": n, "result": {}}),
            )
        ]  # fmt: skip
        return write(name, [*lines, *((at + 900, *rest) for at, *rest in CLOSES)])

    for a, b in (
        (talk("a.db", 1, 2, beats=3), talk("b.db", 5, 6, beats=1)), (rpc("c.db", 1, 2), rpc("d.db", 7, 8)),
    ):  # fmt: skip
        with Recording.open(a) as before, Recording.open(b) as after:
            assert diff(before, after, load("none")).same


def minted_anew(path: Path, out: Path) -> Path:
    """A copy of a recording in which every id is another one."""
    shutil.copy(path, out)
    with sqlite3.connect(out) as database:
        frames = database.execute("SELECT id, payload FROM frame WHERE opcode = 1").fetchall()
        database.executemany(
            "UPDATE frame SET payload = ? WHERE id = ?",
            [(MINTED.sub(rb'"\1-again"', bytes(payload)), id) for id, payload in frames],
        )
    database.close()
    return out


@pytest.mark.parametrize(
    "path", sorted(path for name in ("openai-realtime", "openai-responses") for path in (SAMPLES / name).glob("*.db"))
)
async def test_other_ids_of_a_service_are_no_difference(path: Path, tmp_path: Path) -> None:
    contract, out = load(path.parent.name), tmp_path / "out.db"
    other = minted_anew(path, tmp_path / "other.db")
    async with (
        ReplayServer(other, contract, ServerOptions(pace=FAST)) as server,
        ReplayClient(path, server.url, out, contract, ClientOptions(pace=FAST)) as client,
    ):
        result = await client.run()
    assert result.mismatches == server.mismatches == []
    with Recording.open(path) as before, Recording.open(out) as after:
        differences = diff(before, after, contract, DiffOptions(timeless=True))
        assert differences.same, [row for session in differences.sessions for row in session.differences]
        assert any(b"-again" in frame.payload for frame in after.frames())
