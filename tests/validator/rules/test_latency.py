"""How long events are on their way: the excess over the smallest difference, and clocks that are set."""

from __future__ import annotations

import pytest
from judged_traces import Trace, said

from wsreplay.contract import loads
from wsreplay.validator.rules.latency import sent_ns

TEXT = "contract: x\nenvelope: {type: $.type, sent: $.at}\nlatency: {id: l, latency: 's2c:a', max: 100ms}"


def judged(trace: Trace, inline: bool) -> list[str]:
    return [line.removeprefix("l: ") for line in said(trace.judge(loads(TEXT), inline=inline))]


def sent(*pairs: tuple[float, float]) -> Trace:
    """Events received at a time (s) and sent at another, by the sender's clock."""
    trace = Trace().open()
    for received, at in pairs:
        trace.at(received).s2c("a", at=at)
    return trace.close()


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        # a constant offset of the clocks costs nothing
        ([(1, 5000.0), (2, 5001.0), (3, 5002.0)], []),
        ([(1, 5000.0), (2.1, 5001.0)], []),
        ([(1, 5000.0), (2.101, 5001.0)], ["a was 101ms on its way, at most 100ms allowed"]),
        # the smallest difference is the measure from where it came
        ([(1.5, 5000.0), (2, 5001.0), (3.2, 5002.0)], ["a was 200ms on its way, at most 100ms allowed"]),
        # a sender's clock that is set forwards or back, said once each time that it is noticed first
        ([(1, 5000.0), (2, 5003.0), (3, 5004.0), (4.2, 5005.0)],
         ["the sender's clock was set meanwhile; latency is measured anew from here",
          "a was 200ms on its way, at most 100ms allowed"]),
        ([(1, 5000.0), (2, 4000.0), (3, 4001.0), (4, 9000.0)],
         ["the sender's clock was set meanwhile; latency is measured anew from here"]),
        # not by what a clock may be corrected by
        ([(1, 5000.0), (2, 5001.9), (3, 5002.9)], []),
        ([(1, 5000.0), (1.05, 4999.95)], []),
    ],
)  # fmt: skip
def test_the_excess_over_the_smallest_difference_is_judged(
    inline: bool, pairs: list[tuple[float, float]], expected: list[str]
):
    assert judged(sent(*pairs), inline) == expected


@pytest.mark.parametrize("inline", [True, False])
def test_each_connection_has_its_own_clock(inline: bool):
    trace = Trace().open(1).open(2).s2c("a", at=5000.0).s2c("a", connection=2, at=100.0)
    trace.at(1).s2c("a", at=5000.99).s2c("a", connection=2, at=101.0)
    assert judged(trace.close(1).close(2), inline) == []


@pytest.mark.parametrize("inline", [True, False])
def test_only_the_events_that_are_named_and_say_when_are_judged(inline: bool):
    trace = Trace().open().s2c("a", at=5000.0).at(3).s2c("b", at=5000.0).c2s("a", at=5000.0).s2c("a").s2c("a", at="never")
    judgement = trace.close().judge(loads(TEXT), inline=inline)
    assert (said(judgement), judgement.rules[0].activations) == ([], 1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1700000000, 1_700_000_000e9),
        (1700000000.5, 1_700_000_000.5e9),
        (1700000000500, 1_700_000_000.5e9),
        (-5, -5e9),
        ("2023-11-14T22:13:20+00:00", 1_700_000_000e9),
        ("2023-11-14T22:13:20", 1_700_000_000e9),
        ("2023-11-15T00:13:20+02:00", 1_700_000_000e9),
        ("yesterday", None),
        (True, None),
        (float("inf"), None),
        (None, None),
        ([1], None),
    ],
)
def test_a_time_is_seconds_milliseconds_or_iso_8601(value: object, expected: float | None):
    assert sent_ns(value) == expected
