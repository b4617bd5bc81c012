"""The playhead's clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wsreplay.tui.recording.playback import SPEEDS, Playback
from wsreplay.units import SECOND


def playback_at(at: float = 0.0) -> Playback:
    return Playback(0, 100 * SECOND, round(at * SECOND), idle_cap=None)


def test_the_playhead_moves_with_the_clock_times_the_speed():
    playback = playback_at().play(now_ns=0).change_speed(1)
    assert playback.speed == 2
    assert playback.tick(3 * SECOND, None).at_ns == 6 * SECOND


def test_a_long_wait_takes_no_longer_than_its_cap():
    playback = Playback(0, 100 * SECOND, 0, idle_cap=2 * SECOND).play(0)
    playback = playback.tick(SECOND, next_event_ns=60 * SECOND)
    assert playback.at_ns == 59 * SECOND
    assert playback.tick(2 * SECOND, next_event_ns=60 * SECOND).at_ns == 60 * SECOND


def test_at_the_end_it_stops_and_plays_from_the_beginning_again():
    playback = playback_at(99).play(0).tick(5 * SECOND, None)
    assert (playback.at_ns, playback.playing) == (100 * SECOND, False)
    assert playback.play(0).at_ns == 0


@given(st.lists(st.sampled_from([-1, 1]), max_size=30))
def test_the_ladder_of_speeds_has_ends(steps):
    playback = playback_at()
    for step in steps:
        playback = playback.change_speed(step)
    assert playback.speed in SPEEDS


@given(st.integers(-(10**12), 10**12))
def test_seeking_stays_inside_the_replay(at):
    assert 0 <= playback_at().seek(at, 0).at_ns <= 100 * SECOND
