from __future__ import annotations

from tests.decode.conftest import client, link, server, types
from wsreplay.decode import TEXT, get_decoder
from wsreplay.model import EventNumber


def test_frames_hold_messages() -> None:
    assert types("sockjs", server("o"), server("h"), client('["{\\"type\\":\\"chat\\"}"]'), server('c[3000,"Go away!"]')) == [
        "sockjs.open", "sockjs.heartbeat", "chat", "sockjs.close",
    ]  # fmt: skip


def test_several_messages_of_one_frame() -> None:
    events = link("sockjs", server('a["{\\"type\\":\\"a\\"}","plain"]'))
    assert [(event.number, event.type) for event in events] == [(1, "a"), (EventNumber(1, 1), None)]
    assert [event.document for event in events] == [{"type": "a"}, "plain"]


def test_a_document_is_written_into_its_string() -> None:
    payload = get_decoder("sockjs").encode(1, TEXT, b'a["{\\"type\\":\\"a\\"}","plain"]', [{"type": "b"}, "other"])
    assert payload == b'a["{\\"type\\":\\"b\\"}","other"]'


def test_other_text_and_binary_have_no_parts() -> None:
    assert types("sockjs", server("x"), server("[7]"), server("[]"), server(b"o")) == []
