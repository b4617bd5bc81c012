"""A span goes on at the connection at which an event of it came last: the end of that one is what cuts it."""

from __future__ import annotations

import pytest
from judged_traces import KEYS, Trace, chat, of

from wsreplay.contract import Contract, loads
from wsreplay.trace.stream import Closed, Opened
from wsreplay.validator import Engine, SpanLog
from wsreplay.validator.state.resumption import ResumedTable

BY_SERVER, BY_CLIENT = "the connection was dropped by the server", "the connection was closed by the client (1000)"
BACK = "; the client reconnected, but the run did not go on"
SPANS = """
contract: x
keys: {thread: [$.thread_id, conn.id], run: [$.run_id, thread], parent: $.parent_run_id}
spans:
  run: {by: [thread, run], start: agent_started, parent: $.parent_run_id, end: agent_completed, body: "agent_*", within: 30s}
"""


@pytest.fixture(scope="module")
def spans() -> Contract:
    return loads(SPANS)


def interrupted() -> Trace:
    """A run is lost with its connection, and its user is back at another."""
    return chat().s2c("agent_started", **KEYS).at(1).drop().at(2).open(2)


def cut_by(trace: Trace, contract: Contract) -> list[str]:
    """What cut each run, in the order of their beginnings."""
    return [record.detail for record in trace.judge(contract, span_log=SpanLog()).spans]


def test_what_goes_on_is_cut_by_the_end_of_the_later_connection(spans: Contract) -> None:
    trace = interrupted().s2c("agent_thinking", 2, **KEYS)
    assert cut_by(trace.close(2, 1001, "server"), spans) == ["the connection was closed by the server (1001)"]


def test_what_does_not_go_on_is_cut_by_the_end_of_its_own(spans: Contract) -> None:
    trace = interrupted().s2c("agent_started", 2, thread_id="t2", run_id="r2")
    assert cut_by(trace.close(2, 1001, "server"), spans) == [
        f"{BY_SERVER}{BACK}", "the connection was closed by the server (1001)",
    ]  # fmt: skip


def test_it_goes_on_where_something_that_is_part_of_it_does(spans: Contract) -> None:
    inner = {"thread_id": "t1", "run_id": "r2"}
    trace = chat().s2c("agent_started", **KEYS).s2c("agent_started", parent_run_id="r1", **inner).at(1).drop().at(2).open(2)
    assert cut_by(trace.s2c("agent_thinking", 2, **inner).close(2), spans) == [BY_CLIENT] * 2


def test_it_goes_on_where_its_part_begins(spans: Contract) -> None:
    trace = interrupted().s2c("agent_started", 2, thread_id="t1", run_id="r2", parent_run_id="r1")
    assert cut_by(trace.close(2), spans) == [BY_CLIENT] * 2


def test_it_goes_on_from_connection_to_connection(spans: Contract) -> None:
    trace = interrupted().s2c("agent_thinking", 2, **KEYS).at(3).drop(2, "client").at(4).open(3).close(3)
    assert cut_by(trace, spans) == [f"the connection was dropped by the client{BACK}"]


def test_history_that_is_sent_again_is_no_going_on() -> None:
    trace = chat().s2c("agent_started", message_id="m1", **KEYS).s2c("agent_thinking", message_id="m2", **KEYS).at(1).drop()
    judgement = trace.at(2).open(2).s2c("agent_started", 2, message_id="m1", **KEYS).close(2).judge()
    (run,) = of(judgement, "run")
    assert run.message.endswith(f"; {BY_SERVER}{BACK}")


def test_a_deadline_that_passes_while_it_goes_on_speaks_of_no_end(spans: Contract) -> None:
    (finding,) = of(interrupted().s2c("agent_thinking", 2, **KEYS).at(50).close(2).judge(spans), "run")
    assert finding.message == "agent_completed did not come within 30s for run r1 in thread t1"


def test_instances_are_looked_up_as_ever_once_everything_goes_on(spans: Contract) -> None:
    engine = Engine(spans)
    trace = interrupted().s2c("agent_thinking", 2, **KEYS)
    first, second = trace.ending()
    begun, going_on = trace.messages[1], trace.messages[2]
    engine.feed([Opened(0, first, 1), begun, Closed(first.closed_ns or 0, first), Opened(second.opened_ns, second, 1)])
    session = engine.trace_state.sessions[1]
    connection = session.last
    assert isinstance(vars(connection)["span0"], ResumedTable)
    engine.feed([going_on])
    assert vars(connection)["span0"] is session.spans[0]
    assert list(session.places.values()) == [connection]
