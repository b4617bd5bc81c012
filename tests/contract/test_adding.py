"""`+key` adds to a list of the base: wherever a list stands, through files that extend each other, in any folder."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from wsreplay.contract import Contract, load, loads
from wsreplay.contract.rules.silence import Silence
from wsreplay.errors import ContractError

EVENTS, KEYS, PATHS = ("m1", "m2", "m3"), ("k1", "k2", "k3"), ("$.m1", "$.m2", "$.m3")
BASE: dict[str, Any] = {
    "contract": "base",
    "keys": {"run": ["$.run"], "tool": "$.tool", **{key: f"$.{key}" for key in KEYS}},
    "applies_to": {"path": ["/a"], "subprotocol": "a", "events": ["a"]},
    "map": {"unpack": ["$.list"]},
    "envelope": {"sent": "$.at"},
    "known": ["a"],
    "user": ["query:u"],
    "spans": {
        "run": {
            "by": ["run"], "else_by": "tool", "start": ["s"], "body": ["b"], "end": {"ok": ["e"], "failed": "f"},
            "after": {"ok": ["c"]}, "outside": ["o"], "label": ["$.l"],
        },
        "short": {"by": "run", "start": "t", "end": ["u"], "after": "v"},
    },
    "rules": [
        {"id": "asked", "existence": ["a"], "in": "run", "unless": ["failed"], "by": ["tool"]},
        {"id": "scoped", "response": ["x", "y"], "after": ["a"], "until": "z"},
        {"id": "slow", "latency": ["a"], "max": "1s"},
        {"id": "often", "rate": ["a"], "max": 3, "per": "1s"},
        {"id": "again", "recurrence": ["a"], "every": "1s"},
        {"id": "rising", "monotonic": "$.n", "event": ["a"]},
        {"id": "counted", "count": ["a"], "equals": "$.n", "at": ["z"]},
        {"id": "same", "consistent": ["run", "tool"], "event": ["a"]},
    ],
    "questions": {"asks": ["a"], "never": ["n"], "text": ["$.text"], "by": "run", "answered_by": "run"},
    "waits": {"by": "run", "from": ["w"], "until": ["x"]},
    "startup": {"first": ["a"], "before": ["b"]},
    "needs": [{"event": ["a"], "any": ["$.text"]}],
    "sequence": {"id": "numbers", "field": "$.n", "by": ["run"]},
    "unique": {"field": "$.id", "by": ["run"], "event": ["a"]},
    "isolation": [{"id": "own", "bind": ["run"], "to": "conn.user", "shared": ["team-*"]}],
    "reconnect": {"in": "run", "within": "3s", "left": ["ws.drop"], "lost": ["ws.close"]},
}  # fmt: skip
# Where a list stands, and what is added to it; a name in brackets is a rule's id. One value stands for a list of one.
PLACES: dict[str, tuple[str, ...]] = {
    "known": EVENTS,
    "user": ("query:v", "cookie:w", "claim:x"),
    "keys run": PATHS,
    "keys tool": PATHS,
    "map unpack": PATHS,
    "applies_to path": EVENTS,
    "applies_to subprotocol": EVENTS,
    "applies_to events": EVENTS,
    **{f"spans run {key}": EVENTS for key in ("start", "body", "outside")},
    **{f"spans run {key}": KEYS for key in ("by", "else_by")},
    "spans run label": PATHS,
    "spans run end ok": EVENTS,
    "spans run end failed": EVENTS,
    "spans run after ok": EVENTS,
    "spans short end": EVENTS,
    "spans short after": EVENTS,
    "rules [asked] existence": EVENTS,
    "rules [asked] by": KEYS,
    "rules [scoped] after": EVENTS,
    "rules [scoped] until": EVENTS,
    "rules [slow] latency": EVENTS,
    "rules [often] rate": EVENTS,
    "rules [again] recurrence": EVENTS,
    "rules [rising] event": EVENTS,
    "rules [counted] count": EVENTS,
    "rules [counted] at": EVENTS,
    "rules [same] event": EVENTS,
    "questions asks": EVENTS,
    "questions never": EVENTS,
    "questions text": PATHS,
    "rules [questions] asks": EVENTS,
    "waits from": EVENTS,
    "waits until": EVENTS,
    "startup first": EVENTS,
    "startup before": EVENTS,
    "needs [needs] event": EVENTS,
    "rules [needs] any": PATHS,
    "sequence [numbers] by": KEYS,
    "rules [numbers] by": KEYS,
    "unique by": KEYS,
    "unique event": EVENTS,
    "isolation [own] bind": KEYS,
    "isolation [own] shared": EVENTS,
    "reconnect left": EVENTS,
    "reconnect lost": EVENTS,
}


def change(place: str, *values: str) -> dict[str, Any]:
    """A document that says only what is added at a place."""
    *above, key = place.split()
    part: Any = {f"+{key}": list(values)}
    for name in reversed(above):
        part = [{"id": name[1:-1], **part}] if name.startswith("[") else {name: part}
    return dict(part)


def whole(place: str, *values: str) -> dict[str, Any]:
    """The base as it would be written with these values at a place, beside what it has there."""
    document = copy.deepcopy(BASE)
    *above, key = place.split()
    part: Any = document
    for name in above:
        part = rule_of(document, name[1:-1]) if name.startswith("[") else part[name]
    part[key] = [*(part[key] if isinstance(part[key], list) else [part[key]]), *values]
    return document


def rule_of(document: dict[str, Any], id_: str) -> dict[str, Any]:
    """A rule by its id, of whatever kind; one without an id is named like its kind."""
    listed = ((kind, rule) for kind, part in document.items() for rule in (part if isinstance(part, list) else [part]))
    return next(rule for kind, rule in listed if isinstance(rule, dict) and rule.get("id", kind) == id_)


def meaning(contract: Contract) -> str:
    """All that a contract says, but for its name and where it says it."""
    rules = sorted(map(repr, contract.rules))
    said = (contract.envelope, contract.keys, contract.known, contract.users, contract.applies_to, rules)
    return re.sub(r"Place\([^)]*\)", "", repr(said))


def write(path: Path, document: dict[str, Any]) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return str(path)


@pytest.mark.parametrize("place", PLACES)
def test_what_is_added_in_each_of_three_files_is_added_to_the_base(place: str, tmp_path: Path) -> None:
    first, second, third = PLACES[place]
    write(tmp_path / "bases" / "base.yaml", BASE)
    write(tmp_path / "one" / "a.yaml", {"extends": "../bases/base.yaml", **change(place, first)})
    write(tmp_path / "b.yaml", {"extends": "one/a.yaml", **change(place, second)})
    top = write(tmp_path / "two" / "c.yaml", {"extends": "../b.yaml", **change(place, third)})
    expected = loads(yaml.safe_dump(whole(place, first, second, third), sort_keys=False))
    assert meaning(load(top)) == meaning(expected) != meaning(loads(yaml.safe_dump(BASE)))


def test_a_list_that_is_replaced_below_is_added_to_as_it_is_then(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", {"extends": "agent-chat", "known": ["only"]})
    write(tmp_path / "b.yaml", {"extends": "a.yaml", "+known": ["more"]})
    contract = load(write(tmp_path / "c.yaml", {"extends": "b.yaml", "rules": [{"id": "silence", "max": "5s"}]}))
    assert [pattern.type for pattern in contract.known] == ["only", "more"]
    (silence,) = contract.of(Silence)
    assert (silence.max_ns, silence.place.file) == (5_000_000_000, str(tmp_path / "c.yaml"))


@pytest.mark.parametrize("part", ["left_open: {enabled: false}", "rules: [{id: left-open, enabled: false}]",
                                  "+rules: [{id: left-open, enabled: false}]"])  # fmt: skip
def test_a_rule_without_an_id_is_changed_by_the_name_of_its_kind(part: str) -> None:
    before, after = loads("extends: agent-chat"), loads(f"extends: agent-chat\n{part}")
    assert {rule.id for rule in before.rules} - {rule.id for rule in after.rules} == {"left-open"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("contract: x\n+known: [a]", "c.yaml:2:1: +known: unknown key '+known'; did you mean 'known'?"),
        ("extends: agent-chat\n+extends: agent-chat", "c.yaml:2:1: +extends: unknown key '+extends'; did you mean 'extends'?"),
        (
            "extends: agent-chat\nspans: {run: {after: {+ok: a}}}",
            "c.yaml:2:23: spans.run.after.+ok: the base has no 'ok' here to add to",
        ),
    ],
)
def test_where_nothing_can_be_added_to_is_said(text: str, message: str) -> None:
    with pytest.raises(ContractError) as raised:
        loads(text, "c.yaml")
    assert str(raised.value) == message


def test_a_circle_is_found_however_its_paths_are_written(tmp_path: Path) -> None:
    write(tmp_path / "one" / "a.yaml", {"extends": "../two/b.yaml"})
    write(tmp_path / "two" / "b.yaml", {"extends": "../two/../one/a.yaml"})
    with pytest.raises(ContractError, match="extends itself"):
        load(str(tmp_path / "one" / "a.yaml"))


@pytest.mark.parametrize(("part", "why"), [
    ("rules: [{id: latncy, enabled: false}]", "rules[0]: there is no rule 'latncy' to switch off; did you mean 'latency'?"),
    ("+rules: [{id: latncy, enabled: false}]", "there is no rule 'latncy' to switch off; did you mean 'latency'?"),
    ("unique: [{id: event-di, enabled: false}]", "there is no rule 'event-di' to switch off; did you mean 'event-id'?"),
    ("rules: [{id: tool, enabled: false}]", "'tool' is a span: to switch it off, write `spans: {tool: {enabled: false}}`"),
    ("spans: {tol: {enabled: false}}", "spans.tol: there is no span 'tol' to switch off; did you mean 'tool'?"),
])  # fmt: skip
def test_what_is_not_there_cannot_be_switched_off(part: str, why: str) -> None:
    with pytest.raises(ContractError) as caught:
        loads(f"contract: c\nextends: agent-chat\n{part}")
    assert why in str(caught.value)


def test_a_contract_that_extends_none_has_nothing_to_switch_off_but_what_it_writes_out() -> None:
    with pytest.raises(ContractError, match="there is no rule 's' to switch off"):
        loads("contract: c\nrules: [{id: s, enabled: false}]")
    contract = loads("contract: c\nrules: [{id: r, absence: a}, {id: s, absence: b, enabled: false}]")
    assert [rule.id for rule in contract.rules] == ["r"]
