from __future__ import annotations

import pytest

from tests.decode.conftest import client, link, server, types
from wsreplay.decode import Role


def test_a_reply_answers_its_push() -> None:
    reply = server('["1","2","room:a","phx_reply",{"status":"ok"}]')
    asked, answered = link("phoenix", client('["1","2","room:a","say",{}]'), reply)
    assert (asked.type, asked.role) == ("say", Role.REQUEST)
    assert (answered.type, answered.role, answered.request) == ("phx_reply", Role.RESULT, asked.number)


def test_the_document_is_the_message_as_it_came() -> None:
    of_v1 = server('{"topic":"t","event":"e","payload":{},"ref":null}')
    array, obj = link("phoenix", server('["1",null,"room:a","new_msg",{"n":1}]'), of_v1)
    assert array.document[4] == {"n": 1}
    assert obj.document["event"] == "e"


def test_a_heartbeat_is_housekeeping() -> None:
    (event,) = link("phoenix", client('[null,"5","phoenix","heartbeat",{}]'))
    assert (event.type, event.role) == ("heartbeat", Role.CONTROL)


def test_binary_messages_of_either_side() -> None:
    """Kinds and lengths as phoenix.js' serializer writes and reads them."""
    push = bytes([0, 1, 1, 6, 3]) + b"12room:asay" + b"\xff\x00"
    reply = bytes([1, 1, 1, 6, 2]) + b"12room:aok" + b"\x01"
    pushed = bytes([0, 1, 6, 3]) + b"1room:anew" + b"\x02"
    broadcast = bytes([2, 6, 3]) + b"room:anew" + b"\x03"
    asked, answered, event, everybody = link("phoenix", client(push), server(reply), server(pushed), server(broadcast))
    assert (asked.type, asked.document) == ("say", ["1", "2", "room:a", "say", b"\xff\x00"])
    assert (answered.request, answered.document[4]) == (asked.number, {"status": "ok", "response": b"\x01"})
    assert (event.type, event.document[4]) == ("new", b"\x02")
    assert (everybody.type, everybody.document) == ("new", [None, None, "room:a", "new", b"\x03"])


@pytest.mark.parametrize("text", ["[1,2,3]", '["1","1","t","e"]', '["1","1",7,"e",{}]', '{"topic":"t"}', "x"])
def test_what_is_no_channel_message_has_no_parts(text: str) -> None:
    assert types("phoenix", server(text)) == []


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x03abc", b"\x02\xc8\x03short", b"\x02\x00\x01e", b"\x02\x01\x01\xff\xff"])
def test_lengths_that_do_not_fit_have_no_parts(data: bytes) -> None:
    assert types("phoenix", server(data)) == []
