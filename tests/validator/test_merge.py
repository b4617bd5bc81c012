"""Parts become a whole: counts add up, the worst verdict stands, findings and runs are in the order of one judgement."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wsreplay.contract import loads
from wsreplay.validator import merge as merging
from wsreplay.validator.claims import Claims
from wsreplay.validator.findings import Finding, Judgement, RuleVerdict, Severity, SpanRecord, Verdict
from wsreplay.validator.merge import PartialJudgement, merge

CONTRACT = loads(
    "contract: x\nkeys: {run: $.run}\nspans: {run: {by: run, start: s, end: e}}\n"
    "rules: [{id: r, response: [a, b], within: 1s}, {id: q, existence: c, require_activation: true}]"
)


def part(
    verdicts: tuple[tuple[Verdict, int, int], ...] = ((Verdict.SATISFIED, 1, 0),) * 3, *,
    findings: tuple[Finding, ...] = (), spans: tuple[SpanRecord, ...] = (), session: int = 1, reached_ns: int = 5,
    **counts: Any,
) -> PartialJudgement:  # fmt: skip
    rules = tuple(
        RuleVerdict(rule.id, verdict, Severity.ERROR, 7, activations=activations, violations=violations, file="c.yaml")
        for rule, (verdict, activations, violations) in zip(CONTRACT.rules, verdicts, strict=True)
    )
    judgement = Judgement(
        "x", "1", CONTRACT.digest, Verdict.SATISFIED, 10, 1, rules, findings, spans, {session: Verdict.SATISFIED},
        forgotten=counts.get("forgotten", {}), span_counts={"run": counts.get("run_counts", {})}, run_span="run",
    )  # fmt: skip
    matched, skipped, undecodable = counts.get("matched", 1), counts.get("skipped", 0), counts.get("undecodable", 0)
    anonymous = counts.get("anonymous", 0)
    return PartialJudgement(judgement, matched, skipped, undecodable, anonymous, reached_ns, frozenset(), Claims())


def finding(rule: str, decided_at: int, verdict: Verdict = Verdict.VIOLATED, connection: int = 1) -> Finding:
    return Finding(rule, verdict, Severity.ERROR, "m", decided_at=decided_at, connection=connection)


S, V, X, E = Verdict.SATISFIED, Verdict.VIOLATED, Verdict.VACUOUS, Verdict.ERROR


def test_counts_add_up_and_the_worst_verdict_stands():
    whole = merge(CONTRACT, [part(((S, 2, 0), (V, 3, 1), (S, 1, 0))), part(((X, 0, 0), (S, 4, 0), (S, 2, 0)), session=2)])
    assert [(rule.id, rule.verdict, rule.activations, rule.fulfilments, rule.violations) for rule in whole.rules] == [
        ("run", S, 2, 2, 0), ("r", V, 7, 6, 1), ("q", S, 3, 3, 0),
    ]  # fmt: skip
    assert (whole.verdict, whole.events, whole.sessions) == (V, 20, 2)
    assert (whole.contract, whole.contract_version, whole.contract_digest) == ("x", "1", CONTRACT.digest)
    assert [(rule.line, rule.file) for rule in whole.rules] == [(7, "c.yaml")] * 3
    assert list(whole.session_verdicts) == [1, 2]


def test_what_was_not_judged_is_told_by_session():
    parts = [part(session=2), part(session=1)]
    counts = [{"unknown": 3}, {"unknown": 1}]
    parts = [
        replace(judged, judgement=replace(judged.judgement, unjudged={session: count}))
        for judged, session, count in zip(parts, (2, 1), counts, strict=True)
    ]
    assert list(merge(CONTRACT, parts).unjudged.items()) == [(1, {"unknown": 1}), (2, {"unknown": 3})]


def test_what_was_left_out_and_forgotten_is_summed():
    first = part(forgotten={"slices": 2}, run_counts={"failed": 1, "completed": 2}, skipped=1, undecodable=2)
    second = part(forgotten={"slices": 1, "ids": 4}, run_counts={"completed": 3}, skipped=2, session=2)
    whole = merge(CONTRACT, [first, second])
    assert whole.forgotten == {"slices": 3, "ids": 4}
    assert list(whole.run_counts.items()) == [("completed", 5), ("failed", 1)]
    assert whole.notes == (
        "3 connections skipped: not covered by this contract's applies_to",
        "2 messages could not be decoded; what depends on them is inconclusive",
    )


def test_findings_are_in_the_order_of_time_then_of_rules():
    first = part(findings=(finding("r", 1), finding("run", 4)))
    second = part(findings=(finding("run", 2, connection=2), finding("r", 4, connection=2)), session=2)
    whole = merge(CONTRACT, [first, second])
    assert [(one.rule, one.decided_at, one.connection) for one in whole.findings] == [
        ("r", 1, 1), ("run", 2, 2), ("run", 4, 1), ("r", 4, 2),
    ]  # fmt: skip


def test_a_rule_that_cannot_be_judged_says_so_once():
    parts = [part(findings=(finding("r", 3, E), finding("q", 1, E))), part(findings=(finding("r", 2, E), finding("r", 4)))]
    assert [(one.rule, one.decided_at) for one in merge(CONTRACT, parts).findings] == [("q", 1), ("r", 2), ("r", 4)]


def test_more_findings_and_runs_than_are_kept_are_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(merging, "MOST_FINDINGS", 3)
    monkeypatch.setattr(merging, "MOST_RUNS", 2)
    runs = tuple(
        SpanRecord(1, 1, (("run", str(n)),), "completed" if n % 2 else "failed", n, None, n) for n in (1, 2, 3, 4, 5, 6)
    )
    parts = [
        part(findings=(finding("r", 5), finding("r", 6), finding("run", 7)), spans=runs[::2], forgotten={"findings": 1}),
        part(findings=(finding("r", 1), finding("r", 2)), spans=runs[1::2], session=2),
    ]
    whole = merge(CONTRACT, parts)
    assert [(one.rule, one.decided_at) for one in whole.findings] == [("r", 1), ("r", 2), ("r", 5), ("run", 7)]
    assert whole.forgotten == {"findings": 2}
    assert [run.start_ns for run in whole.runs] == [1, 2, 3, 4]


def test_what_no_part_has_activated_is_missing_from_the_whole():
    vacuous = ((S, 1, 0), (S, 1, 0), (X, 0, 0))
    assert merge(CONTRACT, [part(vacuous), part(session=2)]).findings == ()
    whole = merge(CONTRACT, [part(vacuous, reached_ns=5), part(vacuous, session=2, reached_ns=9)])
    assert [(one.rule, one.decided_at) for one in whole.findings] == [("q", 9)]


def test_nothing_that_the_contract_names_in_any_part_is_nothing_judged():
    nothing = ((X, 0, 0),) * 3
    contract = replace(CONTRACT, rules=CONTRACT.rules[:2])
    parts = [part(nothing, matched=0), part(nothing, matched=0, session=2)]
    parts = [replace(one, judgement=replace(one.judgement, rules=one.judgement.rules[:2])) for one in parts]
    assert merge(contract, parts).verdict is Verdict.VACUOUS


def test_a_message_that_nobody_could_read_is_nothing_that_applied():
    """It is inconclusive, and so no activation that was not fulfilled."""
    first, second = part(((S, 2, 0),) * 3), part(((S, 3, 0),) * 3)
    parts = [
        replace(found, judgement=replace(found.judgement, rules=(
            replace(found.judgement.rules[0], inconclusive=inconclusive, unread=unread, errors=errors, pending=pending),
            *found.judgement.rules[1:],
        )))
        for found, inconclusive, unread, errors, pending in ((first, 2, 1, 0, 0), (second, 1, 1, 1, 1))
    ]  # fmt: skip
    rule = merge(CONTRACT, parts).rules[0]
    assert (rule.activations, rule.inconclusive, rule.unread, rule.errors, rule.pending) == (5, 3, 2, 1, 1)
    assert rule.fulfilments == 5 - 1 - 1
