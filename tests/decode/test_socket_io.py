from __future__ import annotations

import pytest

from tests.decode.conftest import client, link, server, types
from wsreplay.decode import TEXT, CannotEncode, Role, get_decoder
from wsreplay.decode.link import INCOMPLETE


def test_the_document_of_an_event_is_its_one_argument() -> None:
    (event,) = link("socket.io", server('42["agent_started",{"thread_id":"t"}]'))
    assert (event.type, event.document, event.role) == ("agent_started", {"thread_id": "t"}, Role.EVENT)


@pytest.mark.parametrize(("text", "document"), [('42["a"]', []), ('42["a",1,2]', [1, 2])])
def test_other_than_one_argument_is_a_list(text: str, document: list[int]) -> None:
    (event,) = link("socket.io", server(text))
    assert event.document == document


def test_an_acknowledgement_is_named_after_its_event() -> None:
    asked, answered = link("socket.io", client('421["chat",{}]'), server('431["ok"]'))
    assert (answered.type, answered.document, answered.request) == ("chat:ack", "ok", asked.number)


def test_ids_count_per_namespace() -> None:
    asked = client('427["main"]'), client('42/admin,7["admin"]')
    assert types("socket.io", *asked, server("43/admin,7[]"), server("437[]")) == ["main", "admin", "admin:ack", "main:ack"]


def test_housekeeping_is_named() -> None:
    assert types(
        "socket.io", server('0{"sid":"x"}'), client("40"), server('40{"sid":"y"}'), server("2"), client("3"), client("2probe"),
        server("3probe"), client("5"), server("6"), server('44{"message":"no"}'), client("41"), client("1"),
        client("40/admin,"), client("41/admin"),
    ) == [
        "engine.open", "socket.connect", "socket.connect", "engine.ping", "engine.pong", "engine.ping", "engine.pong",
        "engine.upgrade", "engine.noop", "socket.connect_error", "socket.disconnect", "engine.close",
        "socket.connect", "socket.disconnect",
    ]  # fmt: skip


def test_attachments_are_joined_and_the_last_frame_counts() -> None:
    (event,) = link("socket.io", server('452-["file",{"a":{"_placeholder":true,"num":0}}]'), server(b"one"), server(b"two"))
    assert (event.number, event.type, event.frames, event.attachments) == (3, "file", (1, 2, 3), (b"one", b"two"))


def test_attachments_of_the_other_side_are_not_mixed_in() -> None:
    events = link("socket.io", server('451-["down",{}]'), client('451-["up",{}]'), client(b"u"), server(b"d"))
    assert [(event.type, event.attachments) for event in events] == [("up", (b"u",)), ("down", (b"d",))]


def test_an_event_whose_attachments_never_come_says_so() -> None:
    first, second = link("socket.io", server('451-["file",{}]'), server('42["next"]'))
    assert (first.type, first.warning, second.type) == ("file", INCOMPLETE, "next")
    (last,) = link("socket.io", server('451-["file",{}]'))
    assert last.warning == INCOMPLETE


@pytest.mark.parametrize("text", ["", "7", "42", "42{}", "42[]", '42["a"', "4", "9x", "43[1]", "hello", '{"type":"chat"}'])
def test_what_is_not_a_packet_has_no_parts(text: str) -> None:
    assert link("socket.io", server(text)) == []


def test_an_id_within_is_replaced_and_the_rest_stays() -> None:
    decoder = get_decoder("socket.io")
    assert decoder.encode(0, TEXT, b'42/admin,7["chat",{"thread_id":"t"}]', [{"thread_id": "u"}]) == (
        b'42/admin,7["chat",{"thread_id":"u"}]'
    )
    assert decoder.encode(0, TEXT, b'42["a",1,2]', [[3, 4]]) == b'42["a",3,4]'
    assert decoder.encode(0, TEXT, b'40{"token":"x"}', [{"token": "y"}]) == b'40{"token":"y"}'
    with pytest.raises(CannotEncode):
        decoder.encode(0, TEXT, b"2", [None])
