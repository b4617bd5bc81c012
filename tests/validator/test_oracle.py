"""Every template, mode, bound and scope against the plain meaning of its formula, on random traces, complete and truncated.

The oracle knows no state: it quantifies over positions as the definitions do, and decides a truncated trace by trying out how
it could go on.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

import pytest
from example_count import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judged_traces import Trace

from wsreplay import contract as contracts
from wsreplay.validator import Judgement, Verdict

Event = tuple[int, str]  # time in seconds, type


@dataclass(frozen=True)
class Shape:
    """A rule under test."""

    template: str
    mode: str = "any"
    within: int | None = None
    min: int = 1
    max: int | None = None
    a: tuple[str, ...] = ("a",)
    b: tuple[str, ...] = ("b",)

    def yaml(self, scope: str) -> str:
        parts = [f"id: r, {self.template}: [[{', '.join(self.a)}], [{', '.join(self.b)}]]"]
        if self.mode != "any":
            parts.append(f"mode: {self.mode}")
        if self.within is not None:
            parts.append(f"within: {self.within}s")
        if self.template == "existence":
            parts.append(f"min: {self.min}" + (f", max: {self.max}" if self.max is not None else ""))
        return "{" + ", ".join([*parts, *([scope] if scope else [])]) + "}"

    def failures(self, events: list[Event]) -> tuple[int, int]:
        """How often the rule is activated by a complete slice, and how often it fails."""
        types = [type_ for _, type_ in events]
        first, second = ([i for i, type_ in enumerate(types) if type_ in names] for names in (self.a, self.b))
        match self.template:
            case "existence":
                counts = [len(first), len(second)]
                return 1, int(any(n < self.min or (self.max is not None and n > self.max) for n in counts))
            case "absence":
                return 1, len(set(first + second))
            case "init":
                return len(types[:1]), int(bool(types) and 0 not in first + second)
            case "end":
                return len(types[:1]), int(bool(types) and len(types) - 1 not in first + second)
            case "response":
                return len(first), sum(not any(self._answers(i, j, events, first) for j in second) for i in first)
            case "precedence":
                return len(second), sum(not any(self._precedes(i, j, events, second) for i in first) for j in second)
            case "responded_existence":
                return int(bool(first)), int(bool(first) and not second)
            case "not_co_existence":
                return int(bool(first or second)), int(bool(first and second))
        raise AssertionError(self.template)

    def _in_time(self, i: int, j: int, events: list[Event]) -> bool:
        return i < j and (self.within is None or events[j][0] - events[i][0] <= self.within)

    def _answers(self, i: int, j: int, events: list[Event], first: list[int]) -> bool:
        if not self._in_time(i, j, events):
            return False
        if self.mode == "chain":
            return j == i + 1
        return self.mode == "any" or not any(i < k < j for k in first)

    def _precedes(self, i: int, j: int, events: list[Event], second: list[int]) -> bool:
        if not self._in_time(i, j, events):
            return False
        if self.mode == "chain":
            return i == j - 1
        return self.mode == "any" or not any(i < k < j for k in second)

    def verdict(self, events: list[Event], closed: bool, reached: int, alphabet: str = "abc") -> Verdict:
        """Of one slice, closed or not; vacuous where nothing activates it."""
        activations, failures = self.failures(events)
        if not activations:
            return Verdict.VACUOUS
        if closed:
            return Verdict.VIOLATED if failures else Verdict.SATISFIED
        outcomes = {not self.failures(events + more)[1] for more in _continuations(alphabet, reached)}
        if outcomes == {True}:
            return Verdict.SATISFIED
        return Verdict.INCONCLUSIVE if True in outcomes else Verdict.VIOLATED


def _continuations(alphabet: str, reached: int) -> list[list[Event]]:
    """How a trace may go on: nothing, or up to four more events, at once or much later."""
    found: list[list[Event]] = [[]]
    for length in (1, 2, 4):
        late = tuple(reached + 1_000 * (n + 1) for n in range(length))
        for types in itertools.product(alphabet, repeat=length):
            found += [list(zip(times, types, strict=True)) for times in ((reached,) * length, late)]
    return found


def together(verdicts: list[Verdict]) -> Verdict:
    """A rule's verdict from those of its slices."""
    for verdict in (Verdict.VIOLATED, Verdict.INCONCLUSIVE, Verdict.SATISFIED):
        if verdict in verdicts:
            return verdict
    return Verdict.VACUOUS


def bounded(template: str, modes: tuple[str, ...]) -> list[Shape]:
    return [Shape(template, mode, within) for mode in modes for within in (None, 0, 2)]


SHAPES = [
    *bounded("response", ("any", "alternate", "chain")),
    *bounded("precedence", ("any", "alternate", "chain")),
    *(Shape("response", mode, within, b=("b", "c")) for mode in ("any", "alternate") for within in (None, 2)),
    *(
        Shape(template, mode, 2, a=("a", "c"), b=("b", "c"))
        for template in ("response", "precedence")
        for mode in ("any", "chain")
    ),
    *(Shape("existence", min=low, max=high) for low, high in ((0, 1), (1, None), (1, 1), (1, 2), (2, None), (2, 3))),
    Shape("absence"),
    Shape("init"),
    Shape("end"),
    Shape("responded_existence"),
    Shape("not_co_existence"),
    Shape("responded_existence", a=("a", "c"), b=("b", "c")),
    Shape("not_co_existence", a=("a", "c"), b=("b", "c")),
]

steps = st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abcox"), st.sampled_from("12")), max_size=9)
many = settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def timed(raw: list[tuple[int, str, str]]) -> list[tuple[int, str, str]]:
    """Steps become times, from 1 s on."""
    now, found = 1, []
    for step, type_, key in raw:
        now += step
        found.append((now, type_, key))
    return found


def trace_of(events: list[tuple[int, str, str]], complete: bool, beyond: int, *, key: str | None = None) -> tuple[Trace, int]:
    """A trace on one connection, closed at its last event's time, or truncated some seconds later."""
    trace = Trace().open()
    for now, type_, value in events:
        trace.at(now).s2c(type_, **({key: value} if key else {}))
    last = events[-1][0] if events else 1
    if complete:
        trace.at(last).close()
        return trace, last
    trace.at(last + beyond).truncate()
    return trace, last + beyond


loaded = lru_cache(contracts.loads)


def judged(yaml: str, trace: Trace) -> Judgement:
    """The verdict, which has to be the same with and without what is generated in place."""
    contract = loaded(yaml)
    judgement = trace.judge(contract)
    assert trace.judge(contract, inline=False) == judgement
    return judgement


def of_rule(judgement: Judgement) -> tuple[Verdict, int, int]:
    rule = next(rule for rule in judgement.rules if rule.id == "r")
    return rule.verdict, rule.activations, rule.violations


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@many
@given(raw=steps, complete=st.booleans(), beyond=st.integers(0, 4))
def test_on_a_connection(shape: Shape, raw: list[tuple[int, str, str]], complete: bool, beyond: int) -> None:
    events = timed(raw)
    trace, reached = trace_of(events, complete, beyond)
    plain = [(now, type_) for now, type_, _ in events]
    verdict, activations, violations = of_rule(judged(f"{{contract: x, rules: [{shape.yaml('')}]}}", trace))
    assert verdict is shape.verdict(plain, complete, reached)
    if complete:
        expected = shape.failures(plain)
        assert (activations, min(violations, 1)) == (expected[0], min(expected[1], 1))
        if shape.template in ("response", "precedence"):
            assert violations == expected[1]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@many
@given(raw=steps, complete=st.booleans(), beyond=st.integers(0, 4))
def test_by_a_key(shape: Shape, raw: list[tuple[int, str, str]], complete: bool, beyond: int) -> None:
    events = timed(raw)
    trace, reached = trace_of(events, complete, beyond, key="k")
    yaml = f"{{contract: x, keys: {{k: $.k}}, rules: [{shape.yaml('by: k')}]}}"
    named = {*shape.a, *shape.b}
    verdicts = []
    for key in "12":
        plain = [(now, type_) for now, type_, value in events if value == key]
        opens = (
            bool(plain)
            if shape.template in ("init", "end") or shape.mode == "chain"
            else any(type_ in named for _, type_ in plain)
        )
        verdicts.append(shape.verdict(plain, complete, reached) if opens else Verdict.VACUOUS)
    assert of_rule(judged(yaml, trace))[0] is together(verdicts)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@many
@given(raw=steps, cuts=st.lists(st.integers(0, 9), max_size=3), complete=st.booleans(), beyond=st.integers(0, 4))
def test_in_a_span(shape: Shape, raw: list[tuple[int, str, str]], cuts: list[int], complete: bool, beyond: int) -> None:
    """Instances follow one another, s … e; what lies between them belongs to none."""
    events = [(now, type_) for now, type_, _ in timed(raw)]
    inside, slices, out = False, list[tuple[list[Event], bool]](), list[tuple[int, str, str]]()
    for index, (now, type_) in enumerate(events):
        if index in cuts:
            mark = "e" if inside else "s"
            if not inside:
                slices.append(([], False))
            slices[-1][0].append((now, mark))
            out.append((now, mark, ""))
            if inside:
                slices[-1] = (slices[-1][0], True)
            inside = not inside
        if inside:
            slices[-1][0].append((now, type_))
        out.append((now, type_, ""))
    trace, reached = trace_of(out, complete, beyond)
    yaml = f"{{contract: x, spans: {{run: {{start: s, end: e}}}}, rules: [{shape.yaml('in: run')}]}}"
    verdicts = [shape.verdict(plain, closed or complete, reached) for plain, closed in slices]
    assert of_rule(judged(yaml, trace))[0] is together(verdicts)


@pytest.mark.parametrize("scope", ["after: o", "until: x", "after: o, until: x"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@settings(many, max_examples=examples(6))
@given(raw=steps, complete=st.booleans(), beyond=st.integers(0, 4))
def test_after_and_until(shape: Shape, scope: str, raw: list[tuple[int, str, str]], complete: bool, beyond: int) -> None:
    """From the first opener up to, not including, the closer; again from the next opener on."""
    events = timed(raw)
    segments: list[tuple[list[Event], bool]] = [] if "after" in scope else [([], False)]
    for now, type_, _ in events:
        running = bool(segments) and not segments[-1][1]
        if running and type_ == "x" and "until" in scope:
            segments[-1] = (segments[-1][0], True)
            continue
        if not running and type_ == "o" and "after" in scope:
            segments.append(([], False))
            running = True
        if running:
            segments[-1][0].append((now, type_))
    trace, reached = trace_of(events, complete, beyond)
    verdicts = [shape.verdict(plain, closed or complete, reached) for plain, closed in segments]
    assert of_rule(judged(f"{{contract: x, rules: [{shape.yaml(scope)}]}}", trace))[0] is together(verdicts)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@many
@given(raw=steps, complete=st.booleans(), beyond=st.integers(0, 4))
def test_across_a_user(shape: Shape, raw: list[tuple[int, str, str]], complete: bool, beyond: int) -> None:
    """Two tabs of one user make one slice; it is complete when both are closed."""
    events = timed(raw)
    trace = Trace().open(1).open(2)
    for now, type_, tab in events:
        trace.at(now).s2c(type_, connection=int(tab))
    last = events[-1][0] if events else 1
    trace.at(last).close(1)
    if complete:
        trace.at(last).close(2)
        reached = last
    else:
        reached = last + beyond
        trace.at(reached).truncate()
    plain = [(now, type_) for now, type_, _ in events]
    named = {*shape.a, *shape.b}
    opens = (
        bool(plain) if shape.template in ("init", "end") or shape.mode == "chain" else any(type_ in named for _, type_ in plain)
    )
    expected = shape.verdict(plain, complete, reached) if opens else Verdict.VACUOUS
    assert of_rule(judged(f"{{contract: x, rules: [{shape.yaml('across: user')}]}}", trace))[0] is expected
