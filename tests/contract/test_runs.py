"""Which types begin and end a run, by a contract."""

from __future__ import annotations

import pytest

from wsreplay.contract import load, loads
from wsreplay.contract.runs import runs_of

CLIENT, SERVER = 0, 1


@pytest.mark.parametrize(
    ("name", "begin", "ends"),
    [
        ("agent-chat", (SERVER, "agent_started"), ("agent_completed", "error_event", "agent_error")),
        ("ag-ui", (SERVER, "RUN_STARTED"), ("RUN_FINISHED", "RUN_ERROR")),
        ("graphql-transport-ws", (CLIENT, "subscribe"), ("complete", "error")),
    ],
)
def test_a_built_in_contract_says_what_ends_a_run(name: str, begin: tuple[int, str], ends: tuple[str, ...]) -> None:
    runs = runs_of(load(name))
    assert runs.begins(*begin) and set(ends) <= set(runs.end_types)
    assert all(runs.ends(SERVER, type_) for type_ in ends)
    assert not runs.begins(SERVER, "typing_started") and not runs.begins(SERVER, "tool_executing")


def test_a_product_has_its_own_names() -> None:
    runs = runs_of(loads("{contract: x, extends: agent-chat, map: {events: {go: agent_started, done: agent_completed}}}"))
    assert runs.begins(SERVER, "go") and runs.ends(SERVER, "done") and runs.end_types[0] == "done"


def test_what_no_contract_names_is_no_run() -> None:
    for runs in (runs_of(None), runs_of(load("none"))):
        assert not runs.begins(SERVER, "agent_started") and not runs.ends(SERVER, "agent_completed") and not runs.end_types
