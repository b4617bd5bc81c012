"""Other protocols are played as plain JSON is: named, matched and given their ids by their decoders."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect

from tests.decode.conftest import EXAMPLES, jupyter_v1
from wsreplay.contract import load, loads
from wsreplay.contract.identities import fields_of
from wsreplay.decode import BINARY, TEXT, CannotEncode, get_decoder, heartbeat_of
from wsreplay.diff.diff import diff
from wsreplay.replay.content import ENVELOPE, ContentReader, Namer
from wsreplay.replay.player import Pace
from wsreplay.replay.server import ReplayServer, ServerOptions
from wsreplay.store.reader import Recording

FAST = Pace(float("inf"))
Write = Callable[..., Path]
CLOSES = [(90, "c2s", b"\x03\xe8", 8), (91, "s2c", b"\x03\xe8", 8)]


def lines(messages: list[tuple[int, int, bytes]]) -> list[Any]:
    return [(10 * at, ("c2s", "s2c")[direction], payload, opcode) for at, (direction, opcode, payload) in enumerate(messages)]


@pytest.mark.parametrize("name", sorted(EXAMPLES))
async def test_each_protocol_is_played_against_itself(
    name: str, write: Write, play_again: Callable[..., Awaitable[Any]]
) -> None:
    contract = load("none").read_by(name)
    path = write(f"{name}.db", [*lines(EXAMPLES[name]), *[(1_000 + at, *rest) for at, *rest in CLOSES]])
    out, result, server = await play_again(path, contract=contract)
    assert (result.mismatches, server.mismatches, result.lost) == ([], [], [])
    with Recording.open(path) as before, Recording.open(out) as after:
        assert diff(before, after, contract).same


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_what_is_written_with_nothing_changed_is_the_same_message(name: str) -> None:
    decoder = get_decoder(name)
    reader = ContentReader(decoder, fields_of(None))
    for direction, opcode, payload in EXAMPLES[name]:
        content = reader.read(direction, opcode, payload)
        assert content.documents == tuple(part.document for part in decoder.parse(direction, opcode, payload))
        assert reader.write(direction, opcode, payload, content, []) == payload


async def _ask(url: str, *messages: str | bytes, path: str = "/ws") -> list[str | bytes]:
    """What comes back until the connection is closed, or as many messages as were sent."""
    async with connect(f"{url}{path}", compression=None) as client:
        return await _said(client, *messages)


async def _said(client: ClientConnection, *messages: str | bytes) -> list[str | bytes]:
    answers = []
    for message in messages:
        await client.send(message)
        answers.append(await client.recv())
    return answers


async def test_an_answer_has_the_number_that_the_client_gave_its_request(write: Write) -> None:
    ask, answer = {"jsonrpc": "2.0", "id": 3, "method": "a"}, {"jsonrpc": "2.0", "id": 3, "result": {"x": 1}}
    other = [{"jsonrpc": "2.0", "id": 4, "method": "b"}, {"jsonrpc": "2.0", "id": 4, "error": {"code": 1}}]
    path = write("a.db", [(1, "c2s", ask), (2, "s2c", answer), (3, "c2s", other[0]), (4, "s2c", other[1]), *CLOSES])
    async with ReplayServer(path, load("none"), ServerOptions(pace=FAST)) as server:
        said = await _ask(server.url, '{"jsonrpc":"2.0","id":17,"method":"a"}', '{"jsonrpc":"2.0","id":"x-9","method":"b"}')
        assert [orjson.loads(text) for text in said] == [answer | {"id": 17}, other[1] | {"id": "x-9"}]
        await server.wait_played()
        assert server.mismatches == []


async def test_the_requests_of_both_sides_are_counted_apart(write: Write) -> None:
    story = [
        (1, "c2s", {"jsonrpc": "2.0", "id": 1, "method": "initialize"}),
        (2, "s2c", {"jsonrpc": "2.0", "id": 1, "method": "workspace/configuration"}),
        (3, "c2s", {"jsonrpc": "2.0", "id": 1, "result": []}),
        (4, "s2c", {"jsonrpc": "2.0", "id": 1, "result": {}}),
        *CLOSES,
    ]
    async with ReplayServer(write("a.db", story), load("none"), ServerOptions(pace=FAST)) as server:
        asked, answered = await _ask(
            server.url, '{"jsonrpc":"2.0","id":7,"method":"initialize"}', '{"jsonrpc":"2.0","id":1,"result":[]}'
        )
        assert orjson.loads(asked)["id"] == 1 and orjson.loads(answered)["id"] == 7
        await server.wait_played()
        assert server.mismatches == []


async def test_an_acknowledgement_of_socket_io_has_the_client_s_number(write: Write) -> None:
    story = [(1, "c2s", b'4212["chat",{"text":"hi"}]'), (2, "s2c", b'4312[{"ok":true}]'), *CLOSES]
    async with ReplayServer(write("a.db", story), load("none"), ServerOptions(pace=FAST)) as server:
        assert await _ask(server.url, '420["chat",{"text":"hello"}]') == ['430[{"ok":true}]']


async def test_ids_inside_other_protocols_follow_the_client(write: Write) -> None:
    story = [
        (1, "c2s", b'42["chat",{"thread_id":"t1","message":"hi"}]'),
        (2, "s2c", b'42["agent_started",{"thread_id":"t1"}]'),
        *CLOSES,
    ]
    async with ReplayServer(write("a.db", story), load("agent-chat"), ServerOptions(pace=FAST)) as server:
        said = await _ask(server.url, '42["chat",{"thread_id":"mine","message":"hi"}]')
        assert said == ['42["agent_started",{"thread_id":"mine"}]']


async def test_bytes_are_encoded_again(write: Write) -> None:
    def pack(**members: Any) -> bytes:
        return msgspec.msgpack.encode(members)

    story = [
        (1, "c2s", pack(type="chat", thread_id="t1"), 2),
        (2, "s2c", pack(type="agent_started", thread_id="t1", raw=b"\x00"), 2),
        *CLOSES,
    ]
    async with ReplayServer(write("a.db", story), load("agent-chat"), ServerOptions(pace=FAST)) as server:
        (said,) = await _ask(server.url, pack(type="chat", thread_id="mine"))
        assert msgspec.msgpack.decode(said) == {"type": "agent_started", "thread_id": "mine", "raw": b"\x00"}


async def test_an_id_of_the_server_is_followed_by_value(write: Write) -> None:
    """No key looks at `previous_id`, nor into the list."""
    contract = loads("contract: c\nenvelope: {type: $.type}\nkeys: {response: [$.response.id]}\nrules: []")
    first = {"type": "created", "response": {"id": "resp-1"}}
    story = [
        (1, "c2s", {"type": "create", "response": {"id": "resp-1"}}), (2, "s2c", first),
        (3, "c2s", {"type": "next", "previous_id": "resp-1"}),
        (4, "s2c", {"type": "done", "before": ["resp-1"], "text": "see resp-1", "kind": "1"}), *CLOSES,
    ]  # fmt: skip
    async with ReplayServer(write("a.db", story), contract, ServerOptions(pace=FAST)) as server:
        mine = ['{"type":"create","response":{"id":"mine-7"}}', '{"type":"next","previous_id":"mine-7"}']
        _, done = await _ask(server.url, *mine)
        assert orjson.loads(done) == {"type": "done", "before": ["mine-7"], "text": "see resp-1", "kind": "1"}


async def test_a_heartbeat_is_answered_whenever_it_comes_and_never_waited_for(write: Write) -> None:
    story = [(1, "s2c", b"2"), (2, "c2s", b"3"), (3, "c2s", b'42["a",1]'), (4, "s2c", b'42["b",1]'), *CLOSES]
    async with ReplayServer(write("a.db", story), load("none"), ServerOptions(pace=FAST)) as server:
        async with connect(f"{server.url}/ws", compression=None) as client:
            assert await client.recv() == "2"  # and it is not answered
            await client.send("2")
            assert await client.recv() == "3"
            assert await _said(client, '42["a",1]') == ['42["b",1]']
        await server.wait_played()
        assert server.mismatches == []


REPLY = b'[null,"5","phoenix","phx_reply",{"status":"ok","response":{}}]'
HEARTBEATS = [
    ("socket.io", 1, b"2", b"3", False), ("socket.io", 0, b"3", None, True), ("socket.io", 0, b'42["a"]', None, None),
    ("graphql", 0, b'{"type":"ping"}', b'{"type":"pong"}', False), ("graphql", 1, b'{"type":"pong"}', None, True),
    ("graphql", 1, b'{"type":"next"}', None, None), ("actioncable", 1, b'{"type":"ping","message":1}', None, False),
    ("phoenix", 0, b'[null,"5","phoenix","heartbeat",{}]', REPLY, False), ("phoenix", 1, REPLY, None, True),
    ("phoenix", 1, b'[null,"5","room","phx_reply",{}]', None, None), ("json-rpc", 0, b'{"jsonrpc":"2.0"}', None, None),
    ("signalr", 1, b'{"type":6}\x1e', None, False), ("stomp", 0, b"\n", None, False), ("sockjs", 1, b"h", None, False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "direction", "payload", "answer", "is_answer"), HEARTBEATS)
def test_heartbeats(name: str, direction: int, payload: bytes, answer: bytes | None, is_answer: bool | None) -> None:
    beat = heartbeat_of(get_decoder(name), direction, TEXT, payload)
    assert (beat is None) == (is_answer is None)
    if beat is not None:
        assert (beat.answer, beat.is_answer) == (answer, is_answer)


def test_ids_stand_in_each_event_and_beside_the_document() -> None:
    fields = fields_of(None, ["$.thread"])
    batch = ContentReader(get_decoder("json"), fields).read(1, TEXT, b'[{"type":"a","thread":"x"},{"type":"b","thread":"y"}]')
    assert batch.ids == [("$.thread", (0, "thread"), "x"), ("$.thread", (1, "thread"), "y")]
    packet = ContentReader(get_decoder("socket.io"), fields).read(0, TEXT, b'427["a",{"thread":"x"}]')
    assert packet.ids == [("request", ENVELOPE, "/#7"), ("$.thread", ("thread",), "x")]
    reply = ContentReader(get_decoder("phoenix"), fields_of(None, ["$[4].id"])).read(1, TEXT, b'["1","2","t","e",{"id":"z"}]')
    assert [value for _, _, value in reply.ids] == ["1", "2", "z"]


def test_a_binary_message_keeps_what_is_no_document() -> None:
    payload = jupyter_v1("iopub", b'{"msg_id":"m2","msg_type":"status"}', b'{"msg_id":"m1"}', b"{}", b"{}", b"raw bytes")
    reader = ContentReader(get_decoder("jupyter"), fields_of(None))
    content = reader.read(1, BINARY, payload)
    written = reader.write(1, BINARY, payload, content, [(("parent_header", "msg_id"), "m1", "new-1")])
    assert written.endswith(b"raw bytes") and reader.read(1, BINARY, written).documents[0]["parent_header"]["msg_id"] == "new-1"


def test_names_are_those_of_all_events() -> None:
    namer = Namer(get_decoder("json-rpc"))
    assert namer.name(0, TEXT, b'[{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","method":"b"}]') == "a + b"
    assert namer.name(1, TEXT, b'{"jsonrpc":"2.0","id":1,"result":1}') == "a:result"
    assert namer.name(1, TEXT, b"nothing") is None and namer.name(1, 9, b"") is None


SEEDS = [message for messages in EXAMPLES.values() for message in messages]
EDITS = st.lists(st.tuples(st.integers(0, 300), st.binary(max_size=2)), max_size=4)


@given(st.sampled_from(SEEDS), EDITS)
def test_whatever_comes_nothing_is_raised(seed: tuple[int, int, bytes], edits: list[tuple[int, bytes]]) -> None:
    direction, opcode, payload = seed
    for at, data in edits:
        payload = payload[:at] + data + payload[at + 1 :]
    for name in EXAMPLES:
        decoder = get_decoder(name)
        reader = ContentReader(decoder, fields_of(load("agent-chat")))
        content = reader.read(direction, opcode, payload)
        for _, path, value in content.ids[:1]:
            with contextlib.suppress(CannotEncode):
                reader.write(direction, opcode, payload, content, [(path, value, "another-id")])
        Namer(decoder).name(direction, opcode, payload)
        heartbeat_of(decoder, direction, opcode, payload)
