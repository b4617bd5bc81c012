from __future__ import annotations

import pytest

from tests.decode.conftest import EXAMPLES, client, server
from wsreplay.decode import RawMessage, choose

GUESSED = sorted(set(EXAMPLES) - {"graphql", "actioncable"})


@pytest.mark.parametrize("name", GUESSED)
def test_the_first_messages_tell_the_protocol(name: str) -> None:
    choice = choose("/ws", None, EXAMPLES[name])
    assert (choice.name, choice.guessed) == (name, True)


@pytest.mark.parametrize(
    ("subprotocol", "name"),
    [("graphql-transport-ws", "graphql"), ("graphql-ws", "graphql"), ("v1.kernel.websocket.jupyter.org", "jupyter"),
     ("actioncable-v1-json", "actioncable"), ("v12.stomp", "stomp"), ("mcp", "json-rpc")],
)  # fmt: skip
def test_a_subprotocol_is_no_guess(subprotocol: str, name: str) -> None:
    choice = choose("/ws", subprotocol)
    assert (choice.name, choice.guessed, choice.text) == (name, False, name)


@pytest.mark.parametrize(
    ("path", "name"),
    [("/socket.io/?EIO=4&transport=websocket", "socket.io"), ("/api/kernels/1-2/channels?session_id=3", "jupyter"),
     ("/cable", "actioncable"), ("/socket/websocket?vsn=2.0.0", "phoenix"), ("/ws", "json")],
)  # fmt: skip
def test_a_path_tells_before_anything_was_said(path: str, name: str) -> None:
    choice = choose(path, None)
    assert (choice.name, choice.guessed) == (name, True)


def test_a_path_that_the_messages_contradict_counts_for_nothing() -> None:
    assert choose("/cable", None, [client('42["chat",{}]')]).name == "socket.io"


@pytest.mark.parametrize(
    "message",
    [client('{"type":"chat","method":"a"}'), server("hello"), server(b"\x00\x01"), client('["a","b","c"]'),
     client('{"method":"a"}'), server("42"), server('{"type":"result","id":1,"method":"x","jsonrpc":"2.0"}')],
)  # fmt: skip
def test_what_fits_nothing_else_is_read_as_json(message: RawMessage) -> None:
    assert choose("/ws", None, [message]).name == "json"
