"""From what was counted to the verdict of a rule, of the whole, and what is said beside it."""

from __future__ import annotations

import pytest
from judged_traces import NS, Trace, said

from wsreplay.contract import load, loads
from wsreplay.model import Connection, Message
from wsreplay.trace.stream import Opened, Tick
from wsreplay.validator import Engine
from wsreplay.validator.findings import Severity, Verdict
from wsreplay.validator.verdicts import notes_of, required_types, verdict_of_rule

SPAN = "contract: x\nkeys: {run: $.run}\nspans: {run: {by: run, start: s, end: e, within: 10s}}"


@pytest.mark.parametrize(
    ("violations", "errors", "inconclusive", "pending", "activations", "finished", "expected"),
    [
        (1, 1, 1, 1, 4, True, Verdict.VIOLATED),
        (0, 1, 1, 1, 4, True, Verdict.ERROR),
        (0, 0, 1, 1, 4, True, Verdict.INCONCLUSIVE),
        (0, 0, 0, 1, 4, False, Verdict.PENDING),
        (0, 0, 0, 0, 4, False, Verdict.OK_SO_FAR),
        (0, 0, 0, 0, 4, True, Verdict.SATISFIED),
        (0, 0, 0, 0, 0, True, Verdict.VACUOUS),
        (0, 0, 0, 0, 0, False, Verdict.VACUOUS),
    ],
)
def test_the_worst_of_a_rule_stands(
    violations: int, errors: int, inconclusive: int, pending: int, activations: int, finished: bool, expected: Verdict
):
    assert verdict_of_rule(violations, errors, inconclusive, pending, activations, finished) is expected


def whole(text: str, trace: Trace) -> Verdict:
    return trace.judge(loads(f"contract: x\n{text}")).verdict


def test_a_warning_does_not_violate_the_whole():
    assert whole("rules: [{id: r, absence: a}, {id: s, existence: b}]", Trace().open().s2c("a").s2c("b").close()) == "violated"
    warning = "rules: [{id: r, absence: a, severity: warning}, {id: s, existence: b}]"
    assert whole(warning, Trace().open().s2c("a").s2c("b").close()) == "satisfied"
    assert whole("rules: [{id: r, response: [a, b], within: 9s}]", Trace().open().s2c("a").truncate()) == "inconclusive"


def test_where_nothing_is_named_that_came_nothing_was_judged():
    assert whole("rules: [{id: r, response: [a, b]}]", Trace().open().s2c("z").close()) == "vacuous"
    assert whole("json: {}\nrules: [{id: r, response: [a, b]}]", Trace().open().s2c("z").close()) == "vacuous"
    assert whole("json: {}", Trace().open().s2c("z").close()) == "satisfied"
    assert whole("unique: {field: $.id}", Trace().open().s2c("z", id=1).close()) == "satisfied"
    assert whole("rules: [{id: r, absence: a}]", Trace().open().s2c("z").close()) == "vacuous"
    assert whole("applies_to: {path: /ws}\nrules: [{id: r, absence: a}]", Trace().open().s2c("z").close()) == "satisfied"


def test_a_rule_that_has_to_apply_is_violated_where_it_did_not():
    text = "rules: [{id: r, response: [a, b], require_activation: true, severity: warning}, {id: s, existence: c}]"
    judgement = Trace().open().s2c("c").close().judge(loads(f"contract: x\n{text}"))
    (finding,) = judgement.findings
    assert (finding.rule, finding.kind, finding.severity, finding.line) == ("r", "vacuous", Severity.WARNING, 2)
    assert (finding.message, finding.decided_by) == ("r never applied, but the contract requires that it does", "trace_end")
    assert finding.decided_at == 10_000_000
    assert [(rule.verdict, rule.violations) for rule in judgement.rules] == [("violated", 1), ("satisfied", 0)]
    assert judgement.verdict == "satisfied"
    severe = Trace().open().s2c("c").close().judge(loads(f"contract: x\n{text.replace(', severity: warning', '')}"))
    assert severe.verdict == "violated"
    applied = Trace().open().s2c("c").s2c("a").s2c("b").close().judge(loads(f"contract: x\n{text}"))
    assert said(applied) == []


def test_what_is_required_is_not_asked_before_the_end_nor_of_a_part():
    contract = loads("contract: x\nrules: [{id: r, response: [a, b], require_activation: true}]")
    engine = Engine(contract)
    engine.feed([Opened(0, Connection(1, 1, 0, user="u1", status=101), 1)])
    assert engine.judgement().findings == ()
    engine.finish(NS)
    assert len(engine.judgement().findings) == 1
    part = Engine(contract)
    part.judge_part(lambda key, value: None)
    part.finish(NS)
    assert part.judgement().findings == ()


def test_findings_stand_in_the_order_of_time_then_of_rules():
    text = "contract: x\nrules: [{id: r2, response: [a, b], within: 1s}, {id: r1, absence: a}, {id: r0, absence: c}]"
    judgement = Trace().open().s2c("c").s2c("a").s2c("a").at(5).s2c("c").close().judge(loads(text))
    assert [(finding.rule, finding.frames[0]) for finding in judgement.findings] == [
        ("r0", 1), ("r1", 2), ("r1", 3), ("r2", 2), ("r2", 3), ("r0", 4),
    ]  # fmt: skip


def test_users_that_messages_name_are_told_where_no_handshake_does():
    trace = Trace().open(1, None).c2s("a", 1, who="ada").c2s("a", 1, who="bob").open(2, "eve").c2s("a", 2, who="ada")
    trace.open(3, None).c2s("a", 3).close(1).close(2).close(3)
    assert trace.judge(loads("contract: x\nuser: $.who\nrules: [{id: r, absence: z}]")).users == {1: "ada"}


def test_counts_of_a_rule_add_up():
    text = "contract: x\nrules: [{id: r, response: [a, b], within: 1s}]"
    trace = Trace().open().s2c("a").s2c("b").at(5).s2c("a").at(10).s2c("a").cut().at(20).s2c("a").truncate()
    (rule,) = trace.judge(loads(text)).rules
    assert (rule.activations, rule.fulfilments, rule.violations, rule.pending) == (4, 1, 1, 0)
    assert (rule.inconclusive, rule.unread, rule.verdict) == (3, 1, "violated")


def test_runs_that_are_open_are_told_while_the_trace_goes_on():
    engine = Engine(loads(SPAN))
    engine.feed([Opened(0, Connection(1, 1, 0, user="u1", status=101), 1)])

    def message(number: int, seconds: int, type_: str, run: str) -> Message:
        payload = b'{"type": "%s", "run": "%s"}' % (type_.encode(), run.encode())
        return Message(number, 1, number, seconds * NS, 1, 1, type_, payload, number)

    engine.feed([message(1, 1, "s", "a"), message(2, 5, "s", "b"), message(3, 6, "s", "c"), message(4, 7, "e", "c")])
    engine.feed([Tick(12 * NS)])
    runs = engine.judgement().runs
    assert [(run.slice[0][1], run.state, run.start_ns // NS) for run in runs] == [
        ("a", "stalled", 1), ("b", "open", 5), ("c", "completed", 6),
    ]  # fmt: skip
    assert engine.judgement().run_counts == {"completed": 1}


@pytest.mark.parametrize(
    ("skipped", "undecodable", "anonymous", "expected"),
    [
        (0, 0, 0, ()),
        (1, 0, 0, ("1 connection skipped: not covered by this contract's applies_to",)),
        (2, 1, 0, ("2 connections skipped: not covered by this contract's applies_to",
                "1 message could not be decoded; what depends on it is inconclusive")),
        (0, 0, 2, ("2 sessions name no user, and count as separate users; say where to find the user with "
                   "`--user`, or `user:` in the contract",)),
        (0, 3, 0, ("3 messages could not be decoded; what depends on them is inconclusive",)),
    ],
)  # fmt: skip
def test_what_was_left_out_is_said(skipped: int, undecodable: int, anonymous: int, expected: tuple[str, ...]):
    contract = loads("contract: x\nrules: [{id: r, absence: a}]")
    assert notes_of(contract, skipped, undecodable, anonymous, 2) == expected


@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("agent-chat", [("agent_started",), ("agent_thinking",), ("tool_executing",), ("tool_completed", "tool_error"),
                        ("agent_completed",)]),
        ("ag-ui", [("RUN_STARTED",), ("RUN_FINISHED",)]),
        ("graphql-transport-ws", [("subscribe",), ("complete",)]),
        ("openai-realtime", [("response.created",), ("response.done",)]),
    ],
)  # fmt: skip
def test_a_run_must_have_its_start_what_occurs_in_it_and_its_good_end(name: str, types: list[tuple[str, ...]]):
    assert list(required_types(load(name))) == types
