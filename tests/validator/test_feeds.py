"""The contracts of the how-to about values, rates and silences, as they stand there: each fault is found, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from judged_traces import Trace, said

from wsreplay.contract import Contract, loads

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "contracts.md"


@cache
def contract_of(title: str) -> Contract:
    (text,) = re.findall(rf'```yaml title="{re.escape(title)}"\n(.*?)```', PAGE.read_text("utf-8"), re.S)
    return loads(text, title)


def tick(trace: Trace, seq: int, at: int, price: float = 1.5) -> Trace:
    return trace.s2c("tick", symbol="X", seq=seq, at=at, price=price, currency="EUR")


def day(trace: Trace) -> Trace:
    trace.c2s("subscribe", symbol="X").s2c("subscribed", symbol="X")
    tick(tick(tick(trace, 1, 100), 2, 100), 4, 101)
    trace.c2s("order", order_id="o1").s2c("ack", order_id="o1").s2c("heartbeat")
    trace.s2c("delta", symbol="X", volume=0.1).s2c("delta", symbol="X", volume=0.2)
    return trace.s2c("checksum", symbol="X", deltas=2, volume=0.3).at(4.9).s2c("heartbeat").at(6)


FAULTS: dict[str, Callable[[Trace], object]] = {
    "subscribed": lambda trace: trace.c2s("subscribe", symbol="Y").s2c("heartbeat").at(8).s2c("subscribed", symbol="Y"),
    "ticks-in-order": lambda trace: tick(trace, 4, 102),
    "time-goes-on": lambda trace: tick(trace, 5, 99),
    "answered": lambda trace: trace.c2s("order", order_id="o2"),
    "one-answer": lambda trace: trace.s2c("reject", order_id="o1"),
    "prices": lambda trace: tick(trace, 5, 102, 0),
    "not-too-many": lambda trace: [trace.at(6 + number / 1000).s2c("news") for number in range(101)],
    "heartbeat": lambda trace: trace.at(11),
    "all-changes": lambda trace: trace.s2c("checksum", symbol="X", deltas=1, volume=0),
    "volume": lambda trace: trace.s2c("delta", symbol="X", volume=1).s2c("checksum", symbol="X", deltas=1, volume=2),
    "one-currency": lambda trace: trace.s2c("news", symbol="X", currency="USD"),
}


def test_a_day_on_which_all_goes_well_is_clean():
    assert said(day(Trace().open()).close().judge(contract_of("feed.yaml"))) == []


def test_each_rule_has_its_fault():
    assert list(FAULTS) == [rule.id for rule in contract_of("feed.yaml").rules]


@pytest.mark.parametrize("rule", FAULTS)
def test_each_fault_is_found_by_its_rule(rule: str):
    trace = day(Trace().open())
    FAULTS[rule](trace)
    assert [line.partition(":")[0] for line in said(trace.close().judge(contract_of("feed.yaml")))] == [rule]


def test_a_service_is_alive_while_it_says_so_often_enough():
    alive = contract_of("alive.yaml")
    well = Trace().open().at(4).s2c("heartbeat").at(9).raw(b"", opcode=10).at(13).close()
    assert said(well.judge(alive)) == []
    silent = Trace().open().at(4).s2c("heartbeat").at(20).close()
    assert said(silent.judge(alive)) == ["heartbeat: heartbeat or ws.pong did not come for 5s"]
    gone = Trace().open().at(4).s2c("heartbeat").at(5).close(code=1001, by="server")
    assert [line.partition(":")[0] for line in said(gone.judge(alive))] == ["server-stays"]
