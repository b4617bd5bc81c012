"""Types that rules wait for in vain: which, and what came instead."""

from __future__ import annotations

import pytest

from wsreplay.contract import load, loads
from wsreplay.contract.unseen import find_unseen

CONTRACT = """
contract: mine
rules:
  - {id: first, response: [%s, agent_completed]}
  - {id: second, existence: [agent_completed, tool_executing]}
"""
SEEN = {(0, "chat_message"), (1, "agent_started"), (1, "agent_completed"), (1, "tool_executing"), (1, "step_2")}


def unseen(type_: str) -> list[str]:
    return [str(one) for one in find_unseen(loads(CONTRACT % type_), SEEN)]


@pytest.mark.parametrize(
    ("type_", "instead"),
    [
        ("chat_mesage", ", but chat_message did: is it misspelt?"),
        ("agentStarted", ", but agent_started did: is it misspelt?"),
        ("tool_exeucting", ", but tool_executing did: is it misspelt?"),  # though another rule names it rightly
        ("tool_executin", ""),  # as `response.create` beside `response.created`
        ("step_1", ""),
        ("'c2s:agent_started'", ", but s2c:agent_started did: does the other side send it?"),
        ("'c2s:agent_completed'", ""),  # another rule expects it of the server
        ("handed_over", ""),
    ],
)
def test_what_never_came_is_told_with_what_resembles_it(type_: str, instead: str) -> None:
    assert unseen(type_) == [f"{type_.strip(chr(39))} never came (rule first, contract.yaml:4){instead}"]


@pytest.mark.parametrize("type_", ["agent_started", "'chat_*'", "'nothing_*'", "'s2c:agent_started'", "ws.drop"])
def test_what_came_or_may_be_anything_is_not_told(type_: str) -> None:
    assert unseen(type_) == []


def test_each_type_is_told_once_under_the_contracts_name() -> None:
    contract = load("agent-chat")
    told = [(one.pattern.direction, one.pattern.type) for one in find_unseen(contract, {(1, "agent_started")})]
    assert len(told) == len(set(told)) and (None, "agent_completed") in told


MAPPED = """
contract: product
extends: agent-chat
map: {events: {run.begn: agent_started, run.end: agent_completed, "tool.*": "tool_*"}}
rules:
  - {id: mine, response: [agent_completed, tool_eror]}
"""


@pytest.mark.parametrize("similar", [("run.begn", "run.begin"), ("tool.eror", "tool.error")])
def test_names_of_a_product_are_compared_with_what_the_product_sent(similar: tuple[str, str]) -> None:
    seen = {(1, "run.begin"), (1, "agent_completed"), (1, "tool_error")}
    unseen = list(find_unseen(loads(MAPPED), seen))
    assert similar in [(name, type_.near) for type_ in unseen for name in type_.pattern.names()]
