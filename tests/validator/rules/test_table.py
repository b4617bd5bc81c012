"""Every kind of rule that the contract language has is judged by a monitor."""

from __future__ import annotations

from wsreplay.contract import loads
from wsreplay.contract.model import Rule
from wsreplay.contract.rules.table import KINDS
from wsreplay.validator import Engine

ONE_OF_EACH = {
    "json": "{text: object}",
    "unknown": "warn",
    "spans": "{run: {start: a, end: b}}",
    "rules": "[{id: r, existence: a}]",
    "questions": "{asks: q, by: k, answered_by: run}",
    "waits": "{from: w, until: a}",
    "silence": "{in: run, max: 1s}",
    "startup": "{first: f, before: a}",
    "reconnect": "{in: run, within: 3s, lost: ws.drop}",
    "left_open": "{in: run, after: 60s}",
    "latency": "{latency: a, max: 1s}",
    "sequence": "{field: $.n}",
    "unique": "{field: $.id}",
    "isolation": "[{id: b, bind: k}, {id: c, confine: k}, {id: d, canary: m}]",
    "schema": "{a: {type: object}}",
    "needs": "{event: a, any: $.text}",
}


def test_each_kind_of_rule_has_its_monitor() -> None:
    assert list(ONE_OF_EACH) == [kind.key for kind in KINDS]
    parts = "\n".join(f"{key}: {value}" for key, value in ONE_OF_EACH.items())
    contract = loads(f"contract: x\nenvelope: {{type: $.type, sent: $.at}}\nkeys: {{k: $.k}}\n{parts}\n")
    monitors = Engine(contract).monitors
    assert {type(rule).__name__ for rule in contract.rules} == {kind.__name__ for kind in Rule.__subclasses__()}
    assert [monitors.by_rule[rule.id].rule for rule in contract.rules] == list(contract.rules)
