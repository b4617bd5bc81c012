"""How long events are on their way: the excess over the smallest difference, and clocks that are set."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from growing_files import write_whole
from judged_traces import Trace, of, said

from wsreplay.contract import loads
from wsreplay.store.reader import Recording
from wsreplay.validator import judge
from wsreplay.validator.rules.latency import precision_of, sent_ns

TEXT = "contract: x\nenvelope: {type: $.type, sent: $.at}\nlatency: {id: l, latency: 's2c:a', max: 100ms}"


def judged(trace: Trace, inline: bool) -> list[str]:
    return [line.removeprefix("l: ") for line in said(trace.judge(loads(TEXT), inline=inline))]


def sent(*pairs: tuple[float, float]) -> Trace:
    """Events received at a time (s) and sent at another, by the sender's clock, which tells microseconds."""
    trace = Trace().open()
    for received, at in pairs:
        trace.at(received).s2c("a", at=at + 0.250123)
    return trace.close()


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        # a constant offset of the clocks costs nothing
        ([(1, 5000.0), (2, 5001.0), (3, 5002.0)], []),
        ([(1, 5000.0), (2.1, 5001.0)], []),
        ([(1, 5000.0), (2.101, 5001.0)], ["a took 101ms to arrive, at most 100ms allowed"]),
        # the smallest difference is the measure from where it came
        ([(1.5, 5000.0), (2, 5001.0), (3.2, 5002.0)], ["a took 200ms to arrive, at most 100ms allowed"]),
        # a sender's clock that is set forwards or back, said once each time that it is noticed first
        ([(1, 5000.0), (2, 5003.0), (3, 5004.0), (4.2, 5005.0)],
         ["the sender's clock was set meanwhile; latency is measured anew from here",
          "a took 200ms to arrive, at most 100ms allowed"]),
        ([(1, 5000.0), (2, 4000.0), (3, 4001.0), (4, 9000.0)],
         ["the sender's clock was set meanwhile; latency is measured anew from here"]),
        # not by what a clock may be corrected by
        ([(1, 5000.0), (2, 5001.9), (3, 5002.9)], []),
        ([(1, 5000.0), (1.05, 4999.95)], []),
        # a second back is no clock that was set, more is
        ([(1, 5000.0), (1.05, 4999.0)], ["a took 1.05s to arrive, at most 100ms allowed"]),
        ([(1, 5000.0), (1.05, 4998.999)], ["the sender's clock was set meanwhile; latency is measured anew from here"]),
    ],
)  # fmt: skip
def test_the_excess_over_the_smallest_difference_is_judged(
    inline: bool, pairs: list[tuple[float, float]], expected: list[str]
):
    assert judged(sent(*pairs), inline) == expected


@pytest.mark.parametrize("inline", [True, False])
def test_a_number_is_told_by_its_magnitude_though_as_seconds_it_would_be_in_time(inline: bool):
    nanoseconds, milliseconds = 1e20 + 250_000_000, 1e11
    lines = judged(sent((1, nanoseconds), (1.05, milliseconds)), inline)
    assert lines == ["the sender's clock was set meanwhile; latency is measured anew from here"]


@pytest.mark.parametrize("inline", [True, False])
def test_each_connection_has_its_own_clock(inline: bool):
    trace = Trace().open(1).open(2).s2c("a", at=5000.25).s2c("a", connection=2, at=100.25)
    trace.at(1).s2c("a", at=5001.24).s2c("a", connection=2, at=101.25)
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
        (1700000000500000, 1_700_000_000.5e9),
        (1700000000500000000, 1_700_000_000.5e9),
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
def test_a_time_is_told_by_its_magnitude_or_is_iso_8601(value: object, expected: float | None):
    assert sent_ns(value) == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [(1.7e18, 1_000_000_000), (1_700_000_000.5e9, 1_000_000), (1_700_000_000.000_5e9, 1_000),
     (1e300, 1_000_000_000)],
)  # fmt: skip
def test_a_time_is_as_precise_as_it_is_told(sent: float, expected: int):
    assert precision_of(sent) == expected


EPOCH = 1_700_000_000

# How a sender may tell a time: what it says of it, and by how much it may be wrong (s).
SCALES: dict[str, Callable[[float], object]] = {
    "seconds": lambda at: at,
    "milliseconds": lambda at: round(at * 1e3),
    "microseconds": lambda at: round(at * 1e6),
    "nanoseconds": lambda at: round(at * 1e6) * 1000,
}


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_whatever_the_scale_what_is_late_is_late_and_what_is_not_is_not(scale: Callable[[float], object], inline: bool):
    trace = Trace().open()
    for received, delay in ((1.0, 0.0), (2.0, 0.09), (3.0, 0.0), (4.0, 0.21)):
        trace.at(received).s2c("a", at=scale(EPOCH + 0.25 + received - delay))
    assert judged(trace.close(), inline) == ["a took 210ms to arrive, at most 100ms allowed"]


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("whole", [int, float, lambda at: f"2023-11-14T22:13:{int(at) - EPOCH + 20:02}Z"])
def test_who_tells_whole_seconds_may_be_a_second_out(whole: Callable[[float], object], inline: bool):
    trace = Trace().open()
    for received in (1.0, 1.4, 1.9, 2.1, 3.99, 5.2):
        trace.at(received).s2c("a", at=whole(int(EPOCH + received)))
    assert judged(trace.close(), inline) == []
    late = Trace().open().at(1).s2c("a", at=whole(EPOCH + 1)).at(4.05).s2c("a", at=whole(EPOCH + 3))
    late.at(6.5).s2c("a", at=whole(EPOCH + 4))
    assert judged(late.close(), inline) == ["a took 2.5s to arrive, at most 100ms allowed"]


@pytest.mark.parametrize("inline", [True, False])
def test_what_a_reconnect_delayed_has_no_latency(inline: bool):
    """History that is sent again, and what was said while nobody was there; what comes later has one."""
    trace = Trace().open(1).at(1).s2c("a", at=EPOCH + 1.25).at(2).s2c("a", at=EPOCH + 2.25).drop().at(5).open(2)
    trace.s2c("a", connection=2, at=EPOCH + 1.25).s2c("a", connection=2, at=EPOCH + 4.25).at(6)
    trace.s2c("a", connection=2, at=EPOCH + 6.25).at(7).s2c("a", connection=2, at=EPOCH + 6.75)
    assert judged(trace.close(2), inline) == ["a took 500ms to arrive, at most 100ms allowed"]


@pytest.mark.parametrize(("clock", "severity"), [("", "warning"), (", clock: skewed", "warning"), (", clock: same", "error"),
                                                 (", clock: same, severity: info", "info")])  # fmt: skip
def test_only_where_the_clocks_are_the_same_a_delay_is_an_error(clock: str, severity: str):
    assert [rule.severity for rule in loads(TEXT[:-1] + clock + "}").rules] == [severity]


def test_where_the_clocks_are_the_same_the_delay_itself_is_judged(tmp_path: Path):
    began = datetime(2026, 11, 20, 10, tzinfo=UTC).timestamp()  # as the file says
    trace = Trace().open().at(1).s2c("a", at=began + 0.7503).at(2).s2c("a", at=began + 1.9001).at(3).s2c("a", at=began + 4.0001)
    path = write_whole(tmp_path / "same.db", trace.close())
    with Recording.open(path) as recording:
        judgement = judge(recording, loads(TEXT[:-1] + ", clock: same}"))
    assert [(finding.kind, finding.severity, finding.message) for finding in of(judgement, "l")] == [
        ("late", "error", "a took 250ms to arrive, at most 100ms allowed"),
        ("clock", "error", "a came 1s before it was sent: the clocks differ"),
    ]


@pytest.mark.parametrize(
    ("delays", "expected"),
    [
        ([0.05, 0.1, 0.0], []),
        ([0.05, 0.15], ["late 50ms: a took 150ms to arrive, at most 100ms allowed"]),
        ([0.05, -0.05], ["clock: a came 50ms before it was sent: the clocks differ"]),
        ([0.0503, -0.0005, 0.1005], []),
        ([0.0503, -0.002], ["clock: a came 2ms before it was sent: the clocks differ"]),
    ],
)
def test_by_one_clock_a_delay_is_judged_as_precisely_as_times_are_told(
    delays: list[float], expected: list[str], tmp_path: Path
):
    began = datetime(2026, 11, 20, 10, tzinfo=UTC).timestamp()
    trace = Trace().open()
    for number, delay in enumerate(delays, 1):
        trace.at(number).s2c("a", at=round((began + number - delay) * 1000))
    path = write_whole(tmp_path / "same.db", trace.close())
    with Recording.open(path) as recording:
        found = judge(recording, loads(TEXT[:-1] + ", clock: same}")).findings
    late = [f" {finding.late_by // 1_000_000}ms" if finding.late_by else "" for finding in found]
    assert [f"{finding.kind}{by}: {finding.message}" for finding, by in zip(found, late, strict=True)] == expected
    assert {finding.connection for finding in found} <= {1}
