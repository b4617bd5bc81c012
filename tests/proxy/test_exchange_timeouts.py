from __future__ import annotations

import pytest

from wsreplay.proxy.exchange_timeouts import ExchangeTimeouts, Timeout
from wsreplay.proxy.route import Limits

LIMITS = Limits(head_s=3, upgrade_s=10, idle_s=20)
T0 = 100.0  # s, of no clock


def _exceeded(
    timeouts: ExchangeTimeouts, seconds: float, *, unanswered: bool = False, upgrading: bool = False, stuck: bool = False
) -> Timeout | None:
    return timeouts.exceeded(T0 + seconds, unanswered=unanswered, upgrading=upgrading, stuck=stuck)


def test_a_head_has_its_time_from_its_first_byte() -> None:
    timeouts = ExchangeTimeouts(LIMITS, T0)
    timeouts.read(T0, in_head=True)
    timeouts.move(T0 + 2)
    timeouts.read(T0 + 2, in_head=True)
    assert (_exceeded(timeouts, 3), _exceeded(timeouts, 3.1)) == (None, Timeout.HEAD), "more bytes give no more time"
    assert _exceeded(timeouts, 3.1, unanswered=True) is None, "it waits behind a request that has no answer"
    timeouts.read(T0 + 3.2, in_head=False)
    assert _exceeded(timeouts, 4) is None


def test_an_upgrade_has_its_time_from_the_last_byte() -> None:
    timeouts = ExchangeTimeouts(LIMITS, T0)
    timeouts.move(T0 + 5)
    assert _exceeded(timeouts, 15, unanswered=True, upgrading=True) is None
    assert _exceeded(timeouts, 15.1, unanswered=True, upgrading=True) is Timeout.UPGRADE


@pytest.mark.parametrize(
    ("unanswered", "stuck", "timeout"),
    [(False, False, Timeout.IDLE), (True, False, None), (True, True, Timeout.IDLE), (False, True, Timeout.IDLE)],
)
def test_what_is_idle_ends_unless_the_upstream_still_works(unanswered: bool, stuck: bool, timeout: Timeout | None) -> None:
    timeouts = ExchangeTimeouts(LIMITS, T0)
    assert _exceeded(timeouts, 20, unanswered=unanswered, stuck=stuck) is None
    assert _exceeded(timeouts, 20.1, unanswered=unanswered, stuck=stuck) is timeout
