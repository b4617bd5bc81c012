from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsreplay.model import Connection, Direction, Message, Opcode, Session
from wsreplay.store.reader import Recording
from wsreplay.trace import statistics
from wsreplay.trace.statistics import OTHER, Collector, Density, Histogram, Statistics, collect, most

times = st.lists(st.integers(0, 10**13), min_size=1, max_size=60)


def test_where_there_is_no_time_all_is_zero() -> None:
    empty = Histogram()
    assert (empty.least, empty.largest, empty.total, empty.count, empty.quantile(0.5)) == (0, 0, 0, 0, 0)


@given(times, st.sampled_from([0.0, 0.01, 0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_the_nearest_rank_within_one_percent(values: list[int], share: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    exact = sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]
    assert exact <= histogram.quantile(share) <= exact * 1.01 + 1
    assert (histogram.count, histogram.least, histogram.largest) == (len(values), min(values), max(values))
    assert histogram.mean == pytest.approx(sum(values) / len(values))


@given(times)
def test_a_spread_counts_each_time_once(values: list[int]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    assert sum(histogram.spread((0, 1000, 10**9))) == len(values)


def test_an_empty_histogram_and_a_clock_that_steps_back() -> None:
    histogram = Histogram()
    assert (histogram.quantile(0.5), histogram.mean) == (0, 0)
    histogram.add(-5)
    assert (histogram.least, histogram.largest) == (0, 0)


def test_a_histogram_stays_small() -> None:
    histogram = Histogram()
    for value in range(0, 10**9, 9973):
        histogram.add(value)
    assert len(histogram.buckets) < 8000


@given(st.lists(st.integers(0, 10**15), max_size=50))
def test_the_density_keeps_every_event_in_the_same_number_of_slots(values: list[int]) -> None:
    density = Density()
    for value in values:
        density.add(value)
    assert sum(density.slots) == len(values)
    assert len(density.slots) == 128
    assert all(value // density.width_ns < 128 for value in values)


def event(t_ms: float, type: str | None, *, connection: int = 1, client: bool = False, **fields: Any) -> Message:
    payload = orjson.dumps({"type": type, **fields})
    direction = Direction.CLIENT_TO_SERVER if client else Direction.SERVER_TO_CLIENT
    return Message(1, connection, 1, round(t_ms * 1e6), direction, Opcode.TEXT, type, payload, 1)


def counted(*messages: Message, sessions: list[Session] | None = None) -> Statistics:
    collector = Collector(sessions or [])
    for message in messages:
        collector.add(message, len(message.payload))
    return collector.statistics


def test_gaps_are_measured_within_a_run_and_from_the_question_for_its_first_event() -> None:
    result = counted(
        event(0, "user_message", client=True, thread_id="t1"),
        event(5, "user_message", client=True, thread_id="t2"),
        event(100, "agent_started", thread_id="t1", run_id="r1"),
        event(105, "agent_started", thread_id="t2", run_id="r2"),
        event(120, "agent_completed", thread_id="t2", run_id="r2"),
        event(300, "agent_completed", thread_id="t1", run_id="r1"),
    )
    gaps = {name: group.gaps for name, group in result.transitions.items()}
    assert {name: (one.count, one.least / 1e6, one.largest / 1e6) for name, one in gaps.items()} == {
        ("user_message", "user_message"): (1, 5, 5),
        ("user_message", "agent_started"): (2, 100, 100),
        ("agent_started", "agent_completed"): (2, 15, 200),
    }
    assert result.types["agent_completed"].gaps.largest == 200_000_000


def test_users_and_sessions_are_counted_and_messages_without_a_type_told() -> None:
    ada = Connection(1, 1, 0, user="ada"), Connection(2, 1, 9, user="ada")
    sessions = [Session(1, ada), Session(2, (Connection(3, 1, 0),))]
    ping = Message(1, 1, 1, 0, 0, Opcode.PING, None, b"", 1)
    result = counted(
        event(0, "a"), event(1, "a", connection=2), event(2, "a", connection=3), event(3, None), ping, sessions=sessions
    )
    assert {name: group.count for name, group in result.users.items()} == {"ada": 2, "(none)": 1}
    assert {name: group.count for name, group in result.sessions.items()} == {1: 2, 2: 1}
    assert (result.untyped, result.total.count, result.total.first_ns, result.total.last_ns) == (1, 3, 0, 2_000_000)


@given(times, times)
def test_two_histograms_together_are_one_over_all(first: list[int], second: list[int]) -> None:
    parts, whole = (Histogram(), Histogram()), Histogram()
    for part, values in zip(parts, (first, second), strict=True):
        for value in values:
            part.add(value)
            whole.add(value)
    together = Histogram()
    for part in parts:
        together.merge(part)
    assert [getattr(together, name) for name in Histogram.__slots__] == [getattr(whole, name) for name in Histogram.__slots__]


def test_memory_is_bounded_whatever_the_peers_send(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "_MOST_GROUPS", 10)
    monkeypatch.setattr(statistics, "_MOST_SLICES", 10)
    result = counted(*(event(number, f"type{number}", run_id=f"r{number}") for number in range(100)))
    assert len(result.types) == 11
    assert result.types[OTHER].count == 90
    assert len(result.transitions) == 11
    assert result.forgotten == 91
    assert sum(group.count for group in result.types.values()) == 100


def test_the_most_frequent_come_first() -> None:
    result = counted(event(0, "a"), event(1, "b"), event(2, "b"))
    assert [name for name, _ in most(result.types, 1)] == ["b"]


def test_the_statistics_of_a_recording_are_those_of_its_messages() -> None:
    with Recording.open(Path(__file__).parents[2] / "recordings" / "samples" / "parallel-tools.db") as recording:
        connections = recording.connections()
        types = Counter(message.type for message in recording.messages() if message.type is not None)
        found = collect(recording)
        nowhere = collect(recording, [connections[-1].id + 1])
    assert {name: group.count for name, group in found.types.items()} == types
    assert types["tool_executing"] > 1
    assert {number: group.count for number, group in found.sessions.items()} == {1: types.total()}
    assert nowhere.types == {}


def test_what_is_counted_by_name_stays_so_when_there_is_room_for_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "_MOST_GROUPS", 2)
    result = counted(*(event(number, name) for number, name in enumerate(("a", "b", "c", "a", "d", "b"))))
    assert {name: group.count for name, group in result.types.items()} == {"a": 2, "b": 2, OTHER: 2}
