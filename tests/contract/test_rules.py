"""Each kind of rule is read into what it means, and refused with what is wrong and where."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wsreplay.contract import loads
from wsreplay.contract.conditions import ValueGlob, ValueSchema
from wsreplay.contract.model import Declare, Pattern, Place, Rule, Span
from wsreplay.contract.paths import parse
from wsreplay.contract.rules.assemble import Assemble
from wsreplay.contract.rules.consistent import Consistent
from wsreplay.contract.rules.isolation import Bind, Canary, Confine
from wsreplay.contract.rules.json_format import Format
from wsreplay.contract.rules.kind import listed_kind, named_kind
from wsreplay.contract.rules.latency import Latency
from wsreplay.contract.rules.left_open import LeftOpen
from wsreplay.contract.rules.monotonic import Monotonic
from wsreplay.contract.rules.needs import Needs
from wsreplay.contract.rules.rate import Rate
from wsreplay.contract.rules.recurrence import Recurrence
from wsreplay.contract.rules.schema import Schema
from wsreplay.contract.rules.sequence import SequenceRule
from wsreplay.contract.rules.silence import Silence
from wsreplay.contract.rules.startup import Startup
from wsreplay.contract.rules.total import Total
from wsreplay.contract.rules.unique import Unique
from wsreplay.contract.rules.unknown import Unknown
from wsreplay.contract.rules.waits import Waits
from wsreplay.errors import ContractError

HEAD = "contract: x\nenvelope: {sent: $.at, seq: $.n, id: $.id}\nkeys: {run: $.run_id, tool: $.tool_id}\n"
SPAN = "spans: {run: {by: run, start: a, end: b}}\n"
NOWHERE = Place()
S = 1_000_000_000
A, B, C, D, E = (Pattern(name) for name in "abcde")


def rules(text: str) -> list[Rule]:
    return [replace(rule, place=NOWHERE) for rule in loads(HEAD + text, "c.yaml").rules]


def rule_of(text: str) -> Rule:
    """The rule, after the span that it may name."""
    return rules(f"{SPAN}rules: [{text}]")[1]


def mistake(text: str) -> str:
    with pytest.raises(ContractError) as caught:
        loads(HEAD + text, "c.yaml")
    return str(caught.value).removeprefix("c.yaml:4:")


def declare(template: str, *operands: tuple[Pattern, ...], **more: Any) -> Declare:
    return Declare("r", NOWHERE, template=template, operands=operands, **more)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{id: r, existence: [a, [b, c]]}", declare("existence", (A,), (B, C))),
        ("{id: r, existence: a, min: 0, max: 2}", declare("existence", (A,), min=0, max=2)),
        ("{id: r, existence: a, min: 2, max: 2}", declare("existence", (A,), min=2, max=2)),
        ("{id: r, absence: a}", declare("absence", (A,))),
        ("{id: r, init: a, in: run}", declare("init", (A,), inside="run")),
        ("{id: r, end: a, by: [run, conn.user]}", declare("end", (A,), by=("run", "conn.user"))),
        ("{id: r, response: [a, [b, c]], within: 2s}", declare("response", (A,), (B, C), within_ns=2 * S)),
        ("{id: r, precedence: [a, b], mode: chain, within: 1s}", declare("precedence", (A,), (B,), mode="chain", within_ns=S)),
        ("{id: r, response: [a, b], mode: alternate}", declare("response", (A,), (B,), mode="alternate")),
        ("{id: r, not_co_existence: [a, b], mode: any}", declare("not_co_existence", (A,), (B,))),
        ("{id: r, responded_existence: [a, b], across: user}", declare("responded_existence", (A,), (B,), across_user=True)),
        ("{id: r, absence: a, after: b, until: [c, d]}", declare("absence", (A,), after=(B,), until=(C, D))),
        ("{id: r, absence: a, in: run, unless: ok}", declare("absence", (A,), inside="run", unless=("ok",))),
        ("{id: r, absence: a, severity: info, require_activation: true}",
         declare("absence", (A,), severity="info", require_activation=True)),
        ("{id: r, latency: 's2c:*', max: 100ms}",
         Latency("r", NOWHERE, "warning", events=(Pattern("*", 1),), max_ns=100_000_000)),
        ("{id: r, latency: a, max: 1s, clock: same}", Latency("r", NOWHERE, events=(A,), max_ns=S, same_clock=True)),
        ("{id: r, recurrence: a, every: 5s, in: run}",
         Recurrence("r", NOWHERE, template="recurrence", operands=((A,),), within_ns=5 * S, inside="run")),
        ("{id: r, rate: [a, b], max: 100, per: 1s, by: run}",
         Rate("r", NOWHERE, template="rate", operands=((A, B),), most=100, per_ns=S, by=("run",))),
        ("{id: r, monotonic: $.v}",
         Monotonic("r", NOWHERE, template="monotonic", operands=((Pattern("*"),),), field=parse("$.v"))),
        ("{id: r, monotonic: envelope.seq, mode: non_decreasing, event: a}",
         Monotonic("r", NOWHERE, template="monotonic", operands=((A,),), field=parse("$.n"), order="non_decreasing")),
        ("{id: r, count: a, equals: $.v, at: b}",
         Total("r", NOWHERE, template="count", operands=((A,), (B,)), equals=parse("$.v"))),
        ("{id: r, sum: $.s, event: a, equals: $.v, at: b}",
         Total("r", NOWHERE, template="sum", operands=((A,), (B,)), equals=parse("$.v"), summed=parse("$.s"))),
        ("{id: r, assemble: {event: a, field: $.d, by: run, until: b, as: json, schema: {type: object}}}",
         Assemble("r", NOWHERE, template="assemble", operands=((A,), (B,)), field=parse("$.d"), is_json=True, by=("run",),
                  schema_text='{"type":"object"}')),
        ("{id: r, consistent: [tool, run], by: run}",
         Consistent("r", NOWHERE, template="consistent", operands=((Pattern("*"),),), by=("run", "tool"), determined="run")),
        ("{id: r, absence: {event: a, where: {$.v: {minimum: 1}, $.w: ['x*', 2]}}}",
         declare("absence", (Pattern("a", where=((parse("$.v"), (ValueSchema('{"minimum":1}'),)),
                                                 (parse("$.w"), (ValueGlob("x*"), 2)))),))),
    ],
)  # fmt: skip
def test_a_rule_is_read(text: str, expected: Rule):
    assert rule_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("latency: {latency: a, max: 1s, severity: warning}", Latency("latency", NOWHERE, "warning", events=(A,), max_ns=S)),
        ("sequence: {field: envelope.seq}", SequenceRule("sequence", NOWHERE, field=parse("$.n"))),
        ("sequence: {id: s, field: $.n, by: run, mode: increasing}",
         SequenceRule("s", NOWHERE, field=parse("$.n"), by=("run",), mode="increasing")),
        ("sequence: {field: $.n, recover_within: 2s}",
         SequenceRule("sequence", NOWHERE, field=parse("$.n"), recover_within_ns=2 * S)),
        ("unique: {field: envelope.id}", Unique("unique", NOWHERE, field=parse("$.id"), by=("conn.id",))),
        ("unique: {id: u, field: $.id, by: [run, tool]}", Unique("u", NOWHERE, field=parse("$.id"), by=("run", "tool"))),
        ("isolation: [{id: i, bind: [run, tool]}]", Bind("i", NOWHERE, keys=("run", "tool"), to="conn.user")),
        ("isolation: [{id: i, bind: run, to: tool}]", Bind("i", NOWHERE, keys=("run",), to="tool")),
        ("isolation: [{id: i, confine: run, to: conn.session}]", Confine("i", NOWHERE, key="run", to="conn.session")),
        ("isolation: [{id: i, canary: 'C-[0-9]+'}]", Canary("i", NOWHERE, pattern="C-[0-9]+")),
        ("json: {}", Format("json", NOWHERE, text="object")),
        ("json: {text: any, type: required, names: unique, severity: warning}",
         Format("json", NOWHERE, "warning", text="any", type_required=True, names_unique=True)),
        ("json: {text: json, type: optional, names: any}", Format("json", NOWHERE, text="json")),
        ("unknown: warn", Unknown("unknown", NOWHERE, "warning")),
        ("unknown: error", Unknown("unknown", NOWHERE, "error")),
        ("schema: {severity: info, 'c2s:a': {type: object}, b: true}",
         Schema("schema", NOWHERE, "info", schemas=((Pattern("a", 0), {"type": "object"}), (B, True)))),
        ("waits: {from: a, until: [b, c], by: run}", Waits("waits", NOWHERE, start=(A,), until=(B, C), by="run")),
        ("waits: {from: a, until: b}", Waits("waits", NOWHERE, start=(A,), until=(B,), by="conn.session")),
        ("startup: {first: a, before: [b, c], severity: warning}",
         Startup("startup", NOWHERE, "warning", first=(A,), before=(B, C))),
        ("needs: {id: n, event: a, any: [$.v, $.w]}", Needs("n", NOWHERE, events=(A,), any_of=(parse("$.v"), parse("$.w")))),
        ("spans: {run: {start: a, end: b}}", Span("run", NOWHERE, by=("conn.id",), start=(A,), ends=(("ok", (B,)),))),
    ],
)  # fmt: skip
def test_what_stands_beside_the_rules_is_read(text: str, expected: Rule):
    assert rules(text) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("silence: {in: run, max: 10s}", Silence("silence", NOWHERE, span="run", max_ns=10 * S)),
        ("left_open: {in: run, after: 1s}", LeftOpen("left-open", NOWHERE, span="run", after_ns=S)),
    ],
)
def test_what_is_about_a_span_is_read(text: str, expected: Rule):
    assert rules(f"{SPAN}{text}")[1] == expected


def test_every_part_of_a_span_is_read():
    text = """spans:
  run: {start: a, end: b}
  tool:
    {by: [run, tool], else_by: [run], inside: run, parent: $.parent, within: 10s, severity: warning, require_activation: true,
     start: [a, {event: b, where: {$.first: true}}], body: c,
     end: {ok: d, failed: [e, ws.drop]}, after: {failed: f}, outside: g}
  other: {start: a, end: {event: b, where: {$.done: [1, null]}}, after: c, parent: run}
"""
    tool, other = rules(text)[1:]
    first = Pattern("b", where=((parse("$.first"), (True,)),))
    assert tool == Span(
        "tool", NOWHERE, "warning", True, by=("run", "tool"), else_by=("run",), inside="run", parent=parse("$.parent"),
        within_ns=10 * S, start=(A, first), body=(C,), ends=(("ok", (D,)), ("failed", (E, Pattern("ws.drop")))),
        after=(("failed", (Pattern("f"),)),), outside=(Pattern("g"),),
    )  # fmt: skip
    done = Pattern("b", where=((parse("$.done"), (1, None)),))
    assert other == Span(
        "other", NOWHERE, by=("conn.id",), start=(A,), ends=(("ok", (done,)),), after=((None, (C,)),), parent="run"
    )


@pytest.mark.parametrize(
    "text",
    [
        "spans: {run: {start: a, end: b, enabled: false}}",
        "rules: [{id: r, absence: a, enabled: false}]",
        "rules: [{id: r, latency: a, max: 1s, enabled: false}]",
        "latency: {latency: a, max: 1s, enabled: false}",
        "sequence: {field: $.n, enabled: false}",
        "unique: {field: $.id, enabled: false}",
        "isolation: [{id: i, bind: run, enabled: false}]",
        "json: {enabled: false}",
        "unknown: allow",
    ],
)
def test_a_rule_can_be_taken_away(text: str):
    assert rules(text) == []
    kept = text.replace("enabled: false", "enabled: true").replace("allow", "warn")
    assert len(rules(kept)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules: [{id: r, absence: a, severity: fatal}]",
         "39: rules[0].severity: expected error, warning or info, found 'fatal'; expected error, warning or info"),
        ("rules: [{id: r, absence: a, enabled: 1}]", "38: rules[0].enabled: expected true or false, found 1"),
        ("rules: [{id: r, sequence: $.n}]", "17: rules[0].sequence: 'sequence' belongs beside `rules`, not among them"),
        ("rules: [{id: 7, absence: a}]", "14: rules[0].id: expected the rule's id, found 7"),
        ("rules: [{id: r, absence: a, init: b}]",
         "9: rules[0]: a rule has exactly one template, existence, absence, init, end, response, precedence, "
         "responded_existence, not_co_existence, latency, "
         "recurrence, rate, monotonic, count, sum, assemble or consistent; found 2"),
        ("rules: [{id: r, absence: []}]", "26: rules[0].absence: absence needs at least one event"),
        ("rules: [{id: r, absence: [[]]}]", "27: rules[0].absence[0]: expected an event pattern, found an empty list"),
        ("rules: [{id: r, response: a}]",
         "27: rules[0].response: expected two events, as in response: [a, b], found 'a'"),
        ("rules: [{id: r, response: [a, b, c]}]",
         "27: rules[0].response: response needs two events, as in response: [a, b]; found 3"),
        ("rules: [{id: r, absence: a, min: 1}]", "34: rules[0].min: min applies to existence, not to absence"),
        ("rules: [{id: r, existence: a, max: 0}]", "36: rules[0].max: expected a whole number of at least 1, found 0"),
        ("rules: [{id: r, existence: a, min: true}]", "36: rules[0].min: expected a whole number of at least 0, found True"),
        ("rules: [{id: r, existence: a, within: 2s}]",
         "39: rules[0].within: within applies to response and precedence, not to existence"),
        ("rules: [{id: r, absence: a, unless: ok}]", "37: rules[0].unless: unless needs `in`: it asks how that span ended"),
        ("rules: [{id: r, absence: a, across: session}]",
         "37: rules[0].across: expected user, found 'session'; expected user"),
        ("latency: {max: 1s}", "10: latency: latency needs `latency`, as in {id: latency, latency: 's2c:*', max: 100ms}"),
        ("latency: {latency: a}", "10: latency: latency needs `max`, as in {id: latency, latency: 's2c:*', max: 100ms}"),
        ("waits: {from: a}", "8: waits: waits needs `until`"),
        ("startup: {before: a}", "10: startup: startup needs `first`"),
        ("needs: {event: a}", "8: needs: needs needs `any`"),
        ("silence: {max: 1s}", "10: silence: silence needs `in`"),
        ("left_open: {in: run}", "12: left_open: left_open needs `after`"),
        ("sequence: {by: run}", "11: sequence: needs `field`: a path, or envelope.id or envelope.seq"),
        ("sequence: {field: $.n, by: []}", "28: sequence.by: expected at least one key"),
        ("isolation: [{id: i}]",
         "13: isolation[0]: an isolation rule binds keys to their owner, confines a value to its owner, or looks for what is "
         "planted for one: `bind`, `confine` or `canary`"),
        ("isolation: {id: i, bind: run}", "12: isolation: expected a list of rules, found a mapping"),
        ("isolation: [{bind: run}]", "13: isolation[0]: a rule needs an id"),
        ("spans: {run: {end: b}}", "14: spans.run: a span needs its start: without one it can never begin"),
        ("spans: {run: {start: a, end: {}}}", "30: spans.run.end: a span needs at least one end"),
        ("spans: {run: {start: a, end: b, inside: run}}",
         "41: spans.run.inside: expected another span, found 'run'; expected another span"),
        ("spans: {run: {start: a, end: b, parent: 3}}",
         "41: spans.run.parent: expected a path or a key that names the parent, found 3"),
        ("spans: {run: {start: a, end: b, label: 3}}",
         "40: spans.run.label: expected a path or a key that holds the span's name, found 3"),
        ("spans: {run: {start: a, end: b, label: []}}",
         "40: spans.run.label: expected a path or a key that holds the span's name, found an empty list"),
        ("spans: {run: {start: a, end: b, label: [$.name, nope]}}",
         "49: spans.run.label[1]: expected run, tool, conn.id, conn.user or conn.session, found 'nope'; "
         "expected run, tool, conn.id, conn.user or conn.session"),
        ("spans: [a]", "8: spans: expected a mapping, found a list"),
        ("spans: {run: a}", "14: spans.run: expected a span, found 'a'"),
        ("schema: a", "9: schema: expected JSON Schemas by event type, found 'a'"),
        ("rules: [{id: r, absence: 'c2s:'}]", "26: rules[0].absence: expected a type after 'c2s:'"),
        ("rules: [{id: r, absence: 's2c:ws.open'}]", "26: rules[0].absence: ws.open has no direction"),
        ("rules: [{id: r, absence: {where: {$.a: 1}}}]", "26: rules[0].absence: a pattern with conditions needs its `event`"),
        ("rules: [{id: r, absence: {event: a, where: {$.a: [[1]]}}}]",
         "51: rules[0].absence.where.$.a[0]: a condition compares with text, a number, true, false, null, keywords of "
         "JSON Schema, or a list of these"),
        ("rules: [{id: r, absence: {event: a, where: {$.a: {minimun: 1}}}}]",
         "51: rules[0].absence.where.$.a.minimun: unknown key 'minimun'; did you mean 'minimum'?"),
        ("rules: [{id: r, absence: {event: a, where: {$.a: {minimum: x}}}}]",
         "50: rules[0].absence.where.$.a: not a JSON Schema: minimum must be a number"),
        ("rules: [{id: r, recurrence: a}]", "9: rules[0]: recurrence needs `every`"),
        ("rules: [{id: r, recurrence: a, every: 1s, max: 3}]", "43: rules[0].max: unknown key 'max'; expected id, severity, "
         "require_activation, enabled, in, by, across, after, until, unless, recurrence or every"),
        ("rules: [{id: r, rate: a, max: 0, per: 1s}]",
         "31: rules[0].max: expected a whole number of at least 1, found 0"),
        ("rules: [{id: r, rate: a, max: 1, per: 0s}]", "39: rules[0].per: expected a time above 0"),
        ("rules: [{id: r, monotonic: $.v, mode: rising}]",
         "39: rules[0].mode: expected increasing, non_decreasing, decreasing, non_increasing or constant, "
         "found 'rising'; did you mean 'increasing'?"),
        ("rules: [{id: r, count: a, equals: $.v}]", "9: rules[0]: count needs `at`"),
        ("rules: [{id: r, sum: $.v, equals: $.v, at: b}]", "9: rules[0]: sum needs `event`"),
        ("rules: [{id: r, assemble: {event: a, field: $.v}}]", "27: rules[0].assemble: assemble needs `until`"),
        ("rules: [{id: r, assemble: {event: a, field: $.v, until: b, schema: {}}}]",
         "68: rules[0].assemble.schema: a schema needs `as: json`"),
        ("rules: [{id: r, consistent: [run, run]}]",
         "29: rules[0].consistent: consistent needs two keys: each value of the first has one value of the second"),
        ("rules: [{id: r, absence: a, clock: same}]", "29: rules[0].clock: unknown key 'clock'; expected id, severity, "
         "require_activation, enabled, absence, mode, min, max, within, in, by, across, after, until or unless"),
        ("rules: [{id: r, absence: {event: a, where: 1}}]",
         "44: rules[0].absence.where: expected conditions such as {$.status: done}, found 1"),
        ("rules: [{id: r, absence: 3.5}]",
         "26: rules[0].absence: expected an event pattern such as agent_started or s2c:chat*, found 3.5"),
        ("rules: [{id: r, response: [a, b], within: '2'}]",
         "43: rules[0].within: '2' is not a duration: it has no unit; write ns, us, ms, s, m, h, d, w, as in 250ms or 1m30s, "
         "or m:ss"),
        ("unique: {field: 3}", "17: unique.field: expected a path such as $.seq, or envelope.seq, found 3"),
    ],
)  # fmt: skip
def test_a_mistake_says_what_was_expected(text: str, message: str):
    assert mistake(text) == message


def test_a_latency_needs_to_know_when_a_message_was_sent():
    with pytest.raises(ContractError) as caught:
        loads("contract: x\nlatency: {latency: a, max: 1s}")
    assert "latency needs `envelope: {sent: PATH}`, which says where a message tells when it was sent" in str(caught.value)


def test_a_rule_stands_where_it_is_written():
    contract = loads(f"{HEAD}{SPAN}rules: [{{id: r, absence: c}}]\n", "c.yaml")
    places = [rule.place for rule in contract.rules]
    assert places == [Place("c.yaml", 4, 9, "spans.run"), Place("c.yaml", 5, 9, "rules[0]")]


def test_what_a_counter_may_belong_to_are_the_keys_of_runs():
    def scopes(spans: str) -> tuple[str, ...]:
        (rule,) = (rule for rule in rules(f"spans: {spans}\nsequence: {{field: $.n}}") if isinstance(rule, SequenceRule))
        return rule.scopes

    assert scopes("{a: {start: a, end: b}, run: {by: [run, tool], start: c, end: d}}") == ("run", "tool")
    assert scopes("{run: {by: [conn.id, tool], start: c, end: d}}") == ("tool",)
    assert scopes("{a: {start: a, end: b}, tool: {by: tool, start: c, end: d}}") == ()


def test_a_kind_says_what_may_stand_there():
    """A list of rules with ids, or one rule whose id is the kind's; a contract that extends another changes both by id."""
    listed = listed_kind("rules", lambda value, reader: None, dict, "rule")
    item = {"$ref": "#/definitions/rule"}
    assert (listed.key, listed.by_id, listed.merged) == ("rules", True, 0)
    assert (listed.schema, listed.definitions) == ({"type": "array", "items": item}, {"rule": dict})
    assert listed_kind("rules", lambda value, reader: None, dict).definitions == {"rules": dict}
    named = named_kind("waits", lambda value, reader: None, dict)
    item = {"$ref": "#/definitions/waits"}
    assert (named.key, named.by_id, named.merged) == ("waits", True, 0)
    assert named.schema == {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}
    assert named.definitions == {"waits": dict}
