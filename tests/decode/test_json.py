from __future__ import annotations

import pytest

from tests.decode.conftest import client, link, server, types
from wsreplay.decode import TEXT, CannotEncode, get_decoder
from wsreplay.decode.values import BYTE_ORDER_MARK, UNPAIRED_SURROGATE, why_not_json
from wsreplay.model import EventNumber


def test_an_object_is_an_event_and_its_own_document() -> None:
    (event,) = link("json", client('{"type": "chat", "thread_id": "t"}'))
    assert (event.type, event.document) == ("chat", {"type": "chat", "thread_id": "t"})


@pytest.mark.parametrize(
    "text", ['[{"type": "a"}, {"type": "b"}]', '{"type": "a"}\n{"type": "b"}\n', '{"type": "a"}\r\n{"type": "b"}']
)
def test_a_batch_is_several_events_of_one_frame(text: str) -> None:
    assert [(event.number, event.type) for event in link("json", server(text))] == [(1, "a"), (EventNumber(1, 1), "b")]


@pytest.mark.parametrize("text", ["[]", "[1]", '[{"type": "a"}, {"kind": "b"}]', "7", '{"kind": "a"}', '{"type": 7}'])
def test_other_json_is_one_part_without_a_type(text: str) -> None:
    (event,) = link("json", server(text))
    assert (event.type, event.name) == (None, "")


@pytest.mark.parametrize("text", ["", "hello", "{", '{"type": NaN}', '{"type": "a"} {"type": "b"}', '{"type": "a"}\nhello'])
def test_what_is_not_json_is_no_event(text: str) -> None:
    assert link("json", server(text)) == []


def test_json_in_a_binary_message_is_read_as_in_text() -> None:
    assert types("json", server(b'{"type": "agent_started"}')) == ["agent_started"]


def test_an_unpaired_surrogate_is_read_with_a_warning() -> None:
    (event,) = link("json", server('{"type":"agent_comp\\ud83d","thread_id":"t"}'))
    assert (event.type, event.warning) == ("agent_comp\ud83d", UNPAIRED_SURROGATE)
    decoder = get_decoder("json")
    payload = b'{"type":"a\\ud83d"}'
    assert decoder.encode(1, TEXT, payload, [{"type": "b\ud83d"}]) == b'{"type":"b\\ud83d"}'


def test_a_byte_order_mark_is_passed_over_with_a_warning() -> None:
    (event,) = link("json", server("\ufeff" + '{"type":"a"}'))
    assert (event.type, event.warning) == ("a", BYTE_ORDER_MARK)


def test_deep_nesting_is_no_event_and_no_crash() -> None:
    deep = '{"type":"\\ud83d","a":' + "[" * 100_000 + "]" * 100_000 + "}"
    assert link("json", server(deep)) == []


def test_documents_that_are_not_json_cannot_be_encoded() -> None:
    with pytest.raises(CannotEncode):
        get_decoder("json").encode(0, TEXT, b'{"type":"a"}', [{"type": "a", "x": object()}])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (b'{"a":"\xff"}', "it is not UTF-8 from byte 7 on"),
        (b'{"a":', "unexpected end of data at character 6"),
        ('{"a":1,\n b}', "unexpected character, expected a string key at line 2, character 2"),
        (b"{}", ""),
    ],
)
def test_what_is_wrong_with_a_text_is_said_with_its_place(data: bytes | str, why: str) -> None:
    assert why_not_json(data) == why
