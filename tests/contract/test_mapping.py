from __future__ import annotations

import pytest

from wsreplay.contract import loads
from wsreplay.contract.model import ProductMap
from wsreplay.contract.paths import parse
from wsreplay.contract.rules.questions import Questions
from wsreplay.contract.rules.startup import Startup
from wsreplay.errors import ContractError

MINE = """
extends: agent-chat
map:
  type: $.event
  sent: $.ts
  events: {agent.start: agent_started, agent.think: agent_thinking, "tool.*": "tool_*", agent.done: agent_completed}
  fields: {payload: $.data, run_id: $.data.run, tool: $.data.call}
"""


def test_paths_of_the_contract_become_the_products() -> None:
    contract = loads(MINE)
    assert (contract.envelope.type.text, contract.envelope.sent and contract.envelope.sent.text) == ("$.event", "$.ts")
    sources = {name: [str(getattr(source, "text", source)) for source in key.sources] for name, key in contract.keys.items()}
    assert sources["thread"] == ["$.thread_id", "$.data.thread_id", "conn.id"]
    assert sources["run"] == ["$.data.run", "$.data.run_id", "thread"]
    labels = {name: [str(getattr(source, "text", source)) for source in span.label] for name, span in contract.spans.items()}
    assert (labels["run"][0], labels["tool"]) == ("$.data.agent", ["tool_name"])
    assert sources["tool"] == ["$.data.call", "$.tool_call_id", "$.data.tool_call_id"]


def test_a_path_of_the_product_may_begin_as_another_field() -> None:
    contract = loads("extends: agent-chat\nmap: {fields: {thread_id: $.message.thread, message: $.message.text}}\n")
    (questions,) = contract.of(Questions)
    assert str(contract.keys["thread"].sources[0]) == str(parse("$.message.thread"))
    assert [path.text for path in questions.text][:2] == ["$.text", "$.message.text"]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("agent.start", "agent_started"), ("tool.executing", "tool_executing"), ("tool.", "tool_"), ("other", "other")],
)
def test_events_are_renamed_and_a_star_stands_for_the_same(theirs: str, ours: str) -> None:
    assert loads(MINE).map.name_of(theirs) == ours


def test_a_name_goes_before_a_glob() -> None:
    assert ProductMap((("a.*", "x"), ("a.b", "y"))).name_of("a.b") == "y"


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("events: {agent.start: agent_startd}", "no rule of the contract names 'agent_startd'; did you mean 'agent_started'?"),
        ("events: {agent: 'agent_*'}", "'agent_*' has more stars than 'agent': the last one would have no value"),
        ("fields: {thread_ids: $.t}", "nothing in the contract reads 'thread_ids'; did you mean 'thread_id'?"),
        ("fields: {thread_id: t}", "'t' is not a JSON path; paths begin with $, as in $.payload.thread_id"),
        (
            "fields: {'$.a[*]': $.t}",
            "'$.a[*]' is not a singular JSON path, at column 4: names and indexes only, as in $.a['b c'][0]",
        ),
        ("event: $.t", "unknown key 'event'; did you mean 'events'?"),
    ],
)
def test_a_mistake_is_named(part: str, message: str) -> None:
    with pytest.raises(ContractError) as raised:
        loads(f"extends: agent-chat\nmap: {{{part}}}\n")
    assert raised.value.message == message
    assert raised.value.line == 2


def test_a_list_of_the_base_can_be_added_to() -> None:
    contract = loads("extends: agent-chat\n+known: [tick]\nspans: {run: {+body: [agent_note]}}\n")
    assert contract.is_known(1, "tick") and contract.is_known(1, "connection_ack")
    assert {"agent_note", "agent_thinking"} <= {pattern.type for pattern in contract.spans["run"].body}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("keys: {order: order_id}", "'order_id' is neither a key nor a path; did you mean '$.order_id'?"),
        ("keys: {run: $.type.id}", "$.type.id never matches: the type is at $.type, and is a string"),
        ("envelope: {type: $.op, id: $.op.id}", "$.op.id never matches: the type is at $.op, and is a string"),
        (
            "json: {text: object}\nkeys: {run: '$[0]'}",
            "$[0] never matches: it goes into an array, and `json: {text: object}` allows none; "
            "did you mean `json: {text: json}`?",
        ),
        (
            "extends: agent-chat\nmap: {events: {agent.start: agent_started}}\nrules: [{id: r, absence: agent.start}]",
            "agent.start never comes: the map calls it agent_started; did you mean 'agent_started'?",
        ),
    ],
)
def test_what_can_never_match_is_a_mistake(text: str, message: str) -> None:
    with pytest.raises(ContractError) as raised:
        loads(f"contract: x\n{text}\n" if "extends" not in text else f"{text}\n")
    assert raised.value.message == message


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("agent_started", ("agent.start",)), ("tool_completed", ("tool.completed",)), ("tool_*", ("tool.*",)), ("chat", ()),
    ],
)  # fmt: skip
def test_patterns_know_what_the_product_calls_them(ours: str, theirs: tuple[str, ...]) -> None:
    contract = loads('extends: agent-chat\nmap: {events: {agent.start: agent_started, "tool.*": "tool_*", chat: chat}}\n')
    assert contract.map.product_names(ours) == theirs


def test_several_names_of_a_product_for_one_event() -> None:
    contract = loads('extends: agent-chat\nmap: {events: {begin: agent_started, "*.begin.*": agent_started}}\n')
    (start,) = contract.spans["run"].start
    assert start.names() == ("begin", "*.begin.*")
    assert str(start) == "agent_started"


def test_a_direction_stays_before_a_products_name() -> None:
    contract = loads("extends: agent-chat\nmap: {events: {hello: connection_ack}}\n")
    (startup,) = contract.of(Startup)
    assert "s2c:hello" in [name for pattern in startup.patterns() for name in pattern.names()]


def test_a_name_that_the_base_understands_may_get_another_that_does_as_well() -> None:
    contract = loads("extends: agent-chat\nmap: {events: {ask: chat}}\n")
    (questions,) = contract.of(Questions)
    assert any(pattern.fits(0, contract.map.name_of("ask")) for pattern in questions.asks)


@pytest.mark.parametrize("theirs", ["agent_thinking", "tool_error"])
def test_a_mapping_that_hides_a_name_from_the_base_is_named_where_it_stands(theirs: str) -> None:
    with pytest.raises(ContractError) as raised:
        loads(f"extends: agent-chat\nmap:\n  events:\n    hi: hello\n    {theirs}: tool_completed\n", "mine.yaml")
    known = f"agent-chat.yaml understands {theirs} as it is: delete this line."
    assert str(raised.value).startswith(f"mine.yaml:5:5: map.events.{theirs}: {known}")
