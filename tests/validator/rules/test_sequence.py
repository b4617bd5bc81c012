"""Counters: what is a gap, what is out of order, and when a counter has started again."""

from __future__ import annotations

import pytest
from judged_traces import Trace, said

from wsreplay.contract import loads
from wsreplay.validator import Finding

BY_CONNECTION = "sequence: {id: n, field: $.n, by: conn.id}"
BY_SESSION = "sequence: {id: n, field: $.n, by: conn.session}"
BY_KEY = "keys: {k: $.k}\nsequence: {id: n, field: $.n, by: k}"


def judged(text: str, trace: Trace, inline: bool = True) -> list[str]:
    found = trace.judge(loads(f"contract: x\n{text}"), inline=inline)
    return [line.removeprefix("n: ") for line in said(found)]


def values(*numbers: object, k: int = 1) -> Trace:
    trace = Trace().open()
    for number in numbers:
        trace.s2c("a", n=number, k=k)
    return trace.close()


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("text", [BY_CONNECTION, BY_SESSION, BY_KEY])
@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((7, 8, 9), []),
        ((7, 8.0, 9), []),
        ((1, 3), ["$.n 2 missing before 3"]),
        ((1, 5), ["$.n 2 to 4 missing before 5"]),
        ((1, 2, 2, 3), ["$.n 2 came twice"]),
        ((1, 2, 3, 2, 4), ["$.n 2 came after 3"]),
        ((5, 6, 1, 2, 3), ["$.n 1 came after 6"]),
        ((5, 6, 1, 2, 4), ["$.n 1 came after 6", "$.n 3 missing before 4"]),
        ((5, 6, 1, 3, 2), ["$.n 1 came after 6", "$.n 3 came after 6", "$.n 2 came after 6"]),
        ((5, 6, 1, 7, 2), ["$.n 1 came after 6"]),
        # what followed the disorder is used up: the same number a second time is no further restart
        ((5, 6, 7, 1, 2, 3, 2), ["$.n 1 came after 7", "$.n 2 came after 3"]),
        ((5, 6, 7, 1, 2, 5), ["$.n 1 came after 7", "$.n 3 to 4 missing before 5"]),
        ((5, 6, 1, 2, 3, 1, 2, 3), ["$.n 1 came after 6", "$.n 1 came after 3"]),
        ((1, True), ["$.n is not a whole number in a"]),
        ((1, "2", 2), ["$.n is not a whole number in a"]),
        ((1, 2.5), ["$.n is not a whole number in a"]),
        ((1, None, 2), []),
    ],
)
def test_a_counter_goes_up_by_one_or_starts_again(text: str, inline: bool, numbers: tuple[object, ...], expected: list[str]):
    assert judged(text, values(*numbers), inline) == expected


def test_an_increasing_counter_may_leave_numbers_out():
    text = "sequence: {id: n, field: $.n, mode: increasing}"
    assert judged(text, values(1, 5, 6, 6, 9)) == ["$.n 6 came twice"]


def test_each_direction_and_each_slice_has_its_own_counter():
    trace = Trace().open().s2c("a", n=1).c2s("a", n=10).s2c("a", n=2).c2s("a", n=11).close()
    assert judged(BY_CONNECTION, trace) == judged(BY_SESSION, trace) == []
    keyed = Trace().open().s2c("a", n=1, k=1).s2c("a", n=7, k=2).s2c("a", n=2, k=1).s2c("a", n=8, k=2).close()
    assert judged(BY_KEY, keyed) == []


def reconnected(*numbers: int) -> Trace:
    trace = Trace().open(1).s2c("a", n=5).s2c("a", n=6).drop(1).open(2)
    for number in numbers:
        trace.s2c("a", connection=2, n=number)
    return trace.close(2)


@pytest.mark.parametrize(
    ("text", "numbers", "expected"),
    [
        (BY_SESSION, (7, 8), []),
        (BY_SESSION, (8,), ["$.n 7 missing before 8"]),
        (BY_SESSION, (5, 6, 7), []),
        (BY_SESSION, (5, 7), []),
        (BY_CONNECTION, (1, 2, 3), []),
        (BY_CONNECTION, (8, 9), []),
        (BY_CONNECTION, (8, 10), ["$.n 9 missing before 10"]),
    ],
)
def test_after_a_reconnect_history_may_be_sent_again(text: str, numbers: tuple[int, ...], expected: list[str]):
    assert judged(text, reconnected(*numbers)) == expected


def test_numbers_that_may_have_been_in_unreadable_messages_are_inconclusive():
    trace = Trace().open().s2c("a", n=1).cut().s2c("a", n=3).cut().s2c("a", n=6).close()
    judgement = trace.judge(loads(f"contract: x\n{BY_CONNECTION}\nrules: [{{id: r, absence: z}}]"))
    assert [(finding.verdict, finding.message.partition(";")[0]) for finding in judgement.findings if finding.rule == "n"] == [
        ("inconclusive", "$.n 2 missing before 3"),
        ("violated", "$.n 4 to 5 missing before 6"),
    ]


def test_a_session_that_is_over_takes_its_counters_with_it():
    trace = Trace().open(1).s2c("a", n=5).close(1).at(100).open(2).s2c("a", connection=2, n=9).close(2)
    assert judged(BY_SESSION, trace) == []


FOUND = "keys: {thread: $.t, run: $.r}\nspans: {run: {by: [thread, run], start: s, end: e}}\nsequence: {id: n, field: $.n}"


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        # one counter for the session, whatever runs and threads its values come in
        ("t1 r1 1, t2 r2 2, t1 r1 3, t2 r2 4", []),
        ("t1 r1 1, t2 r2 2, t1 r1 4", ["$.n 3 missing before 4"]),
        # one for each thread; a further thread begins where it likes
        ("t1 r1 1, t1 r2 2, t2 r3 1, t1 r2 3, t2 r3 2, t3 r4 5, t3 r4 6", []),
        ("t1 r1 1, t1 r2 2, t2 r3 1, t1 r2 3, t2 r3 3", ["$.n 2 missing before 3"]),
        # one for each run, all in one thread: each begins at 0 or 1, so what comes before its first value is missing
        ("t1 r1 1, t1 r1 2, t1 r2 1, t1 r2 2, t1 r1 3", []),
        ("t1 r1 1, t1 r1 2, t1 r2 1, t1 r3 3", ["$.n 1 to 2 missing before 3"]),
        ("t1 r1 1, t1 r1 2, t1 r2 0, t1 r2 1, t1 r3 0, t1 r3 2", ["$.n 1 missing before 2"]),
        # the first number again, which was the session's after all
        ("t1 r1 1, t1 r1 2, t1 r2 1, t1 r1 3, t1 r2 4, t1 r1 5", ["$.n 1 came twice"]),
    ],
)
def test_what_a_counter_belongs_to_is_found_by_looking(steps: str, expected: list[str], inline: bool):
    trace = Trace().open()
    for thread, run, number in map(str.split, steps.split(", ")):
        trace.s2c("a", t=thread, r=run, n=int(number))
    assert judged(FOUND, trace.close(), inline) == expected


@pytest.mark.parametrize(("numbers", "kind"), [((1, 2, 2, 3), "duplicate"), ((1, 2, 3, 1), "order")])
def test_a_number_that_came_twice_is_a_repetition_and_not_out_of_order(numbers: tuple[int, ...], kind: str) -> None:
    (finding,) = values(*numbers).judge(loads(f"contract: x\n{BY_SESSION}")).findings
    assert finding.kind == kind


# A message that is no event stands where a number is missing.

BROKEN = [b"not json", b'{"type": "a", "n": 2', b'{"n": 2}', b"[2]", b'{"type": 7, "n": 2}']


def findings_of(text: str, *items: int | bytes, k: int = 1) -> list[Finding]:
    trace = Trace().open()
    for item in items:
        if isinstance(item, bytes):
            trace.raw(item)
        else:
            trace.s2c("a", n=item, k=k)
    return list(trace.close().judge(loads(f"contract: x\njson: {{text: object, type: required}}\n{text}")).findings)


@pytest.mark.parametrize("text", [BY_CONNECTION, BY_SESSION, BY_KEY, "sequence: {id: n, field: $.n}"])
@pytest.mark.parametrize("broken", BROKEN)
def test_a_number_that_a_broken_message_held_is_missing_as_a_result(text: str, broken: bytes) -> None:
    wrong, gap = findings_of(text, 1, broken, 3)
    assert (wrong.kind, wrong.caused_by) == ("format", None)
    assert (gap.kind, gap.message, gap.caused_by) == ("gap", "$.n 2 missing before 3", wrong.id)


def test_so_are_as_many_numbers_as_there_are_broken_messages() -> None:
    first, second, gap = findings_of(BY_SESSION, 1, BROKEN[0], BROKEN[1], 4)
    assert (gap.message, gap.caused_by) == ("$.n 2 to 3 missing before 4", first.id)
    assert second.caused_by is None


@pytest.mark.parametrize(
    "items", [(1, BROKEN[0], 4), (1, BROKEN[0], 2, 4), (1, 3, BROKEN[0]), (1, BROKEN[0], 3, 5)],
    ids=["more are missing", "before it", "behind it", "each explains one"],
)  # fmt: skip
def test_what_is_missing_elsewhere_is_a_fault_of_its_own(items: tuple[int | bytes, ...]) -> None:
    gaps = [finding for finding in findings_of(BY_SESSION, *items) if finding.kind == "gap"]
    assert gaps[-1].caused_by is None


def test_one_broken_message_explains_a_number_of_one_counter_only() -> None:
    trace = Trace().open().s2c("a", n=1, k=1).s2c("a", n=1, k=2).raw(BROKEN[0]).s2c("a", n=3, k=1).s2c("a", n=3, k=2).close()
    findings = trace.judge(loads(f"contract: x\njson: {{text: object}}\n{BY_KEY}")).findings
    assert [finding.caused_by for finding in findings if finding.kind == "gap"] == ["1.json.1", None]


def test_nor_does_one_of_the_other_direction_or_one_that_no_rule_objects_to() -> None:
    trace = Trace().open().s2c("a", n=1).raw(BROKEN[0], 0).s2c("a", n=3).close()
    for text in ("json: {text: object}\n", "json: {text: any, type: optional}\n", ""):
        findings = trace.judge(loads(f"contract: x\n{text}{BY_SESSION}")).findings
        assert [finding.caused_by for finding in findings if finding.kind == "gap"] == [None]
