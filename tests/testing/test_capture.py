from __future__ import annotations

import time

import pytest

from wsreplay.testing import EventCapture


def captured() -> EventCapture:
    capture = EventCapture()
    for at, kind, thread in [(0.0, "agent_started", "t1"), (0.1, "agent_started", "t2"), (0.5, "agent_completed", "t1")]:
        capture.capture({"type": kind, "payload": {"thread_id": thread}}, at)
    capture.capture({"type": "ping"}, 0.6)
    capture.capture({"no": "type"}, 0.7)
    return capture


def test_events_are_kept_in_order_and_by_thread() -> None:
    capture = captured()
    assert capture.types() == ["agent_started", "agent_started", "agent_completed", "ping", None]
    assert capture.types("t1") == ["agent_started", "agent_completed"]
    assert capture.types("nobody") == []
    assert capture.threads() == ["t1", "t2"]
    assert [one.at for one in capture.events("t2", "agent_started")] == [0.1]
    assert capture.events(type="ping")[0]["type"] == "ping"
    assert len(capture) == len(list(capture)) == 5


def test_types_are_counted() -> None:
    capture = captured()
    assert capture.count("agent_started") == 2
    assert capture.count("agent_started", "t1") == 1
    assert capture.counts() == {"agent_started": 2, "agent_completed": 1, "ping": 1}
    assert capture.counts("t2") == {"agent_started": 1}


def test_times_are_relative_to_the_beginning_and_clear_begins_anew() -> None:
    capture = EventCapture()
    time.sleep(0.05)
    late = capture.capture({"type": "late"}).at
    assert late >= 0.05
    before = time.monotonic()
    capture.clear()
    assert len(capture) == 0
    early = capture.capture({"type": "early"}).at
    assert early <= time.monotonic() - before


def test_the_time_between_two_types_and_what_came_when_there_is_none() -> None:
    capture = captured()
    assert capture.between("agent_started", "agent_completed") == 0.5
    with pytest.raises(LookupError, match="no agent_completed was captured in thread t2: agent_started"):
        capture.between("agent_started", "agent_completed", "t2")


def test_what_a_thread_is_can_be_said() -> None:
    capture = EventCapture(thread_of=lambda event: event.get("room"))
    capture.capture({"type": "joined", "room": "kitchen"})
    assert capture.threads() == ["kitchen"]


def test_messages_are_captured_as_their_decoder_reads_them() -> None:
    capture = EventCapture(decoder="json-rpc")
    capture.take('{"jsonrpc":"2.0","id":1,"method":"ask","params":{}}', sent=True)
    (answer,) = capture.take('{"jsonrpc":"2.0","id":1,"result":{"n":1}}')
    assert answer["result"] == {"n": 1} and capture.types() == ["ask", "ask:result"]
    assert len(capture.take('[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","method":"b"}]', at=2.0)) == 2
    assert capture.take("nothing of the protocol") == [] and capture.counts()["b"] == 1
