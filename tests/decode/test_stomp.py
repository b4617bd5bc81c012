from __future__ import annotations

import pytest

from tests.decode.conftest import EXAMPLES, client, link, server, types
from wsreplay.decode import TEXT, Role, get_decoder


def test_a_receipt_answers_the_frame_that_asked_for_it() -> None:
    _, asked, answered, message = link("stomp", *EXAMPLES["stomp"])
    assert (asked.type, asked.document["headers"]["destination"]) == ("chat", "/app/chat")
    assert (answered.type, answered.request) == ("chat:receipt", asked.number)
    assert (message.type, message.document["body"]) == ("message", "plain words")


def test_commands_and_heartbeats_are_housekeeping() -> None:
    connected = server("CONNECTED\nversion:1.2\n\n\x00\n")
    events = link("stomp", client("CONNECT\naccept-version:1.2\n\n\x00"), connected, server("\n"))
    assert [(event.type, event.role) for event in events] == [
        ("connect", Role.CONTROL), ("connected", Role.CONTROL), ("heartbeat", Role.CONTROL),
    ]  # fmt: skip


def test_headers_are_unescaped_and_the_first_counts() -> None:
    (event,) = link("stomp", server("MESSAGE\na:x\\cy\\n\na:second\n\n\x00"))
    assert event.document["headers"] == {"a": "x:y\n"}


def test_the_length_follows_the_body() -> None:
    decoder = get_decoder("stomp")
    _, opcode, payload = EXAMPLES["stomp"][1]
    (part,) = decoder.parse(0, opcode, payload)
    written = decoder.encode(0, TEXT, payload, [{**part.document, "body": {"type": "chat", "n": 1}}])
    assert b"content-length:21\n" in written
    assert decoder.parse(0, TEXT, written)[0].document["body"] == {"type": "chat", "n": 1}


@pytest.mark.parametrize("text", ["", "x", "SEND\n\n", "send\n\n\x00"])
def test_what_is_no_frame_has_no_parts(text: str) -> None:
    assert types("stomp", client(text)) == []
