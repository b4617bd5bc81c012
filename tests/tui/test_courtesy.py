"""Workers stand still while the interface has a key in hand, and are not stopped for good by a key that is held down."""

from __future__ import annotations

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from wsreplay.tui.data.courtesy import HELD_S, TURN_S, Courtesy, Turns, in_turns


class Time:
    """A clock that only moves where something takes time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


def test_without_a_key_nobody_waits():
    time = Time()
    turns = Turns(Courtesy(time), time.sleep)
    turns.give_way()
    assert time.slept == 0


def test_a_worker_waits_until_the_key_is_done():
    time = Time()
    courtesy = Courtesy(time)
    turns = Turns(courtesy, time.sleep)
    courtesy.take()
    time.now += HELD_S / 4
    turns.give_way()
    assert time.now == courtesy.held_until
    turns.give_way()
    assert time.slept < HELD_S


def test_a_key_that_is_held_down_leaves_a_worker_a_turn_between_two_waits():
    time = Time()
    courtesy = Courtesy(time)
    turns = Turns(courtesy, time.sleep)
    worked = 0
    while time.now < 110:
        courtesy.take()
        turns.give_way()
        time.now += 0.001  # a few rows
        worked += 1
    assert worked * 0.001 >= 10 * TURN_S / (HELD_S + TURN_S) * 0.9


@given(st.lists(st.integers(), max_size=300))
def test_rows_in_turns_are_the_same_rows(rows):
    looks = count()
    assert list(in_turns(rows, lambda: next(looks))) == rows
    assert next(looks) >= len(rows) / 64


async def test_a_key_takes_the_way(stage, chat_recording):
    async with stage(chat_recording) as on:
        before = on.app.opened.courtesy.held_until
        await on.press("j")
        assert on.app.opened.courtesy.held_until > before
