from __future__ import annotations

import pytest

from tests.decode.conftest import client, link, server, types
from wsreplay.decode import Role
from wsreplay.model import EventNumber


def test_an_answer_is_named_after_its_request() -> None:
    asked, answered = link(
        "json-rpc", client('{"jsonrpc":"2.0","id":1,"method":"initialize"}'), server('{"jsonrpc":"2.0","id":1,"result":{}}')
    )
    assert (asked.type, asked.role) == ("initialize", Role.REQUEST)
    assert (answered.type, answered.role, answered.request) == ("initialize:result", Role.RESULT, asked.number)


def test_an_error_is_named_after_its_request() -> None:
    asked = client('{"jsonrpc":"2.0","id":"a","method":"tools/call"}')
    assert types("json-rpc", asked, server('{"jsonrpc":"2.0","id":"a","error":{"code":-32601,"message":"no"}}')) == [
        "tools/call",
        "tools/call:error",
    ]


def test_both_sides_may_ask_with_the_same_id() -> None:
    assert types(
        "json-rpc",
        client('{"jsonrpc":"2.0","id":1,"method":"a"}'),
        server('{"jsonrpc":"2.0","id":1,"method":"b"}'),
        server('{"jsonrpc":"2.0","id":1,"result":0}'),
        client('{"jsonrpc":"2.0","id":1,"result":0}'),
    ) == ["a", "b", "a:result", "b:result"]


def test_an_answer_whose_request_was_not_seen_says_its_id() -> None:
    (event,) = link("json-rpc", server('{"jsonrpc":"2.0","id":7,"result":{}}'))
    assert (event.type, event.name, event.request) == (None, "result #7", None)


def test_a_request_is_answered_once() -> None:
    answer = server('{"jsonrpc":"2.0","id":1,"result":0}')
    assert types("json-rpc", client('{"jsonrpc":"2.0","id":1,"method":"a"}'), answer, answer) == ["a", "a:result", None]


def test_a_batch_is_several_events() -> None:
    batch = client('[{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","method":"b"}]')
    answers = server('[{"jsonrpc":"2.0","id":1,"result":0}]')
    assert [(event.number, event.type) for event in link("json-rpc", batch, answers)] == [
        (1, "a"), (EventNumber(1, 1), "b"), (2, "a:result"),
    ]  # fmt: skip


def test_devtools_sessions_count_their_own_ids() -> None:
    assert types(
        "json-rpc",
        client('{"id":1,"method":"Page.enable","sessionId":"S"}'),
        client('{"id":1,"method":"Target.getTargets"}'),
        server('{"id":1,"result":{},"sessionId":"S"}'),
        server('{"id":1,"result":{}}'),
    ) == ["Page.enable", "Target.getTargets", "Page.enable:result", "Target.getTargets:result"]


@pytest.mark.parametrize("text", ["7", "{}", '{"id":1}', '{"result":1}', '[{"method":"a"}, 7]', '{"method":7}', "nonsense"])
def test_what_is_not_json_rpc_has_no_parts(text: str) -> None:
    assert link("json-rpc", server(text)) == []


def test_an_error_without_an_id_is_an_event() -> None:
    """Section 5: an id that could not be detected is null."""
    assert types("json-rpc", server('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}')) == ["error"]


def test_an_error_of_null_beside_a_result_is_none() -> None:
    """As JSON-RPC 1.0 answers."""
    asked = client('{"id":1,"method":"a"}')
    assert types("json-rpc", asked, server('{"id":1,"result":0,"error":null}')) == ["a", "a:result"]
    assert types("json-rpc", asked, server('{"id":1,"result":null,"error":{"code":1}}')) == ["a", "a:error"]
    assert types("json-rpc", asked, server('{"id":1,"error":null}')) == ["a", "a:error"]
