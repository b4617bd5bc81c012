"""One way to write a duration, a size, a count and a time, whatever asks for it, and one way to read it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.cli.options import Duration, Size
from wsreplay.cli.rotation import SizeOrTime
from wsreplay.contract import load
from wsreplay.errors import ContractError, FilterError, UsageError
from wsreplay.proxy.faultspec import FaultSpec
from wsreplay.replay.mutate import EventFault
from wsreplay.trace.filter import ast
from wsreplay.trace.filter.parser import parse
from wsreplay.tui.recording.clock import ShownClock
from wsreplay.tui.recording.goto import parse_target
from wsreplay.units import (
    DAY,
    DURATION_PATTERN,
    HOUR,
    LARGEST,
    MILLISECOND,
    MINUTE,
    SECOND,
    clock,
    count_text,
    duration_text,
    noun_text,
    parse_duration,
    parse_integer,
    parse_size,
    short_count,
    size_text,
)


def _contract(text: str, tmp_path: Path) -> int | None:
    path = tmp_path / "c.yaml"
    path.write_text(f"contract: c\nversion: 1\nrules:\n  - {{id: r, response: [a, b], within: {text}}}\n")
    (rule,) = load(str(path)).rules
    return rule.within_ns


def _filter(text: str, tmp_path: Path) -> int:
    node = parse(f"t<{text}")
    assert isinstance(node, ast.Field) and isinstance(node.value, int)
    return node.value


def _goto(text: str, tmp_path: Path) -> int:
    target = parse_target(f"+{text}", ShownClock())
    if target is None:
        raise ValueError(text)
    return target.value


# Every place where somebody writes a duration, as a function to nanoseconds.
ENTRANCES: dict[str, Callable[[str, Path], float | None]] = {
    "contract": _contract,
    "filter": _filter,
    "goto": _goto,
    "prune --older-than": lambda text, _: Duration(bare=False).convert(text, None, None),
    "record --rotate": lambda text, _: SizeOrTime().convert(text, None, None).age_ns,
    "replay --idle-limit": lambda text, _: Duration().convert(text, None, None),
    "record --fault": lambda text, _: FaultSpec.parse(f"latency={text}").delay_s * SECOND,
    "record --fault until": lambda text, _: (FaultSpec.parse(f"reset,until={text}").end_s or 0) * SECOND,
    "mutate --fault": lambda text, _: EventFault.parse(f"delay:a,by={text}").by_ns,
}
DURATIONS = {
    "500ms": 500 * MILLISECOND, "250000us": 250 * MILLISECOND, "250000µs": 250 * MILLISECOND, "2s": 2 * SECOND,
    "1.5s": 1500 * MILLISECOND, "1m": MINUTE, "1min": MINUTE, "1m30s": 90 * SECOND, "2m05s": 125 * SECOND, "125s": 125 * SECOND,
    "1h": HOUR, "3h12m": 192 * MINUTE, "2d": 2 * DAY, "1w": 7 * DAY, "1:30": 90 * SECOND, "1:02:03.5": 3_723_500 * MILLISECOND,
}  # fmt: skip
WRONG = ["1x", "m", "1mm", "1hour", "1s30m", "1m2m", "1M", "-", "1e3s", "1..5s", "0x1s", "1:2:3:4", "9" * 19 + "w"]


@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize("text", DURATIONS)
def test_a_duration_means_the_same_wherever_it_is_written(entrance: str, text: str, tmp_path: Path) -> None:
    assert ENTRANCES[entrance](text, tmp_path) == pytest.approx(DURATIONS[text], rel=1e-12)


@pytest.mark.parametrize("text", DURATIONS)
def test_an_editor_takes_every_duration_for_one(text: str) -> None:
    assert re.search(DURATION_PATTERN, text)


@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize("text", WRONG)
def test_what_is_not_a_duration_is_so_everywhere(entrance: str, text: str, tmp_path: Path) -> None:
    if entrance == "record --rotate" and text == "1M":
        assert SizeOrTime().convert(text, None, None).size == 10**6
        return
    with pytest.raises((ValueError, click.BadParameter, ContractError, FilterError, UsageError)):
        ENTRANCES[entrance](text, tmp_path)


@pytest.mark.parametrize(
    ("noun", "name", "text"),
    [
        ("run", "r1", "run r1"), ("run", "run-1", "run-1"), ("run", "Run 1", "Run 1"), ("user", "user_11", "user_11"),
        ("user", "userland", "user userland"), ("run", "run", "run run"), ("run", "run7", "run7"), ("thread", "", "thread "),
    ],
)  # fmt: skip
def test_a_name_that_begins_with_its_noun_has_it_once(noun: str, name: str, text: str) -> None:
    assert noun_text(noun, name) == text


def test_a_number_alone_is_seconds_only_where_nothing_is_lost_by_it() -> None:
    assert parse_duration("2") == Duration().convert("2", None, None) == 2 * SECOND
    for entrance in (Duration(bare=False), SizeOrTime()):
        with pytest.raises(click.BadParameter, match=r"write a unit|it has no unit"):
            entrance.convert("30", None, None)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("500", 500), ("64k", 64_000), ("64kB", 64_000), ("64KB", 64_000), ("64KiB", 65_536), ("1.5MiB", 1_572_864),
        ("10M", 10**7), ("1.3GiB", 1_395_864_371), ("2TB", 2 * 10**12), ("1.0 kB", 1000),
    ],
)  # fmt: skip
def test_a_size_means_the_same_wherever_it_is_written(text: str, size: int) -> None:
    assert parse_size(text) == Size().convert(text, None, None) == FaultSpec.parse(f"reset,bytes={text}").at_bytes == size
    if not text.isdecimal():
        assert SizeOrTime().convert(text, None, None).size == size
    if " " not in text:
        assert parse(f"size<{text}") == ast.Field("size", "<", size)


@pytest.mark.parametrize("text", ["", "x", "1m", "10kg", "-1", "1e3", "1..0k", "9" * 19 + "TB"])
def test_what_is_not_a_size_says_what_one_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a size; write bytes, or a unit of kB MB|is too large"):
        parse_size(text)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0s"), (1, "1ns"), (999, "999ns"), (1500, "1.5µs"), (999_499, "999µs"), (999_500, "1ms"), (12_345_678, "12.3ms"),
        (999_600_000, "1s"), (SECOND, "1s"), (9_667 * MILLISECOND, "9.667s"), (12_345 * MILLISECOND, "12.35s"),
        (59_994 * MILLISECOND, "59.99s"), (59_996 * MILLISECOND, "1m"), (125 * SECOND, "2m05s"), (HOUR - SECOND, "59m59s"),
        (HOUR - 1, "1h"), (192 * MINUTE, "3h12m"), (DAY - 1, "1d"), (36 * DAY + 5 * HOUR, "36d05h"), (-125 * SECOND, "-2m05s"),
    ],
)  # fmt: skip
def test_a_duration_is_printed_in_the_unit_that_suits_it(ns: int, text: str) -> None:
    assert duration_text(ns) == text


@given(st.integers(0, LARGEST // 2))
def test_a_printed_duration_can_be_typed_again_and_fits_its_column(ns: int) -> None:
    text = duration_text(ns)
    again = parse_duration(text)
    assert duration_text(again) == text
    assert abs(again - ns) <= ns * 0.021
    assert ns >= 100 * DAY or len(text) <= 6


@given(st.integers(0, LARGEST), st.integers(0, 9))
def test_a_printed_time_is_cut_off_and_can_be_typed_again(ns: int, places: int) -> None:
    again = parse_duration(clock(ns, places))
    assert 0 <= ns - again < 10 ** (9 - places)


def test_a_time_is_a_clock() -> None:
    assert clock(125 * SECOND) == "02:05.000"
    assert clock(3_723_004 * MILLISECOND) == "1:02:03.004"
    assert clock(-1_500 * MILLISECOND, 0) == "-00:01"


@given(st.integers(0, 999 * 10**12))
def test_a_printed_size_can_be_typed_again_and_fits_its_column(size: int) -> None:
    text = size_text(size)
    assert abs(parse_size(text) - size) <= size * 0.051
    assert len(text) <= 5
    assert short_count(size) + "B" == text


def test_counts_agree_with_their_nouns() -> None:
    assert [count_text(number, "event") for number in (0, 1, 1204)] == ["0 events", "1 event", "1,204 events"]
    assert [short_count(number) for number in (999, 4200, 9_960, 12_345, 999_600)] == ["999", "4.2k", "10k", "12k", "1.0M"]
    assert parse_integer("12") == 12
    for text in ("-1", "1.0", "", "9" * 19, "9" * 30):
        with pytest.raises(ValueError, match="is not a whole number"):
            parse_integer(text)
