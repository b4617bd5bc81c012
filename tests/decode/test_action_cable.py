from __future__ import annotations

from tests.decode.conftest import EXAMPLES, link, server, types
from wsreplay.decode import get_decoder


def test_messages_are_named_by_action_type_or_command() -> None:
    assert types("actioncable", *EXAMPLES["actioncable"]) == ["welcome", "subscribe", "speak", "agent_started"]


def test_what_names_itself_in_no_way_is_a_message() -> None:
    assert types("actioncable", server('{"identifier":"{}","message":"hi"}')) == ["message"]


def test_json_within_strings_is_read() -> None:
    event = link("actioncable", EXAMPLES["actioncable"][2])[0]
    assert event.document["identifier"] == {"channel": "ChatChannel"}
    assert event.document["data"] == {"action": "speak", "n": 1}


def test_json_within_strings_is_written_as_a_string_again() -> None:
    message = EXAMPLES["actioncable"][2]
    decoder = get_decoder("actioncable")
    (part,) = decoder.parse(*message)
    payload = decoder.encode(*message, [{**part.document, "data": {"action": "speak", "n": 2}}])
    assert b'"data":"{\\"action\\":\\"speak\\",\\"n\\":2}"' in payload


def test_other_json_has_no_parts() -> None:
    assert types("actioncable", server("[]"), server("{}"), server("x")) == []
