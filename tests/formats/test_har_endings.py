"""How the WebSockets of a HAR ended."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from hars import GOOD, RECEIVE, SEND, Imported, T, entry, har, told

from wsreplay.model import Ending

Take = Callable[..., Imported]


def ending(found: Imported) -> tuple[Any, ...]:
    connection = found.connections[0]
    return connection.ending, connection.closed_by, connection.close_code, connection.close_reason, connection.error


CLOSE = {"type": "receive", "time": T + 0.5, "opcode": 8}


@pytest.mark.parametrize(
    "close",
    [
        {"data": "", "code": 1011, "reason": "boom"}, {"data": "1011 boom"}, {"data": "1011: boom"}, {"data": "\x03\xf3boom"},
        {"data": base64.b64encode(b"\x03\xf3boom").decode()}, {"data": {"code": 1011, "reason": "boom"}},
        {"closeCode": "1011", "closeReason": "boom"},
        {"opcode": "close", "code": 1011, "reason": "boom"},
    ],
)  # fmt: skip
def test_a_close_frame_ends_the_connection(close: dict[str, Any], take: Take) -> None:
    found = take(har(entry(SEND, RECEIVE, CLOSE | close)))
    assert ending(found) == (Ending.CLEAN, "server", 1011, "boom", None)
    assert found.messages[-1][1:] == ("s2c", 8, b"\x03\xf3boom")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"_webSocketClose": {"code": 1011, "reason": "boom", "timestamp": T + 0.5}}, (Ending.CLEAN, None, 1011, "boom", None)),
        ({"_webSocketClose": {"code": 1000, "by": "client"}}, (Ending.CLEAN, "client", 1000, None, None)),
        ({"_webSocketClose": {}}, (Ending.CLEAN, None, None, None, None)),
        ({"_webSocketClose": {"code": 1006}}, (Ending.DROPPED, None, None, None, None)),
        ({"_webSocketClose": "aborted"}, (Ending.DROPPED, None, None, None, "aborted")),
        ({"_webSocketClose": 1001}, (Ending.CLEAN, None, 1001, None, None)),
        ({"_webSocketClose": None}, (Ending.TRUNCATED, None, None, None, None)),
        ({"_error": "net::ERR_FAILED"}, (Ending.DROPPED, None, None, None, "net::ERR_FAILED")),
        ({"_error": {"message": "reset"}}, (Ending.DROPPED, None, None, None, "reset")),
        ({"response": {"status": 101, "_failureText": "net::ERR_CONNECTION_RESET"}},
         (Ending.DROPPED, None, None, None, "net::ERR_CONNECTION_RESET")),
        ({"response": {"status": 101, "_error": ""}}, (Ending.TRUNCATED, None, None, None, None)),
    ],
)  # fmt: skip
def test_endings_are_taken_from_where_they_stand(more: dict[str, Any], expected: tuple[Any, ...], take: Take) -> None:
    found = take(har(entry(SEND, RECEIVE, **more)))
    assert (found.texts, found.remarks, ending(found)) == (GOOD, [], expected)


def test_an_error_among_the_messages_is_the_end(take: Take) -> None:
    error = {"type": "error", "opcode": -1, "time": T + 0.7, "data": "Connection closed before receiving a frame"}
    found = take(har(entry(SEND, RECEIVE, error)))
    assert (found.texts, found.remarks) == (GOOD, [])
    assert ending(found) == (Ending.DROPPED, None, None, None, "Connection closed before receiving a frame")
    assert found.connections[0].closed_ns == 700_000_000


def test_a_message_of_the_type_error_is_a_message(take: Take) -> None:
    found = take(har(entry(SEND, told(RECEIVE, type="error", direction="received"))))
    assert (found.texts, found.connections[0].ending) == (GOOD, Ending.TRUNCATED)


@pytest.mark.parametrize(
    ("response", "status"), [({"status": 403}, 403), ({"status": "502"}, 502), ({"status": 0, "_error": "net::ERR"}, None)]
)
@pytest.mark.parametrize("messages", [[], None, ...])
def test_an_upgrade_that_was_refused_is_one(response: dict[str, Any], status: int | None, messages: Any, take: Take) -> None:
    (connection,) = take(har(entry(response=response, _webSocketMessages=messages))).connections
    assert (connection.ending, connection.status) == (Ending.REFUSED, status)


def test_a_websocket_over_http_2_is_not_refused(take: Take) -> None:
    found = take(har(entry(SEND, RECEIVE, response={"status": 200})))
    assert (found.texts, found.connections[0].ending) == (GOOD, Ending.TRUNCATED)
