from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hars import CHAT, GOOD, RECEIVE, SEND, STARTED, Imported, T, entry, har, told

from wsreplay.errors import ImportFormatError
from wsreplay.formats import har_import

Take = Callable[..., Imported]


def test_a_good_one_is_read_without_a_word(take: Take) -> None:
    found = take(har(entry(SEND, RECEIVE)))
    assert (found.texts, found.remarks, found.times) == (GOOD, [], [100, 200])
    assert found.connections[0].path == "/ws?room=1"


# Directions.


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        *(("send", "receive"), ("sent", "received"), ("SEND", "RECEIVE"), ("Send", "Receive"), ("outgoing", "incoming")),
        *(("Outbound", "Inbound"), ("out", "in"), ("client", "server"), ("c2s", "s2c"), ("tx", "rx"), ("request", "response")),
        *(("client-to-server", "server-to-client"), ("clientToServer", "serverToClient"), ("from_client", "from_server")),
        *(("websocket.send", "websocket.receive"), ("frameSent", "frameReceived"), ("WS_SENT", "WS_RECEIVED")),
        *(("sending", "recv"), ("->", "<-"), ("↑", "↓"), ("upload", "download"), (" sent ", " received ")),
    ],
)
def test_directions_are_known_by_the_words_that_are_seen(sent: str, received: str, take: Take) -> None:
    found = take(har(entry(told(SEND, type=sent), told(RECEIVE, type=received))))
    assert (found.texts, found.remarks) == (GOOD, [])


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ({"type": "message", "direction": "sent"}, {"type": "message", "direction": "received"}),
        ({"type": "text", "from": "client"}, {"type": "text", "from": "server"}),
        ({"type": ..., "fromClient": True}, {"type": ..., "fromClient": False}),
        ({"type": ..., "to": "server"}, {"type": ..., "to": "client"}),
        ({"type": None, "dir": "out"}, {"type": None, "dir": "in"}),
        ({"type": ..., "outgoing": True}, {"type": ..., "outgoing": False}),
    ],
)
def test_directions_are_found_under_other_names(sent: dict[str, Any], received: dict[str, Any], take: Take) -> None:
    found = take(har(entry(told(SEND, **sent), told(RECEIVE, **received))))
    assert (found.texts, found.remarks) == (GOOD, [])


@pytest.mark.parametrize(
    ("odd", "says"),
    [
        ({"type": "sideways"}, "its direction is 'sideways', which is unknown: left out"),
        ({"type": ...}, "its it has no direction: left out"),
        ({"type": 1}, "its direction is 1, which is unknown: left out"),
        ({"type": "send", "direction": "incoming"}, "its it gives two different directions: left out"),
        ({"type": "\x1b[2J"}, "its direction is '\\x1b[2J', which is unknown: left out"),
    ],
)
def test_a_direction_that_is_not_known_is_never_guessed(odd: dict[str, Any], says: str, take: Take) -> None:
    found = take(har(entry(SEND, told(RECEIVE, **odd), told(RECEIVE, time=T + 0.3))))
    assert (found.texts, found.remarks) == (GOOD, [f"log.entries[0], message 2: {says}"])
    assert [(gap.direction, gap.after_frame_id) for gap in found.gaps] == [(0, 1), (1, 1)], "the verdict is not to be certain"


def test_many_alike_are_one_remark(take: Take) -> None:
    found = take(har(entry(SEND, *[told(RECEIVE, type="foo")] * 1000)))
    assert found.remarks == [
        "log.entries[0], message 2: its direction is 'foo', which is unknown: left out (and 999 more like it)"
    ]


# Data.

NONE_OF = "which is none of continuation, text, binary, close, ping, pong, nor a number up to 15"


@pytest.mark.parametrize(
    ("data", "opcode", "payload"),
    [
        ("text", 1, b"text"), ("AAH/", 2, b"\x00\x01\xff"), ("AAH_", 2, b"\x00\x01\xff"), ("AA\r\nE=", 2, b"\x00\x01"),
        ("AAE", 2, b"\x00\x01"), ("data:image/png;base64,AAE=", 2, b"\x00\x01"), ([0, 1, 255], 2, b"\x00\x01\xff"),
        ({"type": "Buffer", "data": [0, 1]}, 2, b"\x00\x01"), ("", 1, b""),
    ],
)  # fmt: skip
def test_payloads_are_read_without_a_word(data: Any, opcode: int, payload: bytes, take: Take) -> None:
    found = take(har(entry(told(SEND, data=data, opcode=opcode))))
    assert (found.messages, found.remarks) == ([(1, "c2s", opcode, payload)], [])


@pytest.mark.parametrize(
    ("data", "payload", "says"),
    [
        ({"type": "chat", "a": "ü"}, '{"type":"chat","a":"ü"}', "its data is an object, not text: its JSON is taken"),
        ([1], "[1]", "its data is [1], not text: its JSON is taken"), (5, "5", "its data is 5, not text: its JSON is taken"),
        (True, "true", "its data is true, not text: its JSON is taken"),
        ("\ud800!", "?!", "an unpaired surrogate in its data became a question mark, since text messages cannot contain it"),
    ],
)  # fmt: skip
def test_data_that_is_not_text_is_taken_as_json_with_a_word(data: Any, payload: str, says: str, take: Take) -> None:
    found = take(har(entry(told(SEND, data=data))))
    assert (found.texts, found.remarks) == ([("c2s", payload)], [f"log.entries[0], message 1: {says}"])


@pytest.mark.parametrize(
    ("odd", "says"),
    [
        ({"data": None}, "data is null"), ({"data": ...}, "data is missing"),
        ({"data": "!", "opcode": 2}, "data is not base64"), ({"data": 5, "opcode": 2}, "data is 5, not base64"),
        ({"data": [0, 256], "opcode": 2}, "data is a list, but not of bytes"),
        ({"opcode": "morse"}, f"opcode is 'morse', {NONE_OF}"), ({"opcode": 99}, f"opcode is 99, {NONE_OF}"),
        ({"opcode": [1]}, f"opcode is [1], {NONE_OF}"),
    ],
)  # fmt: skip
def test_what_has_no_payload_is_a_gap_and_never_none(odd: dict[str, Any], says: str, take: Take) -> None:
    found = take(har(entry(SEND, told(RECEIVE, **odd))))
    assert (found.texts, found.remarks) == (GOOD[:1], [f"log.entries[0], message 2: its {says}: left out"])
    assert [(gap.direction, gap.reason) for gap in found.gaps] == [(1, f"not imported: its {says}")]


@pytest.mark.parametrize("odd", [None, 7, "text", [], True])
def test_an_odd_message_costs_no_other(odd: Any, take: Take) -> None:
    found = take(har(entry(SEND, odd, RECEIVE)))
    assert found.texts == GOOD
    assert found.remarks == [f"log.entries[0], message 2: it is {repr(odd) if odd == 'text' else json.dumps(odd)}, "
                             "not an object: left out"]  # fmt: skip


# Opcodes.


@pytest.mark.parametrize("opcode", ["1", "text", "TEXT", "0x1", 1.0, "string"])
def test_opcodes_are_known_as_words(opcode: Any, take: Take) -> None:
    assert take(har(entry(told(SEND, opcode=opcode), RECEIVE))).texts == GOOD


def test_a_missing_opcode_is_text_with_a_word_or_stands_elsewhere(take: Take) -> None:
    found = take(har(entry(told(SEND, opcode=...), told(RECEIVE, opcode=..., messageType="text"))))
    assert (found.texts, found.remarks) == (GOOD, ["log.entries[0], message 1: it has no opcode: read as text"])


def test_control_frames_are_kept(take: Take) -> None:
    ping, pong = told(RECEIVE, opcode=9, data="hb"), told(SEND, opcode="pong", data=None, time=T + 0.3)
    assert [row[1:] for row in take(har(entry(ping, pong))).messages] == [("s2c", 9, b"hb"), ("c2s", 10, b"")]


def test_continuation_frames_are_joined(take: Take) -> None:
    parts = [told(RECEIVE, data='{"type":'), told(RECEIVE, opcode=0, data='"a"'), told(RECEIVE, opcode=0, data="}"), SEND]
    found = take(har(entry(told(SEND, opcode=0, time=T), *parts)))
    assert sorted(found.texts) == [("c2s", CHAT), ("s2c", '{"type":"a"}')]
    assert "log.entries[0], message 1: it continues no message: left out" in found.remarks


# Times.


@pytest.mark.parametrize("factor", [1, 1e3, 1e6, 1e9])
def test_times_are_told_by_their_magnitude(factor: float, take: Take) -> None:
    found = take(har(entry(told(SEND, time=(T + 0.1) * factor), told(RECEIVE, time=(T + 0.2) * factor))))
    assert (found.times, found.remarks) == ([100, 200], [])


@pytest.mark.parametrize("text", ["2026-03-01T10:00:00.1Z", "2026-03-01T11:00:00.1+01:00", str(T + 0.1)])
def test_times_may_be_texts(text: str, take: Take) -> None:
    assert take(har(entry(told(SEND, time=text)))).times == [100]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_a_time_without_a_zone_is_the_same_everywhere(zone: str, take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        found = take(har(entry(SEND, startedDateTime="2026-03-01T10:00:00")))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found.times == [100]
    assert found.remarks == ["log.entries[0]: it started at a time without a zone: taken to be UTC"]


def test_a_time_without_a_zone_gives_way_to_the_messages(take: Take) -> None:
    found = take(har(entry(SEND, RECEIVE, startedDateTime="2026-03-01T15:30:00")))
    assert (found.texts, found.times) == (GOOD, [0, 100])
    assert "far from its messages: their time is taken" in found.remarks[0]


@pytest.mark.parametrize("odd", [None, "soon", 0.1, -1, True, 1e40, 10**400, [], ...])
def test_a_message_without_a_time_gets_that_of_the_one_before(odd: Any, take: Take) -> None:
    found = take(har(entry(SEND, told(RECEIVE, time=odd))))
    assert (found.texts, found.times) == (GOOD, [100, 100])
    assert found.remarks == ["log.entries[0], message 2: it has no valid time: the time of the message before it is used"]


def test_messages_are_put_in_the_order_of_their_times(take: Take) -> None:
    found = take(har(entry(RECEIVE, SEND)))
    assert found.texts == GOOD
    assert found.remarks == ["log.entries[0]: the messages were not in order of time: they were sorted"]


@pytest.mark.parametrize("started", ["yesterday", None, 5, ..., "9999-99-99", "0001-01-01T00:00:00+14:00"])
def test_a_start_that_is_no_time_is_the_first_message(started: Any, take: Take) -> None:
    found = take(har(entry(SEND, RECEIVE, startedDateTime=started)))
    assert (found.texts, found.times) == (GOOD, [0, 100])
    assert found.remarks[0].endswith("its first message's time is taken")


# Entries.


@pytest.mark.parametrize(
    ("odd", "says"),
    [
        (entry(_webSocketMessages=None), "its _webSocketMessages are null, not a list: left out"),
        (entry(_webSocketMessages={"0": SEND}), "its _webSocketMessages are {"),
        (entry(request=...), "it has no request with a URL, and no messages: left out"),
        (7, "it is 7, not an object: left out"),
        (None, "it is null, not an object: left out"),
        (entry(_webSocketMessages=..., _eventSourceMessages=[{}], request={"url": "https://h/"}, _resourceType="fetch"),
         "it is a stream of server-sent events (1 event), not a WebSocket: left out"),
        (entry(_webSocketMessages=...), "a WebSocket is named without its messages"),
    ],
)  # fmt: skip
def test_an_odd_entry_costs_no_other_and_is_named(odd: Any, says: str, take: Take) -> None:
    found = take(har(entry(SEND), odd, entry(told(RECEIVE, time=T + 1))))
    assert (found.texts, len(found.connections)) == (GOOD, 2)
    assert len(found.remarks) == 1
    assert found.remarks[0].startswith(f"log.entries[1]: {says}")


def test_other_requests_are_passed_over_without_a_word(take: Take) -> None:
    page = {"startedDateTime": "x", "request": {"url": "https://h/"}, "response": {"status": 200, "_failureText": "x"}}
    assert take(har(page, entry(SEND, RECEIVE))).remarks == []


def test_messages_without_a_url_are_read(take: Take) -> None:
    found = take(har(entry(SEND, RECEIVE, request=None)))
    assert (found.texts, found.connections[0].path) == (GOOD, "/")
    assert found.remarks == ["log.entries[0]: it has no request with a URL: its path is taken to be /"]


@pytest.mark.parametrize("headers", [{"Host": "h"}, [["Host", "h"]], [{"name": "Host", "value": "h"}]])
def test_headers_in_three_forms(headers: Any, take: Take) -> None:
    found = take(har(entry(SEND, request={"url": "ws://h/", "headers": headers})))
    assert found.connections[0].request_headers == (("Host", "h"),)


@pytest.mark.parametrize("headers", [None, 5, [5], [{"name": 5}], [["a"]], "Host: h"])
def test_odd_headers_cost_nothing_else(headers: Any, take: Take) -> None:
    assert take(har(entry(SEND, RECEIVE, request={"url": "ws://h/", "headers": headers}))).texts == GOOD


@pytest.mark.parametrize("url", ["ws://[::1", "http://h:port/x", "/only/a/path", "ws://h/\ud800", "\x00", "ws://u:SECRET@h/?token=SECRET"])
def test_odd_urls_cost_nothing_else(url: str, take: Take) -> None:
    found = take(har(entry(SEND, RECEIVE, request={"url": url})))
    assert found.texts == GOOD
    assert "SECRET" not in found.connections[0].path


def test_nothing_to_import_says_why(take: Take) -> None:
    with pytest.raises(ImportFormatError, match=r"file: no WebSocket found in it: log\.entries\[0\]: .* server-sent events"):
        take(har(entry(_webSocketMessages=..., _eventSourceMessages=[], request={"url": "https://h/"}, _resourceType="fetch")))


# Files that a HAR names.


def attached(name: str = "abc.jsonl") -> bytes:
    return har(entry(_webSocketMessages=..., response={"content": {"_file": name}}))


LINES = (json.dumps(SEND) + "\n" + json.dumps(RECEIVE)).encode()


@pytest.mark.parametrize(("content", "says"), [
    (LINES, []), (b"[" + LINES.replace(b"\n", b",") + b"]", []),
    (LINES + b'\n{"type":', ["log.entries[0], abc.jsonl, line 3: cut off in its last line"]),
])  # fmt: skip
def test_messages_in_a_file_beside_are_read(content: bytes, says: list[str], take: Take, tmp_path: Path) -> None:
    (tmp_path / "abc.jsonl").write_bytes(content)
    found = take(attached(), tmp_path)
    assert (found.texts, found.remarks) == (GOOD, says)


@pytest.mark.parametrize(
    "name", ["../secret.jsonl", "/etc/hostname", "sub/secret.jsonl", "link.jsonl", "..", ".", "", "a\\b", "\0"]
)
def test_a_har_names_nothing_outside_its_folder(name: str, take: Take, tmp_path: Path) -> None:
    folder = tmp_path / "har"
    (folder / "sub").mkdir(parents=True)
    for path in (tmp_path / "secret.jsonl", folder / "sub" / "secret.jsonl"):
        path.write_bytes(LINES)
    (folder / "link.jsonl").symlink_to(tmp_path / "secret.jsonl")
    with pytest.raises(ImportFormatError, match="which is missing or too large"):
        take(attached(name), folder)


# Cut off, damaged, large.


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every HAR is read entry by entry, a few bytes at a time."""
    monkeypatch.setattr(har_import, "_AT_ONCE", 10)
    monkeypatch.setattr(har_import, "_CHUNK", 7)


@pytest.mark.usefixtures("in_pieces")
def test_a_large_one_is_read_entry_by_entry(take: Take) -> None:
    tricky = told(SEND, data='"}]{[\\\\" "log":{"entries":[')
    whole = har(entry(tricky), entry(RECEIVE), _wsreplay={"reached": T + 9}, note={"entries": [1]})
    found = take(whole)
    assert found.texts == [("c2s", tricky["data"]), GOOD[1]]
    assert found.remarks == []
    assert found.connections[0].closed_ns is not None


@pytest.mark.parametrize("pieces", [False, True])
def test_of_one_that_is_cut_off_what_is_whole_is_read(pieces: bool, take: Take, request: pytest.FixtureRequest) -> None:
    if pieces:
        request.getfixturevalue("in_pieces")
    whole = har(entry(SEND), entry(told(SEND, data="second"), RECEIVE, told(RECEIVE, data="third")))
    cut = whole[: whole.index(b"third")]
    found = take(cut)
    assert found.texts == [GOOD[0], ("c2s", "second"), GOOD[1]]
    assert found.remarks[:2] == [
        f"cut off at byte {len(cut):,}: 1 entry is complete", "log.entries[1]: it is cut off: its complete parts are imported",
    ]  # fmt: skip


def test_a_damaged_entry_costs_no_other(take: Take) -> None:
    whole = har(entry(SEND), entry(told(SEND, data="DAMAGE")), entry(RECEIVE))
    assert take(whole.replace(b'"time": 1000', b'"time": 10OO', 2).replace(b"10OO", b"1000", 1)).texts == GOOD
    found = take(whole.replace(b"DAMAGE", b"DAM\xff\xfeGE"))
    assert [payload for _, payload in found.texts] == [CHAT, "DAM\ufffd\ufffdGE", STARTED]
    assert found.remarks == ["log.entries[1]: it contains bytes that are not UTF-8: each was replaced by U+FFFD"]


@pytest.mark.parametrize("rest", [b"\0\0\0", b"{}", har(entry(RECEIVE)), b"]"])
def test_what_goes_on_behind_the_end_is_named(rest: bytes, take: Take) -> None:
    found = take(har(entry(SEND, RECEIVE)) + rest)
    assert found.texts == GOOD
    assert found.remarks == ["damaged outside its entries, or with data after its end: that part is ignored"]


@pytest.mark.usefixtures("in_pieces")
def test_an_entry_that_is_too_long_is_named(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsreplay.formats.har_entries.LONGEST_ENTRY", 5000)
    found = take(har(entry(SEND, RECEIVE), entry(told(SEND, data="x" * 6000))))
    assert found.texts == GOOD
    assert found.remarks[0].startswith("log.entries[1]: it is longer than ")
