"""Contracts are read with every mistake at its place; the JSON Schema accepts what the loader accepts."""

from __future__ import annotations

import re
from pathlib import Path

import fastjsonschema
import pytest
import yaml

from wsreplay.contract import builtin_names, json_schema, load, loads
from wsreplay.contract.model import Declare, Span
from wsreplay.contract.paths import parse
from wsreplay.contract.rules.questions import Questions
from wsreplay.contract.rules.unique import Unique
from wsreplay.decode import OUR_DECODERS
from wsreplay.errors import ContractError

RULE = "rules: [{id: r, absence: x}]"


def mistake(text: str) -> str:
    with pytest.raises(ContractError) as caught:
        loads(text, "c.yaml")
    return str(caught.value)


@pytest.mark.parametrize("name", builtin_names())
def test_built_in_contracts_load_and_fit_the_schema(name: str) -> None:
    contract = load(name)
    assert contract.name == name
    assert contract.source.startswith("# ")
    fastjsonschema.compile(json_schema())(yaml.safe_load(contract.source))


@pytest.mark.parametrize("name", [*OUR_DECODERS, "socket.io"])
def test_a_contract_may_name_what_reads_its_messages(name: str) -> None:
    assert loads(f"contract: x\nenvelope: {{decoder: {name}}}").envelope.decoder == name


def test_a_built_in_is_found_by_name_only() -> None:
    with pytest.raises(ContractError, match="no built-in contract 'agent-chta'; did you mean 'agent-chat'"):
        load("agent-chta")
    with pytest.raises(ContractError, match="no such contract file"):
        load("missing.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "c.yaml: the file is empty; a contract begins with `contract: NAME`"),
        ("- a", "c.yaml:1:1: expected a contract, found a list"),
        ("contract: x\nrulez: []", "c.yaml:2:1: rulez: unknown key 'rulez'; did you mean 'rules'?"),
        ("contract: x\ncontract: y", "c.yaml:2:1: contract: 'contract' appears twice; first in line 1"),
        (
            "contract: x\nversion: !date 1",
            "c.yaml:2:10: version: cannot be read: could not determine a constructor for the tag '!date'",
        ),
        ("contract: x\nversion: 2026-13-01", "c.yaml:2:10: version: not a valid number or date: put text in quotes"),
        ("contract: x\n[a]: 1", "c.yaml:2:1: a key must be a string"),
        ("contract: [", "c.yaml:1:12: not YAML: expected the node content, but found '<stream end>'"),
        (
            "contract: x\nrules:\n  - {id: r, respons: [a, b]}",
            "c.yaml:3:13: rules[0].respons: unknown key 'respons'; did you mean 'response'?",
        ),
        ("contract: x\nrules: [{absence: a}]", "c.yaml:2:9: rules[0]: a rule needs an id"),
        (
            "contract: x\nrules: [{id: r, response: [a]}]",
            "c.yaml:2:27: rules[0].response: response needs two events, as in response: [a, b]; found 1",
        ),
        (
            "contract: x\nrules: [{id: r, existence: a, mode: alternate}]",
            "c.yaml:2:37: rules[0].mode: alternate is a mode for response and precedence, not for existence",
        ),
        (
            "contract: x\nrules: [{id: r, response: [a, b], within: 2}]",
            "c.yaml:2:43: rules[0].within: expected a duration such as 100ms or 2s, found 2",
        ),
        (
            "contract: x\nrules: [{id: r, existence: a, min: 3, max: 2}]",
            "c.yaml:2:44: rules[0].max: at most 2, but at least 3: nothing can satisfy this",
        ),
        (
            "contract: x\nrules: [{id: r, existence: [a, [b, c]]}, {id: s, absence: ['b*', c]}]",
            "c.yaml:2:42: rules[1]: s forbids b or c, which r requires: nothing can satisfy both",
        ),
        (
            "contract: x\nrules: [{id: latencyy, max: 2}]",
            "c.yaml:2:9: rules[0]: a rule has exactly one template, existence, absence, init, end, response, precedence,"
            " responded_existence, not_co_existence, latency, "
            "recurrence, rate, monotonic, count, sum, assemble or consistent; found none. "
            "To change a rule of the contract that is extended,"
            " repeat its id",
        ),
        (
            "contract: x\nrules: [{id: r, absence: a, in: run}]",
            "c.yaml:2:33: rules[0].in: expected a span, found 'run'; expected a span",
        ),
        (
            "contract: x\nspans: {run: {start: a}}",
            "c.yaml:2:14: spans.run: a span needs its end: without one it can never end",
        ),
        (
            "contract: x\nspans: {run: {start: a, end: ws.open}}",
            "c.yaml:2:9: spans.run: span run cannot end: no message and no close ends it",
        ),
        (
            "contract: x\nspans: {run: {start: a, end: a}}",
            "c.yaml:2:9: spans.run: a both starts and ends span run: it could never be open",
        ),
        (
            "contract: x\nspans: {a: {start: a, end: b, inside: b}, b: {start: c, end: d, inside: a}}",
            "c.yaml:2:9: spans.a: spans inside each other in a circle: a → b → a",
        ),
        (
            "contract: x\nkeys: {a: b, b: a}\n" + RULE,
            "c.yaml:2:11: keys.a: keys refer to each other in a circle: a → b → a",
        ),
        (
            "contract: x\nkeys: {a: '$.x[*]'}\n" + RULE,
            "c.yaml:2:11: keys.a: '$.x[*]' is not a singular JSON path, at column 4:"
            " names and indexes only, as in $.a['b c'][0]",
        ),
        (
            "contract: x\nunique: {field: envelope.id}\n" + RULE,
            "c.yaml:2:17: unique.field: the envelope does not define 'id'; expected type",
        ),
        (
            "contract: x\nrules: [{id: r, absence: a}, {id: r, absence: b}]",
            "c.yaml:2:30: rules[1]: the id 'r' is taken; first in line 2",
        ),
        (
            "contract: x\nrules: [{id: r, response: [a, a], mode: alternate}]",
            "c.yaml:2:9: rules[0]: alternate needs two different events",
        ),
        (
            "contract: x\nrules: [{id: r, absence: ws.opne}]",
            "c.yaml:2:26: rules[0].absence: unknown pseudo-event 'ws.opne'; did you mean 'ws.open'?",
        ),
        ("contract: x\nschema: {a: {type: 7}}", "c.yaml:2:13: schema.a: not a JSON Schema: "),
        (
            "contract: x\nenvelope: {decoder: jsonrpc}",
            "c.yaml:2:21: envelope.decoder: expected actioncable, graphql, json, json-rpc, jupyter, msgpack, phoenix, signalr, "
            "socket.io, sockjs, sse or stomp, found 'jsonrpc'; did you mean 'json-rpc'?",
        ),
        (
            "contract: x\nisolation: [{id: c, canary: 7}]",
            "c.yaml:2:29: isolation[0].canary: expected a regular expression such as CANARY-[0-9a-f]+, found 7",
        ),
        ("contract: x\nextends: nowhere.yaml", "c.yaml:2:10: extends: no such contract file: nowhere.yaml"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, message: str) -> None:
    found = mistake(text)
    assert found == message or (message.endswith(": ") and found.startswith(message))


def test_a_contract_changes_parts_of_another_by_id(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("contract: base\nextends: agent-chat\nrules: [{id: first-event, within: 5s}]")
    file = tmp_path / "mine.yaml"
    file.write_text(
        "contract: mine\nextends: base.yaml\nspans: {run: {within: 1min}}\n"
        "rules:\n  - {id: reconnect, enabled: false}\n  - {id: mine, absence: agent_error}"
    )
    contract = load(str(file))
    rules = {rule.id: rule for rule in contract.rules}
    assert contract.name == "mine"
    assert "reconnect" not in rules
    assert isinstance(first := rules["first-event"], Questions)
    assert first.within_ns == 5_000_000_000
    assert first.place.file.endswith("base.yaml")
    assert isinstance(run := rules["run"], Span)
    assert (run.within_ns, run.by, run.place.line) == (60_000_000_000, ("thread", "run"), 3)
    assert list(rules)[-1] != "mine" or rules["mine"].place.line == 6
    assert contract.digest != load(str(tmp_path / "base.yaml")).digest != load("agent-chat").digest


def test_a_contract_adds_to_the_schemas_of_another_and_replaces_some(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("contract: base\nschema: {a: {type: object}, b: {type: array}}\n")
    mine = loads("extends: base.yaml\nschema: {b: {type: object}, c: {type: string}}\n", "mine.yaml", tmp_path)
    (rule,) = mine.rules
    assert [(str(pattern), schema) for pattern, schema in rule.schemas] == [
        ("a", {"type": "object"}),
        ("b", {"type": "object"}),
        ("c", {"type": "string"}),
    ]


def test_a_file_that_is_no_contract_is_named_and_not_shown(tmp_path: Path) -> None:
    for content in ("password: hush\n", "- hush\n", "hush\n", "rules: []\n"):
        (tmp_path / "notes.yaml").write_text(content)
        with pytest.raises(ContractError) as caught:
            loads("contract: x\nextends: notes.yaml", "c.yaml", tmp_path)
        assert str(caught.value) == "c.yaml:2:10: extends: notes.yaml is not a contract"


@pytest.mark.parametrize(("length", "end"), [(57, "'"), (58, "'"), (59, "…"), (100, "…")])
def test_a_long_value_is_shown_in_short(length: int, end: str) -> None:
    found = mistake(f"contract: x\nrules: {'x' * length}")
    assert found == f"c.yaml:2:8: rules: expected a list of rules, found '{'x' * min(length, 59)}{end}"


def test_a_contract_that_extends_itself_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"contract: a\nextends: {file}")
    with pytest.raises(ContractError, match="extends itself"):
        load(str(file))


def test_a_session_is_resumed_within_thirty_seconds_unless_said_otherwise() -> None:
    assert loads(f"contract: x\n{RULE}").resumption.within_ns == 30_000_000_000
    assert loads(f"contract: x\nsession: {{}}\n{RULE}").resumption.within_ns == 30_000_000_000
    assert loads(f"contract: x\nsession: {{resume_within: 5s}}\n{RULE}").resumption.within_ns == 5_000_000_000


@pytest.mark.parametrize(("after", "is_any"), [("loss", False), ("any", True)])
def test_what_a_connection_may_continue_is_said_in_a_word(after: str, is_any: bool) -> None:
    resumption = loads(f"contract: x\nsession: {{resume_after: {after}}}\n{RULE}").resumption
    assert (resumption.within_ns, resumption.after_any) == (30_000_000_000, is_any)


def test_another_word_for_it_is_an_error() -> None:
    with pytest.raises(ContractError, match=r"session\.resume_after"):
        loads(f"contract: x\nsession: {{resume_after: everything}}\n{RULE}")


def test_a_digest_tells_contracts_apart_by_all_that_they_say() -> None:
    first, second = loads(f"contract: x\n{RULE}"), loads(f"contract: x\n# another\n{RULE}")
    assert re.fullmatch("[0-9a-f]{16}", first.digest)
    assert first.digest == loads(f"contract: x\n{RULE}").digest != second.digest


def test_aliases_cannot_blow_a_contract_up() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 9) + "]" for n in range(1, 9)]
    assert "too large or too deep for a contract" in mistake("\n".join(lines))
    assert "contains itself" in mistake("contract: &a [*a]")


def test_a_contract_that_extends_another_has_its_own_name_or_that_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: agent-chat\n")
    assert load(str(tmp_path / "mine.yaml")).name == "mine"
    (tmp_path / "mine.yaml").write_text("contract: ours\nextends: agent-chat\n")
    assert load(str(tmp_path / "mine.yaml")).name == "ours"


def test_a_rule_with_another_template_keeps_of_the_old_one_what_every_rule_has(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        "contract: base\nkeys: {run: $.run}\nspans: {run: {by: run, start: s, end: e}}\nrules:\n"
        "  - {id: one, response: [a, b], within: 5s, severity: warning, by: run}\n"
        "  - {id: two, rate: a, max: 3, per: 1s, severity: info}\n"
        "  - {id: three, existence: a, min: 2}\n"
    )
    rules = "[{id: one, precedence: [a, c]}, {id: two, absence: a}, {id: three, existence: b}]"
    changed = loads(f"extends: base.yaml\nrules: {rules}", "c.yaml", tmp_path)
    one, two, three = (rule for rule in changed.rules if rule.id in ("one", "two", "three"))
    assert isinstance(one, Declare) and isinstance(two, Declare) and isinstance(three, Declare)
    assert (one.template, one.within_ns, one.severity, one.by) == ("precedence", 5_000_000_000, "warning", ("run",))
    assert (two.template, two.max, two.severity) == ("absence", None, "info")
    assert (three.template, three.min, [str(pattern) for pattern in three.operands[0]]) == ("existence", 2, ["b"])


def test_a_rule_that_has_a_template_takes_the_place_of_one_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("contract: base\nunique: [{id: once, field: $.id}, {id: also, field: $.n}]")
    changed = loads("extends: base.yaml\nrules: [{id: once, absence: a}, {id: also, field: $.m}]", "c.yaml", tmp_path)
    kinds = {rule.id: type(rule).__name__ for rule in changed.rules}
    assert kinds == {"once": "Declare", "also": "Unique"}
    (also,) = (rule for rule in changed.rules if isinstance(rule, Unique))
    assert also.field == parse("$.m")


def test_a_file_that_cannot_be_a_contract_says_why(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"contract: \xe4")
    (tmp_path / "large.yaml").write_bytes(b"#" * ((4 << 20) + 1))
    for name, why in (("latin", "not UTF-8"), ("large", "too large for a contract"), ("none", "no such contract file: ")):
        with pytest.raises(ContractError, match=rf"^({re.escape(str(tmp_path))}/{name}.yaml: )?{why}"):
            load(str(tmp_path / f"{name}.yaml"))
    with pytest.raises(ContractError, match="no built-in contract 'agent-chatt'; did you mean 'agent-chat'"):
        load("agent-chatt")


def test_where_a_user_stands_is_read_or_refused_with_its_place() -> None:
    contract = loads("contract: x\nuser: ['header:X-User', $.user]")
    assert [(source.kind, source.name) for source in contract.users] == [("header", "X-User")]
    assert contract.keys["user"].sources == (parse("$.user"),)
    assert mistake("contract: x\nuser: 'heder:x'").startswith("c.yaml:2:7: user: ")
    assert mistake("contract: x\nuser: $..user").startswith("c.yaml:2:7: user: ")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-01-01", "2026-01-01"), ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z"), ("1:30", "1:30"), ("1:30.5", "1:30.5"),
        ("1e3", "1e3"), ("0x10", 16), ("1.5", 1.5), ("yes", True), ("~", None), ("''", ""), ("'7'", "7"),
    ],
)  # fmt: skip
def test_times_and_dates_are_read_as_they_are_written(text: str, value: object) -> None:
    (rule,) = loads(f"contract: x\nrules: [{{id: r, absence: {{event: a, where: {{$.v: {text}}}}}}}]").of(Declare)
    ((pattern,),) = rule.operands
    ((_, wanted),) = pattern.where
    assert wanted == (value,) and type(wanted[0]) is type(value)


def test_an_envelope_says_where_things_stand_and_a_type_stands_at_the_top() -> None:
    """What an envelope leaves out is as without one."""
    plain = loads("contract: x\n").envelope
    assert (plain.type.text, plain.sent, plain.seq, plain.id, plain.decoder) == ("$.type", None, None, None, None)
    envelope = loads("contract: x\nenvelope: {sent: $.at, seq: $.n, id: $.m}").envelope
    places = [path.text for path in (envelope.type, envelope.sent, envelope.seq, envelope.id) if path is not None]
    assert places == ["$.type", "$.at", "$.n", "$.m"]
    other = loads("contract: x\nenvelope: {type: $.kind, decoder: stomp}\nmap: {seq: $.no}").envelope
    assert (other.type.text, other.decoder) == ("$.kind", "stomp")
    assert other.seq is not None and other.seq.text == "$.no"
