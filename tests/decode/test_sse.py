from __future__ import annotations

import pytest

from tests.decode.conftest import EXAMPLES, client, link, server, types
from wsreplay.decode import TEXT, CannotEncode, Role, get_decoder


def test_the_type_is_the_datas_then_the_events() -> None:
    asked, comment, named, typed, done = link("sse", *EXAMPLES["sse"])
    assert asked.document == {"message": "Why?"}
    assert comment.role is Role.CONTROL
    assert (named.type, named.document) == ("agent_started", {"thread_id": "t"})
    assert (typed.type, typed.document) == ("token", {"type": "token", "text": "a"})
    assert (done.type, done.document) == ("message", "[DONE]")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_other_data_leaves_the_other_lines_as_they_are(end: str) -> None:
    payload = f"event: a{end}data: 1{end}data: 2{end}id: 7{end}{end}".encode()
    written = get_decoder("sse").encode(1, TEXT, payload, [{"n": 1}])
    assert written == f'event: a{end}data: {{"n":1}}{end}id: 7{end}{end}'.encode()


def test_what_has_no_data_is_not_encoded() -> None:
    with pytest.raises(CannotEncode):
        get_decoder("sse").encode(1, TEXT, b": comment\n\n", ["x"])


@pytest.mark.parametrize("text", ["", "words", '{"type":"a"}'])
def test_what_is_no_event_has_no_parts(text: str) -> None:
    assert types("sse", server(text)) == []


def test_a_body_that_is_not_json_has_no_parts() -> None:
    assert types("sse", client("q=1")) == []
