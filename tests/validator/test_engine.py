"""What holds for every rule: scopes, keys, gaps, holds, and that memory stays bounded."""

from __future__ import annotations

import json

import pytest
from judged_traces import NS, Trace, of, said

from wsreplay.contract import loads
from wsreplay.model import FIN, Connection, Ending, Hold, Message, Opcode, Row, lane_of
from wsreplay.trace.sessions import stitch
from wsreplay.trace.stream import Closed, Lost, Opened, Tick, lifecycle
from wsreplay.validator import Engine, Verdict
from wsreplay.validator.judge import rare_collection
from wsreplay.validator.rules.isolation import BindMonitor

SPAN = "spans: {run: {by: run, start: s, end: {ok: e, failed: f}}}\nkeys: {run: $.run}\n"


def row(fid: int, t_ns: int, payload: bytes, *, connection: int = 1, opcode: int = Opcode.TEXT, fin: int = FIN) -> Row:
    return fid, t_ns, lane_of(connection, 1, opcode, fin), payload


def rule_of(trace: Trace, text: str) -> tuple[Verdict, int, int]:
    judgement = trace.judge(loads("contract: x\n" + text))
    rule = next(rule for rule in judgement.rules if rule.id == "r")
    return rule.verdict, rule.activations, rule.violations


def engine_of(text: str) -> Engine:
    engine = Engine(loads("contract: x\n" + text))
    engine.feed([Opened(0, Connection(1, 1, 0, user="u1", status=101), 1)])
    return engine


def message(number: int, seconds: float, type_: str, **values: object) -> Message:
    payload = json.dumps({"type": type_, **values}).encode()
    return Message(number, 1, number, round(seconds * NS), 1, 1, type_, payload, number)


# Scopes.


@pytest.mark.parametrize(
    "rule", ["{id: r, existence: a, in: run, unless: failed}", "{id: r, precedence: [b, a], in: run, unless: failed}"]
)
def test_unless_makes_a_rule_vacuous_where_the_span_failed(rule: str) -> None:
    text = SPAN + f"rules: [{rule}]"
    good, bad = ("a", "") if "existence" in rule else ("", "a")

    def run(event: str, end: str) -> Trace:
        trace = Trace().open().s2c("s", run=1)
        return (trace.s2c(event, run=1) if event else trace).s2c(end, run=1).close()

    assert rule_of(run(bad, "f"), text) == (Verdict.VACUOUS, 0, 0)
    assert rule_of(run(bad, "e"), text) == (Verdict.VIOLATED, 1, 1)
    assert rule_of(run(good, "e"), text)[0] in (Verdict.SATISFIED, Verdict.VACUOUS)


def test_deadlines_that_have_passed_stand_whatever_the_span_comes_to() -> None:
    text = SPAN + "rules: [{id: r, response: [a, b], within: 1s, in: run, unless: failed}]"
    trace = Trace().open().s2c("s", run=1).s2c("a", run=1).at(5).s2c("f", run=1).close()
    assert rule_of(trace, text)[0] is Verdict.VIOLATED


def test_a_rule_in_a_span_may_be_split_by_a_key() -> None:
    text = SPAN.replace("keys: {", "keys: {k: $.k, ") + "rules: [{id: r, response: [a, b], in: run, by: k}]"
    trace = Trace().open().s2c("s", run=1).s2c("a", run=1, k=1).s2c("a", run=1, k=2).s2c("b", run=1, k=1).s2c("e", run=1)
    judgement = trace.close().judge(loads("contract: x\n" + text))
    assert said(judgement) == ["r: b did not come after a for k 2 in run 1"]


def test_conditions_on_values_tell_events_apart() -> None:
    text = "rules: [{id: r, absence: {event: a, where: {$.n: [1, two], $.deep.flag: true}}}]"
    trace = Trace().open()
    for n, flag in ((1, True), (1, False), (1, 1), ("two", True), (3, True), (True, True)):
        trace.s2c("a", n=n, deep={"flag": flag})
    trace.s2c("a", n=1, deep=[True]).s2c("a")
    assert rule_of(trace.close(), text) == (Verdict.VIOLATED, 1, 2)


def test_the_type_may_stand_anywhere() -> None:
    text = "envelope: {type: '$.meta.kinds[0]'}\nrules: [{id: r, existence: b, max: 1}]"
    trace = Trace().open().raw(b'{"meta": {"kinds": ["b", "c"]}}').raw(b'{"meta": {"kinds": []}}').raw(b'{"meta": "b"}').close()
    assert rule_of(trace, text) == (Verdict.SATISFIED, 1, 0)


def test_ping_and_pong_are_events_where_a_rule_names_them() -> None:
    text = "rules: [{id: r, response: [ws.ping, ws.pong], within: 1s}]"
    assert rule_of(Trace().open().raw(b"x", opcode=9).raw(b"x", opcode=10).close(), text)[0] is Verdict.SATISFIED
    assert rule_of(Trace().open().raw(b"x", opcode=9).at(3).close(), text)[0] is Verdict.VIOLATED


def test_a_rule_that_requires_its_activation_is_violated_without() -> None:
    text = "rules: [{id: r, response: [a, b], require_activation: true}, {id: other, existence: c}]"
    judgement = Trace().open().s2c("c").close().judge(loads("contract: x\n" + text))
    assert said(judgement) == ["r: r never applied, but the contract requires that it does"]
    assert judgement.verdict is Verdict.VIOLATED


# Users and keys.


def test_a_key_named_user_says_who_an_anonymous_connection_is() -> None:
    text = "keys: {user: $.me, thread: $.t}\nisolation: [{id: r, bind: thread, to: conn.user}]"
    trace = Trace().open(1, None).open(2, None).c2s("hi", me="u1").c2s("hi", me="u2", connection=2)
    trace.s2c("x", t=1).s2c("x", t=1, connection=2).close(1).close(2)
    assert said(trace.judge(loads("contract: x\n" + text))) == ["r: thread 1 of user u1 reached user u2: x"]


def test_whose_ids_cannot_be_told_is_inconclusive() -> None:
    text = "keys: {thread: $.t, owner: $.o}\nisolation: [{id: r, bind: thread, to: owner}]"
    trace = Trace().open(1).s2c("x", t=1, o="u1").s2c("x", t=1).close(1)
    assert rule_of(trace, text)[0] is Verdict.INCONCLUSIVE


def test_long_numbers_and_texts_are_different_keys() -> None:
    text = SPAN + "rules: [{id: r, existence: a, in: run}]"
    big = 10**29
    trace = Trace().open()
    for run in (big, big + 1, str(big), 1.5, "1.5", True, "x"):
        trace.s2c("s", run=run)
    for run in (big, big + 1, str(big), 1.5, True):
        trace.s2c("a", run=run).s2c("e", run=run)
    assert rule_of(trace.truncate(), text) == (Verdict.INCONCLUSIVE, 7, 0)


def test_what_cannot_be_a_key_is_a_missing_key() -> None:
    text = SPAN + "rules: [{id: r, existence: a, in: run}]"
    trace = Trace().open().s2c("s", run={"a": 1}).s2c("s", run=[1]).s2c("s", run=None).s2c("s").close()
    (run,) = (rule for rule in trace.judge(loads("contract: x\n" + text)).rules if rule.id == "run")
    assert (run.verdict, run.errors, run.activations) == (Verdict.ERROR, 4, 0)


@pytest.mark.parametrize("levels", [990, 1_000, 1_010, 1_022])
def test_whatever_is_nested_as_deep_as_can_be_read_is_judged(levels: int) -> None:
    """Deeper than Python recurses by itself: keys that a float cannot tell apart, ids that are no scalars, schemas."""
    text = "envelope: {type: $.type, id: $.id}\nkeys: {run: $.run}\nspans: {run: {by: run, start: a, end: e}}\n"
    text += "unique: {id: u, field: envelope.id, by: conn.id}\nschema:\n  a:\n"
    text += "    definitions: {l: {type: array, items: {$ref: '#/definitions/l'}}}\n"
    text += "    properties: {y: {$ref: '#/definitions/l'}}"
    nested = b"[" * levels + b"]" * levels
    trace = Trace().open()
    for number, name in enumerate((b"id", b"id", b"y"), 10):
        trace.raw(b'{"type": "a", "run": 1234567890123456789012345678%d, "%s": %s}' % (number, name, nested))
    judgement = trace.truncate().judge(loads("contract: x\n" + text))
    assert [(f.rule, f.verdict, f.seen) for f in judgement.findings] == [
        ("u", Verdict.VIOLATED, "a"), ("schema", Verdict.INCONCLUSIVE, "a"),
    ]  # fmt: skip
    assert len(judgement.runs) == 3


# The recording's own faults.


def test_a_bound_is_inconclusive_while_the_recorder_held_traffic_back() -> None:
    engine = engine_of("rules: [{id: r, response: [a, b], within: 1s}]")
    engine.set_holds([Hold(1 * NS + 1, 1 * NS + 2)])
    engine.feed([message(1, 1, "a"), message(2, 10, "a"), Tick(20 * NS)])
    engine.finish(20 * NS)
    assert [finding.verdict for finding in engine.judgement().findings] == [Verdict.INCONCLUSIVE, Verdict.VIOLATED]


def test_what_is_missing_behind_a_gap_is_inconclusive() -> None:
    engine = engine_of("rules: [{id: r, existence: [a]}, {id: s, absence: b}]")
    connection = Connection(1, 1, 0, 9, user="u1", ending=Ending.CLEAN, close_code=1000)
    engine.feed([Lost(5, connection), message(1, 6e-9, "b"), Closed(9, connection)])
    engine.finish(9)
    assert [(f.rule, f.verdict) for f in engine.judgement().findings] == [("s", Verdict.VIOLATED), ("r", Verdict.INCONCLUSIVE)]


def test_a_payload_that_was_cut_is_not_called_broken() -> None:
    engine = engine_of("json: {text: object}\nrules: [{id: r, absence: b}]")
    engine.set_cut_frames([1])
    engine.run([row(1, 5, b'{"type": "x", "te'), row(2, 6, b'{"type": "x", "te')])
    assert [finding.verdict for finding in engine.findings] == [Verdict.INCONCLUSIVE, Verdict.VIOLATED]


def test_a_message_of_which_one_fragment_was_cut_is_not_called_broken() -> None:
    engine = engine_of("json: {text: object}\nrules: [{id: r, absence: b}]")
    engine.set_cut_frames([1])
    engine.run([row(1, 5, b'{"type": "x", "te', fin=0), row(2, 6, b'"}', opcode=Opcode.CONTINUATION)])
    assert [finding.verdict for finding in engine.findings] == [Verdict.INCONCLUSIVE]


def test_a_message_in_fragments_is_one_message() -> None:
    engine = engine_of("rules: [{id: r, existence: a}]")
    engine.run(
        [
            row(1, 5, b'{"ty', fin=0),
            row(2, 6, b"", opcode=Opcode.PING),
            row(3, 7, b'pe": ', opcode=Opcode.CONTINUATION, fin=0),
            row(4, 8, b'"a"}', opcode=Opcode.CONTINUATION),
        ]
    )
    assert engine.events == 1


def test_a_message_that_interrupts_another_ends_it() -> None:
    """RFC 6455, section 5.4, forbids it; what came first is never finished, whatever continues it."""
    engine = engine_of("rules: [{id: r, existence: a}]")
    begin, goes_on = row(1, 5, b'{"type": ', fin=0), row(3, 7, b'"b"}', opcode=Opcode.CONTINUATION)
    engine.run([begin, row(2, 6, b'{"type": "a"}'), goes_on, row(4, 8, b'{"type": "a"}')])
    assert (engine.events, engine.untyped) == (2, 0)


def test_each_run_of_record_ends_by_itself() -> None:
    """A connection that a crash cut off waits for nothing in a later run."""
    from wsreplay.model import Run

    runs = [Run(n, "", (n - 1) * 100 * NS, (n - 1) * 100 * NS + 5 * NS, None, "", "", "", {}) for n in (1, 2)]
    connections = [
        Connection(1, 1, 0, user="u", ending=Ending.TRUNCATED),
        Connection(2, 2, 100 * NS, user="u", ending=Ending.TRUNCATED),
    ]
    engine = Engine(loads("contract: x\nrules: [{id: r, response: [a, b], within: 10s}]"))
    engine.expect(lifecycle(connections, stitch(connections), runs))
    payload = b'{"type": "a"}'
    engine.run([row(1, 1 * NS, payload), row(2, 101 * NS, payload, connection=2)])
    engine.finish(105 * NS)
    (rule,) = engine.judgement().rules
    assert (rule.verdict, rule.inconclusive) == (Verdict.INCONCLUSIVE, 2)


def test_a_user_who_is_back_after_the_recorder_was_stopped_goes_on_in_the_same_session() -> None:
    """What came meanwhile nobody knows: what began before, or lacks a beginning, is inconclusive; what comes anew is judged."""
    from wsreplay.model import Run

    runs = [Run(n, "", start * NS, (start + 1) * NS, None, "", "", "", {}) for n, start in ((1, 0), (2, 3))]
    connections = [
        Connection(1, 1, 0, 1 * NS, user="u", ending=Ending.TRUNCATED),
        Connection(2, 2, 3 * NS, 4 * NS, user="u", ending=Ending.CLEAN, closed_by="client", close_code=1000),
    ]
    text = "keys: {run: $.run}\nspans: {run: {by: run, start: s, end: e}}\nrules: [{id: r, precedence: [s, x]}]"
    engine = Engine(loads(f"contract: x\n{text}"))
    engine.expect(lifecycle(connections, stitch(connections), runs))
    begun, ends, anew = b'{"type": "s", "run": 1}', b'{"type": "e", "run": 1}', b'{"type": "s", "run": 2}'
    engine.run([row(1, NS // 2, begun), row(2, 3 * NS, ends, connection=2), row(3, 3 * NS + 1, anew, connection=2)])
    engine.finish(4 * NS)
    judgement = engine.judgement()
    assert judgement.sessions == 1
    assert [(finding.verdict, finding.message) for finding in judgement.findings] == [
        (Verdict.INCONCLUSIVE, "s never came for run 1; e came without it; the recording has a gap here"),
        (Verdict.VIOLATED, "e never came for run 2; the connection was closed by the client (1000)"),
    ]
    assert judgement.session_verdicts == {1: Verdict.VIOLATED}


# Where a connection ends.

BEATS = "keys: {q: $.id}\nspans: {q: {by: q, start: s, end: e, within: 5s}}\n"
BEATS += "rules: [{id: r, recurrence: 's2c:beat', every: 2s}]"
CLOSE = b"\x03\xe8"


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("is_known", [True, False])
def test_with_the_second_close_frame_a_connection_is_over_however_long_tcp_stays(first: int, is_known: bool) -> None:
    trace = Trace().open().s2c("beat").s2c("s", id=1).at(0.5).raw(CLOSE, first, opcode=8).raw(CLOSE, 1 - first, opcode=8)
    trace = trace.at(10.5).close(by="server" if first else "client") if is_known else trace.at(10.5).truncate()
    judgement = trace.judge(loads("contract: x\n" + BEATS))
    (finding,) = judgement.findings
    assert (finding.rule, finding.decided_by, finding.decided_at) == ("q", "scope_close", round(0.51 * NS))
    assert [span.state for span in judgement.runs] == ["cut"]


def test_one_close_frame_leaves_a_connection_open_for_what_the_other_side_still_says() -> None:
    trace = Trace().open().s2c("beat").s2c("s", id=1).at(0.5).raw(CLOSE, 0, opcode=8).s2c("e", id=1).at(10.5).drop(by="client")
    judgement = trace.judge(loads("contract: x\n" + BEATS))
    assert [(finding.rule, finding.decided_by) for finding in judgement.findings] == [("r", "deadline")]


# So far, and bounded.


def test_while_the_trace_goes_on_obligations_are_pending() -> None:
    engine = engine_of("rules: [{id: r, response: [a, b], within: 5s}]")
    assert engine.judgement().rules[0].verdict is Verdict.VACUOUS
    engine.feed([message(1, 1, "a")])
    assert engine.judgement().rules[0].verdict is Verdict.PENDING
    engine.feed([message(2, 2, "b")])
    assert engine.judgement().rules[0].verdict is Verdict.OK_SO_FAR
    engine.feed([message(3, 3, "a")])
    engine.tick(8 * NS)
    assert engine.judgement().rules[0].verdict is Verdict.PENDING
    engine.tick(8 * NS + 1)
    assert engine.judgement().rules[0].verdict is Verdict.VIOLATED


@pytest.mark.campaign
def test_a_million_keys_are_forgotten_and_said_to_be() -> None:
    """Open spans, slices, ids and bindings without end: the oldest are given up, and nothing is satisfied silently."""
    text = SPAN.replace("keys: {", "keys: {k: $.run, ")
    text += "rules: [{id: r, response: [s, e], by: k}]\nisolation: [{id: own, bind: run}]\nunknown: warn"
    engine = engine_of(text)
    count = 230_000
    with rare_collection():
        engine.run([row(n, n, b'{"type":"s","run":%d}' % n) for n in range(1, count)])
        engine.run([row(n, n, b'{"type":"unknown%d"}' % n) for n in range(count, count + 2_000)])
    assert len(engine.trace_state.sessions[1].spans[0]) <= 50_000
    assert sum(len(table) for table in engine.trace_state.sessions[1].tables) <= 100_000
    (bind,) = [monitor for monitor in engine.monitors.messages if isinstance(monitor, BindMonitor)]
    assert len(bind.owners["run"]) <= 200_000
    engine.finish(count * 2)
    judgement = engine.judgement()
    assert {"open run", "slices", "bindings", "unknown types"} <= judgement.forgotten.keys()
    assert {rule.id: rule.verdict for rule in judgement.rules}["r"] is Verdict.INCONCLUSIVE
    assert len(of(judgement, "unknown")) == 1_000


def test_many_findings_are_counted_and_the_first_kept() -> None:
    engine = engine_of("rules: [{id: r, absence: a}]")
    engine.run([row(n, n, b'{"type":"a"}') for n in range(1, 12_001)])
    engine.finish(20_000)
    judgement = engine.judgement()
    assert (len(judgement.findings), judgement.rules[0].violations) == (10_000, 12_000)
    assert judgement.forgotten == {"findings": 2_000}


def test_ids_and_owners_are_forgotten_after_ten_idle_minutes() -> None:
    text = "envelope: {type: $.type, id: $.id}\nkeys: {thread: $.t}\nunique: {id: once, field: envelope.id, by: thread}\n"
    text += "isolation: [{id: own, bind: thread}]"

    def twice(seconds: float) -> list[str]:
        trace = Trace().open(1, "u1").open(2, "u2").s2c("x", t="a", id="m1").at(seconds).s2c("x", t="a", id="m1")
        judgement = trace.s2c("x", t="a", connection=2).truncate().judge(loads("contract: x\n" + text))
        return [finding.rule for finding in judgement.findings]

    assert twice(500) == ["once", "own"]
    assert twice(800) == ["own"]
