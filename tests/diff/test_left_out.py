"""What is not compared."""

from __future__ import annotations

import pytest

from wsreplay.contract import loads
from wsreplay.diff.left_out import LeftOut, heartbeats_of, is_heartbeat_type
from wsreplay.errors import UsageError


@pytest.mark.parametrize("type_", [
    "ping", "pong", "PING", "heartbeat", "heart_beat", "heartbeat_ack", "keepalive", "keepAlive", "server.heartbeat",
    "connection-keep-alive",
])  # fmt: skip
def test_heartbeats_are_known_by_their_names(type_: str) -> None:
    assert is_heartbeat_type(type_)
    assert LeftOut()(1, type_) and not LeftOut(heartbeats=False)(1, type_)


@pytest.mark.parametrize("type_", ["shipping", "ping_user", "heartbeat.missed", "alive", "text", "spinning", "", "ack"])
def test_other_types_are_compared(type_: str) -> None:
    assert not LeftOut()(0, type_)


def test_types_are_left_out_by_patterns() -> None:
    leaves_out = LeftOut(["notice", "s2c:*.delta"])
    assert [leaves_out(*event) for event in ((0, "notice"), (1, "text.delta"), (0, "text.delta"), (1, "notices"))] == [
        True, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "s2c:"])
def test_an_empty_type_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--ignore-type needs a type"):
        LeftOut([text])


def test_a_products_types_are_left_out_by_the_contracts_names_too() -> None:
    called = {"hb": "heartbeat", "tok": "partial_result"}
    leaves_out = LeftOut(["s2c:partial_*"], called=lambda type_: called.get(type_, type_))
    assert [leaves_out(*event) for event in ((1, "hb"), (1, "tok"), (0, "tok"), (1, "other"))] == [True, True, False, False]


def test_what_a_contract_wants_again_and_again_is_a_heartbeat() -> None:
    contract = loads(
        "contract: c\nkeys: {run: $.id}\nspans: {run: {by: run, start: a, end: b}}\nrules:\n"
        "  - {id: alive, recurrence: 's2c:beat', every: 5s}\n"
        "  - {id: progress, recurrence: delta, every: 5s, in: run}\n"
    )
    leaves_out = LeftOut(timed=heartbeats_of(contract))
    assert [leaves_out(*event) for event in ((1, "beat"), (0, "beat"), (1, "delta"))] == [True, False, False]
    assert not LeftOut(timed=heartbeats_of(contract), heartbeats=False)(1, "beat")
    assert heartbeats_of(None) == []
