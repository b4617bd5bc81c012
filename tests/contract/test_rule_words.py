"""A word that a rule does not know is refused with those it knows, and what is no rule with what was expected."""

from __future__ import annotations

import pytest

from wsreplay.contract import loads
from wsreplay.errors import ContractError

HEAD = "contract: x\nenvelope: {sent: $.at}\nkeys: {run: $.r, tool: $.t}\nspans: {run: {by: run, start: a, end: b}}\n"
EVERY = "id, severity, require_activation, enabled"
SCOPE = "in, by, across, after, until"


def mistake(text: str) -> str:
    """Without its place."""
    with pytest.raises(ContractError) as caught:
        loads(HEAD + text, "c.yaml")
    return str(caught.value).split(": ", 2)[2]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("rules: [{id: r, consistent: [run, tool], zzz: 1}]", f"{EVERY}, {SCOPE}, unless, consistent or event"),
        ("rules: [{id: r, assemble: {event: a, field: $.d, until: b}, zzz: 1}]", f"{EVERY}, {SCOPE}, unless or assemble"),
        ("rules: [{id: r, assemble: {event: a, field: $.d, until: b, zzz: 1}}]",
         "event, field, by, until, as, schema or equals"),
        ("rules: [{id: r, end: a, zzz: 1}]", f"{EVERY}, end, mode, min, max, within, {SCOPE} or unless"),
        ("rules: [{id: r, latency: a, max: 1s, zzz: 1}]", f"{EVERY}, latency, max or clock"),
        ("rules: [{id: r, rate: a, max: 1, per: 1s, zzz: 1}]", f"{EVERY}, {SCOPE}, unless, rate, max or per"),
        ("rules: [{id: r, monotonic: $.v, zzz: 1}]", f"{EVERY}, {SCOPE}, unless, monotonic, mode or event"),
        ("rules: [{id: r, count: a, equals: $.n, at: b, zzz: 1}]", f"{EVERY}, {SCOPE}, unless, count, equals or at"),
        ("rules: [{id: r, sum: $.v, event: a, equals: $.n, at: b, zzz: 1}]",
         f"{EVERY}, {SCOPE}, unless, sum, equals, at or event"),
        ("reconnect: {in: run, within: 1s, zzz: 1}", f"{EVERY}, in, within, lost or left"),
        ("silence: {in: run, max: 1s, zzz: 1}", f"{EVERY}, in or max"),
        ("startup: {first: a, zzz: 1}", f"{EVERY}, first or before"),
        ("waits: {from: a, until: b, zzz: 1}", f"{EVERY}, from, until or by"),
        ("left_open: {after: 1s, zzz: 1}", f"{EVERY}, in or after"),
        ("needs: {id: n, event: a, any: $.v, zzz: 1}", f"{EVERY}, event or any"),
        ("sequence: {field: $.n, zzz: 1}", f"{EVERY}, field, by, mode or recover_within"),
        ("unique: {field: $.n, zzz: 1}", f"{EVERY}, field, by or event"),
        *((f"isolation: [{{id: i, {kind}, zzz: 1}}]", f"{EVERY}, bind, confine, canary, to or shared")
          for kind in ("bind: run", "confine: run", "canary: x")),
        ("json: {zzz: 1}", "text, type, names, severity or enabled"),
        ("questions: {asks: a, answered_by: run, zzz: 1}",
         f"{EVERY}, asks, never, text, by, answered_by, within, done_within or unasked"),
        ("applies_to: {zzz: 1}", "path, subprotocol or events"),
        ("session: {zzz: 1}", "resume_within or resume_after"),
        ("map: {zzz: 1}", "unpack, type, sent, seq, id, events or fields"),
    ],
)  # fmt: skip
def test_an_unknown_word_is_answered_with_those_there_are(rule: str, words: str) -> None:
    assert mistake(rule) == f"unknown key 'zzz'; expected {words}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rules: [3]", "a rule"), ("rules: [{id: r, assemble: 3}]", "what to assemble"), ("reconnect: 3", "the reconnect rule"),
        ("silence: 3", "the silence rule"), ("startup: 3", "the start-up rule"), ("waits: 3", "what waits"),
        ("left_open: 3", "the rule about connections that are left open"), ("needs: 3", "what an event needs"),
        ("questions: 3", "the questions"), ("schema: 3", "JSON Schemas by event type"), ("json: 3", "a mapping"),
        ("isolation: [3]", "a mapping"), ("session: 3", "a mapping"), ("applies_to: {path: 3}", "a glob"),
    ],
)  # fmt: skip
def test_what_is_no_rule_is_answered_with_what_was_expected(text: str, expected: str) -> None:
    assert mistake(text) == f"expected {expected}, found 3"


def test_a_path_that_a_contract_is_for_is_named() -> None:
    assert mistake("applies_to: {path: []}") == "expected a glob, found an empty list"
