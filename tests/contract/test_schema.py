"""The JSON Schema for editors takes what the loader takes, and marks what no contract may say."""

from __future__ import annotations

import json

import fastjsonschema
import pytest
import yaml
from syrupy.assertion import SnapshotAssertion

from wsreplay.contract import json_schema, loads
from wsreplay.errors import ContractError

ACCEPTS = fastjsonschema.compile(json_schema())


def accepts(text: str) -> bool:
    try:
        ACCEPTS(yaml.safe_load(text))
    except fastjsonschema.JsonSchemaException:
        return False
    return True


WHOLE = """
contract: x
version: 2
description: all that there is
applies_to: {path: [/ws, /chat*], subprotocol: graphql-*}
session: {resume_within: 1.5 min}
envelope: {type: $.type, sent: $.at, seq: $.n, id: $.id}
keys: {run: [$.run_id, conn.id], tool: run}
json: {text: object, type: required, names: unique, severity: warning, enabled: true}
known: [a, 'c2s:b*']
unknown: warn
spans:
  run: {by: run, else_by: [tool], start: a, end: {ok: b, failed: [c, ws.drop]}, body: d, after: {ok: e}, outside: f,
        parent: $.parent, within: 30s, severity: info, require_activation: true, enabled: true}
  inner: {inside: run, start: {event: g, where: {$.first: [true, 1, null]}}, end: h, after: [i, j]}
rules:
  - {id: r1, existence: [a, [b, c]], min: 0, max: 3, in: run, unless: [failed], by: [tool]}
  - {id: r2, response: [a, b], within: 2s, mode: chain, across: user, severity: warning, enabled: true}
  - {id: r3, precedence: [a, b], after: c, until: [d, e], require_activation: false}
  - {id: r4, not_co_existence: [a, {event: k, where: {$.x: y}}]}
  - {id: r5, latency: 's2c:*', max: 100ms, clock: same}
  - {id: r6, recurrence: ping, every: 5s, until: ws.close}
  - {id: r7, rate: 's2c:*', max: 100, per: 1s}
  - {id: r8, monotonic: $.price, mode: non_decreasing, event: a, by: run}
  - {id: r9, count: a, equals: $.count, at: b}
  - {id: r10, sum: $.size, event: a, equals: $.total, at: b}
  - {id: r11, assemble: {event: a, field: $.d, by: run, until: b, as: json, schema: {type: object}, equals: $.whole}}
  - {id: r12, consistent: [run, tool], event: a}
  - {id: r13, absence: {event: a, where: {$.x: [{minimum: 1}, 'a*']}}}
latency: {id: l, latency: a, max: 1s}
sequence: [{field: envelope.seq, by: conn.session, mode: increasing, recover_within: 2s}]
unique: {id: u, field: $.id, by: [run, tool]}
isolation: [{id: i1, bind: [run, tool], to: conn.user, shared: team-*}, {id: i2, confine: tool}]
schema: {a: {type: object}, severity: info}
"""


def test_a_contract_of_all_parts_is_accepted_by_both():
    assert loads(WHOLE).rules
    assert accepts(WHOLE)


def test_it_is_a_schema_of_draft_7_with_a_name():
    schema = json_schema()
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert (schema["$id"], schema["title"], schema["type"]) == ("urn:wsreplay:contract:1", "wsreplay contract", "object")
    assert (schema["required"], schema["additionalProperties"]) == (["contract"], False)


@pytest.mark.parametrize(
    "part",
    [
        "rulez: []",
        "version: [1]",
        "version: true",
        "description: 1",
        "extends: [a]",
        "applies_to: {paths: /ws}",
        "applies_to: {path: 1}",
        "applies_to: {path: []}",
        "session: {resume_within: 2}",
        "session: {resume: 2s}",
        "envelope: {type: type}",
        "envelope: {kind: $.type}",
        "keys: {run: 1}",
        "keys: {run: []}",
        "keys: [run]",
        "json: {text: objects}",
        "json: {type: needed}",
        "json: {names: one}",
        "json: {severity: fatal}",
        "json: {enabled: 'no'}",
        "known: []",
        "known: 1.5",
        "unknown: maybe",
        "spans: {run: {begin: a}}",
        "spans: {run: {by: 1}}",
        "spans: {run: {inside: [run]}}",
        "spans: {run: {within: 3}}",
        "spans: {run: {end: {}}}",
        "spans: {run: {end: {ok: 1.5}}}",
        "spans: {run: {id: run}}",
        "spans: [run]",
        "rules: {id: r, absence: a}",
        "rules: [{absence: a}]",
        "rules: [{id: 1, absence: a}]",
        "rules: [{id: r, absence: ''}]",
        "rules: [{id: r, absence: {where: {$.a: 1}}}]",
        "rules: [{id: r, absence: {event: a, where: {a: 1}}}]",
        "rules: [{id: r, absence: {event: a, where: {$.a: {}}}}]",
        "rules: [{id: r, absence: {event: ''}}]",
        "rules: [{id: r, response: a}]",
        "rules: [{id: r, response: [a]}]",
        "rules: [{id: r, response: [a, b, c]}]",
        "rules: [{id: r, response: [a, b], mode: all}]",
        "rules: [{id: r, existence: a, min: -1}]",
        "rules: [{id: r, existence: a, max: 0}]",
        "rules: [{id: r, existence: a, max: many}]",
        "rules: [{id: r, absence: a, in: 1}]",
        "rules: [{id: r, absence: a, across: session}]",
        "rules: [{id: r, absence: a, unless: []}]",
        "rules: [{id: r, absence: a, severity: fatal}]",
        "rules: [{id: r, absence: a, require_activation: 1}]",
        "latency: {latency: a, max: 1}",
        "latency: {latencies: a}",
        "sequence: {field: $.n, mode: any}",
        "sequence: {field: n}",
        "unique: {field: envelope.key}",
        "unique: {fields: $.id}",
        "isolation: {id: i, bind: a}",
        "isolation: [{bind: a}]",
        "isolation: [{id: i, confine: [a]}]",
        "isolation: [{id: i, bind: a, to: 1}]",
        "isolation: [{id: i, owner: a}]",
        "schema: [a]",
    ],
)
def test_what_no_contract_may_say_is_marked_by_both(part: str):
    assert not accepts(f"contract: x\n{part}")
    with pytest.raises(ContractError):
        loads(f"contract: x\n{part}\n")


def test_what_editors_are_given_changes_on_purpose_only(snapshot: SnapshotAssertion):
    """Its names, words, defaults and examples are an interface: see the difference, then `pytest --snapshot-update`."""
    assert json.dumps(json_schema(), indent=1, ensure_ascii=False, sort_keys=True) == snapshot
