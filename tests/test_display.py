from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.display import (
    cells,
    close_text,
    fit,
    gist,
    indented_json,
    local_time,
    pad,
    preview,
    user_text,
    visible,
)

any_text = st.text(st.characters(codec=None, exclude_categories=()))


@given(any_text)
def test_nothing_that_moves_or_hides_survives_and_the_length_stays(text: str) -> None:
    shown = visible(text)
    assert len(shown) == len(text)
    assert not {unicodedata.category(one) for one in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert visible(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode 漢字 🙂", "plain ünïcode 漢字 🙂"),
        ("\x1b[2J\x07\r\n\t", "␛[2J␇␍␊␉"),
        ("\x9b31m\x7f", "�31m␡"),
        ("a\u202eb\u200bc\ufeffd", "a␦b␦c␦d"),
        ("line\u2028break\ud800", "line␦break�"),
        ("filler\u3164", "filler␦"),
    ],
)
def test_what_is_replaced_can_be_told_apart(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(any_text.map(visible), st.integers(0, 40))
def test_a_fitted_text_fits_and_a_padded_one_fills(text: str, width: int) -> None:
    assert cells(fit(text, width)) <= width
    assert cells(pad(text, width)) == width


def test_what_fits_is_left_alone_and_what_does_not_says_so() -> None:
    assert fit("漢字", 4) == "漢字"
    assert fit("漢字", 3) == "漢…"
    assert fit("漢字", 2) == "…"
    assert fit("hello", 5) == "hello"
    assert fit("hello", 4) == "hel…"
    assert fit("hello", 0) == ""


@given(st.binary(max_size=400), st.integers(1, 60))
def test_a_preview_is_one_harmless_line(payload: bytes, width: int) -> None:
    for line in (preview(payload, width), gist(payload, width)):
        assert cells(line) <= width
        assert visible(line) == line


def test_a_preview_shows_text_as_text_and_bytes_as_hex() -> None:
    assert preview(b'{"a": 1}', 20) == '{"a": 1}'
    assert preview(b"\xff\x00\x01", 20) == "ff 00 01"
    assert preview(b"\xff" * 100, 11) == "ff ff ff f…"
    assert preview("é".encode() * 1000, 5) == "éééé…"
    assert preview(b"", 5) == ""


def test_a_huge_payload_is_not_decoded_whole() -> None:
    assert preview(b"a" * 5_000_000 + b"\xff", 4) == "aaa…"


@pytest.mark.parametrize(
    ("payload", "line"),
    [
        (b'{"type": "agent_thinking", "message": "I need to think"}', "I need to think"),
        (b'{"type": "tool_executing", "payload": {"tool_name": "search"}}', "search"),
        (b'{"type": "agent_error", "error": {"code": 3, "message": "out of tokens"}}', "out of tokens"),
        (b'{"type": "x", "n": 1}', '{"n":1}'),
        (b'{"type": "x"}', ""),
        (b'{"type": "x", "seq": 1, "payload": {"n": 1}}', '{"n":1}'),
        (b'{"type": "x", "n": 1, "payload": {}}', '{"n":1,"payload":{}}'),
        (b"[1, 2]", "[1, 2]"),
        (b'{"type": "x", ', '{"type": "x", '),
        (b'{"n":' + b"[" * 600 + b"]" * 600 + b"}", '{"n":' + "[" * 54 + "…"),
    ],
)
def test_the_gist_is_what_an_event_says_to_people(payload: bytes, line: str) -> None:
    assert gist(payload, 60) == line


def test_a_products_type_time_and_counter_are_not_what_an_event_says() -> None:
    payload = b'{"ev": "trip.text", "n": 7, "at": 1796059803.77, "data": {"piece": "Fly"}}'
    assert gist(payload, 60, "trip.text") == '{"piece":"Fly"}'
    assert gist(payload.replace(b"1796059803.77", b'"2026-11-30T17:30:03Z"'), 60, "trip.text") == '{"piece":"Fly"}'
    assert gist(payload, 80) == '{"ev":"trip.text","n":7,"data":{"piece":"Fly"}}'


def test_the_type_is_not_what_an_event_says_wherever_it_stands() -> None:
    payload = b'{"type": "event", "name": "agent_started", "data": {"name": "agent_started", "status": "up"}}'
    assert gist(payload, 60, "agent_started") == "up"
    assert gist(payload, 60) == "agent_started"


@pytest.mark.parametrize(
    ("payload", "line"),
    [
        (b'["agent_started", {"run_id": "r", "message": "hello"}]', "hello"),
        (b'["agent_started", {"run_id": "r"}]', ""),
        (b'["agent_started", "r", 1]', '["r",1]'),
        (b'["agent_started"]', ""),
        (b'["other", {"message": "hello"}]', '["other", {"message": "hello"}]'),
        (b"[]", "[]"),
    ],
)
def test_an_array_says_what_follows_its_type(payload: bytes, line: str) -> None:
    assert gist(payload, 60, "agent_started") == line


def test_a_number_may_be_the_type_of_an_array() -> None:
    assert gist(b'[42, {"message": "hello"}]', 60, "42") == "hello"


def test_the_version_of_json_rpc_is_not_what_a_call_says() -> None:
    call = b'{"jsonrpc": "2.0", "method": "delta", "params": {"turn": 1, "text": "all"}}'
    assert gist(call, 60, "delta") == "all"
    assert gist(call.replace(b"text", b"rev"), 60, "delta") == '{"turn":1,"rev":"all"}'


def test_a_header_that_holds_the_type_is_not_what_an_event_says() -> None:
    payload = b'{"head": {"name": "step.start", "turn": "t-1"}, "body": {"what": "hotels"}}'
    assert gist(payload, 60, "step.start") == '{"what":"hotels"}'
    assert gist(payload.replace(b"what", b"text"), 60, "step.start") == "hotels"


@pytest.mark.parametrize(
    ("payload", "line"),
    [
        (b'{"meta": {"v": "1", "source": "api"}, "body": {"event": "t", "tool": "search"}}', '{"tool":"search"}'),
        (b'{"v": 1, "trace": "abc", "evt": {"name": "t", "title": "Report"}}', "Report"),
        (b'{"v": 1, "evt": {"name": "t"}}', '{"v":1}'),
        (b'{"header": {"id": "a"}, "envelope": {"type": "t", "data": {"message": "hi"}}}', "hi"),
        (b'{"meta": {"host": "h"}, "payload": {"kind": "t", "n": 3}}', '{"n":3}'),
    ],
)
def test_what_stands_around_an_event_is_not_what_it_says(payload: bytes, line: str) -> None:
    assert gist(payload, 60, "t") == line


@pytest.mark.parametrize(
    ("zone", "shown"),
    [("UTC", "2026-11-20 22:30:05"), ("America/New_York", "2026-11-20 17:30:05"), ("Asia/Tokyo", "2026-11-21 07:30:05")],
)
def test_a_time_is_shown_as_the_readers_clock_had_it(monkeypatch: pytest.MonkeyPatch, zone: str, shown: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert local_time("2026-11-20T22:30:05.5Z") == shown
        first, last = "0001-01-01T00:00:00", "9999-12-31T23:59:59"
        for edge in (first, f"{first}Z", "0001-01-01", last, f"{last}Z"):
            assert len(local_time(edge)) == 19
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"\x03\xf3", b"1011"), (b"\x03\xe8bye", b"1000 bye"), (b"", b""), (b"\x03", b"1 byte of 2: too short for a code"),
        (b"\x00\x01", b"1"),
    ],
)  # fmt: skip
def test_a_close_frame_says_its_code_and_its_reason(payload: bytes, text: bytes) -> None:
    assert close_text(payload) == text


@pytest.mark.parametrize(
    ("user", "shown"),
    [
        (None, "anonymous"), ("", "anonymous"), ("u1", "u1"), (" u1", " u1"), ("  ", '"  "'), ("\u200b", r'"\u200b"'),
        ("\u3000\u2800", r'"\u3000\u2800"'),
    ],
)  # fmt: skip
def test_a_name_that_cannot_be_seen_is_spelt_out(user: str | None, shown: str) -> None:
    assert user_text(user) == shown


@pytest.mark.parametrize("number", ["1e15", "1234567.0", "12345678901234567890123", "1.50", "-0", "1E2", "7"])
def test_a_number_is_indented_as_it_was_written(number: str) -> None:
    payload = f'{{"a \\" 1.0": [{number}, "2.0", {number}]}}'.encode()
    assert indented_json(payload) == f'{{\n  "a \\" 1.0": [\n    {number},\n    "2.0",\n    {number}\n  ]\n}}'.encode()


def test_a_document_with_a_name_twice_is_indented_as_it_is_read() -> None:
    assert indented_json(b'{"a": 1.0, "b": 2.50, "a": 3.10}') == b'{\n  "a": 3.1,\n  "b": 2.5\n}'
