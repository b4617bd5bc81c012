"""How fast a recording grows, and whether its recorder still speaks."""

from __future__ import annotations

from wsreplay.tui.recording.growth import Growth

SECOND = 1_000_000_000


def test_the_rate_is_that_of_the_last_two_seconds():
    growth = Growth()
    for tenth in range(100):
        growth.poll(tenth * SECOND // 10, live=True, last_id=tenth * 10, reached_ns=tenth)
    assert round(growth.rate) == 100
    assert growth.silent_ns == 0


def test_a_closed_recording_is_not_stalled():
    growth = Growth()
    growth.poll(0, live=False, last_id=5, reached_ns=5)
    growth.poll(60 * SECOND, live=False, last_id=5, reached_ns=5)
    assert growth.silent_ns == 0 and not growth.was_live
