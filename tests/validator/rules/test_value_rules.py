"""Rules about values, numbers and times against the plain meaning of each, on random traces; and what their findings say.

The oracle knows no state: it looks at all events of a slice at once.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from example_count import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from judged_traces import NS, Trace, said

from wsreplay.contract import loads
from wsreplay.validator import Verdict
from wsreplay.validator.rules import assemble

Event = tuple[int, str, dict[str, Any]]  # time (s), type, values

HEAD = "contract: x\nkeys: {k: $.k, n: $.n}\nknown: '*'\nrules: "
few = settings(max_examples=examples(60), deadline=None)

STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 1, 2, 5]),
        st.sampled_from("aabd"),
        st.fixed_dictionaries({}, optional={"v": st.sampled_from([1, 2, 2.5, 3]), "k": st.sampled_from("xy")}),
    ),
    max_size=10,
)


def timed(steps: list[Event]) -> list[Event]:
    now, events = 1, []
    for step, type_, values in steps:
        now += step
        events.append((now, type_, values))
    return events


def trace_of(events: list[Event], ended: int | None = None) -> Trace:
    trace = Trace().open()
    for t, type_, values in events:
        trace.at(t).s2c(type_, **values)
    last = events[-1][0] if events else 1
    return trace.at(last + 1 if ended is None else ended).close()


def violations(rule: str, trace: Trace, scope: str = "") -> int:
    judgement = trace.judge(loads(f"{HEAD}[{{id: r, {rule}{scope}}}]"))
    (verdict,) = (verdict for verdict in judgement.rules if verdict.id == "r")
    assert (verdict.verdict is Verdict.VIOLATED) == bool(verdict.violations)
    return verdict.violations


def of_slices(events: list[Event]) -> list[list[Event]]:
    keyed = [event for event in events if "k" in event[2]]
    return [[event for event in keyed if event[2]["k"] == key] for key in sorted({event[2]["k"] for event in keyed})]


# A rule, and how often a slice's events violate it, by its plain meaning.


def falls(events: list[Event]) -> int:
    values = [values["v"] for _, type_, values in events if type_ == "a" and "v" in values]
    return sum(after < before for before, after in pairwise(values))


def repeats(events: list[Event]) -> int:
    values = [values["v"] for _, _, values in events if "v" in values]
    return sum(after <= before for before, after in pairwise(values))


def parts(events: list[Event]) -> list[tuple[list[Event], Event]]:
    """The events before each d since the one before it, and that d."""
    ends = [place for place, event in enumerate(events) if event[1] == "d"]
    starts = [0, *(place + 1 for place in ends)]
    return [(events[start:end], events[end]) for start, end in zip(starts, ends, strict=False)]


def miscounted(events: list[Event]) -> int:
    told = [(part, end) for part, end in parts(events) if "v" in end[2]]
    return sum(sum(type_ == "a" for _, type_, _ in part) != end[2]["v"] for part, end in told)


def missummed(events: list[Event]) -> int:
    told = [(part, end) for part, end in parts(events) if "v" in end[2]]
    return sum(sum(values.get("v", 0) for _, type_, values in part if type_ == "a") != end[2]["v"] for part, end in told)


ORACLES = {
    "monotonic: $.v, mode: non_decreasing, event: a": falls,
    "monotonic: $.v": repeats,
    "count: a, equals: $.v, at: d": miscounted,
    "sum: $.v, event: a, equals: $.v, at: d": missummed,
}


@pytest.mark.parametrize(("rule", "oracle"), ORACLES.items(), ids=ORACLES)
@few
@given(steps=STEPS)
def test_values_are_judged_as_their_plain_meaning_says(rule: str, oracle, steps: list[Event]):
    events = timed(steps)
    assert violations(rule, trace_of(events)) == oracle(events)


@pytest.mark.parametrize(("rule", "oracle"), ORACLES.items(), ids=ORACLES)
@few
@given(steps=STEPS)
def test_each_slice_is_judged_by_itself(rule: str, oracle, steps: list[Event]):
    events = [event for event in timed(steps) if "k" in event[2]]
    assert violations(rule, trace_of(events), ", by: k") == sum(map(oracle, of_slices(events)))


@few
@given(steps=STEPS, every=st.integers(1, 6))
def test_a_recurrence_is_violated_once_for_each_silence(steps: list[Event], every: int):
    events = timed(steps)
    ended = (events[-1][0] if events else 1) + 3
    marks = [0, *(t for t, type_, _ in events if type_ == "a"), ended]
    silences = sum(after - before > every for before, after in pairwise(marks))
    assert violations(f"recurrence: a, every: {every}s", trace_of(events, ended)) == silences


@few
@given(steps=STEPS, most=st.integers(1, 3), per=st.integers(1, 4))
def test_a_rate_is_violated_where_some_stretch_of_time_has_too_many(steps: list[Event], most: int, per: int):
    """Trace times lie 10 ms apart at least, so that a stretch has no two events at its very ends."""
    trace = trace_of(timed(steps))
    times = [message.t_ns for message in trace.messages if json.loads(message.payload)["type"] == "a"]
    crowded = any(sum(start <= t < start + per * NS for t in times) > most for start in times)
    assert bool(violations(f"rate: a, max: {most}, per: {per}s", trace)) == crowded


@few
@given(values=st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from([1, 2, None])), max_size=8))
def test_consistent_is_violated_once_for_each_further_value(values: list[tuple[str, int | None]]):
    trace = Trace().open()
    for key, value in values:
        trace.s2c("a", k=key, n=value)
    pairs = {(key, value) for key, value in values if value is not None}
    assert violations("consistent: [k, n]", trace.close()) == len(pairs) - len({key for key, _ in pairs})


@few
@given(
    text=st.text(max_size=12),
    cuts=st.lists(st.integers(0, 12), max_size=4),
    wrong=st.booleans(),
    as_=st.sampled_from(["text", "json"]),
)
def test_what_is_cut_in_pieces_is_put_together_again(text: str, cuts: list[int], wrong: bool, as_: str):
    document = json.dumps({"text": text}) if as_ == "json" else text
    places = sorted({0, len(document), *(min(cut, len(document)) for cut in cuts)})
    pieces = [document[start:end] for start, end in pairwise(places)]
    trace = Trace().open()
    for piece in pieces[1:] if wrong else pieces:
        trace.s2c("delta", d=piece)
    trace.s2c("done", whole=document).close()
    rule = f"assemble: {{event: delta, field: $.d, until: done, as: {as_}, equals: $.whole}}"
    assert violations(rule, trace) == int(wrong and len(pieces) > 1)


@pytest.mark.parametrize(
    ("whole", "same"),
    [
        ({"n": 1}, True), ({"n": 1.0}, True), ({"n": True}, False), ({"n": "1"}, False), ({"n": 2}, False), ({}, False),
        ([1], False), ('{"n": 1}', True), ('{"n":1}', False),
    ],
)
def test_what_is_put_together_may_be_stated_as_a_document_or_as_it_is_written(whole: Any, same: bool):
    trace = Trace().open().s2c("delta", d='{"n"').s2c("delta", d=": 1}").s2c("done", whole=whole).close()
    rule = "assemble: {event: delta, field: $.d, until: done, as: json, equals: $.whole}"
    assert violations(rule, trace) == int(not same)


# What findings say.


def say(rules: str, trace: Trace) -> list[str]:
    return [line.partition(": ")[2] for line in said(trace.close().judge(loads(HEAD + rules)))]


def test_findings_name_what_came_and_what_was_expected():
    trace = Trace().open().s2c("tick", n=1, v=5, at="2026-01-02").s2c("tick", n=1, v=4, at="2026-01-01").s2c("done", v=3)
    rules = (
        "[{id: a, monotonic: $.v, mode: non_decreasing, event: tick}, {id: b, monotonic: $.at, event: tick},"
        " {id: c, count: tick, equals: $.v, at: done}, {id: d, sum: $.v, event: tick, equals: $.v, at: done}]"
    )
    assert say(rules, trace) == [
        "$.v of tick is 4, at least 5 expected",
        "$.at of tick is 2026-01-01, more than 2026-01-02 expected",
        "tick came 2 times, done says 3",
        "$.v of tick adds up to 9, done says 3",
    ]  # fmt: skip


def test_what_cannot_be_compared_is_said_and_is_no_measure_for_what_comes():
    trace = Trace().open()
    for value in (5, "x", True, [1], "w", 3, None, 2):
        trace.s2c("tick", v=value)
    assert say("[{id: a, monotonic: $.v, mode: non_decreasing, event: tick}]", trace) == [
        "$.v of tick is 'x' after 5",
        "$.v of tick is neither a number nor a string",
        "$.v of tick is neither a number nor a string",
        "$.v of tick is w, at least x expected",
        "$.v of tick is 3 after 'w'",
        "$.v of tick is 2, at least 3 expected",
    ]


def test_each_total_that_is_stated_is_one_time_that_the_rule_applies():
    trace = Trace().open().s2c("tick").s2c("done", v=1).s2c("done", v=0).s2c("done").at(9).close()
    (rule,) = trace.judge(loads(HEAD + "[{id: c, count: tick, equals: $.v, at: done}]")).rules
    assert (rule.activations, rule.fulfilments, rule.verdict) == (2, 2, Verdict.SATISFIED)


def test_one_value_of_a_key_for_each_of_another_is_said_with_both():
    trace = Trace().open().s2c("a", k="c7", n="search").s2c("b", k="c7", n="fetch").s2c("a", k="c8", n="fetch")
    assert say("[{id: one-tool, consistent: [k, n]}]", trace) == ["n is fetch in b, but was search for k c7"]


def test_arguments_of_two_calls_that_were_merged_are_no_document():
    trace = Trace().open().s2c("delta", d='{"q":"alpha"}', k="a").s2c("delta", d='{"q":"beta"}', k="a").s2c("done", k="a")
    rule = "[{id: args, assemble: {event: delta, field: $.d, by: k, until: done, as: json, schema: {required: [q]}}}]"
    assert say(rule, trace) == [
        "$.d of delta, joined, are not JSON (unexpected content after document at character 14): "
        '{"q":"alpha"}{"q":"beta"} for k a'
    ]  # fmt: skip


def test_a_document_that_does_not_fit_its_schema_says_why():
    trace = Trace().open().s2c("delta", d='{"q"').s2c("delta", d=":1}").s2c("done")
    parts = "event: delta, field: $.d, until: done, as: json, schema: {properties: {q: {type: string}}}"
    rule = f"[{{id: args, assemble: {{{parts}}}}}]"
    assert say(rule, trace) == ["$.d of delta, joined, do not match the schema: data.q must be string"]


def test_a_burst_is_one_finding_with_its_number():
    trace = Trace().open()
    for _ in range(6):
        trace.s2c("tick")
    judgement = trace.at(5).s2c("tick").close().judge(loads(HEAD + "[{id: r, rate: tick, max: 2, per: 1s}]"))
    assert [(finding.message, finding.count) for finding in judgement.findings] == [("4 events more than 2 of tick in 1s", 4)]


def test_a_silence_that_ends_is_late_and_one_that_does_not_is_missing():
    trace = Trace().open().at(1).s2c("beat").at(9).s2c("beat").at(20)
    findings = trace.close().judge(loads(HEAD + "[{id: r, recurrence: beat, every: 5s}]")).findings
    assert [(finding.kind, finding.message, finding.late_by) for finding in findings] == [
        ("late", "beat came after 8s, at least every 5s expected", 3 * NS),
        ("missing", "beat did not come for 5s", None),
    ]


def test_where_the_recording_ends_no_silence_is_told_of_that_may_end_in_time():
    trace = Trace().open().at(1).s2c("beat").at(4).truncate()
    judgement = trace.judge(loads(HEAD + "[{id: r, recurrence: beat, every: 5s}]"))
    assert (judgement.findings, judgement.verdict) == ((), Verdict.INCONCLUSIVE)


def test_rules_about_values_look_in_spans_and_between_events():
    spans = "contract: x\nkeys: {k: $.k}\nspans: {run: {by: k, start: s, end: e}}\nknown: '*'\nrules: "
    in_run = loads(spans + "[{id: r, monotonic: $.v, event: a, in: run}]")
    trace = Trace().open().s2c("s", k=1).s2c("a", k=1, v=3).s2c("e", k=1).s2c("s", k=1).s2c("a", k=1, v=1).s2c("a", k=1, v=1)
    assert said(trace.s2c("e", k=1).close().judge(in_run)) == ["r: $.v of a is 1, more than 1 expected for k 1"]
    between = loads(HEAD + "[{id: r, rate: a, max: 1, per: 1s, after: s, until: e}]")
    trace = Trace().open().s2c("a").s2c("a").s2c("s").s2c("a").s2c("a").s2c("e").s2c("a").s2c("a")
    assert said(trace.close().judge(between)) == ["r: 1 event more than 1 of a in 1s"]


def test_a_rate_between_events_counts_all_that_are_too_many_in_each_stretch():
    contract = loads(HEAD + "[{id: r, rate: a, max: 2, per: 1s, after: s, until: e}]")
    trace = Trace().open(1, "ann").open(2, "bob")
    for connection, counts in ((1, (7, 2, 4)), (2, (3,))):
        for count in counts:
            trace.s2c("s", connection)
            for _ in range(count):
                trace.s2c("a", connection)
            trace.s2c("e", connection).s2c("a", connection)
    findings = trace.close(1).close(2).judge(contract).findings
    words = [f"{many} more than 2 of a in 1s" for many in ("5 events", "2 events", "1 event")]
    assert [(finding.message, finding.count) for finding in findings] == list(zip(words, (5, 2, 1), strict=True))


@pytest.mark.parametrize(
    ("where", "values", "expected"),
    [
        ("{minimum: 1}", [0, 1, 2.5, "2"], [1, 2.5, "2"]),
        ("{type: integer, maximum: 2}", [0, 2.5, 3, "2"], [0]),
        ("{pattern: '^ok'}", ["ok", "okay", "no", 1], ["ok", "okay", 1]),
        ("'ok*'", ["ok", "okay", "no", 1], ["ok", "okay"]),
        ("[1, {type: boolean}, 'x*']", [1, 2, True, "xy", "y"], [1, True, "xy"]),
        ("{not: {type: 'null'}}", [1, None], [1]),
    ],
)
def test_a_pattern_asks_for_values_by_json_schema_globs_and_equality(where: str, values: list[Any], expected: list[Any]):
    contract = loads(HEAD + f"[{{id: r, absence: {{event: a, where: {{$.v: {where}}}}}}}]")
    fitting = [value for value in values if Trace().open().s2c("a", v=value).close().judge(contract).findings]
    assert fitting == expected


@pytest.mark.parametrize(("pieces", "is_kept"), [(1, True), (4, True), (5, False), (9, False)])
def test_a_text_that_is_longer_than_anybody_reads_is_given_up_once(pieces: int, is_kept: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(assemble, "LONGEST", 40)
    trace = Trace().open()
    for _ in range(pieces):
        trace.s2c("delta", d="0123456789")
    judgement = trace.s2c("done", whole="x").close().judge(
        loads(HEAD + "[{id: r, assemble: {event: delta, field: $.d, until: done, equals: $.whole}}]")
    )
    (rule,) = judgement.rules
    assert judgement.forgotten == ({} if is_kept else {"pieces of long texts": 1})
    assert (rule.violations, rule.inconclusive) == ((1, 0) if is_kept else (0, 1))
