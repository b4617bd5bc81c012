from __future__ import annotations

import pytest

from tests.decode.conftest import client, link, message_pack, server, types

ASK = '{"type":1,"invocationId":"1","target":"Send","arguments":["a"]}\x1e'


def test_the_handshake_and_what_follows() -> None:
    assert types(
        "signalr", client('{"protocol":"json","version":1}\x1e'), server("{}\x1e"), client(ASK),
        server('{"type":3,"invocationId":"1","result":7}\x1e'),
        server('{"type":1,"target":"Note","arguments":[]}\x1e{"type":6}\x1e'),
        server('{"type":7,"error":"gone"}\x1e'),
    ) == ["handshake", "handshake:result", "Send", "Send:result", "Note", "ping", "close"]  # fmt: skip


def test_a_completion_that_failed() -> None:
    assert types("signalr", client(ASK), server('{"type":3,"invocationId":"1","error":"no"}\x1e'))[1] == "Send:error"
    assert types("signalr", server('{"error":"unknown protocol"}\x1e')) == ["handshake:error"]


def test_a_stream_has_items() -> None:
    start = client('{"type":4,"invocationId":"2","target":"Counter","arguments":[]}\x1e')
    item, cancel = server('{"type":2,"invocationId":"2","item":1}\x1e'), client('{"type":5,"invocationId":"2"}\x1e')
    events = link("signalr", start, item, cancel)
    assert [event.type for event in events] == ["Counter", "stream_item", "cancel"]


def test_message_pack_says_the_same() -> None:
    asked = message_pack([1, {}, "1", "Send", ["a"], []])
    assert types("signalr", client(asked), server(message_pack([3, {}, "1", 3, 7], [6]))) == ["Send", "Send:result", "ping"]
    assert types("signalr", client(asked), server(message_pack([3, {}, "1", 1, "no"]))) == ["Send", "Send:error"]
    assert types("signalr", client(asked), server(message_pack([3, {}, "1", 2]))) == ["Send", "Send:result"]


@pytest.mark.parametrize("text", ["{}", "nonsense\x1e", '{"type":99}\x1e', '{"type":1}\x1e', '{"type":6}\x1enonsense\x1e'])
def test_what_is_no_hub_message_has_no_parts(text: str) -> None:
    assert types("signalr", server(text)) == []


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x05\x91", b"\xff\xff\xff\xff\xff", b"\x01\xc0", message_pack([6]) + b"x"])
def test_lengths_that_do_not_fit_have_no_parts(data: bytes) -> None:
    assert types("signalr", server(data)) == []
